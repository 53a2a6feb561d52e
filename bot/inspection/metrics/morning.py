"""The lead's morning: what is due in the department, who has not answered, what waits for the lead's word."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select as pick
from sqlmodel import Session, col, select

from bot.core.clock import at_china, china_day
from bot.core.errors import Problem
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.models import (
    Deadline,
    Extension,
    ExtensionState,
    Heartbeat,
    LeaveRequest,
    first_beat,
)
from bot.inspection.deadlines.service import reminding_hour
from bot.inspection.followups.duties import RUNNING
from bot.inspection.followups.models import FollowUp
from bot.inspection.metrics.bulletin_messages import KINDS as BULLETINS
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Department, Person
from bot.inspection.profile import Profile
from bot.inspection.publication.duties import WAITING
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import OfficerState, Task, TaskState, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.queries import leads_of
from bot.inspection.tasks.service import remind_all
from bot.inspection.tasks.states import BEFORE_RECORD

_NAME = "morning"
_SOON = dt.timedelta(days=5)
_SHOWN = 10
_LIST = 200  # rows of one list on the page
_OPEN = (TaskState.DISPATCHED, TaskState.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Item:
    """One line: what, who works on it, its last day."""

    number: str
    name: str
    who: str
    due: dt.date | None
    late: bool = False


@dataclass(frozen=True, slots=True)
class Morning:
    """A department's open work, each list oldest first."""

    department: str
    unanswered: list[Item]
    visits: list[Item]
    reviews: list[Item]
    publicity: list[Item]
    corrections: list[Item]
    requests: int

    @property
    def empty(self) -> bool:
        lists = (self.unanswered, self.visits, self.reviews, self.publicity, self.corrections)
        return not any(lists) and not self.requests


def morning_of(session: Session, department_id: int, *, today: dt.date) -> Morning:
    """What a lead of the department looks at: what is late or due within five days, and who has not answered."""
    mine = (Task.lead_department_id == department_id, col(Task.state).in_(_OPEN))
    soon = today + _SOON
    return Morning(
        department=session.get_one(Department, department_id).name,
        unanswered=_unanswered(session, mine),
        visits=_visits(
            session, mine, col(Visit.state).in_(BEFORE_RECORD), Visit.due_on, today=today, until=soon
        ),
        reviews=_visits(session, mine, Visit.state == VisitState.IN_REVIEW, Visit.publish_due, today=today),
        publicity=_visits(
            session, mine, col(Visit.state).in_(WAITING), Visit.publish_due, today=today, until=soon
        ),
        corrections=_corrections(session, department_id, today=today, until=soon),
        requests=_requests(session, department_id),
    )


