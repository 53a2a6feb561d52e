"""A day of a year whose holidays are not published says 「暂定」 wherever somebody reads it as a limit, and no more once
they are (C28)."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.core.links import Links
from bot.inspection.calendar import Calendar, WorkCalendar
from bot.inspection.deadlines.calendar_years import import_year
from bot.inspection.deadlines.models import Deadline
from bot.inspection.deadlines.shown import CALENDAR, PROVISIONAL
from bot.inspection.followups.crime import decide, propose
from bot.inspection.followups.extensions import ask_extension, decide_extension
from bot.inspection.followups.models import FollowUp
from bot.inspection.followups.service import report_correction
from bot.inspection.messages import KINDS
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import Notice
from bot.inspection.tasks.models import NoticeDocument
from bot.inspection.tasks.notice_paper import notice_body, render_notice, says_the_same
from bot.messaging.render import Renderer
from bot.platforms.base import Capabilities
from tests.fakes.chatting import KEY, Person
from tests.fakes.desk import GOOD, Desk
from tests.fakes.reminding import remind
from tests.fakes.visits import LI, REVIEWER, WANG, make_visit
from tests.inspection.matrix_world import PROFILE, World, accept, build, problem_found, visit_of
from tests.inspection.test_calendar_years import YEAR, read

NOW = dt.datetime(2026, 12, 30, 10, tzinfo=CHINA)
LIMIT = r"(?:01月\d\d日|2027年01月\d\d日)(?: \d\d:\d\d)?"
RENDERER = Renderer(Links("http://suicha.test", KEY))


@dataclass
class Setting:
    """What a place is read in: the database, the calendar of the process, a folder, an hour before the year ends."""

    db: Database
    calendar: Calendar
    folder: Path
    clock: ManualClock

    def person(self, number: int) -> Person:
        return Person(self.db, number, self.clock, calendar=self.calendar)

    def press(self, person: int, verb: str, subject: str, *words: str) -> str:
        """The answer to a press, or to the last of the *words* that follow it."""

        async def talk() -> str:
            somebody = self.person(person)
            answer = await somebody.press(verb, subject)
            for said in words:
                answer = await somebody.say(said)
            return answer

        return asyncio.run(talk())

    def card(self, kind: str) -> str:
        """All that the newest message of a kind shows."""

        def shown(session: Session) -> str:
            query = select(Notice).where(Notice.kind == kind).order_by(col(Notice.id).desc())
            notice = session.exec(query).first()
            assert notice is not None
            content = KINDS[kind].content(session, notice, self.clock.now())
            assert isinstance(content, Content)
            message = RENDERER.message(
                kind, content, subject=notice.subject, generation=0, person_id=notice.recipient_id,
                capabilities=Capabilities(),
            )  # fmt: skip
            return "\n".join([message.title, message.body, *(f"{k}：{v}" for k, v in message.facts)])

        return self.db.read_now(shown)

    def problem(self, code: str) -> tuple[World, FollowUp]:
        world = self.db.write_now(problem_found, code)
        return world, self.db.read_now(lambda s: s.exec(select(FollowUp)).one())


def ordered(at: Setting) -> str:
    _, found = at.problem("R08")
    subject = f"followup:{found.id}"
    return at.press(found.handler_id, "handle_followup", subject, "责令改正 5日内张贴公示栏")


def rejected(at: Setting) -> str:
    world, found = at.problem("R02")
    at.db.write_now(
        report_correction,
        follow_up_id=found.id or 0,
        person_id=world.who("enterprise"),
        text="已张贴",
        now=NOW,
    )
    return at.press(found.handler_id, "reject_correction", f"followup:{found.id}")


def _suspected(at: Setting) -> tuple[World, int]:
    world, found = at.problem("R08")
    made = at.db.write_now(
        propose, follow_up_id=found.id or 0, person_id=found.handler_id, note="涉嫌销售伪劣产品", now=NOW, profile=PROFILE
    )  # fmt: skip
    return world, made.id or 0


def crime_card(at: Setting) -> str:
    _suspected(at)
    return at.card("crime_suspected")


def _approved(at: Setting) -> tuple[World, int]:
    world, transfer = _suspected(at)
    at.clock.move_to(NOW + dt.timedelta(days=1))
    at.db.write_now(
        decide, transfer_id=transfer, person_id=world.who("head"), approved=True, now=at.clock.now()
    )
    return world, transfer


def transfer_card(at: Setting) -> str:
    _approved(at)
    return at.card("crime_decided")


def transfer_reply(at: Setting) -> str:
    world, transfer = _suspected(at)
    at.clock.move_to(NOW + dt.timedelta(days=1))
    return at.press(world.who("head"), "approve_crime", f"transfer:{transfer}")


def _window(at: Setting, due: dt.date) -> tuple[World, int]:
    def prepare(session: Session) -> tuple[World, int]:
        world = build(session)
        accept(session, world)
        visit_of(session, world).due_on = due
        session.flush()
        remind(session, NOW, PROFILE, calendar=at.calendar)
        query = select(Deadline.id).where(Deadline.kind == "visit_window")
        return world, session.exec(query).one() or 0

    return at.db.write_now(prepare)


def _extension(at: Setting) -> int:
    world, deadline = _window(at, dt.date(2026, 12, 31))
    asked = at.db.write_now(
        ask_extension, deadline_id=deadline, person_id=world.officers[0], until=dt.date(2027, 1, 12), reason="停业", now=NOW
    )  # fmt: skip
    at.db.write_now(decide_extension, extension_id=asked.id or 0, by=world.who("lead"), granted=True, now=NOW)
    return asked.id or 0


def extension_card(at: Setting) -> str:
    _extension(at)
    return at.card("extension_request")


def extension_decided(at: Setting) -> str:
    _extension(at)
    return at.card("extension_decided")


def extension_question(at: Setting) -> str:
    world, deadline = _window(at, dt.date(2027, 1, 12))
    return at.press(world.officers[0], "ask_extension", f"deadline:{deadline}")


def _in_review(at: Setting) -> None:
    at.clock.move_to(dt.datetime(2026, 12, 18, 15, tzinfo=CHINA))
    at.db.write_now(make_visit, now=at.clock.now())
    desk = Desk(at.db, at.clock, at.folder / "evidence")
    desk.arrive(WANG, LI)
    desk.open()
    desk.save(GOOD)
    desk.close()
    desk.submit()


def queue_card(at: Setting) -> str:
    _in_review(at)
    content = at.db.read_now(lambda s: KINDS["review_queue"].content(
        s, Notice(kind="review_queue", subject="", recipient_id=REVIEWER, not_before=NOW, created_at=NOW), NOW))  # fmt: skip
    assert isinstance(content, Content)
    return "\n".join(f"{k}：{v}" for k, v in content.facts)


def queue_in_chat(at: Setting) -> str:
    _in_review(at)
    return asyncio.run(at.person(REVIEWER).say("待审"))


PLACES: tuple[Callable[[Setting], str], ...] = (
    ordered, rejected, crime_card, transfer_card, transfer_reply, extension_card, extension_decided,
    extension_question, queue_card, queue_in_chat,
)  # fmt: skip


@pytest.fixture
def setting(sqlite_db: Database, tmp_path: Path) -> Setting:
    calendar = WorkCalendar.load()
    sqlite_db.info[CALENDAR] = calendar  # as the service does
    return Setting(sqlite_db, calendar, tmp_path, ManualClock(NOW))


def publish(at: Setting) -> None:
    table = read(at.folder, YEAR).table
    assert table is not None
    at.db.write_now(import_year, table=table, source="2027.csv", now=NOW, calendar=at.calendar)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.parametrize("known", [False, True], ids=["guessed", "published"])
def test_a_limit_in_a_year_nobody_published_says_so(
    place: Callable[[Setting], str], known: bool, setting: Setting
) -> None:
    if known:
        publish(setting)
    text = place(setting)
    limits = re.findall(rf"{LIMIT}{PROVISIONAL}" if not known else LIMIT, text)
    assert limits, text
    assert len(limits) == len(re.findall(LIMIT, text)), text  # all of them
    assert known == (PROVISIONAL not in text), text


def test_the_paper_notice_says_so_too_and_stands_when_the_year_is_published(setting: Setting) -> None:
    world, _ = _window(setting, dt.date(2027, 1, 12))

    def body(session: Session) -> dict[str, object]:
        return notice_body(
            session, visit_id=world.visit, code="0" * 8, public_url="http://suicha.test", now=NOW
        )

    guessed = setting.db.read_now(body)
    publish(setting)
    known = setting.db.read_now(body)
    assert (guessed["due"], guessed["provisional"]) == ("2027年01月12日", PROVISIONAL)
    assert (known["due"], known["provisional"]) == ("2027年01月12日", "")
    papers = [render_notice(one, now=NOW) for one in (guessed, guessed, known)]
    assert papers[0] == papers[1] != papers[2]  # the paper prints it
    assert says_the_same(_issued(guessed), known)  # the day did not move: no other notice is due


def _issued(body: dict[str, object]) -> NoticeDocument:
    return NoticeDocument(visit_id=1, version=1, body=body, pdf_sha256="", issued_at=NOW)
