"""A bulletin in the group: once, again when it did not arrive, and never faster than the robot may speak (20 a minute)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.core.links import Links
from bot.inspection.audit.models import AuditEntry
from bot.inspection.calendar import WorkCalendar
from bot.inspection.messages import KINDS
from bot.inspection.metrics.models import Bulletin, BulletinState
from bot.inspection.notices.group_posts import GroupAttempt, GroupPost, PostResult, post_to_groups
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Person, PersonRole, Role
from bot.inspection.profile import load_profile
from bot.messaging.group_posts import GroupPosts, in_doubt, may_try
from bot.messaging.quotas import set_limit
from bot.messaging.render import Renderer
from bot.platforms.base import Capabilities, ErrorClass, Limit, PlatformError, Scope
from tests.fakes.chatting import KEY
from tests.fakes.platform import FakePlatform, Killed

NOON = dt.datetime(2026, 3, 10, 12, tzinfo=CHINA)
ROBOT = Capabilities(group_robot=True, limits=(Limit(Scope.ROBOT, 20, 60),))
LOST = PlatformError("timeout", cls=ErrorClass.UNKNOWN)
RENDERER = Renderer(Links("http://suicha.test", KEY))


class Groups:
    """Two processes over one database, each with its own picture of the same robot."""

    def __init__(self, db: Database, clock: ManualClock) -> None:
        self.db, self.clock = db, clock
        self.robots = [FakePlatform(capabilities=ROBOT) for _ in range(2)]

    def process(self, number: int = 0) -> GroupPosts:
        return GroupPosts(
            self.db, self.clock, {"wecom": self.robots[number]}, KINDS, RENDERER, load_profile("default"), WorkCalendar.load()
        )  # fmt: skip

    async def look(self, number: int = 0) -> int:
        return await self.process(number).look()

    async def later(self, **span: float) -> int:
        self.clock.move_to(self.clock.now() + dt.timedelta(**span))
        return await self.look()

    @property
    def told(self) -> list[str]:
        return [message.body for robot in self.robots for message in robot.announced]


@pytest.fixture
def groups(db: Database, clock: ManualClock) -> Groups:
    clock.move_to(NOON)
    db.write_now(_bulletins, many=1)
    return Groups(db, clock)


def _bulletins(session: Session, *, many: int) -> None:
    session.add(Person(id=1, name="何统筹", code="P1"))
    session.flush()
    session.add(PersonRole(person_id=1, role=Role.COORDINATOR))
    for n in range(1, many + 1):
        made = Bulletin(
            id=n,
            period=f"{2000 + n}-03",
            state=BulletinState.ISSUED,
            rows=[],
            drafted_at=NOON,
            issued_at=NOON,
            issued_by=1,
        )
        session.add(made)
        post_to_groups(
            session, "bulletin", f"bulletin:{n}", now=NOON, useless_after=NOON + dt.timedelta(days=7)
        )


async def test_an_issued_bulletin_is_posted_once_and_the_chain_knows(groups: Groups) -> None:
    assert [await groups.look(), await groups.look(1), await groups.later(days=1)] == [1, 0, 0]
    assert ["2001年3月末" in body for body in groups.told] == [True]
    assert groups.robots[0].announced[0].buttons == ()
    posted = select(AuditEntry).where(AuditEntry.action == "group.posted")
    assert [e.data["platform"] for e in groups.db.read_now(lambda s: s.exec(posted).all())] == ["wecom"]


async def test_two_processes_share_the_twenty_posts_a_minute_of_one_robot(
    db: Database, clock: ManualClock
) -> None:
    """The 21st in a minute silences a robot for everybody, whichever process sends it."""
    clock.move_to(NOON)
    db.write_now(_bulletins, many=30)
    groups = Groups(db, clock)
    assert sum(await asyncio.gather(groups.look(0), groups.look(1))) == 20
    assert await groups.later(seconds=59) == 0
    assert await groups.later(seconds=1) == 10
    assert len(set(groups.told)) == len(groups.told) == 30


async def test_a_limit_set_while_it_runs_counts_at_once(db: Database, clock: ManualClock) -> None:
    clock.move_to(NOON)
    db.write_now(_bulletins, many=3)
    groups = Groups(db, clock)
    db.write_now(set_limit, platform="wecom", scope=Scope.ROBOT.value, seconds=60, count=2, now=NOON)
    assert await groups.look() == 2


async def test_a_refusal_that_may_pass_is_tried_again_when_the_robot_may_speak(groups: Groups) -> None:
    groups.robots[0].then(PlatformError("45009", cls=ErrorClass.RETRY, retry_after=600.0))
    assert [await groups.look(), await groups.later(seconds=599)] == [1, 0]
    assert await groups.later(seconds=1) == 1
    assert len(groups.told) == 1


async def test_a_lost_answer_is_repeated_once_and_marked(groups: Groups) -> None:
    groups.robots[0].then(_arrived(LOST), LOST)
    assert [await groups.look(), await groups.later(hours=1)] == [2, 0]
    assert len(groups.told) == 1  # the second was lost on the way


async def test_the_repetition_says_that_it_may_be_one(groups: Groups) -> None:
    groups.robots[0].then(LOST)
    await groups.look()
    assert [body.startswith("（可能重复）") for body in groups.told] == [True]


async def test_a_process_that_dies_while_posting_is_followed_by_one_marked_repetition(groups: Groups) -> None:
    groups.robots[0].then(Killed())
    with pytest.raises(Killed):
        await groups.look()
    assert await groups.later(minutes=4) == 0  # it may be alive
    assert await groups.later(minutes=1) == 1
    assert [body.startswith("（可能重复）") for body in groups.told] == [True]
    assert await groups.later(days=1) == 0


async def test_a_robot_that_was_taken_out_of_its_group_is_told_of_once_and_tried_until_it_is_mended(
    groups: Groups,
) -> None:
    gone = PlatformError("93008", cls=ErrorClass.CHANNEL, advice="机器人已不在群里")
    groups.robots[0].then(gone, gone)
    assert [await groups.look(), await groups.later(minutes=10), await groups.later(hours=1)] == [1, 1, 1]
    alarms = select(Notice).where(Notice.kind == "platform_alarm")
    (alarm,) = groups.db.read_now(lambda s: s.exec(alarms).all())
    assert alarm.data == {"text": "通报没有发到群里。", "advice": "机器人已不在群里"}
    assert len(groups.told) == 1


async def test_nothing_is_posted_at_night_and_nothing_that_is_a_week_old(groups: Groups) -> None:
    groups.clock.move_to(NOON.replace(hour=23))
    assert await groups.look() == 0
    groups.clock.move_to(NOON + dt.timedelta(days=7))
    assert await groups.look() == 0


async def test_a_platform_without_a_group_robot_is_not_asked(groups: Groups) -> None:
    groups.robots[0].capabilities = Capabilities()
    assert await groups.look() == 0
    assert groups.db.read_now(lambda s: s.exec(select(GroupAttempt)).all()) == []


def test_the_database_refuses_a_second_arrival(groups: Groups) -> None:
    for n in (1, 2):
        made = GroupAttempt(post_id=1, platform="wecom", n=n, at=NOON, result=PostResult.SENT)
        if n == 1:
            groups.db.write_now(lambda s, row=made: s.add(row))
        else:
            with pytest.raises(IntegrityError):
                groups.db.write_now(lambda s, row=made: s.add(row))


@pytest.mark.parametrize(
    ("before", "again", "marked"),
    [
        ("", True, False), ("S", False, False), ("R", True, False), ("F", False, False), ("U", True, True), ("UU", False, True),
        ("UR", True, True), ("URU", False, True), ("RU", True, True),
    ],
)  # fmt: skip
def test_never_more_than_one_repetition_in_doubt(before: str, again: bool, marked: bool) -> None:
    results = {"S": PostResult.SENT, "R": PostResult.RETRY, "F": PostResult.FAILED, "U": PostResult.UNKNOWN}
    tries = [
        GroupAttempt(post_id=1, platform="x", n=n, at=NOON, result=results[c])
        for n, c in enumerate(before, 1)
    ]
    assert (may_try(tries, now=NOON), in_doubt(tries)) == (again, marked)


def _arrived(error: PlatformError) -> PlatformError:
    made = PlatformError(error.code, cls=error.cls)
    made.arrived = True  # type: ignore[attr-defined]
    return made


def test_twice_promised_is_once(db: Database) -> None:
    def promise(session: Session) -> Sequence[GroupPost]:
        for _ in range(2):
            post_to_groups(session, "bulletin", "bulletin:1", now=NOON, useless_after=NOON)
        return session.exec(select(GroupPost)).all()

    assert len(db.write_now(promise)) == 1
