"""The ceremony on a real database: commit, reveal, lock; what is stored, told, refused; and the verifier."""

from __future__ import annotations

import datetime as dt
import json
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.core.clock import CHINA, at_china
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.audit.service import verify as verify_chain
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws import dispatch as dispatch_module
from bot.inspection.draws import service as draw_service
from bot.inspection.draws.algorithm import by_stratum, pick, picks_bytes
from bot.inspection.draws.bundle import bundle
from bot.inspection.draws.models import Draw, DrawFile, DrawPick, DrawState
from bot.inspection.draws.pool import eligible
from bot.inspection.draws.queries import live_draw
from bot.inspection.draws.replacement import decide_recusal
from bot.inspection.draws.service import commit_draw, lock_draw, reveal_draw
from bot.inspection.draws.verify import verify_bundle
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Absence, Person, Relation, Role
from bot.inspection.plans.models import PlanLine
from bot.inspection.plans.strata import StratumRule
from bot.inspection.profile import load_profile
from bot.inspection.registry.models import InspectionObject, Item, NoticeMode, ObjectStatus
from bot.inspection.tasks.models import (
    EnterpriseNotice,
    Library,
    LibraryConfirmation,
    Task,
    TaskItem,
    TaskState,
    Visit,
    VisitOfficer,
    VisitState,
)
from bot.inspection.tasks.service import accept_visit, ask_recusal
from tests.fakes.builders import (
    NOW,
    make_department,
    make_enterprise,
    make_item,
    make_object,
    make_officer,
    make_person,
    make_plan_line,
    make_task,
    make_visit,
    team_of,
)

PROFILE = load_profile("default")
CALENDAR = WorkCalendar.load()
SECRET = bytes(range(32))
TABLES = (Draw, DrawFile, DrawPick, Visit, VisitOfficer, EnterpriseNotice, Notice, AuditEntry)


def setting(
    session: Session, *, objects: int = 40, officers: int = 5, item: dict[str, Any] | None = None, **line: Any
) -> int:
    """A department with a lead and officers, objects of class B, and a task ready to draw (its id)."""
    department = make_department(session).id or 0
    make_person(session, role=Role.LEAD, department_id=department, account=f"lead{department}")
    for n in range(officers):
        make_officer(session, department, trained=True, account=f"insp{department}-{n}")
    for n in range(objects):
        made = make_object(session)
        if n % 2:
            make_enterprise(session, made.id or 0, account=f"ent{department}-{n}")
    made_item = make_item(session, **item or {})
    made_line = make_plan_line(session, department, item_ids=[made_item.id or 0], **line)
    return make_task(session, line=made_line).id or 0


def commit(session: Session, task: int, now: dt.datetime = NOW) -> Draw:
    """Both libraries are confirmed on the day of the draw."""
    for library in Library:
        session.add(LibraryConfirmation(task_id=task, library=library, at=now))
    return commit_draw(session, task_id=task, secret=SECRET, now=now, profile=PROFILE, calendar=CALENDAR)


def lock(session: Session, task: int, now: dt.datetime = NOW) -> Draw:
    return lock_draw(session, task_id=task, now=now, profile=PROFILE, calendar=CALENDAR)


def whole(session: Session, task: int) -> Draw:
    commit(session, task)
    reveal_draw(session, task_id=task, now=NOW)
    return lock(session, task)


def counts(session: Session) -> list[int]:
    return [session.exec(select(func.count()).select_from(table)).one() for table in TABLES]


def refused(call: Callable[[], Any]) -> Problem:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value


def test_commit_reveal_lock_gives_visits_teams_messages_and_a_bundle_that_verifies(db: Database) -> None:
    task = db.write_now(setting)
    db.write_now(whole, task)

    def look(session: Session) -> None:
        draw = live_draw(session, task)
        assert draw is not None
        assert draw.state == DrawState.LOCKED
        visits = session.exec(select(Visit).where(Visit.task_id == task).order_by(col(Visit.rank))).all()
        assert [v.rank for v in visits] == [1, 2, 3, 4]  # 10 % of 40
        assert [v.ticket for v in visits] == sorted(v.ticket for v in visits)
        for visit in visits:
            assert len(set(team_of(session, visit.id or 0))) == 2
            assert CALENDAR.is_workday(visit.planned_on)
        leaders = session.exec(select(VisitOfficer.visit_id).where(col(VisitOfficer.leader))).all()
        assert sorted(leaders) == sorted(v.id or 0 for v in visits)
        assert session.get_one(Task, task).state == TaskState.DISPATCHED
        cards = session.exec(select(Notice).where(Notice.kind == "assignment")).all()
        assert len(cards) == 8
        assert session.exec(select(func.count()).where(Notice.kind == "task_dispatched")).one() == 1
        assert verify_bundle(bundle(session, draw)) == ""
        assert verify_chain(session).broken_at is None
        actions = list(session.exec(select(AuditEntry.action).order_by(col(AuditEntry.seq))))
        assert actions == ["draw.committed", "draw.revealed", "task.dispatched", "draw.locked"]

    db.read_now(look)


