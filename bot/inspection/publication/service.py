"""Publish results: frozen versions with permanent ids, never without the guard (C22)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import Calendar
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue
from bot.inspection.notices.service import withdraw as take_back
from bot.inspection.people.models import Role
from bot.inspection.profile import Profile
from bot.inspection.publication.corrections import (
    correct,
    keep_back,
    keep_back_clue,
    require_coordinator,
    withdraw,
)
from bot.inspection.publication.due import ready_to_keep_back, ready_to_publish, ready_to_update
from bot.inspection.publication.facts import due_of, gather
from bot.inspection.publication.models import Publication
from bot.inspection.publication.snapshot import FIELDS, snapshot
from bot.inspection.publication.versions import complete_task, latest_of, new_row, new_version
from bot.inspection.publication.withholding import open_request
from bot.inspection.tasks.models import Visit, VisitState
from bot.inspection.tasks.queries import get_visit, people_with_role, visit_facts
from bot.inspection.tasks.service import move_visit, subject_of

__all__ = [
    "correct",
    "keep_back",
    "latest_of",
    "publish_approved",
    "publish_visit",
    "withdraw",
]

HANDLED = "问题处理情况更新"


def publish_approved(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: Calendar, limit: int = 500
) -> int:
    """Publish every approved visit whose time has come, and every handling recorded since; returns how many.

    A record the guard refuses stays unpublished; coordinators are told, and the next day it is tried again.
    """
    done = 0
    for visit in ready_to_keep_back(session, limit=limit):
        keep_back_clue(session, visit, now=now)
        done += 1
    for visit in ready_to_publish(session, now=now, profile=profile, limit=limit):
        done += _try(session, visit, now=now, profile=profile, calendar=calendar)
    for latest in ready_to_update(session, now=now, profile=profile, limit=limit):
        done += _try_again(session, latest, now=now, profile=profile)
    return done


def publish_visit(
    session: Session, *, visit_id: int, now: dt.datetime, profile: Profile, calendar: Calendar
) -> Publication:
    """Publish one approved visit; a second call gives the first publication. Raises ``private_data``."""
    existing = latest_of(session, visit_id)
    if existing is not None:
        return existing
    visit = get_visit(session, visit_id)
    if visit.state != VisitState.APPROVED:
        raise Problem("wrong_state", "这次检查的结果还没有审核通过，不能公示。")
    body = snapshot(gather(session, visit_id), publish_handling=profile.publicity.publish_handling)
    due = due_of(session, visit, profile=profile, calendar=calendar)
    visit.publish_due = due.day if due else visit.publish_due
    late = visit.publish_due is not None and china_day(now) > visit.publish_due
    published = new_row(
        visit_id, 1, body, now=now, channels=dict.fromkeys(profile.publicity.channels, "PENDING")
    )
    published.due_on, published.late = visit.publish_due, late
    session.add(published)
    visit.published_at = now
    move_visit(session, visit, VisitState.PUBLISHED, now=now)
    subject = subject_of(visit_id)
    record(session, "result.published", subject, now=now, publication=published.id, sha256=published.sha256,
           late=late)  # fmt: skip
    take_back(session, subject, kinds=("publicity_reminder", "publication_blocked"), reason="已公示", now=now)
    for contact in visit_facts(session, visit_id).contacts:
        enqueue(session, "enterprise_published", subject, recipient_id=contact, now=now)
    complete_task(session, visit.task_id, now=now)
    return published


def publish_again(
    session: Session, *, visit_id: int, by: int, now: dt.datetime, profile: Profile, calendar: Calendar
) -> Publication:
    """Try a blocked record again, for a coordinator; the guard looks again. Raises ``private_data``."""
    require_coordinator(session, by)
    get_visit(session, visit_id, lock=True)
    if open_request(session, visit_id) is not None:
        raise Problem("withheld", "有人申请不予公示或撤回，决定之后再公示。")
    latest = latest_of(session, visit_id)
    if latest is not None and latest.withdrawn:
        raise Problem("withdrawn", "这次检查的公示已撤回，不再公示。")
    if latest is not None:
        return new_version(session, latest, ground=HANDLED, now=now, profile=profile) or latest
    return publish_visit(session, visit_id=visit_id, now=now, profile=profile, calendar=calendar)


def _try(session: Session, visit: Visit, *, now: dt.datetime, profile: Profile, calendar: Calendar) -> bool:
    assert visit.id is not None
    try:
        publish_visit(session, visit_id=visit.id, now=now, profile=profile, calendar=calendar)
    except Problem as problem:
        _block(session, visit.id, problem, now=now)
        return False
    return True


def _try_again(session: Session, latest: Publication, *, now: dt.datetime, profile: Profile) -> bool:
    try:
        return new_version(session, latest, ground=HANDLED, now=now, profile=profile) is not None
    except Problem as problem:
        _block(session, latest.visit_id, problem, now=now)
        return False


def _block(session: Session, visit_id: int, problem: Problem, *, now: dt.datetime) -> None:
    """Tell the coordinators which field the guard refused; anything else is not ours to swallow."""
    if problem.key != "private_data":
        raise problem
    where = "；".join(f"{FIELDS.get(name, name)}（{kind}）" for name, kind in problem.fields.items())
    for person in people_with_role(session, Role.COORDINATOR):
        enqueue(
            session,
            "publication_blocked",
            subject_of(visit_id),
            recipient_id=person,
            now=now,
            slot=china_day(now).isoformat(),
            data={"where": where},
            priority=Priority.ASSIGNMENT,
        )
    record(session, "publication.blocked", subject_of(visit_id), now=now, fields=sorted(problem.fields))
