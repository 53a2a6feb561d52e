"""A smart bot has one socket, in one process; this is how the others send over it: a row to send, a row answered.

Both sides look again every fifth of a second: what goes over a bot's socket is 30 messages a minute and person.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from sqlalchemy import delete, literal_column, update
from sqlmodel import Session, col, select

from bot.core.clock import Clock
from bot.core.db import Database
from bot.core.log import log
from bot.inspection.notices.bot_calls import BotCall, CallState
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.wecom.aibot_frames import Frame
from bot.platforms.wecom.aibot_relay import Ask, not_connected

_LOOK_AGAIN = 0.2  # seconds
_PATIENCE = 8.0  # seconds: an acknowledgement takes at most five
_OLD = dt.timedelta(minutes=5)
_NEW = col(BotCall.state) == literal_column("'new'")


class DatabaseRelay:
    """Implements ``bot.platforms.wecom.aibot_relay.Relay``."""

    def __init__(
        self, db: Database, clock: Clock, *, look_again: float = _LOOK_AGAIN, patience: float = _PATIENCE
    ) -> None:
        self._db, self._clock = db, clock
        self._look_again, self._patience = look_again, patience

    async def ask(self, bot: str, cmd: str, body: dict[str, Any], req_id: str) -> Frame:
        """Have the holder send it. Raise PlatformError: RETRY when nobody took it, UNKNOWN when nobody answered."""
        call = await self._db.write(_post, bot=bot, cmd=cmd, body=body, req_id=req_id, now=self._clock.now())
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience
        while loop.time() < end:
            answer = await self._db.read(_answer, call)
            if answer is not None:
                await self._db.write(_forget, call)
                return _frame(answer)
            await asyncio.sleep(self._look_again)
        if await self._db.write(_withdraw, call):
            raise not_connected()
        raise PlatformError("bot_no_ack", "没有收到确认", cls=ErrorClass.UNKNOWN, retry_after=2.0)

    def serve(self, bot: str, ask: Ask) -> AbstractAsyncContextManager[None]:
        return self._serve(bot, ask)

    @asynccontextmanager
    async def _serve(self, bot: str, ask: Ask) -> AsyncIterator[None]:
        serving = asyncio.create_task(self._work(bot, ask), name="wecom-bot-relay")
        try:
            yield
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving

    async def _work(self, bot: str, ask: Ask) -> None:
        await self._db.write(_clear, bot=bot, before=self._clock.now() - _OLD)
        async with asyncio.TaskGroup() as under_way:
            while True:
                try:
                    # a read first: an idle bot writes nothing
                    if await self._db.read(_waiting, bot):
                        for call in await self._db.write(_take, bot):
                            under_way.create_task(self._carry_out(call, ask))
                except Exception:  # noqa: BLE001 - the database is away: look again
                    log.exception("relay_broke")
                await asyncio.sleep(self._look_again)

    async def _carry_out(self, call: BotCall, ask: Ask) -> None:
        try:
            frame = await ask(call.cmd, call.body, call.req_id)
            answer: dict[str, Any] = {"body": frame.body, "req_id": frame.req_id}
        except PlatformError as error:
            answer = {
                "code": error.code, "detail": error.detail, "cls": error.cls, "retry_after": error.retry_after,
                "advice": error.advice,
            }  # fmt: skip
        except Exception:  # noqa: BLE001 - who asked must not wait in vain, and the others go on
            log.exception("relayed_call_broke", cmd=call.cmd)
            return
        with suppress(Exception):
            await self._db.write(_done, call.id or 0, answer)


def _frame(answer: dict[str, Any]) -> Frame:
    if "code" in answer:
        raise PlatformError(
            answer["code"], answer["detail"], cls=ErrorClass(answer["cls"]), retry_after=answer["retry_after"],
            advice=answer["advice"],
        )  # fmt: skip
    return Frame("", answer["req_id"], answer["body"])


def _post(
    session: Session, *, bot: str, cmd: str, body: dict[str, Any], req_id: str, now: dt.datetime
) -> int:
    call = BotCall(bot=bot, cmd=cmd, body=body, req_id=req_id, asked_at=now)
    session.add(call)
    session.flush()
    return call.id or 0


def _answer(session: Session, call: int) -> dict[str, Any] | None:
    """The answer, None while there is none."""
    done = select(BotCall).where(col(BotCall.id) == call, col(BotCall.state) == CallState.DONE)
    row = session.exec(done).first()
    return None if row is None else row.answer


def _forget(session: Session, call: int) -> None:
    session.execute(delete(BotCall).where(col(BotCall.id) == call))


def _withdraw(session: Session, call: int) -> bool:
    """Whether it was still new, so that nothing has been sent and nothing will be."""
    return session.execute(
        delete(BotCall).where(col(BotCall.id) == call, _NEW).returning(col(BotCall.id))
    ).first() is not None  # fmt: skip


def _waiting(session: Session, bot: str) -> bool:
    return session.exec(select(BotCall.id).where(_NEW, col(BotCall.bot) == bot).limit(1)).first() is not None


def _take(session: Session, bot: str) -> list[BotCall]:
    """All that is new, oldest first; each is taken once, whoever else serves."""
    ids = (
        select(col(BotCall.id)).where(_NEW, col(BotCall.bot) == bot).order_by(col(BotCall.id)).limit(50)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    found = session.execute(ids).scalars().all()
    taken = session.execute(
        update(BotCall)
        .where(col(BotCall.id).in_(found))
        .values(state=CallState.TAKEN)
        .returning(BotCall)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).scalars()
    return sorted(taken, key=lambda call: call.id or 0)


def _done(session: Session, call: int, answer: dict[str, Any]) -> None:
    session.execute(
        update(BotCall).where(col(BotCall.id) == call).values(state=CallState.DONE, answer=answer)
    )


def _clear(session: Session, *, bot: str, before: dt.datetime) -> None:
    session.execute(delete(BotCall).where(col(BotCall.bot) == bot, col(BotCall.asked_at) < before))