def test_c10_a_second_press_says_the_list_is_locked_and_changes_nothing(db: Database) -> None:
    task = db.write_now(setting)
    db.write_now(whole, task)
    before = db.read_now(counts)
    problem = refused(lambda: db.write_now(lock, task))
    assert problem.text == "名单已锁定"
    db.write_now(commit, task)
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    assert db.read_now(counts) == before


def test_a_second_commit_or_reveal_keeps_the_first(db: Database) -> None:
    task = db.write_now(setting)
    first = db.write_now(commit, task)
    again = db.write_now(
        lambda s: commit_draw(s, task_id=task, secret=bytes(32), now=NOW, profile=PROFILE, calendar=CALENDAR)
    )
    assert again.secret_sha256 == first.secret_sha256
    seed = db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW)).seed_hex
    assert db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW)).seed_hex == seed


def test_the_steps_only_go_in_their_order(db: Database) -> None:
    task = db.write_now(setting)
    assert refused(lambda: db.write_now(lock, task)).key == "not_committed"
    db.write_now(commit, task)
    assert refused(lambda: db.write_now(lock, task)).key == "not_revealed"
    assert refused(lambda: db.write_now(commit, db.write_now(_unconfirmed))).key == "libraries_not_confirmed"


def _unconfirmed(session: Session) -> int:
    task = session.get_one(Task, setting(session))
    task.state = TaskState.APPROVED
    return task.id or 0


def test_the_secret_stays_sealed_until_the_reveal(db: Database) -> None:
    task = db.write_now(setting)
    draw = db.write_now(commit, task)
    shown = b"".join(db.read_now(bundle, draw).values())
    assert SECRET.hex().encode() not in shown
    assert draw.secret_sha256.encode() in shown
    opened = db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    assert SECRET.hex().encode() in db.read_now(bundle, opened)["draw.json"]


def test_what_changes_in_the_library_after_the_commitment_has_no_influence(db: Database) -> None:
    """C10: the pool is frozen; new objects and a changed plan line wait for the next draw."""
    task = db.write_now(setting)
    db.write_now(commit, task)

    def change(session: Session) -> None:
        line = session.get_one(PlanLine, session.get_one(Task, task).plan_line_id)
        line.ratios = {"B": 100}
        line.batch_size = 1
        line.officers_per_visit = 4
        make_object(session)

    db.write_now(change)
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    draw = db.write_now(lock, task)
    assert draw.transcript["picks"] == 4  # 10 % of the 40 objects there were
    assert db.read_now(lambda s: verify_bundle(bundle(s, draw))) == ""
    teams = db.read_now(lambda s: s.exec(select(func.count()).select_from(VisitOfficer)).one())
    assert teams == 8


@pytest.mark.parametrize("name", ["pool.jsonl", "rules.json"])
def test_a_pool_or_rules_changed_after_the_commitment_stop_the_draw(db: Database, name: str) -> None:
    task = db.write_now(setting)
    draw = db.write_now(commit, task)

    def tamper(session: Session) -> None:
        file = session.get_one(DrawFile, (draw.id, name))
        body = zlib.decompress(file.body)
        file.body = zlib.compress(body.replace(b'"B"', b'"A"', 1) if name == "pool.jsonl" else body + b" ")

    db.write_now(tamper)
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    before = db.read_now(counts)
    problem = refused(lambda: db.write_now(lock, task))
    assert (problem.key, problem.fields) == ("pool_changed", {"文件": name})
    assert db.read_now(counts) == before


