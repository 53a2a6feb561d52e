"""Accepting, recusal, check-in and notices of one visit (C13, C15, C16)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.draws.replacement import decide_recusal
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice, NoticeState
from bot.inspection.notices.service import enqueue
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.profile import load_profile
from bot.inspection.tasks.creation import confirm_libraries, create_task
from bot.inspection.tasks.messages import KINDS
from bot.inspection.tasks.models import (
    CheckIn,
    EnterpriseNotice,
    Task,
    TaskItem,
    TaskState,
    Visit,
    VisitOfficer,
    VisitState,
)
from bot.inspection.tasks.queries import leads_of, live_officers, visit_facts
from bot.inspection.tasks.service import (
    accept_visit,
    ask_recusal,
    check_in,
    count_by_state,
    move_visit,
    promise_enterprise_notice,
    read_notice,
    remind_all,
)
from bot.inspection.tasks.states import MOVES, may_move
from tests.fakes.builders import (
    NOW,
    make_account,
    make_department,
    make_enterprise,
    make_item,
    make_officer,
    make_person,
    make_plan_line,
    make_visit,
    team_of,
)

PROFILE = load_profile("default")
LATER = NOW + dt.timedelta(hours=1)


def prepared(session: Session, *, contact: str = "", team: int = 2, **visit: Any) -> tuple[int, list[int]]:
    """A visit; returns its id and its officers."""
    made = make_visit(session, team=team, **visit)
    if contact:
        make_enterprise(session, made.object_id, account=contact)
    task = session.get_one(Task, made.task_id)
    make_person(session, role=Role.LEAD, department_id=task.lead_department_id)
    return made.id or 0, team_of(session, made.id or 0)


def accept(session: Session, visit: int, person: int, now: dt.datetime = NOW) -> None:
    accept_visit(session, visit_id=visit, person_id=person, now=now)


def arrive(session: Session, visit: int, person: int, now: dt.datetime = NOW, **fields: Any) -> bool:
    return check_in(session, visit_id=visit, person_id=person, now=now, profile=PROFILE, **fields)


def state(session: Session, visit: int) -> str:
    return session.get_one(Visit, visit).state


def actions(session: Session) -> list[str]:
    return list(session.exec(select(AuditEntry.action).order_by(col(AuditEntry.seq))))


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value.key


def test_a_second_accept_keeps_the_first_time(db: Database) -> None:
    visit, (one, two) = db.write_now(prepared)
    db.write_now(accept, visit, one)
    db.write_now(accept, visit, one, LATER)
    officers = db.read_now(live_officers, visit)
    assert officers[0].accepted_at == NOW
    assert db.read_now(state, visit) == VisitState.ASSIGNED
    assert db.read_now(actions) == ["visit.accepted"]
    db.write_now(accept, visit, two, LATER)
    assert db.read_now(state, visit) == VisitState.ACCEPTED
    assert db.read_now(lambda s: s.get_one(Visit, visit).accepted_at) == LATER


@pytest.mark.postgres
def test_a_team_that_accepts_in_the_same_moment_has_accepted(postgres_db: Database) -> None:
    """Bug: each of two transactions saw the other's officer as not yet accepted."""
    db = postgres_db
    for _ in range(15):
        visit, people = db.write_now(prepared)
        for future in [db.submit(accept, visit, person) for person in people]:
            future.result()
        assert db.read_now(state, visit) == VisitState.ACCEPTED
        for future in [db.submit(arrive, visit, person) for person in people]:
            future.result()
        assert db.read_now(state, visit) == VisitState.ON_SITE


def test_only_the_visits_officers_may_act(db: Database) -> None:
    visit, _ = db.write_now(prepared)
    stranger = db.write_now(lambda s: make_person(s).id or 0)
    assert refused(lambda: db.write_now(accept, visit, stranger)) == "forbidden"
    assert refused(lambda: db.write_now(arrive, visit, stranger)) == "forbidden"
    assert refused(lambda: db.write_now(accept, 9999, stranger)) == "not_found"
    assert db.read_now(actions) == []


# -- recusal ---------------------------------------------------------------


