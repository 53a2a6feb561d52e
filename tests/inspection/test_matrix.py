"""The whole notification matrix of requirements section 5: each row, driven through the real services with a moving
clock, produces exactly its messages: the right people on the right day by the right kind, and nobody else."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import String, cast
from sqlmodel import Session, col, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.checklists.service import OUTCOME
from bot.inspection.deadlines.matrix import Row, matrix
from bot.inspection.deadlines.telling import TELLINGS
from bot.inspection.draws.replacement import decide_recusal
from bot.inspection.draws.service import reveal_draw
from bot.inspection.followups.clues import take_in
from bot.inspection.followups.credit import warn_of_changes
from bot.inspection.followups.crime import propose
from bot.inspection.followups.models import FollowUp
from bot.inspection.followups.return_models import Finding, ReturnVisit
from bot.inspection.followups.returns import officers_of, record_return
from bot.inspection.followups.rules import Handling
from bot.inspection.followups.service import handle
from bot.inspection.messages import KINDS
from bot.inspection.metrics.bulletins import draft_due, issue_bulletin
from bot.inspection.metrics.models import SupervisionOrder
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Department, EnterpriseContact, Officer, Person, PersonRole, Role
from bot.inspection.plans.models import DutyEntry, Plan, PlanLine, PlanState
from bot.inspection.plans.register import open_year
from bot.inspection.plans.service import publish_plan
from bot.inspection.profile import load_profile, profile_names
from bot.inspection.profile.terms import REMINDED
from bot.inspection.publication.service import publish_approved
from bot.inspection.registry.models import NoticeMode
from bot.inspection.results.closing import Closing
from bot.inspection.results.service import Decision, review_visit
from bot.inspection.tasks.adjustment import publish_and_tell
from bot.inspection.tasks.creation import create_task
from bot.inspection.tasks.models import (
    OfficerState,
    Task,
    Visit,
    VisitOfficer,
)
from bot.inspection.tasks.service import check_in
from tests.conftest import INFO
from tests.fakes import chatting
from tests.fakes import visits as fake_visits
from tests.fakes.builders import (
    make_department,
    make_item,
    make_officer,
    make_person,
    make_plan_line,
    team_of,
)
from tests.fakes.desk import GOOD, Desk
from tests.fakes.reminding import CALENDAR
from tests.inspection import test_clues, test_credit_warnings, test_draws, test_returns, test_training
from tests.inspection.decided import at as moment
from tests.inspection.lists import bring
from tests.inspection.matrix_world import (
    LOCK_DAY,
    LOCKED,
    PROFILE,
    Told,
    World,
    accept,
    approved,
    at,
    build,
    day_of,
    expected_days,
    handed_in,
    pass_days,
    problem_found,
)

Scenario = Callable[[Database, Path], Told]
SCENARIOS: dict[str, Scenario] = {}
ZJ = load_profile("ZJ")


def scenario(row: str) -> Callable[[Scenario], Scenario]:
    def keep(found: Scenario) -> Scenario:
        SCENARIOS[row] = found
        return found

    return keep


def in_session(row: str) -> Callable[[Callable[[Session], Told]], Callable[[Session], Told]]:
    """A scenario that is one transaction."""

    def keep(found: Callable[[Session], Told]) -> Callable[[Session], Told]:
        SCENARIOS[row] = lambda db, _folder: db.write_now(found)
        return found

    return keep


def _lead_of(session: Session, department: int) -> int:
    query = (
        select(Person.id)
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .where(PersonRole.role == Role.LEAD, Person.department_id == department)
    )
    return session.exec(query).one() or 0


# -- plan and libraries ---------------------------------------------------------------------------------


@in_session("plan_due")
def plan_due(session: Session) -> Told:
    office = make_department(session).id or 0
    coordinator = make_person(session, role=Role.COORDINATOR, department_id=office).id or 0
    planner = make_person(session, role=Role.LEAD, department_id=make_department(session).id).id or 0
    open_year(session, year=2026, now=at(dt.date(2026, 2, 2), 10), profile=PROFILE, calendar=CALENDAR)
    for entry in session.exec(select(DutyEntry).where(DutyEntry.kind != "plan")).all():
        session.delete(entry)
    pass_days(session, dt.date(2026, 2, 2), dt.date(2026, 4, 2))
    return Told({planner: "planner", coordinator: "coordinator"}, dt.date(2026, 2, 2), dt.date(2026, 3, 31),
                dt.date(2026, 4, 2))  # fmt: skip


def _with_joint_plan(session: Session) -> tuple[World, Plan]:
    world = build(session)
    accept(session, world)
    line = session.get_one(PlanLine, world.line)
    line.joint_department_ids = [
        session.exec(select(Person.department_id).where(Person.name == "part")).one() or 0
    ]
    plan = session.get_one(Plan, line.plan_id)
    plan.state = PlanState.APPROVED
    session.add_all([line, plan])
    session.flush()
    return world, plan


@in_session("plan_published")
def plan_published(session: Session) -> Told:
    world, plan = _with_joint_plan(session)
    publish_and_tell(session, plan_id=plan.id or 0, now=LOCKED)
    return Told(world.people, LOCK_DAY)


@in_session("plan_adjusted")
def plan_adjusted(session: Session) -> Told:
    world = build(session)
    accept(session, world)
    line = session.get_one(PlanLine, world.line)
    plan = session.get_one(Plan, line.plan_id)
    publish_plan(session, plan_id=plan.id or 0, now=LOCKED)
    second = Plan(code=plan.code, version=2, year=2026, name=plan.name, department_id=plan.department_id,
                  state=PlanState.APPROVED, ground="突发性风险", created_at=LOCKED)  # fmt: skip
    session.add(second)
    session.flush()
    session.add(
        PlanLine(**line.model_dump(exclude={"id", "plan_id", "focus"}), plan_id=second.id or 0, focus="后厨")
    )
    session.flush()
    publish_and_tell(session, plan_id=second.id or 0, now=LOCKED)
    return Told(world.people, LOCK_DAY)


@in_session("libraries")
def libraries(session: Session) -> Told:
    """A task is made of its plan line and nobody confirms."""
    department = make_department(session).id or 0
    people = {make_person(session, role=role, department_id=department).id or 0: word
              for role, word in ((Role.ADMIN, "librarian"), (Role.LEAD, "lead"), (Role.COORDINATOR, "coordinator"))}  # fmt: skip
    line = make_plan_line(session, department, item_ids=[make_item(session).id or 0])
    create_task(session, plan_line_id=line.id or 0, now=at(LOCK_DAY, 8))
    pass_days(session, LOCK_DAY, dt.date(2026, 3, 20))
    return Told(people, LOCK_DAY, until=dt.date(2026, 3, 20))


# -- draw -----------------------------------------------------------------------------------------------


def _drawn(session: Session) -> tuple[int, dict[int, str]]:
    """A joint task locked by the real draw; (task, who is who)."""
    task = test_draws.setting(session)
    lead_department = session.get_one(Task, task).lead_department_id
    part = make_department(session).id or 0
    people = {make_person(session, role=Role.COORDINATOR).id or 0: "coordinator",
              make_person(session, role=Role.LEAD, department_id=part, account="partlead").id or 0: "part"}  # fmt: skip
    for n in range(4):
        people[make_officer(session, part, trained=True, account=f"part{n}").id or 0] = "officer"
    joint = session.get_one(Task, task)
    joint.joint_department_ids = [part]
    line = session.get_one(PlanLine, joint.plan_line_id)
    line.joint_department_ids = [part]
    session.add_all([joint, line])
    session.flush()
    test_draws.whole(session, task)
    query = select(Person.id, PersonRole.role).join(PersonRole, col(PersonRole.person_id) == Person.id)
    for person, role in session.exec(query.where(Person.department_id == lead_department)):
        people[person or 0] = {"LEAD": "lead", "OFFICER": "officer"}[role]
    return task, people


@in_session("drawn")
def drawn(session: Session) -> Told:
    _, people = _drawn(session)
    return Told(people, test_draws.NOW.date())


@in_session("matched")
def matched(session: Session) -> Told:
    task = test_draws.setting(session)
    test_draws.whole(session, task)
    lead_department = session.get_one(Task, task).lead_department_id
    people = dict.fromkeys(session.exec(select(VisitOfficer.person_id)).all(), "officer")
    people[_lead_of(session, lead_department)] = "lead"
    pass_days(session, LOCK_DAY, dt.date(2026, 3, 13))
    return Told(people, LOCK_DAY, until=dt.date(2026, 3, 13))


@scenario("staff_missing")
def staff_missing(db: Database, _folder: Path) -> Told:
    """The coordinator presses 锁定名单 and nobody of the partner has the label its item asks for."""

    def ready(session: Session) -> tuple[int, dict[int, str]]:
        task = session.get_one(
            Task, test_draws.joint_setting(session, partners_item={"label_required": "特种设备"})
        )
        test_draws.commit(session, task.id or 0)
        draw = reveal_draw(session, task_id=task.id or 0, now=test_draws.NOW)
        coordinator = make_person(session, role=Role.COORDINATOR).id or 0
        people = {_lead_of(session, task.lead_department_id): "lead", coordinator: "coordinator",
                  _lead_of(session, task.joint_department_ids[0]): "part"}  # fmt: skip
        return draw.id or 0, people

    draw, people = db.write_now(ready)
    coordinator = next(person for person, word in people.items() if word == "coordinator")
    chair = chatting.Person(db, coordinator, ManualClock(test_draws.NOW))
    with pytest.raises(Problem, match="选派不出 2 名"):
        asyncio.run(chair.press("lock_draw", f"draw:{draw}"))
    return Told(people, day_of(test_draws.NOW))


@in_session("recusal")
def recusal(session: Session) -> Told:
    task = test_draws.setting(session)
    test_draws.whole(session, task)
    later = test_draws.NOW + dt.timedelta(hours=1)  # what the draw itself said was before
    visit, officer, person = test_draws.asked(session, task, now=later)
    lead = test_draws.lead_of(session, task)
    follower = decide_recusal(session, officer_id=officer, granted=True, by=lead, now=later)
    assert follower is not None
    assert visit == follower.visit_id
    return Told({person: "officer", lead: "lead", follower.person_id: "follower"}, LOCK_DAY, since=later)


@in_session("training")
def training(session: Session) -> Told:
    test_training.plan(session)
    department, _ = test_training.drawn(session)
    people = dict.fromkeys(session.exec(select(VisitOfficer.person_id)).all(), "officer")
    people[_lead_of(session, department)] = "lead"
    return Told(people, LOCK_DAY)


# -- notice and visit -----------------------------------------------------------------------------------


@in_session("notice")
def notice(session: Session) -> Told:
    task = test_draws.setting(session, window_start=dt.date(2026, 3, 16))  # late enough for a notice in time
    test_draws.whole(session, task)
    visit = session.exec(
        select(Visit).join(Notice, col(Notice.subject) == "visit:" + _text(Visit.id)).where(
            Notice.kind == "enterprise_notice").order_by(col(Visit.planned_on).desc())
    ).first()  # fmt: skip
    assert visit is not None
    others = select(Notice).where(Notice.kind == "enterprise_notice", Notice.subject != f"visit:{visit.id}")
    for other in session.exec(others):
        session.delete(other)
    contact = session.exec(select(Notice.recipient_id).where(Notice.kind == "enterprise_notice")).one()
    return Told({contact: "enterprise"}, LOCK_DAY, visit.planned_on)


def _text(column: object) -> object:
    return cast(column, String)  # type: ignore[arg-type]


@in_session("notice_unannounced")
def notice_unannounced(session: Session) -> Told:
    """A draw whose item is not announced; the notice goes out when the team of one visit signs in."""
    task = test_draws.setting(
        session, objects=2, ratios={"B": 100}, item={"notice_mode": NoticeMode.UNANNOUNCED}
    )
    test_draws.whole(session, task)
    assert session.exec(select(Notice).where(Notice.kind == "enterprise_notice")).all() == []
    visit, contact = session.exec(
        select(Visit, EnterpriseContact.person_id)
        .join(EnterpriseContact, col(EnterpriseContact.object_id) == Visit.object_id)
    ).one()  # fmt: skip
    team = team_of(session, visit.id or 0)
    there = at(visit.planned_on, 10)
    for officer in team:
        check_in(session, visit_id=visit.id or 0, person_id=officer, now=there, profile=PROFILE)
    return Told(dict.fromkeys(team, "officer") | {contact: "enterprise"}, visit.planned_on)


@in_session("visit_day")
def visit_day(session: Session) -> Told:
    world = build(session)
    accept(session, world)
    pass_days(session, LOCK_DAY, dt.date(2026, 3, 16))
    return Told(world.people, LOCK_DAY, dt.date(2026, 3, 16), dt.date(2026, 3, 16))


@in_session("window")
def window(session: Session) -> Told:
    world = build(session, planned=dt.date(2026, 3, 31))
    accept(session, world)
    last = CALENDAR.add_workdays(dt.date(2026, 3, 31), 6)
    pass_days(session, LOCK_DAY, last)
    return Told(world.people, LOCK_DAY, dt.date(2026, 3, 31), last)


def _desk(db: Database, folder: Path, moment: dt.datetime = LOCKED) -> tuple[Desk, dict[int, str]]:
    """The team is at the door and has the form open; everybody of the matrix is somewhere."""
    clock = ManualClock(moment)
    db.write_now(fake_visits.make_visit, now=clock.now())
    desk = Desk(db, clock, folder / "evidence")
    desk.arrive(fake_visits.WANG, fake_visits.LI)
    desk.open()
    people = {
        fake_visits.WANG: "officer", fake_visits.LI: "officer", fake_visits.LEAD: "lead", fake_visits.REVIEWER: "reviewer",
        fake_visits.CONTACT: "enterprise", fake_visits.BOSS: "coordinator", db.write_now(_above): "department",
    }  # fmt: skip
    return desk, people


def _above(session: Session) -> int:
    """The lead of the department above the one that inspects, numbered by hand as that one is."""
    city = make_department(session, id=20).id or 0
    session.get_one(Department, 1).parent_id = city
    return make_person(session, id=20, code="ABOVE", role=Role.LEAD, department_id=city).id or 0


def _hand_in(desk: Desk) -> None:
    desk.save(GOOD)
    desk.close()
    desk.submit()


@scenario("check_out")
def check_out(db: Database, folder: Path) -> Told:
    desk, people = _desk(db, folder)
    _hand_in(desk)
    return Told(people, LOCK_DAY)


@scenario("submitted")
def submitted(db: Database, folder: Path) -> Told:
    told = check_out(db, folder)
    db.write_now(lambda s: pass_days(s, LOCK_DAY, dt.date(2026, 3, 13)))
    told.until = dt.date(2026, 3, 13)
    return told


@scenario("refusal")
def refusal(db: Database, folder: Path) -> Told:
    desk, people = _desk(db, folder)
    desk.save({OUTCOME: {"value": "R06", "note": "负责人锁门拒绝检查"}})
    desk.photo(OUTCOME)
    desk.close(Closing(refusal_code="REFUSED", refusal_text="拒绝检查"))
    desk.submit()
    return Told(people, LOCK_DAY)


# -- result, review, publication ------------------------------------------------------------------------


@in_session("returned")
def returned(session: Session) -> Told:
    world = handed_in(session, "R01")
    review_visit(session, visit_id=world.visit, reviewer_id=world.who("reviewer"), decision=Decision.RETURNED,
                 reason="缺照片", now=LOCKED)  # fmt: skip
    return Told(world.people, LOCK_DAY)


@scenario("publicity")
def publicity(db: Database, folder: Path) -> Told:
    """C28's acceptance example: handed in on 2026-09-18, due 2026-10-22, watched to the sixth working day after; the
    submission sets the day and says who reviews."""
    ended, due = dt.date(2026, 9, 18), dt.date(2026, 10, 22)
    desk, people = _desk(db, folder, at(ended, 17))
    _hand_in(desk)
    last = CALENDAR.add_workdays(due, 6)
    db.write_now(pass_days, ended, last)
    return Told(people, ended, due, last)


@in_session("published")
def published(session: Session) -> Told:
    world = approved(session, "R01")
    publish_approved(session, now=LOCKED, profile=PROFILE, calendar=CALENDAR)
    return Told(world.people, LOCK_DAY)


def _handled_by(session: Session, world: World) -> dict[int, str]:
    found = session.exec(select(FollowUp)).one()
    return world.people | {found.handler_id: "handler"}


@in_session("problem")
def problem(session: Session) -> Told:
    world = problem_found(session, "R08")
    return Told(_handled_by(session, world), LOCK_DAY)


@in_session("problem_ordered")
def problem_ordered(session: Session) -> Told:
    world = problem_found(session, "R02")
    return Told(_handled_by(session, world), LOCK_DAY)


@in_session("correction")
def correction(session: Session) -> Told:
    world = problem_found(session, "R02")
    due = session.exec(select(FollowUp.due_on)).one()
    assert due is not None
    last = CALENDAR.add_workdays(due, 2)
    pass_days(session, LOCK_DAY, last)
    return Told(_handled_by(session, world), LOCK_DAY, due, last)


@in_session("transfer")
def transfer(session: Session) -> Told:
    world = problem_found(session, "R08")
    found = session.exec(select(FollowUp)).one()
    handle(session, follow_up_id=found.id or 0, person_id=found.handler_id, handling=Handling.TRANSFER,
           note="消防救援大队 占用通道", now=LOCKED)  # fmt: skip
    people = _handled_by(session, world) | {world.who("part"): "receiver"}
    last = CALENDAR.add_workdays(LOCK_DAY, 11)
    pass_days(session, LOCK_DAY, last)
    return Told(people, LOCK_DAY, until=last)


@in_session("crime")
def crime(session: Session) -> Told:
    world = problem_found(session, "R08")
    found = session.exec(select(FollowUp)).one()
    propose(session, follow_up_id=found.id or 0, person_id=found.handler_id, note="涉嫌生产销售伪劣产品", now=LOCKED,
            profile=PROFILE)  # fmt: skip
    return Told(world.people, LOCK_DAY)


# -- clues, credit, return visits, bulletins, certificates ----------------------------------------------


@in_session("clue")
def clue(session: Session) -> Told:
    department, _ = test_clues.authority(session)
    take_in(session, clue=test_clues.clue(session), now=test_clues.TEN, profile=PROFILE, calendar=CALENDAR)
    people = dict.fromkeys(session.exec(select(VisitOfficer.person_id)).all(), "officer")
    people[_lead_of(session, department)] = "lead"
    return Told(people, test_clues.TEN.date())


@scenario("credit")
def credit(db: Database, folder: Path) -> Told:
    lead, _ = db.write_now(test_credit_warnings.office)
    for name, row, now in (
        ("a.csv", ("餐饮", "B", "420"), test_credit_warnings.NOW),
        ("b.csv", ("餐饮", "D", "780"), test_credit_warnings.JUNE),
    ):
        assert bring(db, "objects", test_credit_warnings.sheet(folder, {1: row}, name), now=now).clean
        db.write_now(warn_of_changes, now=now, **test_credit_warnings.SETTING)
    return Told({lead: "lead"}, day_of(test_credit_warnings.JUNE))


@in_session("return_visit")
def return_visit(session: Session) -> Told:
    test_returns.draw(session, test_returns.finished(session, visits=20), "10")
    staff = {
        person for one in session.exec(select(ReturnVisit)) for person in officers_of(session, one.id or 0)
    }
    return Told(dict.fromkeys(staff, "officer"), test_returns.NOW.date())


@in_session("return_difference")
def return_difference(session: Session) -> Told:
    test_returns.draw(session, test_returns.finished(session, visits=1), "100")
    one = session.exec(select(ReturnVisit)).one()
    record_return(session, return_id=one.id or 0, person_id=officers_of(session, one.id or 0)[0],
                  finding=Finding.PROBLEM, note="无消毒设施", now=test_returns.NOW)  # fmt: skip
    roles = session.exec(
        select(PersonRole).where(col(PersonRole.role).in_((Role.LEAD, Role.COORDINATOR)))
    ).all()
    return Told({r.person_id: r.role.lower() for r in roles}, test_returns.NOW.date())


def _issued(session: Session) -> Told:
    world = handed_in(session, "R01")
    for person in (world.who("department"), world.who("part")):  # leads of other units read the bulletin too
        world.people[person] = "lead"
    other = session.exec(select(PersonRole).where(PersonRole.role == Role.LEAD)).all()
    assert {role.person_id for role in other} == {p for p, w in world.people.items() if w == "lead"}
    drafted = moment("2026-04-01 09:00")
    assert draft_due(session, now=drafted, profile=ZJ, calendar=CALENDAR) == 1
    issue_bulletin(session, bulletin_id=1, by=world.who("coordinator"), now=moment("2026-04-02 10:00"), profile=ZJ,
                   calendar=CALENDAR)  # fmt: skip
    return Told(world.people, drafted.date(), marks={"issued": dt.date(2026, 4, 2)})


@in_session("bulletin")
def bulletin(session: Session) -> Told:
    told = _issued(session)
    orders = session.exec(select(Notice.recipient_id).where(Notice.kind == "supervision_order")).all()
    assert len(orders) == 1  # only the unit below its target
    return told


@in_session("supervision")
def supervision(session: Session) -> Told:
    told = _issued(session)
    order = session.exec(select(SupervisionOrder)).one()
    planner = session.exec(select(Notice.recipient_id).where(Notice.kind == "supervision_order")).one()
    last = CALENDAR.add_workdays(order.due_on, 2)
    pass_days(session, dt.date(2026, 4, 2), last)
    return Told(told.people | {planner: "planner"}, dt.date(2026, 4, 2), order.due_on, last)


@in_session("certificate")
def certificate(session: Session) -> Told:
    world = build(session)
    last = dt.date(2026, 9, 15)
    officer = session.get_one(Officer, world.officers[0])
    officer.valid_to = last
    session.add(officer)
    for row in session.exec(select(VisitOfficer)):
        row.state = OfficerState.REPLACED
    pass_days(session, last - dt.timedelta(days=100), last - dt.timedelta(days=1), times=((9, 0),))
    return Told(world.people, LOCK_DAY, last, last - dt.timedelta(days=1))


# -- the check ------------------------------------------------------------------------------------------


def promised(row: Row, told: Told) -> set[tuple[str, str, dt.date]]:
    """(who, kind, day) of every message the row's cells promise."""
    return {
        (cell.who, cell.kind, day)
        for cell in row.cells
        if cell.kind
        for day in expected_days(cell.when, told, daily=cell.daily)
    }