@pytest.mark.parametrize("where", ["_store_visits", "store_teams", "tell_everybody", "record"])
def test_a_crash_inside_the_lock_leaves_nothing_half_written(
    db: Database, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = db.write_now(setting)
    db.write_now(commit, task)
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    before = db.read_now(counts)

    def broken(*_args: object, **_values: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(dispatch_module, where, broken)
        with pytest.raises(RuntimeError, match="power cut"):
            db.write_now(lock, task)
    with monkeypatch.context() as patch:
        patch.setattr(draw_service, "record", broken)  # the very last step
        with pytest.raises(RuntimeError, match="power cut"):
            db.write_now(lock, task)
    assert db.read_now(counts) == before
    assert db.write_now(lock, task).state == DrawState.LOCKED


@pytest.mark.postgres
def test_two_who_lock_at_once_make_one_list(postgres_db: Database) -> None:
    db = postgres_db
    task = db.write_now(setting)
    db.write_now(commit, task)
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    futures = [db.submit(lock, task) for _ in range(4)]
    errors = [future.exception() for future in futures]
    assert sorted(str(e) for e in errors if e) == ["名单已锁定"] * 3
    assert db.read_now(lambda s: s.exec(select(func.count()).select_from(Visit)).one()) == 4


def test_a_lock_that_cannot_staff_a_visit_names_visit_and_rule_and_stores_nothing(db: Database) -> None:
    task = db.write_now(lambda s: setting(s, item={"label_required": "特种设备"}))
    db.write_now(commit, task)
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    before = db.read_now(counts)
    problem = refused(lambda: db.write_now(lock, task))
    assert problem.key == "officers_missing"
    assert problem.text.startswith("有 4 户选派不出 2 名执法检查人员")
    assert problem.fields["可选"] == "5 人"
    assert problem.fields["专业资格"] == "可选的人都没有“特种设备”"
    assert len(problem.fields["受阻的"].split("、")) == 4
    assert db.read_now(counts) == before


def test_an_officer_list_too_small_is_refused_before_the_commitment(db: Database) -> None:
    task = db.write_now(setting, officers=1)
    before = db.read_now(counts)
    problem = refused(lambda: db.write_now(commit, task))
    assert problem.key == "not_ready"
    assert "可选 1 人，至少要 2 人" in problem.fields["执法人员够用"]
    assert db.read_now(counts) == before


def test_a_lock_after_the_window_is_refused_in_words(db: Database) -> None:
    task = db.write_now(setting)
    db.write_now(commit, task)
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    late = dt.datetime(2026, 4, 1, 9, 0, tzinfo=CHINA)
    assert refused(lambda: db.write_now(lock, task, late)).key == "window_over"


def test_c10_eligible_are_980_of_1000_and_the_excluded_are_counted_by_reason(db: Database) -> None:
    def prepare(session: Session) -> int:
        task = session.get_one(Task, setting(session, objects=0, ratios={"B": 3}))
        objects = [
            make_object(session, status=ObjectStatus.DEREGISTERED if n < 12 else "ACTIVE")
            for n in range(1000)
        ]
        earlier = make_task(
            session, line=session.get_one(PlanLine, task.plan_line_id), state=TaskState.COMPLETED
        )
        for n in range(100, 108):
            session.add(
                Visit(
                    number=f"old-{n}",
                    task_id=earlier.id or 0,
                    object_id=objects[n].id or 0,
                    stratum="B",
                    ticket=f"{n:064x}",
                    rank=n,
                    planned_on=dt.date(2026, 2, 2),
                    due_on=dt.date(2026, 2, 27),
                )
            )
        return task.id or 0

    task = db.write_now(prepare)
    draw = db.write_now(whole, task)
    assert (draw.pool_size, draw.transcript["picks"]) == (980, 30)
    rules = json.loads(db.read_now(bundle, draw)["rules.json"])
    assert rules["excluded"] == {"已注销、吊销或迁出": 12, "本年度已检查同一事项": 8}


def _seen(session: Session, *, days: list[dt.date], **second: Any) -> tuple[int, int]:
    """A line whose objects were visited on *days*, and its next task."""
    task = session.get_one(Task, setting(session, objects=len(days), officers=1))
    for inspected, day in zip(session.exec(select(InspectionObject)).all(), days, strict=True):
        make_visit(session, task=task, object_id=inspected.id, planned_on=day, team=1)
    line = session.get_one(PlanLine, task.plan_line_id)
    return line.id or 0, make_task(session, line=line, **second).id or 0


def _left_out(session: Session, line: int, task: int, now: dt.datetime = NOW) -> dict[str, int]:
    given = {"task": session.get_one(Task, task), "line": session.get_one(PlanLine, line)}
    return eligible(session, profile=PROFILE, now=now, **given).excluded


def test_an_item_whose_wording_was_imported_anew_is_the_same_item_to_who_was_inspected(db: Database) -> None:
    """Bug: visits were looked up by the version of the item, and a new word let everybody in again (C10)."""
    line, task = db.write_now(lambda s: _seen(s, days=[dt.date(2026, 3, 2)] * 3))

    def reword(session: Session) -> None:
        old = session.exec(select(Item)).one()
        old.active = False
        new = Item(**old.model_dump(exclude={"id"}) | {"version": 2, "content": "措辞修订", "active": True})
        session.add_all([old, new])
        session.flush()
        session.get_one(Task, task).item_ids = [new.id]
        session.exec(select(TaskItem).where(TaskItem.task_id == task)).one().item_id = new.id or 0

    assert db.read_now(_left_out, line, task) == {"本年度已检查同一事项": 3}
    db.write_now(reword)
    assert db.read_now(_left_out, line, task) == {"本年度已检查同一事项": 3}


@pytest.mark.parametrize(
    ("drawn", "begins", "left_out"),
    [
        (dt.date(2026, 12, 28), dt.date(2026, 12, 29), 2),  # of this year two
        (dt.date(2026, 12, 28), dt.date(2027, 1, 11), 1),  # the visits will be next year's
        (dt.date(2027, 3, 2), dt.date(2027, 3, 3), 1),  # bug: the task of the visit was made in December
        (dt.date(2027, 3, 2), dt.date(2026, 12, 29), 1),
    ],
)
def test_the_year_in_which_somebody_was_inspected_is_that_of_the_visit(
    sqlite_db: Database, drawn: dt.date, begins: dt.date, left_out: int
) -> None:
    def story(session: Session) -> None:
        days = [dt.date(2026, 2, 3), dt.date(2026, 12, 30), dt.date(2027, 1, 11)]
        line, task = _seen(session, days=days, window_start=begins, window_end=dt.date(2027, 3, 31))
        assert _left_out(session, line, task, at_china(drawn, 10)) == {"本年度已检查同一事项": left_out}
        for visit in session.exec(select(Visit).where(Visit.planned_on == days[1])):
            visit.ended_on = dt.date(2027, 1, 4)  # begun late
        again = {2: 1, 1: 2}[left_out]
        assert _left_out(session, line, task, at_china(drawn, 10)) == {"本年度已检查同一事项": again}

    sqlite_db.write_now(story)


def test_last_years_visit_does_not_exclude_even_in_the_first_hours_of_january(db: Database) -> None:
    """1 January 00:30 in China is still last year in UTC."""
    new_year = dt.datetime(2027, 1, 1, 0, 30, tzinfo=CHINA)

    def look(session: Session) -> int:
        task = session.get_one(Task, setting(session, objects=1))
        line = session.get_one(PlanLine, task.plan_line_id)
        earlier = make_task(session, line=line, state=TaskState.COMPLETED)  # created in March 2026
        target = make_object(session)
        session.add(
            Visit(
                number="old",
                task_id=earlier.id or 0,
                object_id=target.id or 0,
                stratum="B",
                ticket="0",
                rank=1,
                planned_on=dt.date(2026, 12, 30),
                due_on=dt.date(2026, 12, 31),
            )
        )
        session.flush()
        return len(eligible(session, task=task, line=line, profile=PROFILE, now=new_year).entries)

    assert db.write_now(look) == 2


def test_a_targeted_draw_takes_only_what_is_in_scope(db: Database) -> None:
    def look(session: Session) -> list[str]:
        task = session.get_one(Task, setting(session, objects=3))
        line = session.get_one(PlanLine, task.plan_line_id)
        line.scope = {"districts": ["霞山区"], "industries": ["餐饮"], "labels": ["投诉较多"]}
        wanted = make_object(session, district="霞山区", industry="餐饮", labels=["投诉较多", "其他"])
        make_object(session, district="霞山区", industry="餐饮", labels=["投诉较"])
        make_object(session, district="霞山区", industry="零售", labels=["投诉较多"])
        session.flush()
        found = eligible(session, task=task, line=line, profile=PROFILE, now=NOW).entries
        assert [code for code, _ in found] == [wanted.code]
        return [code for code, _ in found]

    assert len(db.write_now(look)) == 1


def test_an_empty_pool_and_a_class_without_ratio_are_refused_in_words(db: Database) -> None:
    empty = db.write_now(setting, objects=0)
    assert refused(lambda: db.write_now(commit, empty)).key == "pool_empty"
    partial = db.write_now(setting, ratios={"A": 10})
    problem = refused(lambda: db.write_now(commit, partial))
    assert (problem.key, problem.fields) == ("stratum_without_rule", {"分层": "B"})


def test_officers_on_leave_or_related_are_not_drawn(db: Database) -> None:
    def prepare(session: Session) -> int:
        task = setting(session, objects=1, officers=5, ratios={"B": 100})
        people = list(session.exec(select(VisitOfficer.person_id)))
        assert not people
        officers = _officers(session, task)
        session.add(
            Absence(person_id=officers[0], first_day=dt.date(2026, 3, 1), last_day=dt.date(2026, 4, 30))
        )
        target = session.exec(select(InspectionObject.id)).one()
        session.add(Relation(person_id=officers[1], object_id=target or 0, ground="近亲属"))
        return task

    task = db.write_now(prepare)
    db.write_now(whole, task)

    def look(session: Session) -> None:
        visit = session.exec(select(Visit)).one()
        assert not set(team_of(session, visit.id or 0)) & set(_officers(session, task)[:2])

    db.read_now(look)


def _officers(session: Session, task: int) -> list[int]:
    from bot.inspection.people.models import Person, PersonRole  # noqa: PLC0415

    department = session.get_one(Task, task).lead_department_id
    query = (
        select(Person.id)
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .where(Person.department_id == department, PersonRole.role == Role.OFFICER)
    )
    return sorted(i for i in session.exec(query) if i is not None)


# -- C15 -------------------------------------------------------------------------------------------------


def test_c15_the_notice_for_a_visit_on_16_march_leaves_on_11_march(db: Database) -> None:
    early = dt.datetime(2026, 3, 2, 9, 30, tzinfo=CHINA)
    window = {"window_start": dt.date(2026, 3, 16), "window_end": dt.date(2026, 3, 16)}
    task = db.write_now(setting, ratios={"B": 100}, objects=2, **window)
    db.write_now(commit, task, early)
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=early))
    db.write_now(lock, task, early)

    def look(session: Session) -> None:
        assert {v.planned_on for v in session.exec(select(Visit))} == {dt.date(2026, 3, 16)}
        assert {n.due_on for n in session.exec(select(EnterpriseNotice))} == {dt.date(2026, 3, 11)}
        [notice] = session.exec(select(Notice).where(Notice.kind == "enterprise_notice")).all()
        assert notice.not_before == at_china(dt.date(2026, 3, 11), 9)
        assert notice.statutory
        [paper] = session.exec(
            select(Notice).where(Notice.kind == "notice_on_paper")
        ).all()  # no contact there
        assert paper.not_before == at_china(dt.date(2026, 3, 11), 9)

    db.read_now(look)


