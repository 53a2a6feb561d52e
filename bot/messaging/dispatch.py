"""Journey 1, after the answer: find the person, run one handler, and promise the reply."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlmodel import Session

from bot.core.clock import Clock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.links import Links
from bot.core.log import log
from bot.core.metrics import handled, of_inbound
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.evidence import open_store
from bot.inspection.notices.message import Content, Kind, Page, Told
from bot.inspection.notices.models import Priority, Talk
from bot.inspection.notices.service import enqueue
from bot.inspection.profile import Profile
from bot.messaging import inbox
from bot.messaging.actions import unpack
from bot.messaging.cards import Cards, Refresh, note_click, touch_one_card
from bot.messaging.media import MediaKeeper
from bot.messaging.outcomes import push_token
from bot.messaging.people import person_of, revive
from bot.messaging.router import Context, Handler, Reply, Router
from bot.messaging.talks import current
from bot.messaging.turns import Gate, Turns
from bot.platforms.base import CLOSED, InboundEvent, InboundKind, OutboundMessage, Platform, PlatformError

_AT_ONCE = 8  # handlers that run together; one alone while callbacks crowd in
_BEGUN = 32  # handlers that run or wait for their turn
_BREATH = 0.05  # seconds between two handlers then: each costs as much as ten answers to the platform
SORRY = "系统出了点问题，这次没有办成，已经记录。请稍后再试一次。"
UNKNOWN_BUTTON = "这个按钮已不再使用，请打开最新的卡片。"


@dataclass(frozen=True, slots=True)
class _Taken:
    """An event that is this process's, and what is known of its account."""

    body: dict[str, Any]
    person: int | None
    talk: Talk | None


def _take_up(session: Session, row_id: int, *, now: dt.datetime) -> _Taken | None:
    """Claim the event; None when it is done or somebody else has it."""
    body = inbox.claim(session, row_id, now=now)
    if body is None:
        return None
    platform, user_id = str(body.get("platform", "")), str(body.get("user_id", ""))
    person = person_of(session, platform=platform, user_id=user_id)
    return _Taken(body, person, current(session, f"{platform}:{user_id}", now=now) if person else None)


