"""Only one process has the bot's socket; the others send over it all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.notices.bot_calls import BotCall
from bot.messaging.relay import DatabaseRelay, _post
from bot.platforms.base import ErrorClass, OutboundMessage, PlatformError
from bot.platforms.wecom.aibot_frames import Frame
from tests.conftest import INFO
from tests.platforms.wecom.bot_rig import Alone, running_bot, until


@pytest.fixture
def relays(db: Database, clock: ManualClock) -> Iterator[list[DatabaseRelay]]:
    """Two processes over one database."""
    other = Database(db.url.render_as_string(hide_password=False), info=INFO)
    yield [DatabaseRelay(one, clock, look_again=0.01, patience=20) for one in (db, other)]
    other.close()


@pytest.fixture
def impatient(db: Database, clock: ManualClock) -> DatabaseRelay:
    """A process that asks, and is soon told that nobody answers."""
    return DatabaseRelay(db, clock, look_again=0.01, patience=0.2)


def calls(db: Database) -> int:
    return db.read_now(lambda session: len(session.exec(select(BotCall.id)).all()))


async def test_what_another_process_asks_is_sent_once_and_answered(
    db: Database, relays: list[DatabaseRelay]
) -> None:
    sent: list[tuple[str, dict[str, Any], str]] = []

    async def ask(cmd: str, body: dict[str, Any], req_id: str) -> Frame:
        sent.append((cmd, body, req_id))
        return Frame("", req_id, {"upload_id": body["n"]})

    async with relays[0].serve("b", ask), relays[1].serve("b", ask):
        answers = await asyncio.gather(*(relays[1].ask("b", "x", {"n": str(n)}, f"r{n}") for n in range(8)))
    assert [answer.body for answer in answers] == [{"upload_id": str(n)} for n in range(8)]
    assert len(sent) == 8
    assert calls(db) == 0


async def test_an_error_is_raised_where_it_was_asked(relays: list[DatabaseRelay]) -> None:
    async def ask(*_: object) -> Frame:
        raise PlatformError("45009", "rate", cls=ErrorClass.QUOTA, retry_after=60, advice="等一分钟")

    async with relays[0].serve("b", ask):
        with pytest.raises(PlatformError) as caught:
            await relays[1].ask("b", "x", {}, "")
    error = caught.value
    assert (error.code, error.cls, error.retry_after, error.advice) == (
        "45009",
        ErrorClass.QUOTA,
        60,
        "等一分钟",
    )


async def test_without_a_holder_nothing_was_sent_and_nothing_will_be(
    db: Database, impatient: DatabaseRelay
) -> None:
    with pytest.raises(PlatformError) as caught:
        await impatient.ask("b", "x", {}, "")
    assert (caught.value.code, caught.value.cls) == ("bot_not_connected", ErrorClass.RETRY)
    assert calls(db) == 0


async def test_a_holder_killed_while_it_sent_leaves_it_unknown(
    relays: list[DatabaseRelay], impatient: DatabaseRelay
) -> None:
    taken = asyncio.Event()

    async def ask(*_: object) -> Frame:
        taken.set()
        await asyncio.Event().wait()
        raise AssertionError

    serving = relays[0].serve("b", ask)
    await serving.__aenter__()
    asking = asyncio.create_task(impatient.ask("b", "x", {}, ""))
    await taken.wait()
    await serving.__aexit__(None, None, None)
    with pytest.raises(PlatformError) as caught:
        await asking
    assert caught.value.cls is ErrorClass.UNKNOWN


async def test_a_new_holder_does_not_send_what_nobody_waits_for_any_more(
    db: Database, relays: list[DatabaseRelay], clock: ManualClock
) -> None:
    await db.write(_post, bot="b", cmd="x", body={}, req_id="", now=clock.now())
    clock.advance(minutes=6)
    sent: list[object] = []

    async def ask(*call: object) -> Frame:
        sent.append(call)
        return Frame("", "", {})

    async with relays[0].serve("b", ask):
        await relays[1].ask("b", "y", {}, "")
    assert [call[0] for call in sent] == ["y"]  # type: ignore[index]


async def test_two_processes_of_one_bot_both_push_over_its_one_socket(
    relays: list[DatabaseRelay], clock: ManualClock, tmp_path: Path
) -> None:
    async with running_bot(clock, tmp_path, connect=False) as rig:
        sole = Alone()
        holder, other = (rig.another(sole=sole, relay=relay) for relay in relays)
        await holder.start()
        await until(holder.socket.connected.is_set)
        await other.start()
        event = await rig.meet()
        await other.send("insp007", OutboundMessage(title="", body="来自另一个进程"))
        await other.reply(event, OutboundMessage(title="", body="回答"))
        assert [m.content["content"] for m in rig.chat()] == ["来自另一个进程", "回答"]
        assert len([f for f in rig.bot.frames if f["cmd"] == "aibot_subscribe"]) == 1
        await holder.close()
        await until(other.socket.connected.is_set)
        await other.send("insp007", OutboundMessage(title="", body="接手"))
        await other.close()


def test_what_is_new_is_found_by_its_index(sqlite_db: Database) -> None:
    query = "EXPLAIN QUERY PLAN SELECT id FROM botcall WHERE state = 'new' AND bot = 'b' LIMIT 1"

    def plan(session: Session) -> str:
        return str(session.execute(text(query)).all())

    assert "ix_botcall_new" in sqlite_db.read_now(plan)