def test_c15_nothing_is_said_before_an_unannounced_visit(db: Database) -> None:
    task = db.write_now(setting, item={"notice_mode": NoticeMode.UNANNOUNCED})
    db.write_now(whole, task)

    def look(session: Session) -> None:
        kinds = set(session.exec(select(Notice.kind)))
        assert kinds == {"assignment", "draw_committed", "task_dispatched"}
        assert {n.due_on for n in session.exec(select(EnterpriseNotice))} == {None}

    db.read_now(look)


# -- recusal, replacement (C13, D12) ------------------------------------------------------------------------


def asked(session: Session, task: int, *, now: dt.datetime = NOW) -> tuple[int, int, int]:
    """One visit of the task; the leader asked for recusal. Returns (visit id, officer row id, person id)."""
    visit = session.exec(select(Visit).where(Visit.task_id == task).order_by(col(Visit.rank))).first()
    assert visit is not None
    for person in team_of(session, visit.id or 0):
        accept_visit(session, visit_id=visit.id or 0, person_id=person, now=now)
    row = session.exec(
        select(VisitOfficer).where(VisitOfficer.visit_id == visit.id, col(VisitOfficer.leader))
    ).one()
    ask_recusal(session, visit_id=visit.id or 0, person_id=row.person_id, reason="负责人是近亲属", now=now)
    return visit.id or 0, row.id or 0, row.person_id


