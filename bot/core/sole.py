"""One process of many: a PostgreSQL advisory lock, or on SQLite a locked file beside the database.

Whoever dies lets go at once, because the system closes its connection or file. Whoever is frozen (SIGSTOP, a
suspended machine) keeps its PostgreSQL connection and only stops beating: the next in line ends that connection,
and the frozen one finds out when it wakes. On SQLite, which is one machine, a frozen holder is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import psycopg

from bot.core.db import Database

_CLASS = 0x7375  # "su": the first half of every advisory key of ours
_BEAT = 2.0  # seconds between a holder's signs of life
_SILENT = 8.0  # seconds without one after which a holder counts as frozen
_RETRY = 0.5  # seconds between two tries of one who waits

_TRY = "SELECT pg_try_advisory_lock(%s, %s)"
_EVICT = """
SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
  AND l.classid::bigint = %s AND l.objid::bigint = %s
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND a.state_change < clock_timestamp() - make_interval(secs => %s)
"""


class DatabaseSole:
    """Implements ``bot.platforms.base.Sole`` over *db*."""

    def __init__(self, db: Database, *, beat: float = _BEAT, silent: float = _SILENT) -> None:
        self._db, self._beat, self._silent = db, beat, silent

    def hold(self, name: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """Wait until nobody else holds *name*. The event is set when the hold is lost: stop at once."""
        if self._db.is_sqlite:
            return _hold_file(_lock_file(self._db, name))
        return self._hold_lock(name)

    @asynccontextmanager
    async def _hold_lock(self, name: str) -> AsyncIterator[asyncio.Event]:
        lost = asyncio.Event()
        connection = await self._first_in_line(_key(name))
        beating = asyncio.create_task(self._keep(connection, lost), name=f"sole:{name}")
        try:
            yield lost
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating
            await connection.close()

    async def _first_in_line(self, key: int) -> psycopg.AsyncConnection:
        while True:
            connection = await self._connect()
            if connection is not None:
                mine = False
                try:
                    mine = await self._try(connection, key)
                    if mine:
                        return connection
                finally:
                    if not mine:  # also when we are told to stop while we ask
                        await connection.close()
            await asyncio.sleep(_RETRY)

    async def _connect(self) -> psycopg.AsyncConnection | None:
        url = self._db.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            return await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5)
        except psycopg.Error:  # the database is away: so is the lock
            return None

    async def _try(self, connection: psycopg.AsyncConnection, key: int) -> bool:
        try:
            row = await (await connection.execute(_TRY, (_CLASS, key))).fetchone()
            if row is not None and row[0]:
                return True
            await connection.execute(_EVICT, (_CLASS, key & 0xFFFFFFFF, self._silent))
        except psycopg.Error:
            pass
        return False

    async def _keep(self, connection: psycopg.AsyncConnection, lost: asyncio.Event) -> None:
        """Show signs of life until that fails."""
        while True:
            await asyncio.sleep(self._beat)
            try:
                async with asyncio.timeout(self._silent):
                    await connection.execute("SELECT 1")
            except (psycopg.Error, TimeoutError):
                lost.set()
                return


def _key(name: str) -> int:
    """A signed 32-bit number for *name*."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big", signed=True)


def _lock_file(db: Database, name: str) -> Path | None:
    """Beside the database file; a database in memory has one process anyway."""
    if not db.url.database or db.url.database == ":memory:":
        return None
    return Path(f"{db.url.database}.{hashlib.sha256(name.encode()).hexdigest()[:12]}.lock")


@asynccontextmanager
async def _hold_file(path: Path | None) -> AsyncIterator[asyncio.Event]:
    if path is None:
        yield asyncio.Event()
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _locked(handle):  # noqa: ASYNC110 - another process holds it; nobody here could tell
            await asyncio.sleep(_RETRY)
        yield asyncio.Event()
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
