"""The training before a check: invitations at the lock, attendance by code, the gate (C14)."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.links import Links
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.service import open_form, tell_training_missing
from bot.inspection.draws.preparation import waive_check
from bot.inspection.draws.service import commit_draw, lock_draw, reveal_draw
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role, Training, TrainingSession
from bot.inspection.people.training_sessions import attend, renew_code
from bot.inspection.profile import load_profile
from bot.inspection.tasks.models import VisitOfficer
from bot.inspection.tasks.training import open_days, open_session, remind_absentees
from bot.inspection.tasks.training_messages import officers_untrained, training_invitation, training_missed
from bot.messaging.render import Renderer
from bot.platforms.base import Capabilities
from tests.fakes.builders import (
    NOW,
    make_department,
    make_item,
    make_object,
    make_officer,
    make_person,
    make_plan_line,
    make_task,
)
from tests.fakes.desk import Desk
from tests.fakes.visits import LEAD, LI, VISIT, WANG, untrain

PROFILE = load_profile("default")
CALENDAR = WorkCalendar.load()
HELD = dt.datetime(2026, 3, 10, 6, 0, tzinfo=dt.UTC)  # 14:00 of the same Tuesday
UNTIL = HELD + dt.timedelta(hours=2)


def plan(
    session: Session, *, department_id: int | None = None, name: str = "双随机业务培训"
) -> tuple[int, str, int]:
    planned, code, invited = open_session(
        session, name=name, place="三楼会议室", starts_at=HELD, ends_at=UNTIL, valid_to=dt.date(2026, 12, 31), now=NOW,
        department_id=department_id,
    )  # fmt: skip
    return planned.id or 0, code, invited


def drawn(session: Session, *, profile_gate: bool = True) -> tuple[int, int]:
    """A locked draw with two officers of one department; (department, task)."""
    department = make_department(session).id or 0
    make_person(session, role=Role.LEAD, department_id=department)
    for _ in range(2):
        make_officer(session, department)
    make_object(session)
    line = make_plan_line(session, department, item_ids=[make_item(session).id or 0])
    task = make_task(session, line=line).id or 0
    gate = PROFILE.visit.model_copy(update={"training_gate": profile_gate})
    profile = PROFILE.model_copy(update={"visit": gate})
    for check in ("training", "reachable"):
        waive_check(
            session, task_id=task, check=check, reason="检查前补训，书面通知", now=NOW, profile=profile
        )
    commit_draw(session, task_id=task, secret=bytes(32), now=NOW, profile=profile, calendar=CALENDAR)
    reveal_draw(session, task_id=task, now=NOW)
    lock_draw(session, task_id=task, now=NOW, profile=profile, calendar=CALENDAR)
    return department, task


def notices(session: Session, kind: str) -> list[Notice]:
    return list(session.exec(select(Notice).where(Notice.kind == kind).order_by(col(Notice.recipient_id))))


def test_c14_without_a_training_the_form_stays_closed_the_lead_is_told_and_attendance_opens_it(
    desk: Desk,
) -> None:
    """C14, the acceptance example: P2 has no training record for the task."""
    desk.db.write_now(untrain, person_id=LI)
    desk.arrive(WANG, LI)

    with pytest.raises(Problem) as refused:
        desk.open(LI)
    assert refused.value.key == "training_missing"
    assert "请先完成“双随机、一公开”业务培训" in refused.value.text
    desk.do(tell_training_missing, visit_id=VISIT, person_id=LI)
    assert [n.recipient_id for n in desk.db.read_now(notices, kind="training_missing")] == [LEAD]

    def sitting(session: Session) -> str:
        return plan(session)[1]

    code = desk.db.write_now(sitting)
    desk.db.write_now(attend, person_id=LI, code=code.lower(), now=HELD)

    opened = desk.db.write_now(open_form, visit_id=VISIT, person_id=LI, now=HELD, profile=PROFILE)
    assert opened.visit_id == VISIT


def test_at_the_lock_the_untrained_are_invited_and_their_lead_gets_the_names(db: Database) -> None:
    def story(session: Session) -> None:
        number, code, invited = plan(session)
        assert invited == 0
        department, task = drawn(session)
        officers = sorted(set(session.exec(select(VisitOfficer.person_id))))
        assert [n.recipient_id for n in notices(session, "training_invitation")] == officers
        (gap,) = notices(session, "officers_untrained")
        assert gap.subject == f"task:{task}"
        content = officers_untrained(session, gap, NOW)
        assert isinstance(content, Content)
        assert content.values["count"] == 2
        assert "双随机业务培训" in content.values["next"]
        card = notices(session, "training_invitation")[0]
        open_card = training_invitation(session, card, NOW)
        assert isinstance(open_card, Content)
        assert open_card.closed == ""
        for person in officers:
            attend(session, person_id=person, code=code, now=HELD)
            attend(session, person_id=person, code=code, now=HELD)
        assert len(session.exec(select(Training)).all()) == 2
        assert {t.valid_to for t in session.exec(select(Training))} == {dt.date(2026, 12, 31)}
        done = training_invitation(session, card, HELD)
        assert isinstance(done, Content)
        assert done.closed == "已签到"
        assert isinstance(officers_untrained(session, gap, HELD), Skip)
        assert (department, number) != (0, 0)

    db.write_now(story)


def test_a_sitting_planned_after_the_lock_invites_who_still_needs_one_once(db: Database) -> None:
    def story(session: Session) -> None:
        department, _ = drawn(session)
        assert notices(session, "training_invitation") == []
        (gap,) = notices(session, "officers_untrained")
        content = officers_untrained(session, gap, NOW)
        assert isinstance(content, Content)
        assert content.values["next"] == ""
        other = make_department(session).id or 0
        assert plan(session, department_id=other, name="别的部门")[2] == 0
        assert plan(session, department_id=department)[2] == 2
        assert len(notices(session, "training_invitation")) == 2

    db.write_now(story)


def test_who_was_invited_and_did_not_come_is_reminded_once_with_the_next_sitting(db: Database) -> None:
    """YL-4.3: officers are invited, absentees reminded."""

    def story(session: Session) -> None:
        department, _ = drawn(session)
        _, code, invited = plan(session, department_id=department)
        came, missed = [notice.recipient_id for notice in notices(session, "training_invitation")]
        attend(session, person_id=came, code=code, now=HELD)
        assert invited == 2

        def tick(now: dt.datetime) -> int:
            return remind_absentees(session, now=now, profile=PROFILE, calendar=CALENDAR)

        assert tick(UNTIL) == 0  # the code is good for half an hour more
        later = UNTIL + dt.timedelta(hours=1)
        assert [tick(later), tick(later)] == [1, 0]
        (told,) = notices(session, "training_missed")
        assert told.recipient_id == missed
        content = training_missed(session, told, later)
        assert isinstance(content, Content)
        assert content.values == {"name": "双随机业务培训", "next": "", "quiz": False, "lapses": ""}
        _, second, _ = open_session(
            session, name="补训", place="", starts_at=later, ends_at=later + dt.timedelta(hours=1),
            valid_to=dt.date(2026, 12, 31), now=later,
        )  # fmt: skip
        content = training_missed(session, told, later)
        assert isinstance(content, Content)
        assert content.values["next"].startswith("补训，03月10日")
        attend(session, person_id=missed, code=second, now=later)
        assert training_missed(session, told, later) == Skip("已培训")

    db.write_now(story)


def test_who_came_to_a_training_that_ends_before_the_visit_is_shown_the_next_sitting(db: Database) -> None:
    """No quiz is owed for it, and it does hold today: neither the quiz nor 没有签到 would be true."""

    def story(session: Session) -> None:
        drawn(session)
        _, code, _ = plan(session)
        came, absent = [notice.recipient_id for notice in notices(session, "training_invitation")]
        attend(session, person_id=came, code=code, now=HELD)
        line = session.exec(select(Training)).one()
        later = UNTIL + dt.timedelta(hours=1)
        day = open_days(session, today=HELD.date())[came]
        line.valid_to = day - dt.timedelta(days=1)
        session.flush()
        assert remind_absentees(session, now=later, profile=PROFILE, calendar=CALENDAR) == 2
        told = {notice.recipient_id: notice for notice in notices(session, "training_missed")}

        def said() -> Content | Skip:
            return training_missed(session, told[came], later)

        lapsed = Content({"name": "双随机业务培训", "next": "", "quiz": False, "lapses": f"{day:%m月%d日}"})
        assert said() == lapsed
        other = training_missed(session, told[absent], later)
        assert isinstance(other, Content)
        assert other.values["lapses"] == ""
        line.quiz_due = True  # passing it would not open the form of that day either
        session.flush()
        assert said() == lapsed

    db.write_now(story)


@pytest.mark.parametrize(
    ("values", "title", "words", "never"),
    [
        ({"quiz": True}, "还差测验", "请回复“培训测验”", "下一场"),
        ({"lapses": "03月20日", "next": "补训"}, "要续期", "检查当天（03月20日）不在有效期内", "签到记录"),
        ({"next": "补训"}, "还没有参加", "没有您的签到记录", "测验"),
    ],
)
def test_each_who_cannot_open_the_form_reads_what_is_true_of_them(
    values: dict[str, object], title: str, words: str, never: str
) -> None:
    told = {"name": "业务培训", "next": "", "quiz": False, "lapses": ""} | values
    capabilities = Capabilities()
    read = Renderer(Links("http://suicha.test", "k" * 24)).message(
        "training_missed", Content(told), subject="training:1", generation=0, person_id=1, capabilities=capabilities
    )  # fmt: skip
    assert title in read.title
    assert words in read.body
    assert never not in read.body


def test_a_locality_without_the_gate_invites_nobody(db: Database) -> None:
    def story(session: Session) -> None:
        drawn(session, profile_gate=False)
        assert notices(session, "officers_untrained") == []

    db.write_now(story)


def test_a_training_of_last_year_does_not_count(db: Database) -> None:
    def story(session: Session) -> None:
        drawn(session)
        for person in session.exec(select(VisitOfficer.person_id)).all():
            session.add(
                Training(person_id=person, session="2025", held_on=dt.date(2025, 3, 1), valid_to=dt.date(2025, 12, 31))
            )  # fmt: skip
        session.flush()
        assert plan(session)[2] == 2

    db.write_now(story)


@pytest.mark.parametrize("minutes", [-31, 151])
def test_the_code_is_good_only_around_the_sitting(db: Database, minutes: int) -> None:
    def story(session: Session) -> None:
        person = make_officer(session, make_department(session).id or 0)
        _, code, _ = plan(session)
        with pytest.raises(Problem) as refused:
            attend(session, person_id=person.id or 0, code=code, now=HELD + dt.timedelta(minutes=minutes))
        assert refused.value.key == "training_not_now"

    db.write_now(story)


def test_a_wrong_code_an_old_code_and_a_stranger_are_refused(db: Database) -> None:
    def story(session: Session) -> None:
        person = make_officer(session, make_department(session).id or 0).id or 0
        stranger = make_person(session).id or 0
        number, old, _ = plan(session)
        fresh = renew_code(session, training_id=number, now=NOW)
        for who, code, key in (
            (person, "222222", "training_code_wrong"),
            (person, old, "training_code_wrong"),
            (stranger, fresh, "forbidden"),
        ):
            with pytest.raises(Problem) as refused:
                attend(session, person_id=who, code=code, now=HELD)
            assert refused.value.key == key
        assert old not in str(session.exec(select(TrainingSession)).one().model_dump())

    db.write_now(story)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"ends_at": HELD}, "training_hours"),
        (
            {"starts_at": HELD - dt.timedelta(days=9), "ends_at": HELD - dt.timedelta(days=8)},
            "training_hours",
        ),
        ({"valid_to": dt.date(2026, 3, 9)}, "training_validity"),
        ({"name": " 双随机业务培训 "}, "training_twice"),
        ({"name": " "}, "training_twice"),
    ],
)
def test_a_sitting_that_cannot_be_is_refused(db: Database, changes: dict[str, object], key: str) -> None:
    def story(session: Session) -> None:
        plan(session)
        values = {
            "name": "第二场",
            "place": "",
            "starts_at": HELD,
            "ends_at": UNTIL,
            "valid_to": dt.date(2026, 12, 31),
        }
        with pytest.raises(Problem) as refused:
            open_session(session, now=NOW, **values | changes)  # type: ignore[arg-type]
        assert refused.value.key == key

    db.write_now(story)