def lead_of(session: Session, task: int) -> int:
    from bot.inspection.tasks.queries import leads_of  # noqa: PLC0415

    return leads_of(session, session.get_one(Task, task).lead_department_id)[0]


def test_c13_a_granted_recusal_draws_the_next_officer_and_the_log_shows_both(db: Database) -> None:
    task = db.write_now(setting)
    db.write_now(whole, task)
    visit, officer, _ = db.write_now(asked, task)
    lead = db.read_now(lead_of, task)
    follower = db.write_now(lambda s: decide_recusal(s, officer_id=officer, granted=True, by=lead, now=NOW))
    assert follower is not None

    def look(session: Session) -> None:
        assert follower is not None
        old = session.get_one(VisitOfficer, officer)
        assert (old.state, old.replaced_by, old.leader) == ("REPLACED", follower.person_id, False)
        assert follower.leader
        assert follower.person_id not in team_of(session, visit)[:2]
        assert session.get_one(Visit, visit).state == VisitState.ASSIGNED  # the new one has yet to accept
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "recusal.granted")).one()
        assert entry.data == {"officer": officer, "follower": follower.id}
        cards = session.exec(
            select(Notice.recipient_id).where(Notice.kind == "assignment", Notice.subject == f"visit:{visit}")
        ).all()
        assert follower.person_id in cards

    db.read_now(look)
    assert (
        db.write_now(lambda s: decide_recusal(s, officer_id=officer, granted=True, by=lead, now=NOW)) is None
    )
    assert (
        db.write_now(lambda s: decide_recusal(s, officer_id=officer, granted=False, by=lead, now=NOW)) is None
    )
    assert len(db.read_now(team_of, visit)) == 3


