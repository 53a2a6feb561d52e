"""Somebody in a chat, straight at the handlers: what they press and type, and what they read back."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.links import Links
from bot.inspection.calendar import Calendar
from bot.inspection.notices.models import Talk
from bot.inspection.profile import load_profile
from bot.messaging.actions import Action
from bot.messaging.router import Context
from bot.platforms.base import InboundEvent, InboundKind
from handlers.chat import make_router
from tests.fakes.reminding import CALENDAR

PROFILE = load_profile("default")
ROUTER = make_router()
KEY = "a-secret-key-for-tests-only"


class Person:
    """Somebody who presses and types, at the moment the clock shows."""

    def __init__(
        self, db: Database, person: int, clock: ManualClock, *, calendar: Calendar = CALENDAR
    ) -> None:
        self.db, self.clock, self.id, self.calendar = db, clock, person, calendar

    def _context(self) -> Context:
        event = InboundEvent(platform="wecom", event_id="1", kind=InboundKind.TEXT, user_id=f"u{self.id}",
                             at=self.clock.now())  # fmt: skip
        return Context(event=event, person_id=self.id, db=self.db, clock=self.clock, profile=PROFILE, calendar=self.calendar,
                       links=Links("http://suicha.test", KEY), settings=Settings(_env_file=None),  # type: ignore[call-arg]
                       platform=SimpleNamespace())  # type: ignore[arg-type]  # fmt: skip

    async def press(self, verb: str, subject: str) -> str:
        return (
            await ROUTER.actions[verb](dataclasses.replace(self._context(), action=Action(verb, subject)))
        ).text

    async def say(self, words: str) -> str:
        context = self._context()
        talk = await self.db.read(lambda session: session.get(Talk, context.talk_key))
        found = ROUTER.find_command(words)
        if found is not None:
            return (await found[0](dataclasses.replace(context, words=found[1]))).text
        assert talk is not None, "nobody asked"
        return (
            await ROUTER.talks[talk.topic](dataclasses.replace(context, words=words, talk=dict(talk.data)))
        ).text