def produced(session: Session, row: Row, told: Told) -> set[tuple[str, str, dt.date]]:
    """What stands in the table, by the same words; somebody nobody expected is a stranger."""
    kinds = {cell.kind for cell in row.cells if cell.kind}
    query = select(Notice).where(
        col(Notice.kind).in_(kinds), col(Notice.detail) == "", Notice.state == "queued"
    )
    if told.since is not None:
        query = query.where(Notice.created_at >= told.since)
    return {
        (told.people.get(n.recipient_id, "stranger"), n.kind, day_of(n.not_before))
        for n in session.exec(query)
    }


def plays_true(row: Row, db: Database, folder: Path) -> None:
    told = SCENARIOS[row.row](db, folder)
    assert db.read_now(produced, row, told) == promised(row, told)
    actions = set(db.read_now(lambda s: s.exec(select(AuditEntry.action)).all()))
    assert {cell.log for cell in row.cells if cell.log} <= actions


@pytest.mark.parametrize("row", matrix(), ids=lambda row: row.row)
def test_the_row_produces_exactly_its_messages(row: Row, sqlite_db: Database, tmp_path: Path) -> None:
    plays_true(row, sqlite_db, tmp_path)


@pytest.mark.postgres
@pytest.mark.parametrize("row", matrix(), ids=lambda row: row.row)
def test_the_row_produces_exactly_its_messages_on_postgresql_too(
    row: Row, postgres_url: str, tmp_path: Path
) -> None:
    db = Database(postgres_url, info=INFO)
    plays_true(row, db, tmp_path)
    db.close()