def test_only_the_departments_lead_decides(db: Database) -> None:
    task = db.write_now(setting)
    db.write_now(whole, task)
    _, officer, person = db.write_now(asked, task)
    assert (
        refused(
            lambda: db.write_now(
                lambda s: decide_recusal(s, officer_id=officer, granted=True, by=person, now=NOW)
            )
        ).key
        == "forbidden"
    )


def test_a_denied_recusal_gives_back_what_was_and_a_second_request_reaches_the_lead_again(
    db: Database,
) -> None:
    """Bug: the second request had the first one's key, so nobody was told of it."""
    task = db.write_now(setting)
    db.write_now(whole, task)
    visit, officer, person = db.write_now(asked, task)
    lead = db.read_now(lead_of, task)
    db.write_now(lambda s: decide_recusal(s, officer_id=officer, granted=False, by=lead, now=NOW))
    assert db.read_now(lambda s: s.get_one(VisitOfficer, officer).state) == "ACCEPTED"
    later = NOW + dt.timedelta(hours=1)
    db.write_now(lambda s: ask_recusal(s, visit_id=visit, person_id=person, reason="还有别的理由", now=later))
    requests = db.read_now(
        lambda s: s.exec(select(func.count()).where(Notice.kind == "recusal_request")).one()
    )
    assert requests == 2


def test_a_recusal_nobody_can_follow_is_refused_and_stays_open(db: Database) -> None:
    task = db.write_now(setting, officers=2)
    db.write_now(whole, task)
    _, officer, _ = db.write_now(asked, task)
    lead = db.read_now(lead_of, task)
    grant = lambda s: decide_recusal(s, officer_id=officer, granted=True, by=lead, now=NOW)  # noqa: E731
    assert refused(lambda: db.write_now(grant)).key == "officers_missing"
    assert db.read_now(lambda s: s.get_one(VisitOfficer, officer).state) == "RECUSAL_ASKED"


# -- the verifier --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def honest(sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    import shutil  # noqa: PLC0415

    from tests.conftest import INFO  # noqa: PLC0415

    path = tmp_path_factory.mktemp("bundle") / "suicha.db"
    shutil.copy(sqlite_template, path)
    db = Database(f"sqlite:///{path}", info=INFO)
    task = db.write_now(setting, batch_size=3, ratios={"B": 20})
    draw = db.write_now(whole, task)
    files = db.read_now(bundle, draw)
    db.close()
    return files


