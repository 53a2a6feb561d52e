"""Correct, withdraw or keep back a public record: a coordinator, with a ground (C21, C22)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlmodel import Session, select

from bot.core.errors import Problem
from bot.core.private import public_words
from bot.inspection.audit.service import record
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.profile import Profile
from bot.inspection.publication.models import Publication
from bot.inspection.publication.versions import complete_task, latest_of, new_row, new_version, tell_changed
from bot.inspection.results.correction import keep_versions
from bot.inspection.tasks.models import Visit, VisitState
from bot.inspection.tasks.queries import get_visit
from bot.inspection.tasks.service import move_visit, subject_of

CLUE = "个案线索核查，不属于随机抽查结果"


def correct(
    session: Session,
    *,
    visit_id: int,
    codes: Mapping[int, Sequence[str]],
    ground: str,
    by: int,
    now: dt.datetime,
    profile: Profile,
) -> Publication:
    """更正: new results for some items (by item id) and a new public version; the old ones stay readable.

    Raises ``forbidden``, ``reason_missing``, ``not_found``, ``nothing_changed``, ``result_conflict``.
    """
    latest, ground = _for_change(session, visit_id, ground, by)
    visit = get_visit(session, visit_id, lock=True)
    keep_versions(session, visit, codes=codes, problems={}, reason=ground, by=by, now=now)
    made = new_version(session, latest, ground=ground, now=now, profile=profile, actor=by)
    if made is None:
        raise Problem("nothing_changed", "更正后的内容与已公示的相同。")
    return made


def withdraw(session: Session, *, visit_id: int, ground: str, by: int, now: dt.datetime) -> Publication:
    """撤回: from now on only the header and the ground are shown. A second call changes nothing."""
    latest, ground = _for_change(session, visit_id, ground, by)
    if latest.withdrawn:
        return latest
    body = {**latest.body, "details": []}
    made = new_row(visit_id, latest.version + 1, body, now=now, channels=latest.channels)
    made.ground, made.withdrawn, made.result = ground, True, ""
    for old in session.exec(select(Publication).where(Publication.visit_id == visit_id)):
        old.withdrawn = True
        session.add(old)
    session.add(made)
    record(session, "result.withdrawn", subject_of(visit_id), now=now, actor=by, publication=made.id)
    tell_changed(session, visit_id, made, now=now)
    return made


def keep_back(session: Session, *, visit_id: int, ground: str, by: int, now: dt.datetime) -> Visit:
    """不予公示: with a ground, approved by a coordinator; counts as finished (JZ-26.2)."""
    require_coordinator(session, by)
    visit = get_visit(session, visit_id)
    if visit.state != VisitState.NON_PUBLIC:
        move_visit(session, visit, VisitState.NON_PUBLIC, now=now)
        record(session, "result.kept_back", subject_of(visit_id), now=now, actor=by, ground=_ground(ground))
        complete_task(session, visit.task_id, now=now)
    return visit


def keep_back_clue(session: Session, visit: Visit, *, now: dt.datetime) -> None:
    """The result of a clue ends here: it goes the way of penalties, not that of random results (D20)."""
    move_visit(session, visit, VisitState.NON_PUBLIC, now=now)
    record(session, "result.kept_back", subject_of(visit.id or 0), now=now, ground=CLUE)
    complete_task(session, visit.task_id, now=now)


def _for_change(session: Session, visit_id: int, ground: str, by: int) -> tuple[Publication, str]:
    require_coordinator(session, by)
    latest = latest_of(session, visit_id)
    if latest is None:
        raise Problem("not_found", "这次检查的结果还没有公示。")
    return latest, _ground(ground)


def _ground(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise Problem("reason_missing", "请写明依据和理由。", 理由="不能为空")
    return public_words(text)


def require_coordinator(session: Session, person_id: int) -> None:
    if session.get(PersonRole, (person_id, Role.COORDINATOR)) is None:
        raise Problem("forbidden", "更正、撤回和不予公示由联席会议办公室办理。")