def ask(session: Session, visit: int, person: int, reason: str = "近亲属") -> None:
    ask_recusal(session, visit_id=visit, person_id=person, reason=reason, now=NOW)


def test_c13_recusal_goes_to_the_lead_with_the_reason_and_blocks_accept_and_check_in(db: Database) -> None:
    visit, (one, _) = db.write_now(prepared)
    db.write_now(ask, visit, one)
    db.write_now(ask, visit, one, "再按一次")
    requests = db.read_now(lambda s: s.exec(select(Notice).where(Notice.kind == "recusal_request")).all())
    lead = db.read_now(lambda s: leads_of(s, visit_facts(s, visit).task.lead_department_id))
    assert [n.recipient_id for n in requests] == lead
    assert (
        db.read_now(
            lambda s: s.exec(select(VisitOfficer.recusal_reason).where(VisitOfficer.person_id == one)).one()
        )
        == "近亲属"
    )
    assert refused(lambda: db.write_now(accept, visit, one)) == "recusal_pending"
    assert refused(lambda: db.write_now(arrive, visit, one)) == "recusal_pending"


def test_who_asks_again_after_a_refusal_is_heard_again_even_in_the_same_second(db: Database) -> None:
    """Bug: the second request had the first one's slot, no lead was told of it, and the officer waited for ever."""
    visit, (one, _) = db.write_now(prepared)
    lead = db.read_now(lambda s: leads_of(s, visit_facts(s, visit).task.lead_department_id))[0]
    for _ in range(2):
        db.write_now(ask, visit, one)
        officer = db.read_now(
            lambda s: s.exec(select(VisitOfficer.id).where(VisitOfficer.person_id == one)).one()
        )
        db.write_now(lambda s, o=officer: decide_recusal(s, officer_id=o, by=lead, granted=False, now=NOW))
    told = db.read_now(
        lambda s: s.exec(select(Notice.kind).where(col(Notice.kind).startswith("recusal"))).all()
    )
    assert sorted(told) == ["recusal_decided"] * 2 + ["recusal_request"] * 2


def test_a_lead_who_was_drawn_does_not_decide_about_their_own_recusal(db: Database) -> None:
    visit, (one, _) = db.write_now(prepared)

    def promote(session: Session) -> int:
        session.add(PersonRole(person_id=one, role=Role.LEAD))
        return session.exec(select(VisitOfficer.id).where(VisitOfficer.person_id == one)).one() or 0

    officer = db.write_now(promote)
    db.write_now(ask, visit, one)
    told = db.read_now(
        lambda s: s.exec(select(Notice.recipient_id).where(Notice.kind == "recusal_request")).all()
    )
    assert told
    assert one not in told
    for granted in (True, False):
        assert refused(
            lambda granted=granted: db.write_now(
                lambda s: decide_recusal(s, officer_id=officer, by=one, granted=granted, now=NOW)
            )
        ) == "forbidden"  # fmt: skip
    assert (
        db.write_now(lambda s: decide_recusal(s, officer_id=officer, by=told[0], granted=False, now=NOW))
        is None
    )


def test_recusal_without_a_reason_or_after_the_start_is_refused(db: Database) -> None:
    visit, (one, two) = db.write_now(prepared)
    assert refused(lambda: db.write_now(ask, visit, one, "  ")) == "reason_missing"
    db.write_now(arrive, visit, one)
    db.write_now(arrive, visit, two)
    assert refused(lambda: db.write_now(ask, visit, one)) == "wrong_state"


# -- check-in --------------------------------------------------------------


def test_c16_one_officer_is_not_enough_and_the_second_opens_the_form(db: Database) -> None:
    visit, (one, two) = db.write_now(prepared)
    assert db.write_now(arrive, visit, one, latitude=21.2, longitude=110.4, place="人民路") is False
    assert db.write_now(arrive, visit, one, LATER) is False
    assert db.read_now(state, visit) == VisitState.ASSIGNED
    assert db.write_now(arrive, visit, two, LATER) is True
    assert db.write_now(arrive, visit, two, LATER) is True
    assert db.read_now(state, visit) == VisitState.ON_SITE
    check_ins = db.read_now(lambda s: s.exec(select(CheckIn).order_by(col(CheckIn.id))).all())
    assert [(c.person_id, c.at, c.place) for c in check_ins] == [(one, NOW, "人民路"), (two, LATER, "")]
    assert (
        db.read_now(lambda s: s.get_one(Task, s.get_one(Visit, visit).task_id).state) == TaskState.IN_PROGRESS
    )