def head_with(files: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    return files | {"draw.json": canonical(json.loads(files["draw.json"]) | changes)}


def lines(files: dict[str, bytes], name: str) -> list[Any]:
    return [json.loads(line) for line in files[name].splitlines()]


def written(rows: list[Any]) -> bytes:
    return b"".join(canonical(row) + b"\n" for row in rows)


def test_an_honest_bundle_verifies(honest: dict[str, bytes]) -> None:
    assert verify_bundle(honest) == ""
    assert len(lines(honest, "picks.jsonl")) == 8
    assert [p["batch"] for p in lines(honest, "picks.jsonl")] == [1, 1, 1, 2, 2, 2, 3, 3]


def test_c10_the_stored_snapshot_seed_and_version_give_the_identical_list(honest: dict[str, bytes]) -> None:
    head, rules = json.loads(honest["draw.json"]), json.loads(honest["rules.json"])
    pool = [(entry["id"], entry["stratum"]) for entry in lines(honest, "pool.jsonl")][::-1]
    strata = {name: StratumRule.parse(rule) for name, rule in rules["strata"].items()}
    again = pick(
        by_stratum(pool), rules=strata, seed=bytes.fromhex(head["seed"]), batch_size=rules["batch_size"]
    )
    assert picks_bytes(again) == honest["picks.jsonl"]
    assert head["protocol"] == "suicha-draw/1"


def test_c10_one_object_changed_in_the_snapshot_fails(honest: dict[str, bytes]) -> None:
    pool = lines(honest, "pool.jsonl")
    pool[3]["stratum"] = "A"
    assert verify_bundle(honest | {"pool.jsonl": written(pool)}) == "名单与抽取前公布的指纹不一致"


def test_each_lie_is_named(honest: dict[str, bytes]) -> None:
    picks, visits = lines(honest, "picks.jsonl"), lines(honest, "visits.jsonl")
    swapped = [picks[1], picks[0], *picks[2:]]
    lies = {
        "规则与抽取前公布的指纹不一致": honest | {"rules.json": honest["rules.json"] + b" "},
        "秘密与抽取前公布的指纹不一致": head_with(honest, secret="00" * 32),
        "公开随机值与各来源的数值不一致": head_with(honest, public_value="福彩 3D 473"),
        "随机种子与公布的值不一致": head_with(honest, round=2),
        "公布的来源与取得的数值不对应": head_with(
            honest, sources=[{"kind": "witness", "digits": 6, "fallback": "void"}]
        ),
        "不认识的协议 suicha-draw/2": head_with(honest, protocol="suicha-draw/2"),
        f"抽取结果第 1 个应为 {picks[0]['id']}": honest | {"picks.jsonl": written(swapped)},
        f"抽取结果第 8 个应为 {picks[7]['id']}": honest | {"picks.jsonl": written(picks[:7])},
        "抽取结果多出 1 个": honest | {"picks.jsonl": written([*picks, picks[0]])},
        "选派结果与抽取结果不对应": honest | {"visits.jsonl": written(visits[::-1])},
        "执法人员名录与抽取前公布的指纹不一致": honest | {"officers.jsonl": b""},
        "缺少文件 pool.jsonl": {k: v for k, v in honest.items() if k != "pool.jsonl"},
        "缺少文件 visits.jsonl": {k: v for k, v in honest.items() if k != "visits.jsonl"},
    }
    assert {want: verify_bundle(files) for want, files in lies.items()} == {want: want for want in lies}


def test_a_team_that_breaks_the_rules_is_named_even_when_its_fingerprint_fits(
    honest: dict[str, bytes],
) -> None:
    from bot.inspection.draws.algorithm import fingerprint  # noqa: PLC0415

    def lie(visits: list[Any]) -> str:
        body = written(visits)
        transcript = json.loads(honest["draw.json"])["transcript"] | {"visits_jsonl": fingerprint(body)}
        return verify_bundle(head_with(honest, transcript=transcript) | {"visits.jsonl": body})

    visits = lines(honest, "visits.jsonl")
    one = visits[0]
    first, second = one["officers"]
    for team in ([first], [first] * 2, [first, "somebody"], [second, first]):
        wanted = f"{one['id']} 的执法人员（{one['department']}）应为 {first}、{second}"
        assert lie([one | {"officers": team}, *visits[1:]]) == wanted
    assert lie(visits[1:]) == "选派结果与抽取结果不对应"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"strata":[]}', b'{"strata":{"B":"x"}}']
)
@pytest.mark.parametrize("name", ["draw.json", "pool.jsonl", "rules.json", "picks.jsonl", "officers.jsonl"])
def test_rubbish_is_a_fault_and_never_a_crash(honest: dict[str, bytes], name: str, body: bytes) -> None:
    """Bug: a ratio that is no number broke the verifier with a traceback."""
    from bot.inspection.draws.algorithm import fingerprint  # noqa: PLC0415

    files = honest | {name: body}
    assert verify_bundle(files)
    if name in ("pool.jsonl", "rules.json"):
        key = "pool_sha256" if name == "pool.jsonl" else "rules_sha256"
        assert verify_bundle(head_with(files, **{key: fingerprint(body)}))