def _unanswered(session: Session, mine: Sequence[Any]) -> list[Item]:
    query = (
        pick(col(Visit.number), col(InspectionObject.name), col(Person.name), col(Visit.planned_on))
        .join_from(Visit, VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .join(Person, col(Person.id) == VisitOfficer.person_id)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .join(Task, col(Task.id) == Visit.task_id)
        .where(*mine, col(VisitOfficer.state) == OfficerState.ASSIGNED)
        .order_by(col(VisitOfficer.assigned_at), col(VisitOfficer.id))
        .limit(_LIST)
    )
    return [Item(number, name, who, planned) for number, name, who, planned in session.execute(query)]


def _visits(
    session: Session,
    mine: Sequence[Any],
    state: Any,
    due: Any,
    *,
    today: dt.date,
    until: dt.date | None = None,
) -> list[Item]:
    query = (
        select(Visit, InspectionObject.name)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .join(Task, col(Task.id) == Visit.task_id)
        .where(*mine, state)
        .order_by(due, col(Visit.id))
        .limit(_LIST)
    )
    if until is not None:
        query = query.where(due <= until)
    items = []
    for visit, name in session.exec(query):
        last = visit.due_on if due is Visit.due_on else visit.publish_due
        items.append(Item(visit.number, name, "", last, late=last is not None and last < today))
    return items


def _corrections(session: Session, department_id: int, *, today: dt.date, until: dt.date) -> list[Item]:
    query = (
        select(FollowUp, Person.name, InspectionObject.name)
        .join(Person, col(Person.id) == FollowUp.handler_id)
        .join(Visit, col(Visit.id) == FollowUp.visit_id)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .join(Task, col(Task.id) == Visit.task_id)
        .where(
            Task.lead_department_id == department_id,
            col(FollowUp.state).in_(RUNNING),
            col(FollowUp.due_on) <= until,
        )
        .order_by(col(FollowUp.due_on), col(FollowUp.id))
        .limit(_LIST)
    )
    return [
        Item(found.number, name, who, found.due_on, late=found.due_on is not None and found.due_on < today)
        for found, who, name in session.exec(query)
    ]


def _requests(session: Session, department_id: int) -> int:
    asked = (
        select(Extension.id)
        .join(Deadline, col(Deadline.id) == Extension.deadline_id)
        .where(Extension.state == ExtensionState.ASKED, Deadline.department_id == department_id)
    )
    leave = (
        select(LeaveRequest.id)
        .join(Person, col(Person.id) == LeaveRequest.person_id)
        .where(LeaveRequest.state == ExtensionState.ASKED, Person.department_id == department_id)
    )
    return len(session.exec(asked).all()) + len(session.exec(leave).all())


def queue_mornings(session: Session, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar) -> int:
    """The card of every lead, once on a working day; a department with nothing open is left in peace."""
    today = china_day(now)
    beat = session.get(Heartbeat, _NAME)
    if not reminding_hour(calendar, profile.messages.remind_at, now=now):
        return 0
    if beat is not None and china_day(beat.at) >= today:
        return 0
    if beat is None:
        first_beat(session, _NAME, now=now)
    else:
        beat.at = now
        session.add(beat)
    rows = [
        row("lead_morning", f"department:{department}", recipient_id=lead, now=now, slot=today.isoformat(),
            priority=Priority.DIGEST, expires_at=at_china(today + dt.timedelta(days=1)))
        for department in _departments(session)
        if not morning_of(session, department, today=today).empty
        for lead in leads_of(session, department)
    ]  # fmt: skip
    return enqueue_many(session, rows)


def _departments(session: Session) -> list[int]:
    """Departments with an open task, or with somebody who asks for leave."""
    leading = session.exec(select(Task.lead_department_id).where(col(Task.state).in_(_OPEN)).distinct()).all()
    asking = session.exec(
        select(Person.department_id)
        .join(LeaveRequest, col(LeaveRequest.person_id) == Person.id)
        .where(LeaveRequest.state == ExtensionState.ASKED)
    ).all()
    return sorted({department for department in (*leading, *asking) if department is not None})


def lead_morning(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """The card says what is true when it is sent, and when it is looked at again."""
    department = int(notice.subject.rpartition(":")[2])
    found = morning_of(session, department, today=china_day(now))
    if found.empty:
        return Skip("没有待办")
    names = list(dict.fromkeys(item.who for item in found.unanswered))
    values = {
        "department": found.department, "unanswered": len(found.unanswered), "names": "、".join(names[:_SHOWN]),
        "more": max(0, len(names) - _SHOWN), "visits": len(found.visits), "reviews": len(found.reviews),
        "publicity": len(found.publicity), "corrections": len(found.corrections), "requests": found.requests,
        "late": sum(item.late for item in (*found.visits, *found.publicity, *found.corrections)),
    }  # fmt: skip
    asks = (Ask("催办全部", "remind_department", "primary"),) if found.unanswered else ()
    return Content(values, (), asks, (Page("打开清单", "duties", (department,)),))


def remind_department(session: Session, *, department_id: int, now: dt.datetime, actor: int) -> int:
    """催办: everybody of the department's open tasks who has not answered, at most once an hour each."""
    if actor not in leads_of(session, department_id):
        raise Problem("forbidden", "只有检查部门负责人可以催办。")
    tasks = session.exec(
        select(Task.id)
        .where(Task.lead_department_id == department_id, col(Task.state).in_(_OPEN))
        .order_by(col(Task.id))
    ).all()
    return sum(remind_all(session, task_id=task, now=now, actor=actor) for task in tasks if task is not None)


KINDS: tuple[Kind, ...] = (
    *BULLETINS,
    Kind(
        "lead_morning",
        lead_morning,
        Content(
            {"department": "市场监管局", "unanswered": 3, "names": "王一、李二", "more": 0, "visits": 4, "reviews": 1,
             "publicity": 2, "corrections": 1, "requests": 1, "late": 1},
            (),
            (Ask("催办全部", "remind_department", "primary"),),
            (Page("打开清单", "duties", (1,)),),
        ),
        card=True,
    ),
)  # fmt: skip