def test_checking_in_is_accepting(db: Database) -> None:
    visit, (one, _) = db.write_now(prepared)
    db.write_now(arrive, visit, one)
    assert db.read_now(live_officers, visit)[0].accepted_at == NOW


def test_an_officer_who_was_replaced_after_checking_in_does_not_count(db: Database) -> None:
    """Bug: the form opened with one officer on site."""
    visit, (one, two) = db.write_now(prepared)
    db.write_now(arrive, visit, one)

    def replace(session: Session) -> int:
        row = session.exec(select(VisitOfficer).where(VisitOfficer.person_id == one)).one()
        row.state = "REPLACED"
        follower = make_officer(session, row.department_id or 0).id or 0
        session.add(VisitOfficer(visit_id=visit, person_id=follower, department_id=row.department_id,
                                     ticket="f" * 64, assigned_at=NOW))  # fmt: skip
        return follower

    follower = db.write_now(replace)
    assert db.write_now(arrive, visit, follower) is False
    assert db.write_now(arrive, visit, two) is True


def test_c16_without_a_network_the_visit_is_registered_later_and_marked_late(db: Database) -> None:
    visit, (one, two) = db.write_now(prepared)
    there, then = NOW + dt.timedelta(hours=3), NOW + dt.timedelta(days=9)
    for person in (one, two):
        db.write_now(arrive, visit, person, now=then, late_reason="山区没有网络", happened_at=there)
    kept = db.read_now(lambda s: s.get_one(Visit, visit))
    assert (kept.late, kept.on_site_at, kept.state) == (True, there, VisitState.ON_SITE)


def test_c16_after_the_profiles_limit_nobody_registers_late(db: Database) -> None:
    visit, (one, _) = db.write_now(prepared)
    there, then = NOW + dt.timedelta(hours=3), NOW + dt.timedelta(days=11)
    late = lambda **f: db.write_now(arrive, visit, one, now=then, **f)  # noqa: E731
    assert refused(lambda: late(late_reason="山区没有网络", happened_at=there)) == "late_limit"
    assert refused(lambda: late(late_reason="", happened_at=then)) == "late_reason"
    assert refused(lambda: late(late_reason="山区没有网络")) == "late_time"
    before = NOW - dt.timedelta(days=1)
    assert refused(lambda: late(late_reason="山区没有网络", happened_at=before)) == "late_time"
    assert db.read_now(lambda s: s.exec(select(CheckIn)).all()) == []


def test_reminders_still_queued_are_withdrawn_when_they_become_untrue(db: Database) -> None:
    visit, (one, two) = db.write_now(prepared)

    def queue(session: Session) -> None:
        for kind in ("assignment_reminder", "visit_window"):
            for person in (one, two):
                enqueue(session, kind, f"visit:{visit}", recipient_id=person, now=NOW)

    db.write_now(queue)
    db.write_now(accept, visit, one)
    states = lambda s: {  # noqa: E731
        (n.kind, n.recipient_id): n.state for n in s.exec(select(Notice)).all()
    }
    after_accept = db.read_now(states)
    assert after_accept["assignment_reminder", one] == NoticeState.WITHDRAWN
    assert after_accept["assignment_reminder", two] == NoticeState.QUEUED
    db.write_now(arrive, visit, one)
    db.write_now(arrive, visit, two)
    assert set(db.read_now(states).values()) == {NoticeState.WITHDRAWN}


# -- moves -----------------------------------------------------------------


def test_a_visit_moves_only_as_the_state_machine_allows_and_each_move_is_a_new_generation(
    db: Database,
) -> None:
    visit, _ = db.write_now(prepared)

    def move(session: Session, to: VisitState) -> int:
        row = session.get_one(Visit, visit)
        move_visit(session, row, to, now=NOW)
        return row.generation

    assert refused(lambda: db.write_now(move, VisitState.PUBLISHED)) == "wrong_state"
    assert db.write_now(move, VisitState.ASSIGNED) == 1
    assert db.write_now(move, VisitState.ACCEPTED) == 2
    assert db.read_now(lambda s: count_by_state(s, s.get_one(Visit, visit).task_id)) == {"ACCEPTED": 1}


