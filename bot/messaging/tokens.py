"""Access tokens shared by all processes, in a table: however many find one dead together, one fetches another.

Who may fetch holds a lease on the row; the others look again until the token is there or the lease has ended. The
values are sealed with a key made of the installation's secret: a copy of the database is no way into the chat
service.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets

from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session

from bot.core.clock import Clock
from bot.core.db import Database
from bot.core.seal import Seal
from bot.inspection.notices.tokens import PlatformToken
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.shared import Token
from bot.platforms.tokens import SULK, Fetch, KeptToken, OwnTokens, kept

LEASE = dt.timedelta(seconds=30)  # longer than a fetch; after it another process may fetch
_LOOK_AGAIN = 0.1  # seconds
_PATIENCE = 45.0  # seconds that one waits for others, a lease and a fetch long


class SharedTokens(OwnTokens):
    """Implements ``TokenStore``. *secret*: what the values are sealed with, the same in every process."""

    def __init__(self, db: Database, clock: Clock, *, secret: str) -> None:
        super().__init__(clock)
        self._db = db
        self._seal = Seal(secret, "platform tokens")

    async def renew(self, key: str, refused: str, fetch: Fetch) -> KeptToken:
        """Another token than *refused*: what somebody else fetched meanwhile, or a new one."""
        loop = asyncio.get_running_loop()
        holder, end = secrets.token_hex(8), loop.time() + _PATIENCE
        while loop.time() < end:
            found = await self._db.write(
                _claim, key, refused=refused, holder=holder, now=self._clock.now(), seal=self._seal
            )
            if isinstance(found, KeptToken):
                return found
            if found:
                return await self._fetch(key, holder, fetch)
            await asyncio.sleep(_LOOK_AGAIN)
        raise PlatformError("token_busy", "别的进程一直在取凭证", retry_after=5.0)

    async def _fetch(self, key: str, holder: str, fetch: Fetch) -> KeptToken:
        now = self._clock.now()
        try:
            token = await fetch()
        except PlatformError as failed:
            await self._db.write(_give_up, key, holder=holder, now=now, error=failed)
            raise
        except BaseException:
            await self._db.write(_give_up, key, holder=holder, now=now, error=None)
            raise
        await self._db.write(_keep, key, holder=holder, token=token, now=now, seal=self._seal)
        return kept(token, now=now)


def _claim(
    session: Session, key: str, *, refused: str, holder: str, now: dt.datetime, seal: Seal
) -> KeptToken | bool:
    """The token that is there; else True for who may fetch it, False for who has to look again.

    Raise the error that the last fetch ended in, while only a person can mend it.
    """
    row = _locked(session, key)
    value = seal.open(row.sealed)
    living = bool(value) and value != refused and row.ends_at is not None and now < row.ends_at
    if living and row.renew_at is not None and now < row.renew_at:
        return KeptToken(value, row.renew_at)
    if row.error_until is not None and now < row.error_until:
        raise PlatformError(
            row.error["code"],
            row.error["detail"],
            cls=ErrorClass(row.error["cls"]),
            advice=row.error["advice"],
        )
    if row.lease_until is not None and now < row.lease_until:
        return KeptToken(value, now) if living else False  # renewed early: the old one serves meanwhile
    row.lease_until, row.lease_by = now + LEASE, holder
    session.add(row)
    return True


def _keep(session: Session, key: str, *, holder: str, token: Token, now: dt.datetime, seal: Seal) -> None:
    """Store what was fetched, unless its lease ended and another process fetched a newer one."""
    row = _locked(session, key)
    if row.lease_by != holder:
        return
    row.sealed, row.ends_at, row.renew_at = (
        seal.close(token.value),
        token.ends_at,
        kept(token, now=now).renew_at,
    )
    row.lease_until, row.lease_by, row.error, row.error_until = None, "", {}, None
    session.add(row)


def _give_up(
    session: Session, key: str, *, holder: str, now: dt.datetime, error: PlatformError | None
) -> None:
    row = _locked(session, key)
    if row.lease_by != holder:
        return
    row.lease_until, row.lease_by = None, ""
    if error is not None and error.permanent:
        row.error = {"code": error.code, "detail": error.detail, "cls": error.cls, "advice": error.advice}
        row.error_until = now + SULK
    session.add(row)


def _locked(session: Session, key: str) -> PlatformToken:
    make = sqlite_insert if session.get_bind().dialect.name == "sqlite" else pg_insert
    session.execute(
        make(PlatformToken).values(key=key, sealed="", lease_by="", error={}).on_conflict_do_nothing()
    )
    return session.get_one(PlatformToken, key, with_for_update=True, populate_existing=True)
