"""Who is told about a follow-up, and when."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.inspection.followups.models import FollowUp
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue
from bot.inspection.tasks.queries import leads_of, visit_facts

REMINDERS = ("correction_reminder",)  # untrue after every move


def subject_of(found: FollowUp) -> str:
    return f"followup:{found.id}"


def tell_opened(session: Session, found: FollowUp, *, now: dt.datetime) -> None:
    """The handler and the lead learn at once (requirements section 5); on this card they act to the end."""
    tell_handler(session, found, now=now)
    facts = visit_facts(session, found.visit_id)
    for person in leads_of(session, facts.task.lead_department_id):
        _opened(session, found, person, now=now)


def tell_handler(session: Session, found: FollowUp, *, now: dt.datetime) -> None:
    """Once: the card follows the problem to its end."""
    _opened(session, found, found.handler_id, now=now)


def _opened(session: Session, found: FollowUp, person: int, *, now: dt.datetime) -> None:
    enqueue(
        session,
        "followup_opened",
        subject_of(found),
        recipient_id=person,
        now=now,
        generation=found.generation,
    )


def tell_ordered(session: Session, found: FollowUp, *, now: dt.datetime) -> None:
    """The order goes to every contact of the enterprise; without one the handler takes it along on paper."""
    facts = visit_facts(session, found.visit_id)
    slot = f"order-{found.generation}"
    for contact in facts.contacts:
        enqueue(
            session,
            "enterprise_order",
            subject_of(found),
            recipient_id=contact,
            now=now,
            slot=slot,
            generation=found.generation,
            statutory=True,
        )
    if not facts.contacts:
        enqueue(
            session,
            "order_on_paper",
            subject_of(found),
            recipient_id=found.handler_id,
            now=now,
            slot=slot,
            generation=found.generation,
        )


def tell_lifted(session: Session, found: FollowUp, *, now: dt.datetime) -> None:
    """The order no longer holds: to every contact of the enterprise; without one the handler tells them."""
    facts = visit_facts(session, found.visit_id)
    for person in facts.contacts or (found.handler_id,):
        enqueue(session, "order_lifted", subject_of(found), recipient_id=person, now=now,
                slot=f"lifted-{found.generation}", generation=found.generation, statutory=True)  # fmt: skip


def tell_reported(session: Session, found: FollowUp, *, now: dt.datetime) -> None:
    enqueue(
        session,
        "correction_reported",
        subject_of(found),
        recipient_id=found.handler_id,
        now=now,
        slot=f"report-{now:%Y%m%d%H%M%S%f}",
        generation=found.generation,
        priority=Priority.NORMAL,
    )
