"""Correct, withdraw or keep back a public record, with a ground (C21, C22)."""

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

_BEFORE = (VisitState.RECORDED, VisitState.IN_REVIEW)
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

    Raises ``forbidden``, ``reason_missing``, ``private_data``, ``not_found``, ``withdrawn``, ``nothing_changed`` or
    ``result_conflict``.
    """
    require_coordinator(session, by)
    visit = get_visit(session, visit_id, lock=True)
    latest, ground = _latest(session, visit_id), _ground(ground)
    if latest.withdrawn:
        raise Problem("withdrawn", "这次检查的公示已撤回，不能再更正。")
    keep_versions(session, visit, codes=codes, problems={}, reason=ground, by=by, now=now)
    made = new_version(session, latest, ground=ground, now=now, profile=profile, actor=by)
    if made is None:
        raise Problem("nothing_changed", "更正后的内容与已公示的相同。")
    return made


def withdraw(session: Session, *, visit_id: int, ground: str, by: int, now: dt.datetime) -> Publication:
    """撤回, once a second person has granted it: from now on only the header and the ground are shown. A second call
    changes nothing."""
    get_visit(session, visit_id, lock=True)
    latest, ground = _latest(session, visit_id), _ground(ground)
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
    """不予公示, once a second person has granted it; counts as finished (JZ-26.1)."""
    visit = get_visit(session, visit_id, lock=True)
    if visit.state in _BEFORE:
        raise Problem("wrong_state", "结果还没有审核通过，通过后再决定不予公示。")
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


def _latest(session: Session, visit_id: int) -> Publication:
    latest = latest_of(session, visit_id)
    if latest is None:
        raise Problem("not_found", "这次检查的结果还没有公示。")
    return latest


def _ground(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise Problem("reason_missing", "请写明依据和理由。", 理由="不能为空")
    return public_words(text)


def require_coordinator(session: Session, person_id: int) -> None:
    if session.get(PersonRole, (person_id, Role.COORDINATOR)) is None:
        raise Problem("forbidden", "公示由联席会议办公室更正。")