class Dispatcher:
    """One per process. ``take`` returns once the event is stored; the work goes on in a task that is awaited at
    shutdown. Events of one account are handled one after the other."""

    def __init__(
        self, db: Database, clock: Clock, *, platforms: Mapping[str, Platform], router: Router, cards: Cards,
        links: Links, settings: Settings, profile: Profile, calendar: WorkCalendar,
    ) -> None:  # fmt: skip
        self.db, self.clock, self.platforms, self.router, self.cards = db, clock, platforms, router, cards
        self.links, self.settings, self.profile, self.calendar = links, settings, profile, calendar
        self.media = MediaKeeper(db, platforms, open_store(settings))
        self._intake = inbox.Intake(db, clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stored: dict[
            int, str
        ] = {}  # account by row id: in a storm they wait here, which costs next to nothing
        self._feeding: asyncio.Task[None] | None = None
        self._turns = Turns()
        self._gate = Gate(_AT_ONCE, urgent=self._intake.is_crowded)

    async def take(self, event: InboundEvent) -> bool:
        """Store the event durably; False when it was stored before. Called before the platform is answered."""
        row_id = await self._intake.take(event)
        of_inbound(event.platform, event.kind, "new" if row_id else "repeat").inc()
        if row_id is not None:
            self._hand_on(row_id, f"{event.platform}:{event.user_id}")
        return row_id is not None

    async def sweep(self) -> int:
        """Finish what a crash left, or what failed and is due again."""
        rows = await self.db.read(inbox.left_over, now=self.clock.now())
        running = {task.get_name() for task in self._tasks}
        for row_id, account in rows:
            if f"inbox:{row_id}" not in running:
                self._hand_on(row_id, account)
        return len(rows)

    async def settle(self) -> None:
        """Wait for every handler that runs now."""
        while self._tasks or self._stored:
            feeding = [self._feeding] if self._feeding else []
            await asyncio.gather(*self._tasks, *feeding, return_exceptions=True)

    async def stop(self) -> None:
        """Finish what runs; what a storm left waiting stays in the inbox, where the sweep finds it after the next start."""
        self._stored.clear()
        await self.settle()

    def _hand_on(self, row_id: int, account: str) -> None:
        """At once, unless callbacks crowd in; then one after the other, in the order they came."""
        if not self._stored and not self._intake.is_crowded():
            self._start(row_id, account)
            return
        self._stored[row_id] = account
        if self._feeding is None or self._feeding.done():
            self._feeding = asyncio.create_task(self._feed(), name="inbox:feed")

    async def _feed(self) -> None:
        """What waits, oldest first; each with a breath before it while callbacks crowd in."""
        while self._stored:
            crowded = self._intake.is_crowded()
            if crowded:
                await asyncio.sleep(_BREATH)
            if not self._stored:  # stopped meanwhile
                return
            row_id = next(iter(self._stored))
            self._start(row_id, self._stored.pop(row_id))
            while len(self._tasks) > (0 if crowded else _BEGUN):
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    def _start(self, row_id: int, account: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._in_turn(row_id, account), name=f"inbox:{row_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _in_turn(self, row_id: int, account: str) -> None:
        with structlog.contextvars.bound_contextvars(event=f"inbox:{row_id}"):
            async with self._turns.of(account), self._gate.passage():
                try:
                    await self._work(row_id)
                except Exception:  # noqa: BLE001 - the row is leased, not lost: the sweep comes back to it
                    log.exception("dispatch_broke")

    async def _work(self, row_id: int) -> None:
        taken = await self.db.write(_take_up, row_id, now=self.clock.now())
        if taken is None:
            return
        event: InboundEvent | None = None
        try:
            event = inbox.read_event(taken.body)
            reply, pressed = await self._handle(row_id, event, taken)
        except Exception as error:  # noqa: BLE001 - logged, and the work goes on
            log.exception("handler_broke", kind=event.kind if event else "unreadable")
            again = await self.db.write(
                inbox.give_back, row_id, now=self.clock.now(), error=f"{type(error).__name__}: {error}"
            )
            if event is not None and not again:
                await self._directly(event, Reply(SORRY))
            return
        if taken.person is None:
            await self._directly(event, reply)
        await self.cards.update(pressed)

    async def _handle(self, row_id: int, event: InboundEvent, taken: _Taken) -> tuple[Reply, list[Refresh]]:
        with handled.labels(event.kind).time():
            event = await self.media.keep(row_id, event)
            reply, outcome = await self._answer(event, taken)
            pressed = await self.db.write(
                self._finish, row_id, event=event, person=taken.person, reply=reply, outcome=outcome,
                now=self.clock.now(),
            )  # fmt: skip
        return reply, pressed

    async def _answer(self, event: InboundEvent, taken: _Taken) -> tuple[Reply, str]:
        try:
            handler, context = self._route(event, taken)
            if handler is None:
                return Reply(), "ignored"
            return await handler(context), "done"
        except Problem as problem:
            return Reply(str(problem)), f"refused: {problem.key}"

    def _route(self, event: InboundEvent, taken: _Taken) -> tuple[Handler | None, Context]:
        talk = taken.talk
        context = Context(
            event=event, person_id=taken.person or 0, talk=dict(talk.data) if talk else {}, db=self.db,
            clock=self.clock, links=self.links,
            settings=self.settings, platform=self.platforms[event.platform], profile=self.profile,
            calendar=self.calendar, words=event.text.strip(),
        )  # fmt: skip
        if event.kind in (InboundKind.CONTACT, InboundKind.OTHER) or not event.user_id:
            return self.router.others.get(_nature(event)), context
        if taken.person is None:
            return self.router.talks.get("binding"), context
        topic = talk.topic if talk else ""
        match event.kind:
            case InboundKind.BUTTON:
                return self._button(context)
            case InboundKind.IMAGE | InboundKind.FILE:
                return self.router.media.get(topic) or self.router.media.get(""), context
            case InboundKind.LOCATION:
                return self.router.media.get(f"place:{topic}") or self.router.media.get("place"), context
            case InboundKind.ENTER:
                return None, context
        return self._words(context, topic)

    def _button(self, context: Context) -> tuple[Handler | None, Context]:
        if context.event.action == CLOSED:
            return None, context
        action = unpack(context.event.action)
        return self.router.actions.get(action.verb, _unknown_button), replace(context, action=action)

    def _words(self, context: Context, topic: str) -> tuple[Handler | None, Context]:
        command = self.router.find_command(context.words)
        if command is not None and (not topic or not command[1]):
            return command[0], replace(context, words=command[1])
        return self.router.talks.get(topic) or self.router.fallback, context

    def _finish(
        self, session: Session, row_id: int, *, event: InboundEvent, person: int | None, reply: Reply, outcome: str,
        now: dt.datetime,
    ) -> list[Refresh]:  # fmt: skip
        """One transaction: the event is done, the reply is promised, the pressed card is taken to be looked at again."""
        if reply.text and person is not None:
            enqueue(
                session, "reply", f"inbox:{row_id}", recipient_id=person, now=now, priority=Priority.URGENT,
                statutory=True, expires_at=now + dt.timedelta(hours=12), data=_promised(event, reply),
            )  # fmt: skip
        if person is not None:
            revive(session, platform=event.platform, user_id=event.user_id)
        if event.card_id:
            if event.card_token:
                push_token(session, event.card_id, event.card_token)
            touch_one_card(session, event.card_id, now=now, afresh=event.action == CLOSED)
            note_click(session, event.card_id, now=now)
        inbox.finish(session, row_id, now=now, actor=person, what=event.kind, outcome=outcome)
        if event.kind is not InboundKind.BUTTON or not event.card_id:
            return []
        return self.cards.claim(session, card_id=event.card_id, now=now, limit=1)

    async def _directly(self, event: InboundEvent, reply: Reply) -> None:
        """Answer somebody who is nobody to us yet; there is no row to hang a promise on."""
        if not reply.text:
            return
        message = OutboundMessage(title=reply.title or "随查", body=reply.text)
        for _ in range(3):
            try:
                await self.platforms[event.platform].reply(event, message)
            except PlatformError as error:
                log.warning("reply_failed", code=error.code)
                if error.permanent:
                    return
            else:
                return


def _nature(event: InboundEvent) -> str:
    """What ``Router.other`` knows an event by that no person meant for us."""
    return "contact" if event.kind is InboundKind.CONTACT else str(event.raw.get("reason", ""))


async def _unknown_button(_context: Context) -> Reply:
    return Reply(UNKNOWN_BUTTON)


def _promised(event: InboundEvent, reply: Reply) -> dict[str, object]:
    """What the reply kind needs later to say it where it was asked."""
    return {
        "title": reply.title or "随查", "text": reply.text, "links": [list(x) for x in reply.links],
        "platform": event.platform, "user_id": event.user_id, "conversation": event.conversation,
        "reply_token": event.reply_token,
        "reply_until": event.reply_until.isoformat() if event.reply_until else "",
    }  # fmt: skip


def _reply_content(_session: Session, notice: Told, _now: dt.datetime) -> Content:
    pages = tuple(Page(text, path=url) for text, url in notice.data.get("links", ()))
    return Content({"title": notice.data["title"], "text": notice.data["text"]}, pages=pages)


REPLY = Kind("reply", _reply_content, Content({"title": "随查", "text": "已收到。"}))