def test_every_state_can_be_reached_and_the_last_ones_are_final() -> None:
    reached, todo = set(), [VisitState.SCHEDULED]
    while todo:
        now = todo.pop()
        reached.add(now)
        todo += [to for to in MOVES[now] if to not in reached]
    assert reached == set(VisitState)
    assert not any(may_move(state, to) for state in ("PUBLISHED", "NON_PUBLIC") for to in VisitState)


# -- the enterprise --------------------------------------------------------


def test_c15_without_advance_notice_the_enterprise_is_told_at_check_in(db: Database) -> None:
    visit, (one, two) = db.write_now(prepared, contact="boss")
    db.write_now(_at_the_door, visit)
    db.write_now(arrive, visit, one)
    assert db.read_now(_notices, "enterprise_notice") == []
    db.write_now(arrive, visit, two)
    [notice] = db.read_now(_notices, "enterprise_notice")
    assert (notice.not_before, notice.statutory) == (NOW, True)
    assert db.read_now(lambda s: s.get_one(EnterpriseNotice, visit).delivery) == "AT_CHECK_IN"


def _at_the_door(session: Session, visit: int) -> None:
    session.get_one(EnterpriseNotice, visit).due_on = None


def _notices(session: Session, kind: str) -> list[Notice]:
    return list(session.exec(select(Notice).where(Notice.kind == kind)).all())


def test_an_enterprise_whose_contact_has_no_account_is_told_on_paper(db: Database) -> None:
    """Bug: a registered contact without a chat account counted as told."""
    visit, _ = db.write_now(prepared)
    contact = db.write_now(lambda s: make_enterprise(s, s.get_one(Visit, visit).object_id).id or 0)
    db.write_now(lambda s: promise_enterprise_notice(s, visit, at=NOW, now=NOW))
    assert db.read_now(lambda s: s.get_one(EnterpriseNotice, visit).delivery) == "NOT_DELIVERED"
    paper = next(kind for kind in KINDS if kind.name == "notice_on_paper")
    about = Notice(
        kind="notice_on_paper", subject=f"visit:{visit}", recipient_id=contact, not_before=NOW, created_at=NOW
    )
    assert isinstance(db.read_now(paper.content, about, NOW), Content)
    db.write_now(lambda s: make_account(s, contact, user_id="boss"))
    assert db.read_now(paper.content, about, NOW) == Skip("联络员已绑定，通知书已在线发送")


def test_only_a_contact_reads_the_notice_and_the_first_time_counts(db: Database) -> None:
    visit, (one, _) = db.write_now(prepared, contact="boss")
    [contact] = db.read_now(lambda s: visit_facts(s, visit).contacts)
    assert (
        refused(lambda: db.write_now(lambda s: read_notice(s, visit_id=visit, person_id=one, now=NOW)))
        == "forbidden"
    )
    for now in (NOW, LATER):
        db.write_now(lambda s, now=now: read_notice(s, visit_id=visit, person_id=contact, now=now))
    told = db.read_now(lambda s: s.get_one(EnterpriseNotice, visit))
    assert (told.read_at, told.delivery) == (NOW, "CHAT")
    assert db.read_now(actions) == ["notice.read"]


def test_a_notice_of_a_visit_that_is_over_is_not_sent_any_more(db: Database) -> None:
    visit, _ = db.write_now(prepared, contact="boss")
    kind = next(k for k in KINDS if k.name == "enterprise_notice")
    [contact] = db.read_now(lambda s: visit_facts(s, visit).contacts)
    about = Notice(
        kind=kind.name, subject=f"visit:{visit}", recipient_id=contact, not_before=NOW, created_at=NOW
    )
    silent = Notice(kind=kind.name, subject=f"visit:{visit}", recipient_id=-1, not_before=NOW, created_at=NOW)
    assert db.read_now(kind.content, silent, NOW) == Skip("联络员没有聊天账号，书面送达")
    shown = db.read_now(kind.content, about, NOW)
    assert isinstance(shown, Content)
    assert [ask.verb for ask in shown.asks] == ["read_notice"]
    db.write_now(lambda s: setattr(s.get_one(Visit, visit), "state", VisitState.IN_REVIEW))
    assert db.read_now(kind.content, about, NOW) == Skip("检查已结束")


