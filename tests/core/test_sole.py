"""One process of many: only one holds a name, and whoever dies or freezes is followed within seconds."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from bot.core.db import Database
from bot.core.sole import DatabaseSole
from tests.conftest import INFO

ROOT = Path(__file__).resolve().parents[2]
_HOLDER = """
import asyncio, sys
from bot.core.db import Database
from bot.core.sole import DatabaseSole

async def main():
    async with DatabaseSole(Database(sys.argv[1]), beat=0.1).hold("socket") as lost:
        print("held", flush=True)
        await lost.wait()
        print("lost", flush=True)

asyncio.run(main())
"""


async def test_the_second_waits_until_the_first_lets_go(db: Database) -> None:
    sole, order = DatabaseSole(db), []

    async def second() -> None:
        async with sole.hold("socket"):
            order.append("second")

    async with sole.hold("socket"), sole.hold("another name"):
        waiting = asyncio.create_task(second())
        done, _ = await asyncio.wait({waiting}, timeout=0.7)  # longer than a try of one who waits
        assert not done
        order.append("first")
    await asyncio.wait_for(waiting, 5)
    assert order == ["first", "second"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_holder_that_dies_or_freezes_is_followed_and_the_frozen_one_finds_out(
    postgres_url: str, number: signal.Signals
) -> None:
    holder = _start(postgres_url)
    db = Database(postgres_url, info=INFO)
    try:
        assert holder.stdout is not None
        assert await asyncio.to_thread(holder.stdout.readline) == "held\n"
        os.kill(holder.pid, number)
        async with asyncio.timeout(10), DatabaseSole(db, beat=0.1, silent=1.0).hold("socket") as lost:
            assert not lost.is_set()
            if number is signal.SIGSTOP:
                os.kill(holder.pid, signal.SIGCONT)
                assert await asyncio.to_thread(holder.stdout.readline) == "lost\n"
    finally:
        holder.kill()
        holder.communicate()
        db.close()


@pytest.mark.slow
async def test_a_holder_that_dies_beside_a_sqlite_file_is_followed(sqlite_db: Database) -> None:
    holder = _start(sqlite_db.url.render_as_string(hide_password=False))
    assert holder.stdout is not None
    assert await asyncio.to_thread(holder.stdout.readline) == "held\n"
    holder.kill()
    holder.communicate()
    async with asyncio.timeout(5), DatabaseSole(sqlite_db).hold("socket"):
        pass


def _start(url: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", _HOLDER, url]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own script


@pytest.mark.postgres
async def test_who_is_told_to_stop_while_waiting_in_line_leaves_no_connection_behind(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found as a ResourceWarning in whatever test came next."""
    asked: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()

    async def never(_sole: DatabaseSole, connection: psycopg.AsyncConnection, _key: int) -> bool:
        asked.put_nowait(connection)
        await asyncio.Event().wait()
        return False

    monkeypatch.setattr(DatabaseSole, "_try", never)
    database = Database(postgres_url)
    waiting = asyncio.create_task(DatabaseSole(database).hold("socket").__aenter__())
    connection = await asyncio.wait_for(asked.get(), 20)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert connection.closed
    database.close()
