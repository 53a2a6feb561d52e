"""Delivery, cards and dispatch over one database, with services in memory and a clock that stands still."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.links import Links
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip
from bot.inspection.notices.models import Attempt, Card, Notice
from bot.inspection.notices.service import enqueue
from bot.inspection.people.models import Account
from bot.inspection.profile import load_profile
from bot.messaging.cards import Cards
from bot.messaging.delivery import Delivery
from bot.messaging.dispatch import REPLY, Dispatcher
from bot.messaging.render import TEMPLATES, Renderer
from bot.messaging.router import Router
from bot.platforms.base import InboundEvent, InboundKind
from tests.fakes.builders import make_account, make_person
from tests.fakes.platform import FakePlatform

PROFILE = load_profile("default")
CALENDAR = WorkCalendar.load()
_subjects = itertools.count(1)
_events = itertools.count(1)

Truth = Callable[[Session, Notice, dt.datetime], Content | Skip]


def write_templates(folder: Path) -> Path:
    """Two kinds of our own, ``told`` and ``card``, and the reply."""
    for kind, body in (
        ("told", "您好 {{ name|md }}"),
        ("card", "状态：{{ state|md }}"),
        ("reply", "{{ text }}"),
    ):
        (folder / kind).mkdir()
        title = "{{ title }}" if kind == "reply" else "标题"
        (folder / kind / "title.txt.j2").write_text(title, encoding="utf-8")
        (folder / kind / "body.md.j2").write_text(body, encoding="utf-8")
    return folder


class Rig:
    """``truth`` is what the kinds say; change it and the next look sees it."""

    def __init__(self, db: Database, clock: ManualClock, folder: Path, *platforms: FakePlatform) -> None:
        self.db, self.clock, self.folder = db, clock, folder
        self.platforms: dict[str, Any] = {p.name: p for p in platforms or (FakePlatform(),)}
        self.links = Links("https://x.test", "a secret of sixteen characters", clock=clock)
        self.renderer = Renderer(self.links, folder=folder)
        self.truth: dict[str, Truth] = {
            "told": lambda *_: Content({"name": "*王*"}),
            "card": lambda *_: Content(
                {"state": "待接收"}, asks=(Ask("收到", "accept"),), pages=(Page("打开", "form", (1,)),)
            ),
        }
        self.kinds: Mapping[str, Kind] = {
            "told": Kind("told", lambda *a: self.truth["told"](*a), Content()),  # noqa: PLW0108 - looked up at each call
            "card": Kind("card", lambda *a: self.truth["card"](*a), Content(), card=True),  # noqa: PLW0108
            "reply": REPLY,
        }
        self.known: dict[str, int] = {}  # people by user id, for who keeps a book of them
        self.router = Router()
        self.delivery = self.make_delivery()
        self.cards = Cards(db, clock, platforms=self.platforms, kinds=self.kinds, renderer=self.renderer)
        self.dispatcher = self.make_dispatcher()

    def use_template(self, kind: str) -> None:
        """Take the real template of *kind*."""
        shutil.copytree(TEMPLATES / kind, self.folder / kind)

    @property
    def wecom(self) -> FakePlatform:
        platform: FakePlatform = self.platforms["wecom"]
        return platform

    def make_delivery(self, *, db: Database | None = None) -> Delivery:
        return Delivery(
            db or self.db,
            self.clock,
            platforms=self.platforms,
            kinds=self.kinds,
            renderer=self.renderer,
            profile=PROFILE,
            calendar=CALENDAR,
            prefer="wecom",
        )

    def make_dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.db,
            self.clock,
            platforms=self.platforms,
            router=self.router,
            cards=self.cards,
            links=self.links,
            settings=Settings(_env_file=None),
            profile=PROFILE,
            calendar=CALENDAR,  # type: ignore[call-arg]
        )

    # -- what is to be told ---------------------------------------------------------------------------

    def person(self, *accounts: str) -> int:
        """A person with accounts written ``wecom:u1``."""

        def make(session: Session) -> int:
            person = make_person(session).id or 0
            for account in accounts:
                platform, _, user_id = account.partition(":")
                make_account(session, person, user_id=user_id, platform=platform)
            return person

        return self.db.write_now(make)

    def promise(self, person: int, kind: str = "told", *, subject: str = "", **fields: Any) -> int:
        """Queue a notice; returns its id."""
        subject = subject or f"visit:{next(_subjects)}"

        def make(session: Session) -> int:
            assert enqueue(session, kind, subject, recipient_id=person, now=self.clock.now(), **fields)
            return session.exec(select(func.max(Notice.id))).one() or 0

        return self.db.write_now(make)

    # -- what became of it ----------------------------------------------------------------------------

    def notice(self, notice_id: int) -> Notice:
        return self.db.read_now(lambda s: s.get_one(Notice, notice_id))

    def attempts(self, notice_id: int) -> list[Attempt]:
        query = select(Attempt).where(Attempt.notice_id == notice_id).order_by(col(Attempt.n))
        return list(self.db.read_now(lambda s: s.exec(query).all()))

    def card(self, notice_id: int) -> Card:
        return self.db.read_now(
            lambda s: s.exec(select(Card).where(Card.notice_id == notice_id, ~col(Card.closed))).one()
        )

    def account(self, user_id: str) -> Account:
        return self.db.read_now(lambda s: s.exec(select(Account).where(Account.user_id == user_id)).one())

    async def until_quiet(self, *, most: int = 30) -> None:
        """Send what is due now, again and again, without moving the clock."""
        for _ in range(most):
            if not await self.delivery.run_once():
                return
        raise AssertionError("delivery does not come to rest")

    # -- what comes in --------------------------------------------------------------------------------

    def event(self, text: str = "", *, user: str = "u1", **fields: Any) -> InboundEvent:
        defaults: dict[str, Any] = {
            "platform": "wecom",
            "event_id": f"e{next(_events)}",
            "kind": InboundKind.TEXT,
            "user_id": user,
            "at": self.clock.now(),
            "text": text,
        }
        return InboundEvent(**defaults | fields)


@contextmanager
def replaced(table: dict[str, Any], key: str, value: Any) -> Iterator[None]:
    """*table* with another value for a while."""
    before = table[key]
    table[key] = value
    try:
        yield
    finally:
        table[key] = before
