"""C16: a department's part of a visit opens with its own two officers; the others are chased until they come."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from unittest.mock import patch

import pytest
from sqlmodel import Session, col, select

from bot.core.clock import CHINA
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.draws.leave import reassign
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from bot.inspection.profile import load_profile
from bot.inspection.tasks import messages as tasks_messages
from bot.inspection.tasks.messages import assignment
from bot.inspection.tasks.models import OfficerState, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.queries import visit_facts
from bot.inspection.tasks.service import accept_visit, ask_recusal, check_in
from bot.inspection.tasks.states import BEFORE_SUBMIT
from tests.fakes.builders import make_department, make_person, make_task, make_visit, team_of
from tests.fakes.reminding import remind

PROFILE = load_profile("default")


def at(day: int, hour: int = 9, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, minute, tzinfo=CHINA)


def joint_visit(session: Session) -> tuple[int, int, list[int], list[int]]:
    """(visit, lead, two officers of the leading department, two of the other); planned for March 16."""
    other = make_department(session)
    task = make_task(session, state="DISPATCHED", joint_department_ids=[other.id])
    lead = make_person(session, role=Role.LEAD, department_id=task.lead_department_id).id or 0
    visit = make_visit(session, task=task, team=4).id or 0
    team = team_of(session, visit)
    for officer in session.exec(select(VisitOfficer).where(col(VisitOfficer.person_id).in_(team[2:]))):
        officer.department_id = other.id
    session.flush()
    return visit, lead, team[:2], team[2:]


def arrive(session: Session, visit: int, person: int, now: dt.datetime) -> bool:
    return check_in(session, visit_id=visit, person_id=person, now=now, profile=PROFILE)


def state_of(session: Session, visit: int) -> str:
    return session.get_one(Visit, visit).state


def told(session: Session, person: int) -> list[tuple[str, int]]:
    rows = session.exec(select(Notice).where(Notice.recipient_id == person).order_by(col(Notice.id)))
    return [(n.kind, n.not_before.astimezone(CHINA).day) for n in rows if n.state != "withdrawn"]


def test_one_officer_of_each_department_opens_nothing(db: Database) -> None:
    visit, _, mine, theirs = db.write_now(joint_visit)
    assert not db.write_now(arrive, visit, mine[0], at(16))
    assert not db.write_now(arrive, visit, theirs[0], at(16))
    assert db.read_now(state_of, visit) == VisitState.ASSIGNED
    assert db.write_now(arrive, visit, mine[1], at(16))
    assert db.read_now(state_of, visit) == VisitState.ON_SITE


def test_who_may_not_check_in_until_the_recusal_is_decided_is_not_asked_to_come(db: Database) -> None:
    visit, _, mine, _ = db.write_now(joint_visit)
    for person in mine:
        db.write_now(lambda s, p=person: accept_visit(s, visit_id=visit, person_id=p, now=at(11)))
    db.write_now(lambda s: ask_recusal(s, visit_id=visit, person_id=mine[0], reason="亲属", now=at(11)))
    db.write_now(remind, at(16, 17, 30), PROFILE)
    chased = [[kind for kind, _ in db.read_now(told, p) if kind == "visit_day"] for p in mine]
    assert chased == [[], ["visit_day"]]


def test_who_has_not_come_yet_is_chased_although_the_other_department_has_begun(db: Database) -> None:
    visit, lead, mine, theirs = db.write_now(joint_visit)
    db.write_now(lambda s: accept_visit(s, visit_id=visit, person_id=theirs[0], now=at(11)))
    for person in mine:
        db.write_now(arrive, visit, person, at(16, 9, 30))
    for day in (16, 17, 18):
        db.write_now(remind, at(day, 17, 30), PROFILE)
    assert [row for row in db.read_now(told, theirs[0]) if row[0] == "visit_day"] == [
        ("visit_day", day) for day in (16, 17, 18)
    ]
    assert ("assignment_reminder", 16) in db.read_now(told, theirs[1])  # never answered
    assert ("assignment_overdue", 16) in db.read_now(told, lead)
    assert [kind for kind, _ in db.read_now(told, mine[0]) if kind == "visit_day"] == []


def test_who_has_not_come_may_still_step_back_while_the_others_work_and_who_came_may_not(
    db: Database,
) -> None:
    visit, lead, mine, theirs = db.write_now(joint_visit)
    for person in mine:
        db.write_now(arrive, visit, person, at(16))

    def ask(session: Session, person: int) -> None:
        ask_recusal(session, visit_id=visit, person_id=person, reason="与负责人有亲属关系", now=at(16, 10))

    db.write_now(ask, theirs[0])
    with pytest.raises(Problem, match="检查已经开始"):
        db.write_now(ask, mine[0])

    def change(session: Session, person: int) -> None:
        place = session.exec(select(VisitOfficer.id).where(VisitOfficer.person_id == person)).one()
        reassign(session, officer_id=place or 0, by=lead, reason="出差", now=at(16, 11))

    with pytest.raises(Problem) as refused:
        db.write_now(change, mine[0])
    assert refused.value.key == "wrong_state"


def test_the_officers_own_card_asks_for_what_comes_next(db: Database) -> None:
    """Bugs: a card that was answered still asked 「请先确认能否参加」; who came late lost the button to check in."""
    visit, _, mine, theirs = db.write_now(joint_visit)

    def card(person: int) -> tuple[str, list[str]]:
        def read(session: Session) -> Content | Skip:
            notice = Notice(kind="assignment", subject=f"visit:{visit}", recipient_id=person)
            return assignment(session, notice, at(16))

        shown = db.read_now(read)
        assert isinstance(shown, Content)
        return str(shown.values["next_step"]), [ask.text for ask in shown.asks]

    assert card(mine[0]) == ("请先确认能否参加。", ["收到", "申请回避", "不能参加"])
    for officer in (*mine, *theirs):
        db.write_now(lambda s, who=officer: accept_visit(s, visit_id=visit, person_id=who, now=at(11)))
    assert card(mine[0]) == ("请按期到场签到。", ["到场签到", "申请回避"])
    db.write_now(arrive, visit, mine[0], at(16))
    assert card(mine[0]) == ("您已签到，同行人员签到后即可开始。", [])
    db.write_now(arrive, visit, mine[1], at(16))
    assert card(mine[0]) == ("您已签到，请逐项检查、填写检查表。", ["逐项问答"])
    assert card(theirs[0]) == ("请按期到场签到。", ["到场签到", "申请回避", "逐项问答"])


@pytest.mark.parametrize("state", VisitState)
@pytest.mark.parametrize("mine", [OfficerState.ACCEPTED, OfficerState.RECUSAL_ASKED])
@pytest.mark.parametrize("method", [None, "网络核查"])
def test_a_card_asks_for_nothing_where_nothing_is_to_be_done(
    sqlite_db: Database, state: VisitState, mine: OfficerState, method: str | None
) -> None:
    """Bugs: a published visit still asked for its form, a recused officer and one at a desk were asked to check in."""
    visit, _, team, _ = sqlite_db.write_now(joint_visit)

    def card(session: Session) -> str:
        facts = visit_facts(session, visit)
        facts.visit.state = state
        officer = facts.officer(team[0])
        assert officer is not None
        officer.state = mine
        session.flush()
        with patch.object(
            tasks_messages, "visit_facts", lambda *_: replace(facts, method=method or facts.method)
        ):
            shown = assignment(
                session, Notice(kind="assignment", subject=f"visit:{visit}", recipient_id=team[0]), at(16)
            )
        assert isinstance(shown, Content)
        return str(shown.values["next_step"])

    step = sqlite_db.write_now(card)
    if state not in BEFORE_SUBMIT or mine is OfficerState.RECUSAL_ASKED:
        assert step == ""
    elif state is VisitState.RECORDED:
        assert step == "请核对记录，签字后提交。"
    else:
        assert step == ("请逐项核查、填写检查表。" if method else "请按期到场签到。")


@pytest.mark.parametrize("lent_by", ["nobody", "a department outside the task"])
def test_who_comes_for_no_department_of_the_task_comes_for_the_lead(db: Database, lent_by: str) -> None:
    """Bug: a team of one officer of the lead and one who was lent counted as two departments, and nothing opened."""

    def lend(session: Session) -> tuple[int, list[int]]:
        task = make_task(session, state="DISPATCHED")
        visit = make_visit(session, task=task).id or 0
        team = team_of(session, visit)
        second = session.exec(select(VisitOfficer).where(VisitOfficer.person_id == team[1])).one()
        second.department_id = None if lent_by == "nobody" else make_department(session).id
        session.flush()
        return visit, team

    visit, team = db.write_now(lend)
    assert not db.write_now(arrive, visit, team[0], at(16))
    assert db.write_now(arrive, visit, team[1], at(16))
    assert db.read_now(state_of, visit) == VisitState.ON_SITE
