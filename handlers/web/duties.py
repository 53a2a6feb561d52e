"""Two pages opened from cards: the lead's list of what is open, and 谁在何时会收到什么 of one visit.

Both name colleagues, so they open in the person's own browser only.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.clock import china, china_day
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, LINKS
from bot.inspection.calendar import Calendar
from bot.inspection.deadlines.schedule import Promised, promised
from bot.inspection.followups.models import FollowUp
from bot.inspection.metrics.morning import Morning, morning_of
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.tasks.models import Task
from bot.inspection.tasks.queries import VisitFacts, leads_of, visit_facts
from handlers.web.form_link import require_device
from handlers.web.keys import CALENDAR
from handlers.web.pages import render

routes = web.RouteTableDef()
_KEPT = dt.timedelta(days=60)
_BROKEN = Problem("link_broken", "链接不完整或已失效，请回到聊天窗口重新打开。")


@routes.get("/duties/{token}")
async def duties(request: web.Request) -> web.Response:
    """What is late, due or unanswered in a department, for its leads."""
    match request.app[LINKS].open("duties", request.match_info["token"], max_age=_KEPT):
        case [int(person), int(department)]:
            await require_device(request, person)
            page = await request.app[DB].read(
                _morning,
                person_id=person,
                department_id=department,
                today=china_day(request.app[CLOCK].now()),
            )
        case _:
            raise _BROKEN
    return render(request, "duties/list.html.j2", page=page)


@routes.get("/schedule/{token}")
async def schedule(request: web.Request) -> web.Response:
    """Everything a visit still promises, by the policy that was frozen when it was dispatched."""
    now = request.app[CLOCK].now()
    match request.app[LINKS].open("schedule", request.match_info["token"], max_age=_KEPT):
        case [int(person), int(visit)]:
            await require_device(request, person)
            page = await request.app[DB].read(
                _schedule, person_id=person, visit_id=visit, now=now, calendar=request.app[CALENDAR]
            )
        case _:
            raise _BROKEN
    return render(request, "duties/schedule.html.j2", page=page, china=china)


def _morning(session: Session, *, person_id: int, department_id: int, today: dt.date) -> Morning:
    if person_id not in leads_of(session, department_id) and not _coordinates(session, person_id):
        raise Problem("forbidden", "只有本部门负责人可以查看。")
    return morning_of(session, department_id, today=today)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The page of one visit: its lines, and the quiet hours that were frozen with them."""

    visit: VisitFacts
    lines: list[Promised]
    quiet: tuple[str, str]
    rest_days: bool


def _schedule(
    session: Session, *, person_id: int, visit_id: int, now: dt.datetime, calendar: Calendar
) -> Schedule:
    facts = visit_facts(session, visit_id)
    allowed = facts.officer(person_id) is not None or person_id in leads_of(
        session, facts.task.lead_department_id
    )
    if not allowed and not _coordinates(session, person_id):
        raise Problem("forbidden", "您不是这次检查的人员。")
    follow_ups = session.exec(select(FollowUp.id).where(FollowUp.visit_id == visit_id)).all()
    roots = [f"visit:{visit_id}", *(f"followup:{number}" for number in follow_ups)]
    frozen = session.get_one(Task, facts.task.id).policy
    start, end = frozen.get("quiet", ["21:00", "08:00"])
    lines = promised(session, roots, now=now, calendar=calendar)
    return Schedule(facts, lines, (start, end), bool(frozen.get("quiet_on_rest_days", True)))


def _coordinates(session: Session, person_id: int) -> bool:
    query = select(PersonRole).where(
        PersonRole.person_id == person_id, col(PersonRole.role) == Role.COORDINATOR
    )
    return session.exec(query).first() is not None
