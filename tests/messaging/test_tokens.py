"""However many find a token dead together, in however many processes, it is fetched once."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.notices.tokens import PlatformToken
from bot.messaging.tokens import SharedTokens
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.shared import Token, TokenStore
from bot.platforms.tokens import OwnTokens
from tests.conftest import INFO

SECRET = "a secret of the installation"
LIFE = dt.timedelta(seconds=7200)


@dataclass
class Vendor:
    """Hands out tokens and counts; waits for ``gate`` before it answers."""

    clock: ManualClock
    given: int = 0
    asked: int = 0
    life: dt.timedelta = LIFE
    errors: list[Exception] = field(default_factory=list)
    gate: asyncio.Event | None = None
    asking: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch(self) -> Token:
        self.asked += 1
        self.asking.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.given += 1
        return Token(f"token-{self.given}", self.clock.now() + self.life)


@pytest.fixture
def vendor(clock: ManualClock) -> Vendor:
    return Vendor(clock)


@pytest.fixture
def processes(db: Database, clock: ManualClock) -> Iterator[list[SharedTokens]]:
    """Two processes over one database, each with its own connections."""
    other = Database(db.url.render_as_string(hide_password=False), info=INFO)
    yield [SharedTokens(one, clock, secret=SECRET) for one in (db, other)]
    other.close()


def get(store: TokenStore, vendor: Vendor, refused: str = "") -> asyncio.Task[str]:
    return asyncio.create_task(store.get("wecom:corp:1", refused=refused, fetch=vendor.fetch))  # type: ignore[arg-type]


async def test_fifty_tasks_in_two_processes_that_find_it_dead_fetch_one(
    processes: list[SharedTokens], vendor: Vendor
) -> None:
    dead = [await get(store, vendor) for store in processes]
    assert dead == ["token-1", "token-1"]

    found = await asyncio.gather(*(get(processes[n % 2], vendor, "token-1") for n in range(50)))

    assert set(found) == {"token-2"}
    assert vendor.asked == 2


async def test_fifty_tasks_of_one_process_fetch_one(clock: ManualClock, vendor: Vendor) -> None:
    store = OwnTokens(clock)
    found = await asyncio.gather(*(get(store, vendor) for _ in range(50)))
    found += await asyncio.gather(*(get(store, vendor, "token-1") for _ in range(50)))
    assert set(found) == {"token-1", "token-2"}
    assert vendor.asked == 2


async def test_who_waits_for_anything_and_who_waits_for_another_both_get_theirs(
    clock: ManualClock, vendor: Vendor
) -> None:
    """The flight of one who only wanted a token must not hand another the one that was refused."""
    store, vendor.gate = OwnTokens(clock), asyncio.Event()
    first, second = get(store, vendor), get(store, vendor, "token-1")
    await vendor.asking.wait()
    vendor.gate.set()
    assert (await first, await second) == ("token-1", "token-2")


async def test_a_service_that_hands_out_the_refused_token_again_is_not_asked_fifty_times(
    clock: ManualClock,
) -> None:
    store, asked = OwnTokens(clock), []

    async def stubborn() -> Token:
        asked.append(1)
        await asyncio.sleep(0)
        return Token("same", clock.now() + LIFE)

    found = await asyncio.gather(*(store.get("k", refused="same", fetch=stubborn) for _ in range(50)))
    assert set(found) == {"same"}
    assert len(asked) == 1


async def test_a_token_is_renewed_early_and_the_old_one_serves_while_another_fetches(
    processes: list[SharedTokens], vendor: Vendor, clock: ManualClock
) -> None:
    here, there = processes
    assert await get(here, vendor) == await get(there, vendor) == "token-1"
    clock.advance(seconds=7200 - 299)
    vendor.gate = asyncio.Event()
    vendor.asking.clear()
    renewing = get(here, vendor)
    await vendor.asking.wait()

    assert await get(there, vendor) == "token-1"

    vendor.gate.set()
    assert await renewing == "token-2"
    assert await get(there, vendor) == "token-2"
    assert vendor.asked == 2


async def test_a_process_killed_while_it_fetched_is_replaced_when_its_lease_ends(
    processes: list[SharedTokens], vendor: Vendor, clock: ManualClock
) -> None:
    here, there = processes
    vendor.gate = asyncio.Event()
    killed = get(here, vendor)
    await vendor.asking.wait()
    vendor.asking.clear()
    waiting = get(there, vendor)
    clock.advance(seconds=31)
    await vendor.asking.wait()
    vendor.gate.set()

    assert (await killed, await waiting) == ("token-1", "token-2")
    there._known.clear()
    assert await get(there, vendor) == "token-2"  # the late one did not take its place


async def test_a_refused_secret_is_told_to_every_process_and_not_tried_for_a_minute(
    processes: list[SharedTokens], vendor: Vendor, clock: ManualClock
) -> None:
    def wrong() -> PlatformError:
        return PlatformError("40001", "invalid credential", cls=ErrorClass.CHANNEL, advice="查看 Secret")

    vendor.errors = [wrong(), wrong()]
    for store in (*processes, *processes):
        with pytest.raises(PlatformError) as caught:
            await get(store, vendor)
        assert (caught.value.code, caught.value.cls) == ("40001", ErrorClass.CHANNEL)
        assert caught.value.advice == "查看 Secret"
    assert vendor.asked == 1
    clock.advance(seconds=61)
    with pytest.raises(PlatformError):
        await get(processes[1], vendor)
    assert vendor.asked == 2


@pytest.mark.parametrize("error", [PlatformError("connect"), RuntimeError("a bug")])
async def test_what_passes_by_itself_is_tried_again_at_once(
    processes: list[SharedTokens], vendor: Vendor, error: Exception
) -> None:
    vendor.errors = [error]
    with pytest.raises(type(error)):
        await get(processes[0], vendor)
    assert await get(processes[1], vendor) == "token-1"


async def test_a_restarted_process_finds_the_token_and_another_secret_cannot_read_it(
    sqlite_db: Database, clock: ManualClock, vendor: Vendor
) -> None:
    await get(SharedTokens(sqlite_db, clock, secret=SECRET), vendor)
    assert await get(SharedTokens(sqlite_db, clock, secret=SECRET), vendor) == "token-1"
    assert await get(SharedTokens(sqlite_db, clock, secret="another one"), vendor) == "token-2"


async def test_the_table_holds_no_token_in_the_clear(
    sqlite_db: Database, clock: ManualClock, vendor: Vendor
) -> None:
    await get(SharedTokens(sqlite_db, clock, secret=SECRET), vendor)
    row = sqlite_db.read_now(lambda session: session.exec(select(PlatformToken)).one())
    assert row.sealed
    assert "token-1" not in repr(row)


def test_the_row_is_found_by_its_key(sqlite_db: Database) -> None:
    def plan(session: Session) -> str:
        return str(
            session.execute(text("EXPLAIN QUERY PLAN SELECT * FROM platformtoken WHERE key = 'k'")).all()
        )

    assert "USING INDEX" in sqlite_db.read_now(plan)