# -- urging ----------------------------------------------------------------


def test_urging_reaches_everybody_who_has_not_answered_once_an_hour(db: Database) -> None:
    visit, (one, two) = db.write_now(prepared)
    db.write_now(accept, visit, one)
    task = db.read_now(lambda s: s.get_one(Visit, visit).task_id)
    urge = lambda s, now: remind_all(s, task_id=task, now=now, actor=two)  # noqa: E731
    assert [db.write_now(urge, NOW), db.write_now(urge, NOW), db.write_now(urge, LATER)] == [1, 0, 1]
    assert {n.recipient_id for n in db.read_now(_notices, "assignment_reminder")} == {two}


def test_urging_long_after_the_window_still_works(db: Database) -> None:
    """Bug: the reminder was useless before it began, and the database refused it."""
    visit, _ = db.write_now(prepared)
    task = db.read_now(lambda s: s.get_one(Visit, visit).task_id)
    assert db.write_now(lambda s: remind_all(s, task_id=task, now=NOW + dt.timedelta(days=60), actor=1)) == 2


# -- making tasks ----------------------------------------------------------


def line(session: Session, **item: Any) -> int:
    department = make_department(session).id or 0
    return make_plan_line(session, department, item_ids=[make_item(session, **item).id or 0]).id or 0


def test_a_plan_line_gives_one_task_with_its_items(db: Database) -> None:
    made = db.write_now(line)
    first = db.write_now(lambda s: create_task(s, plan_line_id=made, now=NOW))
    again = db.write_now(lambda s: create_task(s, plan_line_id=made, now=LATER))
    assert first.id == again.id
    assert first.state == TaskState.APPROVED
    confirmed = db.write_now(lambda s: confirm_libraries(s, task_id=first.id or 0, now=NOW))
    assert confirmed.state == TaskState.LIBRARIES_CONFIRMED
    db.write_now(lambda s: confirm_libraries(s, task_id=first.id or 0, now=NOW))
    assert db.read_now(actions) == [
        "task.created",
        *["library.confirmed"] * 4,
    ]  # each time counts: the latest is shown


def test_no_task_without_a_published_plan_or_with_an_item_off_the_list(db: Database) -> None:
    inactive = db.write_now(line, active=False)
    assert (
        refused(lambda: db.write_now(lambda s: create_task(s, plan_line_id=inactive, now=NOW)))
        == "item_inactive"
    )
    draft = db.write_now(line)

    def unpublish(session: Session) -> None:
        session.get_one(Plan, session.get_one(PlanLine, draft).plan_id).state = PlanState.DRAFT

    db.write_now(unpublish)
    assert (
        refused(lambda: db.write_now(lambda s: create_task(s, plan_line_id=draft, now=NOW)))
        == "plan_not_published"
    )
    assert refused(lambda: db.write_now(lambda s: create_task(s, plan_line_id=9999, now=NOW))) == "not_found"
    assert db.read_now(lambda s: s.exec(select(func.count()).select_from(Task)).one()) == 0


def test_each_item_of_a_joint_task_belongs_to_its_own_department_or_to_the_lead(db: Database) -> None:
    def make(session: Session) -> dict[str, int]:
        lead, partner, stranger = (make_department(session).id or 0 for _ in range(3))
        items = [make_item(session, department_id=d).id or 0 for d in (lead, partner, stranger, None)]
        made = make_plan_line(session, lead, item_ids=items, joint_department_ids=[partner, lead, partner])
        task = create_task(session, plan_line_id=made.id or 0, now=NOW)
        assert task.joint_department_ids == [partner]
        rows = session.exec(select(TaskItem).where(TaskItem.task_id == task.id)).all()
        assert {row.item_id: row.department_id for row in rows} == dict(
            zip(items, [lead, partner, lead, lead], strict=True)
        )
        return {}

    db.write_now(make)
