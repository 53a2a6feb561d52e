"""Directories are compared again every night, by one process, once somebody brought them in; departments when asked."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.notices.models import Notice, Priority
from bot.inspection.people.directory import Entry
from bot.inspection.people.models import Account, Department, DirectoryWatch, Role
from bot.inspection.people.reconciling import AGAIN, PATIENCE, bring_in
from bot.inspection.people.units import Place
from bot.messaging.directories import Directories
from bot.platforms.base import ErrorClass, InboundKind, PlatformError
from bot.platforms.directory import Member, Unit
from handlers.chat import contacts
from tests.fakes.builders import make_person
from tests.fakes.platform import FakePlatform
from tests.messaging.rig import Rig, write_templates
from tests.platforms.dingtalk import rig as dingtalk_rig
from tests.platforms.wecom import rig as wecom_rig

UNIT = Unit("1", "市场监管局")


@dataclass
class FakeDirectory(FakePlatform):
    """A chat service whose directory is these people; ``failing`` is what reading it raises."""

    people: list[str] = field(default_factory=list)
    departments: list[Unit] = field(default_factory=lambda: [UNIT])
    failing: PlatformError | None = None
    reads: list[str] = field(default_factory=list)

    async def units(self) -> list[Unit]:
        self.reads.append("units")
        await asyncio.sleep(0)
        if self.failing is not None:
            raise self.failing
        return self.departments

    async def members(self) -> list[Member]:
        self.reads.append("members")
        return [Member(one, f"人员{one}", f"139{int(one[1:]):08}", (UNIT,)) for one in self.people]

    async def member(self, user_id: str) -> Member | None:
        return next((one for one in await self.members() if one.user_id == user_id), None)


@pytest.fixture
def service() -> FakeDirectory:
    return FakeDirectory(people=[f"u{number}" for number in range(20)])


@pytest.fixture
def directories(db: Database, clock: ManualClock, service: FakeDirectory) -> Directories:
    db.write_now(make_person, name="管理员", role=Role.ADMIN)
    return Directories(db, clock, {"wecom": service, "email": FakePlatform("email")})


async def by_hand(directories: Directories, service: FakeDirectory) -> None:
    places = [Place(one.unit_id, one.name, one.parent_id) for one in await service.units()]
    entries = [Entry(one.user_id, one.name, one.mobile, unit_id="1") for one in await service.members()]
    now = directories.clock.now()
    await directories.db.write(bring_in, platform="wecom", places=places, entries=entries, now=now)
    service.reads.clear()


def alarms(session: Session) -> list[tuple[str, bool]]:
    rows = session.exec(
        select(Notice)
        .where(col(Notice.kind).in_(["platform_alarm", "contacts_report"]))
        .order_by(col(Notice.id))
    )
    return [
        (one.data["text"], one.kind == "platform_alarm" and one.priority == Priority.URGENT) for one in rows
    ]


def living(session: Session) -> set[str]:
    return {one.user_id for one in session.exec(select(Account)) if one.dead_since is None}


async def test_a_directory_nobody_brought_in_is_never_read(
    directories: Directories, service: FakeDirectory, clock: ManualClock
) -> None:
    clock.advance(days=3)
    assert await directories.look() == 0
    assert service.reads == []


async def test_every_night_who_left_is_blocked_who_came_is_there_and_the_administrator_reads_how_many(
    directories: Directories, service: FakeDirectory, clock: ManualClock
) -> None:
    await by_hand(directories, service)
    service.people = [*service.people[2:], "u77"]
    assert await directories.look() == 0  # by day nothing is asked
    clock.advance(days=1)
    assert await directories.look() == 3
    assert directories.db.read_now(living) == set(service.people)
    assert directories.db.read_now(alarms) == [("通讯录核对：新增 1、停用 2。", False)]
    clock.advance(days=1)
    assert await directories.look() == 0
    assert len(directories.db.read_now(alarms)) == 1  # a quiet night says nothing


async def test_what_stays_unclear_is_no_news_every_night(
    directories: Directories, service: FakeDirectory, clock: ManualClock
) -> None:
    await by_hand(directories, service)
    for number in (1, 2):  # two officers of our lists with the number of one account
        directories.db.write_now(make_person, name=f"同号{number}", mobile="13900000077")
    service.people.append("u77")
    for _ in range(2):
        clock.advance(days=1)
        assert await directories.look() == 0
    assert directories.db.read_now(alarms) == []
    service.people.append("u78")
    clock.advance(days=1)
    assert await directories.look() == 1
    assert directories.db.read_now(alarms) == [("通讯录核对：新增 1、待人工核对 1。", False)]


async def test_of_two_processes_one_reads(
    directories: Directories, service: FakeDirectory, clock: ManualClock
) -> None:
    await by_hand(directories, service)
    clock.advance(days=1)
    await asyncio.gather(directories.look(), directories.look())
    assert service.reads == ["units", "members"]


async def test_a_process_that_dies_at_it_leaves_the_work_to_the_next_hour(
    directories: Directories, service: FakeDirectory, clock: ManualClock
) -> None:
    await by_hand(directories, service)
    clock.advance(days=1)
    service.people.append("u78")
    directories.db.write_now(lambda s: _claimed(s, clock.now()))
    assert await directories.look() == 0
    clock.advance(seconds=AGAIN.total_seconds() + 1)
    assert await directories.look() == 1


def _claimed(session: Session, now: dt.datetime) -> None:
    session.exec(select(DirectoryWatch)).one().whole_at = now + AGAIN


async def test_a_directory_in_which_too_many_are_missing_changes_nothing_and_is_an_alarm_once_a_day(
    directories: Directories, service: FakeDirectory, clock: ManualClock
) -> None:
    await by_hand(directories, service)
    service.people, everybody = service.people[:10], set(service.people)
    service.departments = [UNIT, Unit("9", "不该出现")]
    clock.advance(days=1)
    for _ in range(2):
        await directories.look()
    assert directories.db.read_now(living) == everybody
    assert directories.db.read_now(lambda s: s.exec(select(Department.name)).all()) == ["市场监管局"]
    [(text, urgent)] = directories.db.read_now(alarms)
    assert "少了太多人" in text
    assert urgent
    clock.advance(days=1)
    await directories.look()
    assert len(directories.db.read_now(alarms)) == 2


async def test_a_directory_that_cannot_be_read_for_half_a_day_is_told_once(
    directories: Directories, service: FakeDirectory, clock: ManualClock
) -> None:
    await by_hand(directories, service)
    service.failing = PlatformError("60011", cls=ErrorClass.CHANNEL, advice="到后台开通通讯录权限")
    clock.advance(days=1)
    for _ in range(PATIENCE + 3):
        assert await directories.look() == 0
        clock.advance(seconds=AGAIN.total_seconds() + 1)
    [(text, urgent)] = directories.db.read_now(alarms)
    assert "60011" in text
    assert urgent
    service.failing = None
    service.people.append("u79")
    assert await directories.look() == 1


@asynccontextmanager
async def of_wecom(clock: ManualClock) -> AsyncIterator[tuple[Any, Any]]:
    async with wecom_rig.running(clock) as rig:
        yield rig.platform, rig.world


@asynccontextmanager
async def of_dingtalk(clock: ManualClock) -> AsyncIterator[tuple[Any, Any]]:
    async with dingtalk_rig.dingtalk() as rig:
        yield rig.platform, rig.world


SERVICES: dict[str, tuple[Any, str, tuple[str, ...], Any]] = {
    "wecom": (
        of_wecom,
        "wecom:departments",
        ("create_party", "update_party", "delete_party"),
        lambda *rows: [
            {"id": key, "name": name, "parentid": above, "order": key} for key, name, above in rows
        ],
    ),
    "dingtalk": (
        of_dingtalk,
        "dingtalk/departments",
        ("org_dept_create", "org_dept_modify", "org_dept_remove"),
        lambda *rows: [{"dept_id": key, "name": name, "parent_id": above} for key, name, above in rows],
    ),
}


@pytest.mark.parametrize("name", SERVICES)
async def test_departments_follow_their_events_over_the_wire_however_many_come(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path, name: str
) -> None:
    make: Any
    make, fact, (created, modified, removed), tree = SERVICES[name]
    context: AbstractAsyncContextManager[tuple[Any, Any]] = make(clock)
    async with context as (platform, world):
        messaging = Rig(sqlite_db, clock, write_templates(tmp_path))
        messaging.platforms[name] = platform
        messaging.router.include(contacts.router)
        directories = Directories(sqlite_db, clock, {name: platform})
        top = [(1, "云溪县", 0)] if name == "wecom" else []
        world.remember(fact, tree(*top, (2, "执法大队", 1), (3, "办公室", 1)))
        places = [Place(one.unit_id, one.name, one.parent_id) for one in await platform.units()]
        entries = [Entry(one.user_id, one.name, one.mobile) for one in await platform.members()]
        now = clock.now()
        sqlite_db.write_now(bring_in, platform=name, places=places, entries=entries, now=now)

        async def heard(*changes: str) -> list[str]:
            for change in changes:
                raw = {"type": change, "user_ids": []}
                await messaging.dispatcher.take(
                    messaging.event(kind=InboundKind.CONTACT, platform=name, user_id="", raw=raw)
                )
            await messaging.dispatcher.settle()
            await directories.look()
            found = sqlite_db.read_now(
                lambda s: s.exec(select(Department.name).order_by(col(Department.id))).all()
            )
            return [one for one in found if one != "云溪县"]

        world.remember(fact, tree(*top, (2, "综合执法大队", 1), (3, "办公室", 2), (4, "法制科", 3)))
        assert await heard() == ["执法大队", "办公室"]  # nobody told us yet
        assert await heard(created, modified, modified) == ["综合执法大队", "办公室", "法制科"]
        world.remember(fact, tree(*top, (2, "综合执法大队", 1), (3, "办公室", 2)))
        assert await heard(removed) == ["综合执法大队", "办公室", "法制科"]
        parents = sqlite_db.read_now(
            lambda s: {one.name: one.parent_id for one in s.exec(select(Department))}
        )
        assert parents["办公室"] is not None
