"""The frozen versions of a public record, and what every new one sets off."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session, col, func, select

from bot.core.ids import new_id
from bot.inspection.audit.service import record
from bot.inspection.notices.service import enqueue, touch_cards
from bot.inspection.people.models import Role
from bot.inspection.profile import Profile
from bot.inspection.publication.facts import gather
from bot.inspection.publication.models import Publication
from bot.inspection.publication.snapshot import fingerprint, snapshot
from bot.inspection.results.labels import LABELS, WEIGHT
from bot.inspection.tasks.models import Task, TaskState, Visit, VisitState
from bot.inspection.tasks.queries import leads_of, people_with_role, visit_facts
from bot.inspection.tasks.service import subject_of

_ORDER = {LABELS[code].published: n for n, code in enumerate(WEIGHT)}
_ENDED = (VisitState.PUBLISHED, VisitState.NON_PUBLIC)


def latest_of(session: Session, visit_id: int) -> Publication | None:
    """The newest version of what is public about a visit."""
    return session.exec(
        select(Publication)
        .where(Publication.visit_id == visit_id)
        .order_by(col(Publication.version).desc())
        .limit(1)
    ).first()


def new_version(
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
    made = new_row(
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
    tell_changed(session, latest.visit_id, made, now=now)
    return made


def new_row(
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


def tell_changed(session: Session, visit_id: int, made: Publication, *, now: dt.datetime) -> None:
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


def complete_task(session: Session, task_id: int, *, now: dt.datetime) -> None:
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
