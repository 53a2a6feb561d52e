"""Outages of the Stream, with the real inbox behind it: nothing lost, nothing doubled, an alarm when silent."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.notices.models import InboxEvent, InboxState, Notice
from bot.inspection.people.models import Role
from bot.messaging.dispatch import Dispatcher
from bot.messaging.listening import Listener, Listeners
from bot.messaging.router import Context, Reply
from bot.platforms.dingtalk import connection, stream
from bot.platforms.dingtalk.app import DingTalkPlatform
from bot.simulator.faults import Fault
from tests.fakes.builders import make_person
from tests.messaging.rig import Rig as Messaging
from tests.messaging.rig import write_templates
from tests.platforms.dingtalk.rig import Rig, dingtalk, until

pytestmark = pytest.mark.slow


@dataclass
class Outage:
    rig: Rig
    messaging: Messaging
    answered: Counter[str]
    dispatchers: list[Dispatcher]

    async def settle(self) -> None:
        for dispatcher in self.dispatchers:
            await dispatcher.settle()

    def rows(self) -> list[InboxEvent]:
        return self.messaging.db.read_now(lambda session: list(session.exec(select(InboxEvent))))

    async def said(self, *texts: str) -> None:
        await asyncio.gather(*(self.rig.server.say("u1001", text) for text in texts))


@asynccontextmanager
async def outage(
    db: Database, clock: ManualClock, folder: Path, *, processes: int = 1, **options: object
) -> AsyncIterator[Outage]:
    """The service's stream into our inbox and dispatcher; several *processes* share the database."""
    answered: Counter[str] = Counter()
    async with dingtalk(tries=400, robot_patience=2.0, **options) as rig:
        messaging = Messaging(db, clock, write_templates(folder))
        messaging.person("dingtalk:u1001")

        @messaging.router.command("说")
        async def say(ctx: Context) -> Reply:
            answered[ctx.words] += 1
            return Reply(f"听到{ctx.words}")

        platforms, dispatchers = [], []
        for _ in range(processes):
            dispatcher = messaging.make_dispatcher()
            platform = DingTalkPlatform(rig.settings, clock, rig.session, dispatcher.take)
            messaging.platforms["dingtalk"] = platform
            platforms.append(platform)
            dispatchers.append(dispatcher)
        rig.platform = platforms[0]
        for platform in platforms:
            await platform.start()
            await platform.stream.connected.wait()
        yield Outage(rig, messaging, answered, dispatchers)
        for platform in platforms:
            await platform.close()
        for dispatcher in dispatchers:
            await dispatcher.settle()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "messages"
    place.mkdir()
    return place


async def test_an_hour_without_stream_loses_nothing_and_is_told_once(
    db: Database, clock: ManualClock, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(stream, "LONGEST_PAUSE", 0.1)
    db.write_now(lambda session: make_person(session, role=Role.ADMIN))
    async with outage(db, clock, folder) as here:
        platform = here.rig.platform
        label, wait = "钉钉 Stream 连接", dt.timedelta(minutes=5)
        listeners = Listeners(
            db, clock, {"d": Listener("dingtalk", label, lambda: platform.stream.deaf_since, wait)}
        )
        await here.said("说 1")
        here.rig.server.stream.refuses = True
        await here.rig.server.stream.drop_all()
        await until(lambda: platform.stream.deaf_since is not None)
        saying = asyncio.create_task(here.said(*(f"说 {number}" for number in range(2, 12))))
        for _ in range(12):
            clock.advance(minutes=5)
            await listeners.look()
        assert len(db.read_now(_alarms)) == 1
        here.rig.server.stream.refuses = False
        await saying
        await here.settle()
        assert platform.stream.deaf_since is None
        assert await listeners.look() == 0
        assert here.answered == Counter({str(number): 1 for number in range(1, 12)})


async def test_a_server_that_disconnects_every_minute_loses_and_doubles_nothing(
    sqlite_db: Database, clock: ManualClock, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "STEADY", 0.0)  # a minute here takes less than a second
    async with outage(sqlite_db, clock, folder) as here:
        said = []
        for minute in range(30):
            said += [asyncio.create_task(here.said(f"说 {minute}-{number}")) for number in range(5)]
            clock.advance(minutes=1)
            await here.rig.server.disconnect_all(linger=0.2)
            await until(lambda: here.rig.server.stream.connections >= 1)
        await asyncio.gather(*said)
        await here.settle()
        assert len(here.answered) == 150
        assert set(here.answered.values()) == {1}
        await until(lambda: here.rig.server.stream.connections == 1)


async def test_two_processes_share_the_pushes_and_each_is_answered_once(
    db: Database, clock: ManualClock, folder: Path
) -> None:
    async with outage(db, clock, folder, processes=2) as here:
        assert here.rig.server.stream.connections == 2
        here.rig.faults.script = [Fault.TWICE, None] * 40
        await here.said(*(f"说 {number}" for number in range(60)))
        await here.settle()
        for dispatcher in here.dispatchers:
            await dispatcher.sweep()
        await here.settle()
        assert here.answered == Counter({str(number): 1 for number in range(60)})
        assert {row.state for row in here.rows()} == {InboxState.DONE}
        replies = db.read_now(
            lambda session: session.exec(select(Notice).where(Notice.kind == "reply")).all()
        )
        assert len(replies) == 60


async def test_several_connections_of_one_process_share_them_too(
    sqlite_db: Database, clock: ManualClock, folder: Path
) -> None:
    settings = {"stream_connections": 3}
    async with outage(sqlite_db, clock, folder, settings=settings) as here:
        await until(lambda: here.rig.server.stream.connections == 3)
        first = here.rig.server.stream._sockets[0]
        await first.web.close()  # one of them dies: the others go on, and it comes back
        await here.said(*(f"说 {number}" for number in range(40)))
        await here.settle()
        assert here.answered == Counter({str(number): 1 for number in range(40)})
        await until(lambda: here.rig.server.stream.connections == 3)
        assert here.rig.platform.stream.deaf_since is None


def _alarms(session: Session) -> list[Notice]:
    return list(session.exec(select(Notice).where(Notice.kind == "platform_alarm")))
