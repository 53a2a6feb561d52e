"""A department with everybody a row of the notification matrix may speak to, and time that passes day by day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from sqlmodel import Session, select

from bot.core.clock import CHINA, china_day
from bot.inspection.checklists.definition import Checklist, parse_checklist
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.pinning import publish_checklist
from bot.inspection.checklists.service import open_form, save_draft
from bot.inspection.followups.service import open_for_approved
from bot.inspection.people.models import Department, Role
from bot.inspection.profile import load_profile
from bot.inspection.registry.models import Item
from bot.inspection.results.closing import Closing, close_record, prepare_sheet
from bot.inspection.results.service import Decision, review_visit
from bot.inspection.results.signing import Mark, prepare_signing, sign_record
from bot.inspection.results.submit import submit_visit
from bot.inspection.tasks.models import Task, TaskState, Visit
from bot.inspection.tasks.service import accept_visit, check_in
from tests.fakes.builders import (
    make_department,
    make_enterprise,
    make_item,
    make_object,
    make_officer,
    make_person,
    make_plan_line,
    make_task,
    make_visit,
)
from tests.fakes.reminding import CALENDAR, remind
from tests.fakes.visits import signature

PROFILE = load_profile("default")


def at(day: dt.date, hour: int = 9, minute: int = 0) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=CHINA)


LOCKED = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA)
LOCK_DAY = LOCKED.date()
INK = Stored("1" * 64, 900, "image/png")  # what was drawn and printed is of no matter here
PDF = Stored("2" * 64, 9000, "application/pdf")


@dataclass
class Told:
    """What a scenario leaves behind: who is who, when the event was, when the duty is due, and how long was watched."""

    people: dict[int, str]
    event: dt.date
    due: dt.date | None = None
    until: dt.date | None = None
    marks: dict[str, dt.date] = field(default_factory=dict)
    since: dt.datetime | None = None  # what was said before belongs to another row


@dataclass
class World:
    """One department below another, with a task and one visit to an enterprise that can be reached."""

    department: int
    task: int
    visit: int
    officers: tuple[int, int]
    people: dict[int, str]
    line: int
    object: int

    def who(self, name: str) -> int:
        return next(person for person, word in self.people.items() if word == name)


def build(session: Session, *, planned: dt.date = dt.date(2026, 3, 16), state: str = "ASSIGNED") -> World:
    """Everybody of the matrix; the visit was locked on 2026-03-10 and its window ends on 2026-03-31."""
    above = make_department(session, name="市级部门").id or 0
    department = make_department(session, name="县市场监管局", parent_id=above).id or 0
    part = make_department(session, name="消防救援大队").id or 0
    people: dict[int, str] = {}

    def add(word: str, role: Role, where: int | None) -> int:
        person = make_person(session, role=role, department_id=where, name=word).id or 0
        people[person] = word
        return person

    add("department", Role.LEAD, above)
    add("lead", Role.LEAD, department)
    add("part", Role.LEAD, part)
    add("reviewer", Role.REVIEWER, department)
    add("coordinator", Role.COORDINATOR, None)
    add("librarian", Role.ADMIN, department)
    add("head", Role.HEAD, department)
    add("legal", Role.LEGAL, department)
    officers = tuple(make_officer(session, department, trained=True).id or 0 for _ in range(2))
    people |= dict.fromkeys(officers, "officer")
    item = make_item(session, department_id=department, field="餐饮").id or 0
    line = make_plan_line(session, department, item_ids=[item])
    task = make_task(session, line=line, state=TaskState.DISPATCHED, dispatched_at=LOCKED)
    inspected = make_object(session, industry="餐饮").id or 0
    contact = make_enterprise(session, inspected, account=f"ent{inspected}").id or 0
    people[contact] = "enterprise"
    visit = make_visit(
        session, task=task, object_id=inspected, officers=list(officers), planned_on=planned, state=state
    )
    session.flush()
    return World(department, task.id or 0, visit.id or 0, officers, people, line.id or 0, inspected)  # type: ignore[arg-type]


def accept(session: Session, world: World, moment: dt.datetime = LOCKED) -> None:
    for officer in world.officers:
        accept_visit(session, visit_id=world.visit, person_id=officer, now=moment)


def handed_in(session: Session, code: str) -> World:
    """Both officers sign in, answer the one question there is, close the sheet, sign it and hand it in."""
    world = build(session)
    accept(session, world)
    publish_checklist(session, checklist=_one_question(code), now=LOCKED)
    item = task_of(session, world).item_ids[0]
    session.get_one(Item, item).checklist_code = "M-1"
    first, _ = world.officers
    for officer in world.officers:
        check_in(session, visit_id=world.visit, person_id=officer, now=LOCKED, profile=PROFILE)
    form = open_form(session, visit_id=world.visit, person_id=first, now=LOCKED, profile=PROFILE).id
    found = {"M-1:1": {"value": "否", "note": "未公示制度"}}
    clean = {"M-1:1": {"value": "是"}, f"item:{item}": {"value": "未发现问题"}}
    save_draft(
        session, form_id=form, person_id=first, changes=clean if code == "R01" else found, base_version=0
    )
    _close_and_sign(session, world, form)
    submit_visit(
        session, form_id=form, person_id=first, now=at(LOCK_DAY, 17), profile=PROFILE, calendar=CALENDAR
    )
    return world


def _one_question(code: str) -> Checklist:
    bad = {"codes": [code if code != "R01" else "R08"], "action": "CORRECT", "needs": ["note"]}
    question = {"key": "1", "text": "制度是否公示？", "type": "YN", "required": True, "on_bad": bad}
    return parse_checklist({"code": "M-1", "version": 1, "name": "一题检查表", "questions": [question]})


def _close_and_sign(session: Session, world: World, form: str) -> None:
    """The manager's name and both officers' under the sheet."""
    closing = Closing("陈老板", INK)
    known = {
        "form_id": form,
        "person_id": world.officers[0],
        "closing": closing,
        "now": LOCKED,
        "profile": PROFILE,
    }
    _, version = prepare_sheet(session, signature=signature(), verify_url="http://suicha.test", **known)
    close_record(session, draft_version=version, pdf=PDF, verify_code="0" * 26, **known)
    for officer in world.officers:
        mine = {"form_id": form, "person_id": officer, "mark": Mark(ink=INK), "now": LOCKED}
        last = prepare_signing(
            session, ink=lambda _: signature(), public_url="http://suicha.test", profile=PROFILE, **mine
        )
        sign_record(session, replaces=last[1] if last else "", pdf=PDF if last else None, **mine)


def approved(session: Session, code: str) -> World:
    """The reviewer lets the result pass; the ticks do the rest."""
    world = handed_in(session, code)
    review_visit(
        session,
        visit_id=world.visit,
        reviewer_id=world.who("reviewer"),
        decision=Decision.APPROVED,
        now=LOCKED,
    )
    return world


def problem_found(session: Session, code: str) -> World:
    """A problem that was found is somebody's to handle."""
    world = approved(session, code)
    open_for_approved(session, now=LOCKED, profile=PROFILE, calendar=CALENDAR)
    return world