def test_officers_are_pseudonyms_in_what_is_published(honest: dict[str, bytes]) -> None:
    assert "人员" not in b"".join(honest.values()).decode()
    assert all(len(officer["id"]) == 32 for officer in lines(honest, "officers.jsonl"))


def joint_setting(session: Session, *, officers: int = 3, partners_item: dict[str, Any] | None = None) -> int:
    """A lead and a participating department with officers each, an item of each, four objects drawn."""
    lead, partner = make_department(session).id or 0, make_department(session).id or 0
    for department in (lead, partner):
        make_person(session, role=Role.LEAD, department_id=department, account=f"lead{department}")
        for n in range(officers if department == partner else 3):
            make_officer(session, department, trained=True, account=f"insp{department}-{n}")
    for _ in range(40):
        make_object(session)
    of_each = ((lead, {}), (partner, partners_item or {}))
    items = [make_item(session, department_id=d, **fields).id or 0 for d, fields in of_each]
    line = make_plan_line(session, lead, item_ids=items, joint_department_ids=[partner])
    return make_task(session, line=line).id or 0


def test_a_joint_visit_is_one_visit_with_two_officers_of_every_department(db: Database) -> None:
    task_id = db.write_now(joint_setting)
    db.write_now(whole, task_id)

    def look(session: Session) -> None:
        task = session.get_one(Task, task_id)
        visits = session.exec(select(Visit).where(Visit.task_id == task_id)).all()
        assert len(visits) == 4
        for visit in visits:
            rows = session.exec(select(VisitOfficer).where(VisitOfficer.visit_id == visit.id)).all()
            assert sorted(Counter(row.department_id for row in rows).items()) == [
                (department, 2)
                for department in sorted([task.lead_department_id, *task.joint_department_ids])
            ]
            for row in rows:
                assert session.get_one(Person, row.person_id).department_id == row.department_id
            assert [r.department_id for r in rows if r.leader] == [task.lead_department_id]
        assert verify_bundle(bundle(session, live_draw(session, task_id) or Draw())) == ""

    db.read_now(look)


def test_a_participating_department_without_enough_officers_stops_the_whole_draw(db: Database) -> None:
    task_id = db.write_now(lambda s: joint_setting(s, officers=1))
    before = db.read_now(counts)
    assert refused(lambda: db.write_now(commit, task_id)).key == "not_ready"
    assert db.read_now(counts) == before


def test_a_replacement_comes_from_the_department_of_the_officer_who_steps_back(db: Database) -> None:
    task_id = db.write_now(joint_setting)
    db.write_now(whole, task_id)

    def step_back(session: Session) -> None:
        partner = session.get_one(Task, task_id).joint_department_ids[0]
        officer = session.exec(select(VisitOfficer).where(VisitOfficer.department_id == partner)).first()
        assert officer is not None
        ask_recusal(session, visit_id=officer.visit_id, person_id=officer.person_id, reason="亲属", now=NOW)
        lead = session.exec(select(Notice.recipient_id).where(Notice.kind == "recusal_request")).one()
        assert session.get_one(Person, lead).department_id == partner
        follower = decide_recusal(session, officer_id=officer.id or 0, granted=True, by=lead, now=NOW)
        assert follower is not None
        assert follower.department_id == partner
        assert session.get_one(Person, follower.person_id).department_id == partner

    db.write_now(step_back)
