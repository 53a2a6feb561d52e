"""Publish results: frozen versions with permanent ids, never without the guard (C22)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, func, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.ids import new_id
from bot.inspection.audit.service import record
from bot.inspection.calendar import Calendar
from bot.inspection.checklists.outcomes import check_item, worst
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, touch_cards
from bot.inspection.notices.service import withdraw as take_back
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.profile import Profile
from bot.inspection.publication.due import ready_to_publish, ready_to_update
from bot.inspection.publication.facts import due_of, gather
from bot.inspection.publication.models import Publication
from bot.inspection.publication.reminders import queue_reminders
from bot.inspection.publication.snapshot import fingerprint, snapshot
from bot.inspection.results.labels import LABELS, WEIGHT
from bot.inspection.results.models import ItemResult
from bot.inspection.results.service import item_results
from bot.inspection.tasks.models import Task, TaskState, Visit, VisitState
from bot.inspection.tasks.queries import get_visit, leads_of, people_with_role, visit_facts
from bot.inspection.tasks.service import move_visit, subject_of

__all__ = [
    "correct",
    "keep_back",
    "latest_of",
    "publish_approved",
    "publish_visit",
    "queue_reminders",
    "withdraw",
]

HANDLED = "问题处理情况更新"
_ORDER = {LABELS[code].published: n for n, code in enumerate(WEIGHT)}
_ENDED = (VisitState.PUBLISHED, VisitState.NON_PUBLIC)


def publish_approved(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: Calendar, limit: int = 500
) -> int:
    """Publish every approved visit whose time has come, and every handling recorded since; returns how many.

    A record the guard refuses stays unpublished; coordinators are told, and the next day it is tried again.
    """
    done = 0
    for visit in ready_to_publish(session, now=now, profile=profile, limit=limit):
        done += _try(session, visit, now=now, profile=profile, calendar=calendar)
    for latest in ready_to_update(session, profile=profile, limit=limit):
        done += _new_version(session, latest, ground=HANDLED, now=now, profile=profile) is not None
    return done


def publish_visit(
    session: Session, *, visit_id: int, now: dt.datetime, profile: Profile, calendar: Calendar
) -> Publication:
    """Publish one approved visit; a second call gives the first publication. Raises ``private_data``."""
    existing = latest_of(session, visit_id)
    if existing is not None:
        return existing
    visit = get_visit(session, visit_id)
    body = snapshot(gather(session, visit_id), publish_handling=profile.publicity.publish_handling)
    due = due_of(session, visit, profile=profile, calendar=calendar)
    visit.publish_due = due.day if due else visit.publish_due
    late = visit.publish_due is not None and china_day(now) > visit.publish_due
    published = _row(
        visit_id, 1, body, now=now, channels=dict.fromkeys(profile.publicity.channels, "PENDING")
    )
    published.due_on, published.late = visit.publish_due, late
    session.add(published)
    visit.published_at = now
    move_visit(session, visit, VisitState.PUBLISHED, now=now)
    record(
        session,
        "result.published",
        subject_of(visit_id),
        now=now,
        publication=published.id,
        sha256=published.sha256,
        late=late,
    )
    take_back(
        session,
        subject_of(visit_id),
        kinds=("publicity_reminder", "publication_blocked"),
        reason="已公示",
        now=now,
    )
    for contact in visit_facts(session, visit_id).contacts:
        enqueue(session, "enterprise_published", subject_of(visit_id), recipient_id=contact, now=now)
    _complete(session, visit.task_id, now=now)
    return published


def publish_again(
    session: Session, *, visit_id: int, by: int, now: dt.datetime, profile: Profile, calendar: Calendar
) -> Publication:
    """Try a blocked record again, for a coordinator; the guard looks again. Raises ``private_data``."""
    _require_coordinator(session, by)
    return publish_visit(session, visit_id=visit_id, now=now, profile=profile, calendar=calendar)


def latest_of(session: Session, visit_id: int) -> Publication | None:
    """The newest version of what is public about a visit."""
    return session.exec(
        select(Publication)
        .where(Publication.visit_id == visit_id)
        .order_by(col(Publication.version).desc())
        .limit(1)
    ).first()


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
    for result in item_results(session, visit_id):
        wanted = check_item(codes.get(result.item_id, result.codes))
        if wanted != result.codes:
            session.add(
                ItemResult(
                    visit_id=visit_id,
                    item_id=result.item_id,
                    version=result.version + 1,
                    codes=wanted,
                    problem=result.problem,
                    at=now,
                    person_id=by,
                    reason=ground,
                )
            )
    session.flush()
    visit = get_visit(session, visit_id)
    visit.outcome = worst(code for result in item_results(session, visit_id) for code in result.codes) or ""
    session.add(visit)
    made = _new_version(session, latest, ground=ground, now=now, profile=profile, actor=by)
    if made is None:
        raise Problem("nothing_changed", "更正后的内容与已公示的相同。")
    return made


def withdraw(session: Session, *, visit_id: int, ground: str, by: int, now: dt.datetime) -> Publication:
    """撤回: from now on only the header and the ground are shown. A second call changes nothing."""
    latest, ground = _for_change(session, visit_id, ground, by)
    if latest.withdrawn:
        return latest
    body = {**latest.body, "details": []}
    made = _row(visit_id, latest.version + 1, body, now=now, channels=latest.channels)
    made.ground, made.withdrawn, made.result = ground, True, ""
    for old in session.exec(select(Publication).where(Publication.visit_id == visit_id)):
        old.withdrawn = True
        session.add(old)
    session.add(made)
    record(session, "result.withdrawn", subject_of(visit_id), now=now, actor=by, publication=made.id)
    _tell_changed(session, visit_id, made, now=now)
    return made


def keep_back(session: Session, *, visit_id: int, ground: str, by: int, now: dt.datetime) -> Visit:
    """不予公示: with a ground, approved by a coordinator; counts as finished (JZ-26.2)."""
    _require_coordinator(session, by)
    visit = get_visit(session, visit_id)
    if visit.state != VisitState.NON_PUBLIC:
        move_visit(session, visit, VisitState.NON_PUBLIC, now=now)
        record(session, "result.kept_back", subject_of(visit_id), now=now, actor=by, ground=_ground(ground))
        _complete(session, visit.task_id, now=now)
    return visit


def _try(session: Session, visit: Visit, *, now: dt.datetime, profile: Profile, calendar: Calendar) -> bool:
    assert visit.id is not None
    try:
        publish_visit(session, visit_id=visit.id, now=now, profile=profile, calendar=calendar)
    except Problem as problem:
        if problem.key != "private_data":
            raise
        where = "；".join(f"{name}（{kind}）" for name, kind in problem.fields.items())
        for person in people_with_role(session, Role.COORDINATOR):
            enqueue(
                session,
                "publication_blocked",
                subject_of(visit.id),
                recipient_id=person,
                now=now,
                slot=china_day(now).isoformat(),
                data={"where": where},
                priority=Priority.ASSIGNMENT,
            )
        record(session, "publication.blocked", subject_of(visit.id), now=now, fields=sorted(problem.fields))
        return False
    return True


def _new_version(
    session: Session,
    latest: Publication,
    *,
    ground: str,
    now: dt.datetime,
    profile: Profile,
    actor: int | None = None,
) -> Publication | None:
    """The next version, or None when nothing public changed."""
    body = snapshot(gather(session, latest.visit_id), publish_handling=profile.publicity.publish_handling)
    if fingerprint(body) == latest.sha256:
        return None
    made = _row(
        latest.visit_id,
        latest.version + 1,
        body,
        now=now,
        channels=dict.fromkeys(profile.publicity.channels, "PENDING"),
    )
    made.ground, made.due_on = ground, latest.due_on
    session.add(made)
    record(
        session,
        "result.republished",
        subject_of(latest.visit_id),
        now=now,
        actor=actor,
        publication=made.id,
        sha256=made.sha256,
        version=made.version,
    )
    _tell_changed(session, latest.visit_id, made, now=now)
    return made


def _row(
    visit_id: int, version: int, body: dict[str, Any], *, now: dt.datetime, channels: dict[str, Any]
) -> Publication:
    labels = [detail["raninsCheckResName"] for detail in body["details"]]
    return Publication(
        id=new_id(now.timestamp()),
        visit_id=visit_id,
        version=version,
        object_code=body["uniscid"],
        object_name=body["entName"],
        task_number=body["raninsTaskId"],
        body=body,
        sha256=fingerprint(body),
        result=min(labels, key=lambda label: _ORDER.get(label, 0), default=""),
        published_at=now,
        channels=channels,
    )


def _complete(session: Session, task_id: int, *, now: dt.datetime) -> None:
    """The task is completed when nothing of it waits any more (field guide 8.2)."""
    session.flush()
    waiting = session.exec(
        select(func.count()).where(Visit.task_id == task_id, col(Visit.state).not_in(_ENDED))
    ).one()
    task = session.get_one(Task, task_id)
    if waiting or task.state not in (TaskState.DISPATCHED, TaskState.IN_PROGRESS):
        return
    task.state, task.completed_at = TaskState.COMPLETED, now
    session.add(task)
    record(session, "task.completed", f"task:{task_id}", now=now)
    told = [*leads_of(session, task.lead_department_id), *people_with_role(session, Role.COORDINATOR)]
    for person in dict.fromkeys(told):
        enqueue(session, "task_completed", f"task:{task_id}", recipient_id=person, now=now)


def _tell_changed(session: Session, visit_id: int, made: Publication, *, now: dt.datetime) -> None:
    session.flush()
    for contact in visit_facts(session, visit_id).contacts:
        enqueue(
            session,
            "enterprise_published",
            subject_of(visit_id),
            recipient_id=contact,
            now=now,
            slot=f"version-{made.version}",
        )
    touch_cards(session, subject_of(visit_id), now=now)


def _for_change(session: Session, visit_id: int, ground: str, by: int) -> tuple[Publication, str]:
    _require_coordinator(session, by)
    latest = latest_of(session, visit_id)
    if latest is None:
        raise Problem("not_found", "这次检查的结果还没有公示。")
    return latest, _ground(ground)


def _ground(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise Problem("reason_missing", "请写明依据和理由。", 理由="不能为空")
    return text


def _require_coordinator(session: Session, person_id: int) -> None:
    if session.get(PersonRole, (person_id, Role.COORDINATOR)) is None:
        raise Problem("forbidden", "更正、撤回和不予公示由联席会议办公室办理。")