def test_every_message_the_matrix_names_exists_and_every_row_has_its_scenario() -> None:
    assert {cell.kind for row in matrix() for cell in row.cells if cell.kind} <= set(KINDS)
    assert {row.row for row in matrix()} == set(SCENARIOS)


def test_the_profile_knows_for_whom_there_are_messages() -> None:
    told: dict[str, set[str]] = {}
    for kind, who in TELLINGS:
        told.setdefault(kind, set()).add(who)
    assert {kind: set(roles) for kind, roles in REMINDED.items()} == told


def test_every_step_of_every_shipped_profile_says_something() -> None:
    for name in profile_names():
        for kind, steps in load_profile(name).reminders.items():
            for step in steps:
                for who in step.who:
                    assert TELLINGS[kind, who].kind in KINDS, (name, kind, who)


def test_every_act_that_is_asked_for_has_a_time_to_answer_or_is_said_again_by_its_deadline() -> None:
    repeated = {telling.kind for telling in TELLINGS.values()}
    kinds = {cell.kind for row in matrix() for cell in row.cells if cell.kind}
    asked = {kind for kind in kinds if KINDS[kind].sample.asks}
    for name in profile_names():
        hours = load_profile(name).messages.answer_hours
        assert set(hours) <= set(KINDS), name
        assert asked - repeated <= set(hours), name