TWICE_A_DAY = ((9, 0), (17, 30))


def pass_days(
    session: Session, first: dt.date, last: dt.date, *, times: tuple[tuple[int, int], ...] = TWICE_A_DAY
) -> None:
    """Tick through the days as the scheduler would."""
    day = first
    while day <= last:
        for hour, minute in times:
            remind(session, at(day, hour, minute), PROFILE)
        day += dt.timedelta(days=1)


def visit_of(session: Session, world: World) -> Visit:
    return session.get_one(Visit, world.visit)


def task_of(session: Session, world: World) -> Task:
    return session.get_one(Task, world.task)


def department_of(session: Session, name: str) -> int:
    return session.exec(select(Department.id).where(Department.name == name)).one() or 0


def step_day(step: str, told: Told) -> dt.date:
    """The day a cell of the matrix speaks of."""
    if step == "now":
        return told.event
    if step in told.marks:
        return told.marks[step]
    offset = int(step[1:])
    if step[0] == "S":
        day = CALENDAR.add_workdays(told.event, offset)
        return day if CALENDAR.is_workday(day) else CALENDAR.next_workday(day)
    assert told.due is not None, step
    if step[0] == "D":
        day = told.due + dt.timedelta(days=offset)
        return day if CALENDAR.is_workday(day) else CALENDAR.next_workday(day)
    if step[1] == "-":
        return CALENDAR.days_before_due(told.due, -offset)
    return CALENDAR.add_workdays(told.due, offset)


def expected_days(when: tuple[str, ...], told: Told, *, daily: bool) -> set[dt.date]:
    """All days a cell promises up to the end of the scenario."""
    days = {step_day(step, told) for step in when}
    if daily and told.until is not None:
        day = max(days)
        while day <= told.until:
            days.add(day)
            day = CALENDAR.next_workday(day)
    return {day for day in days if told.until is None or day <= told.until}


def day_of(moment: dt.datetime) -> dt.date:
    return china_day(moment)
