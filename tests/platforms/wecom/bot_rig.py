"""The real smart bot, the simulated one, and an inbox; on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from bot.core.clock import ManualClock
from bot.core.config_wecom import WeComBotSettings, WeComSettings
from bot.platforms.base import InboundEvent
from bot.platforms.shelf import FolderShelf
from bot.platforms.wecom.aibot import SmartBot
from bot.platforms.wecom.aibot_pace import Times
from bot.platforms.wecom.aibot_relay import Relay
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimMessage, SimPerson, World
from bot.simulator.wecom import WeComServer
from bot.simulator.wecom_bot import BotServer
from bot.simulator.wecom_bot_state import BotAccount
from tests.platforms.wecom.rig import ACCOUNT, served

ACCOUNT_OF_BOT = BotAccount("AIB-demo", secret="S3cr3t-of-the-bot")
QUICK = Times(ack=0.4, heartbeat=60, first_pause=0.01, longest_pause=0.05, patience=1.0)


class Alone:
    """A ``Sole`` for processes of a test: the first holds until it lets go."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.lost = asyncio.Event()

    @asynccontextmanager
    async def hold(self, _name: str) -> AsyncIterator[asyncio.Event]:
        async with self.lock:
            yield self.lost


@dataclass(slots=True)
class Inbox:
    """Keeps what was heard, as dispatch would."""

    events: list[InboundEvent] = field(default_factory=list)
    arrivals: asyncio.Queue[InboundEvent] = field(default_factory=asyncio.Queue)

    async def take(self, event: InboundEvent) -> bool:
        fresh = event.event_id not in {known.event_id for known in self.events}
        self.events.append(event)
        self.arrivals.put_nowait(event)
        return fresh

    async def next(self) -> InboundEvent:
        async with asyncio.timeout(3):
            return await self.arrivals.get()


@dataclass(slots=True)
class BotRig:
    world: World
    faults: FaultPlan
    server: WeComServer
    inbox: Inbox
    platform: SmartBot
    settings: WeComSettings
    session: aiohttp.ClientSession
    clock: ManualClock
    sole: Alone
    folder: Path

    @property
    def bot(self) -> BotServer:
        assert self.server.bot is not None
        return self.server.bot

    def chat(self, chat_id: str = "insp007") -> list[SimMessage]:
        return [message for message in self.world.chat("wecom", chat_id) if not message.mine]

    def another(
        self, *, settings: WeComSettings | None = None, sole: Alone | None = None, relay: Relay | None = None,
        times: Times = QUICK,
    ) -> SmartBot:  # fmt: skip
        """A second process with the same bot."""
        return SmartBot(
            settings or self.settings, self.clock, self.session, name="wecom", sole=sole or self.sole,
            shelf=FolderShelf(self.folder), take=self.inbox.take, relay=relay, times=times,
        )  # fmt: skip

    async def connected(self) -> None:
        async with asyncio.timeout(3):
            await self.platform.socket.connected.wait()

    async def meet(self, user_id: str = "insp007") -> InboundEvent:
        """The person talks to the bot, so it may push."""
        await self.bot.say(user_id, "你好")
        return await self.inbox.next()


async def until(true: Callable[[], bool]) -> None:
    """Wait, at most three seconds, for what a socket brings about."""
    async with asyncio.timeout(3):
        while not true():  # noqa: ASYNC110 - the simulated service tells nobody when it is done
            await asyncio.sleep(0)


@asynccontextmanager
async def running_bot(
    clock: ManualClock, folder: Path, *, times: Times = QUICK, account: BotAccount = ACCOUNT_OF_BOT, connect: bool = True,
    group: str = "",
) -> AsyncIterator[BotRig]:  # fmt: skip
    world = World(now=lambda: clock.now().timestamp())
    for user_id, name in (("insp007", "张三"), ("insp008", "李四")):
        world.add_person(SimPerson("wecom", user_id, name))
    faults, outer = FaultPlan(hold=0.4, delay=0.01), web.Application()
    async with served(outer, mount=lambda base: _server(world, faults, account, base)) as (api, server):
        async with aiohttp.ClientSession() as session:
            settings = WeComSettings(
                api_base=f"{api}/wecom",
                bot=WeComBotSettings(
                    id=account.bot_id, secret=account.secret, name=account.name, group=group,
                    ws_url=f"{api.replace('http', 'ws', 1)}/wecom/bot",
                ),
            )  # fmt: skip
            inbox, sole = Inbox(), Alone()
            platform = SmartBot(
                settings, clock, session, name="wecom", sole=sole, shelf=FolderShelf(folder), take=inbox.take,
                times=times,
            )  # fmt: skip
            rig = BotRig(world, faults, server, inbox, platform, settings, session, clock, sole, folder)
            if connect:
                await platform.start()
                await rig.connected()
            yield rig
            await platform.close()
        await server.close()
    world.close()


def _server(world: World, faults: FaultPlan, account: BotAccount, base: str) -> WeComServer:
    return WeComServer(
        world,
        faults,
        **{**ACCOUNT, "callback_url": ""},
        bot=account,
        base_url=f"{base}/wecom",
        resend_after=0.3,
    )
