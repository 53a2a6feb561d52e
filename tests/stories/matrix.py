"""One cell of the fault matrix: real adapter, simulated service over HTTP, real database, one thing going wrong."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session, col, select

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.inspection.notices.message import Ask, Content
from bot.inspection.notices.models import InboxEvent, InboxState, Notice, NoticeState
from bot.messaging import delivery as road
from bot.messaging.router import Context, Reply
from bot.messaging.talks import open_talk
from bot.platforms.base import InboundEvent
from tests.fakes.platform import Killed
from tests.messaging.rig import Rig, write_templates
from tests.platforms.pairs import PAIRS, PATIENCE, Pair

SERVICES = {"wecom": "企业微信", "dingtalk": "钉钉（互动卡片）"}
START = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA)
_OPEN = (NoticeState.QUEUED, NoticeState.HELD, NoticeState.SENDING)
_ROUNDS = 40
_ASK = Ask("收到", "accept")
REPEAT = "可能重复"


@dataclass
class Toll:
    """What one cell cost: messages nobody got and nobody was told about, extra ones, and extra ones without a mark."""

    lost: int = 0
    repeated: int = 0
    unexplained: int = 0

    def __str__(self) -> str:
        return f"{self.lost} / {self.repeated} / {self.unexplained}"


@dataclass
class Cell:
    """A service under test with its platform; what was promised by the words it carries."""

    pair: Pair
    rig: Rig
    promised: dict[str, tuple[str, int]] = field(default_factory=dict)  # words → user id, notice
    answers: Counter[str] = field(default_factory=Counter)

    def promise(self, user_id: str, kind: str) -> None:
        notice = self.rig.promise(self._person(user_id), kind)
        self.promised[f"第{notice}号"] = (user_id, notice)

    def _person(self, user_id: str) -> int:
        known = self.rig.known.get(user_id)
        if known is None:
            known = self.rig.known[user_id] = self.rig.person(f"{self.pair.platform.name}:{user_id}")
        return known

    async def to_rest(self) -> None:
        """Work as ``Delivery.run`` does (a failed write is tried again), moving the clock to whatever is next."""
        for _ in range(_ROUNDS):
            try:
                while await self.rig.delivery.run_once():
                    pass
                await self.rig.delivery.finish()
                await self.rig.dispatcher.sweep()
                await self.rig.dispatcher.settle()
            except DBAPIError:
                continue
            later = self.rig.db.read_now(_next)
            if later is None:
                return
            self.rig.clock.move_to(max(later, self.rig.clock.now() + dt.timedelta(seconds=1)))
        raise AssertionError("does not come to rest")

    def toll(self) -> Toll:
        toll = Toll()
        for words, (user_id, notice) in self.promised.items():
            bubbles = [
                b for b in self.pair.chat(user_id) if words in json.dumps(b.content, ensure_ascii=False)
            ]
            row = self.rig.notice(notice)
            named = row.state in (NoticeState.FAILED, NoticeState.EXPIRED) and row.detail
            toll.lost += not bubbles and not named
            toll.repeated += max(len(bubbles) - 1, 0)
            marked = sum(REPEAT in json.dumps(b.content, ensure_ascii=False) for b in bubbles)
            toll.unexplained += max(len(bubbles) - 1 - marked, 0)
        return toll


def _next(session: Session) -> dt.datetime | None:
    waits = [
        n.lease_until if n.state == NoticeState.SENDING else n.not_before
        for n in session.exec(select(Notice).where(col(Notice.state).in_(_OPEN)))
    ]
    events = session.exec(select(InboxEvent.not_before).where(InboxEvent.state == InboxState.NEW))
    return min([*(w for w in waits if w), *events], default=None)


@asynccontextmanager
async def cell(
    service: str, db: Database, folder: Path, *, patience: float = PATIENCE
) -> AsyncIterator[Cell]:
    """Warmed up: the access token is there, so that what goes wrong next hits a send. *patience*: seconds in which the
    adapter waits for an answer."""
    clock = ManualClock(START)
    async with PAIRS[SERVICES[service]](clock, patience) as pair:
        rig = Rig(db, clock, write_templates(folder), pair.platform)
        rig.truth = {
            "told": lambda _s, n, _t: Content({"name": f"第{n.id}号"}),
            "card": lambda _s, n, _t: Content({"state": f"第{n.id}号"}, asks=(_ASK,)),
        }
        made = Cell(pair, rig)
        rig.router.command("办理")(made_handler(made))
        made.promise(pair.people[0], "told")
        made.promise(pair.people[0], "card")
        await made.to_rest()
        assert str(made.toll()) == "0 / 0 / 0"
        yield made


def made_handler(made: Cell) -> Callable[[Context], Awaitable[Reply]]:
    async def handle(ctx: Context) -> Reply:
        await ctx.db.write(effect, words=ctx.words, now=ctx.clock.now())
        made.answers[ctx.words] += 1
        return Reply(f"办好了：{ctx.words}")

    return handle


def effect(session: Session, *, words: str, now: dt.datetime) -> None:
    """One effect however often it is tried: the talk's key is the effect's."""
    open_talk(session, f"effect:{words}", topic=words, now=now)


# -- what goes wrong ------------------------------------------------------------


@contextmanager
def failing_commits(db: Database, text: str, *, which: set[int]) -> Iterator[None]:
    """The commits with these numbers fail as the database would fail them; everything of theirs is rolled back."""
    count = 0

    def on_commit(connection: Any) -> None:
        nonlocal count
        count += 1
        if count in which:
            if (
                not db.is_sqlite
            ):  # there a COMMIT that fails has ended the transaction; SQLite's may stay open
                connection.connection.driver_connection.rollback()
            raise OperationalError("COMMIT", {}, Exception(text))

    event.listen(db.engine, "commit", on_commit)
    try:
        yield
    finally:
        event.remove(db.engine, "commit", on_commit)


STEPS = {1: "领取", 2: "成文", 3: "记下尝试", 4: "发送", 5: "入账"}


@contextmanager
def killed_after(delivery: road.Delivery, step: int) -> Iterator[None]:
    """The process dies once, when *step* of the next batch is done and nothing of the following has begun."""
    owners = {
        1: (delivery, "_claim"),
        2: (delivery.composer, "compose"),
        4: (delivery.sender, "send"),
        5: (delivery, "_settle"),
    }
    if step == 3:
        owner, name = delivery.sender, "send"
    else:
        owner, name = owners[step]
    before = getattr(owner, name)

    def dying(*args: object, **values: object) -> object:
        setattr(owner, name, before)
        if step == 3:
            raise Killed
        if name == "compose":
            before(*args, **values)
            raise Killed
        return _finish_and_die(before(*args, **values))

    setattr(owner, name, dying)
    try:
        yield
    finally:
        setattr(owner, name, before)


async def _finish_and_die(work: Awaitable[object]) -> None:
    await work
    raise Killed


async def heard(pair: Pair, *texts: str) -> list[InboundEvent]:
    """What the real adapter makes of what a person says on the simulated phone."""
    before = len(pair.inbox())
    for text in texts:
        await pair.server.say(pair.people[0], text)
    return (await pair.heard(before + len(texts)))[before:]
