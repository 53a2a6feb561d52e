"""Open the follow-up of every problem in an approved result. A tick calls it; doubles are refused."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import exists, or_
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.audit.service import record
from bot.inspection.calendar import Calendar
from bot.inspection.checklists.definition import BadAction
from bot.inspection.checklists.queries import form_facts
from bot.inspection.followups.corrected import end_corrected, newly_found
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.rules import CORRECTED, ON_THE_SPOT, PROBLEMS, Opening, opening, order_text
from bot.inspection.followups.telling import subject_of, tell_opened, tell_ordered
from bot.inspection.people.models import Role
from bot.inspection.profile import Profile
from bot.inspection.results.judgement import ACTIONS, judge
from bot.inspection.results.labels import label_of
from bot.inspection.results.models import ItemResult
from bot.inspection.results.service import item_results
from bot.inspection.tasks.models import Task, Visit, VisitState
from bot.inspection.tasks.queries import leads_of, live_officers, people_with_role

S = FollowUpState
_WITH_TERM = frozenset(
    ACTIONS[action] for action in (BadAction.ORDER, BadAction.INSTRUCTION, BadAction.HAZARD)
)


def open_for_approved(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: Calendar, limit: int = 500
) -> int:
    """One follow-up per problem item of up to *limit* approved visits, also where a correction made it one; returns how
    many visits got theirs. A finding that was taken back ends its follow-up."""
    ended = end_corrected(session, now=now, limit=limit)
    visits = session.exec(
        select(Visit)
        .where(
            col(Visit.state).in_((VisitState.APPROVED, VisitState.PUBLISHED, VisitState.NON_PUBLIC)),
            col(Visit.outcome).in_([code.value for code in PROBLEMS]),
            or_(~exists().where(col(FollowUp.visit_id) == col(Visit.id)), newly_found()),
        )
        .order_by(col(Visit.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    return ended + sum(_open(session, visit, now=now, profile=profile, calendar=calendar) for visit in visits)


def _open(session: Session, visit: Visit, *, now: dt.datetime, profile: Profile, calendar: Calendar) -> bool:
    assert visit.id is not None
    results = item_results(session, visit.id)
    terms = _terms(session, visit.id)
    handler = _handler(session, visit)
    known = {
        found.item_id: found for found in session.exec(select(FollowUp).where(FollowUp.visit_id == visit.id))
    }
    number, opened = len(known), False
    for result in results:
        old = known.get(result.item_id)
        if old is not None and old.closing_note != CORRECTED:
            continue
        start = opening(
            result.codes,
            with_term=terms.get(result.item_id, True),
            abnormal_list_workdays=profile.followup.abnormal_list_workdays,
        )
        if start is None or handler is None:
            continue
        number, opened = number + (old is None), True
        found = _make(visit, result, start, number=number, handler=handler, now=now, calendar=calendar)
        found = found if old is None else _again(session, old, found)
        session.add(found)
        session.flush()
        record(session, "followup.opened", subject_of(found), now=now, visit=visit.id, state=found.state)
        if found.state != S.CLOSED:
            tell_opened(session, found, now=now)
        if found.state == S.ORDERED:
            tell_ordered(session, found, now=now)
    return opened


def _again(session: Session, old: FollowUp, found: FollowUp) -> FollowUp:
    """The finding was taken back and is a finding again: under its number, as if new."""
    found.id, found.number, found.generation = old.id, old.number, old.generation + 1
    return session.merge(found)


def _make(
    visit: Visit,
    result: ItemResult,
    start: Opening,
    *,
    number: int,
    handler: int,
    now: dt.datetime,
    calendar: Calendar,
) -> FollowUp:
    assert visit.id is not None
    due = None if start.workdays is None else calendar.add_workdays(china_day(now), start.workdays)
    closed = start.state is S.CLOSED
    return FollowUp(
        number=f"{visit.number}-H{number}",
        visit_id=visit.id,
        item_id=result.item_id,
        state=start.state,
        codes=",".join(result.codes),
        problem=result.problem or "；".join(label_of(code) for code in result.codes),
        order_text=order_text(result.codes, result.problem) if start.state is S.ORDERED else "",
        due_on=due,
        handler_id=handler,
        opened_at=now,
        handled_at=None if start.state is S.OPEN else now,
        closed_at=now if closed else None,
        closing_note=ON_THE_SPOT if closed else "",
    )


def _terms(session: Session, visit_id: int) -> dict[int, bool]:
    """For each item with something to do about it: did the officer order it with a term?"""
    facts = form_facts(session, visit_id)
    if facts.form is None:
        return {}
    judged = judge(facts, attempts_min=0)
    return {
        item.item_id: bool(_WITH_TERM & set(item.handling.split("；")))
        for item in judged.items
        if item.handling != "—"
    }


def _handler(session: Session, visit: Visit) -> int | None:
    """The leader of the team, who knows the case; else the department's lead."""
    assert visit.id is not None
    officers = [officer.person_id for officer in live_officers(session, visit.id)]
    task = session.get_one(Task, visit.task_id)
    leads = leads_of(session, task.lead_department_id)
    return next(iter([*officers, *leads, *people_with_role(session, Role.COORDINATOR)]), None)
