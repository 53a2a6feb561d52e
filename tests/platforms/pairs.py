"""Each way of talking to people, with the simulated service behind it, as the contract suite sees it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from bot.core.clock import ManualClock
from bot.platforms.base import InboundEvent, Platform
from bot.simulator.acts import PlatformServer
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimMessage, World
from tests.platforms.dingtalk.rig import dingtalk, until
from tests.platforms.wecom.bot_rig import ACCOUNT_OF_BOT, QUICK, running_bot
from tests.platforms.wecom.rig import running as wecom

PATIENCE = 8.0  # seconds the client waits
HASTE = 0.8  # where an answer is lost on purpose; the services hold it longer


@dataclass
class Pair:
    """A platform, its service, two people who can be reached and one who cannot."""

    platform: Platform
    server: PlatformServer
    world: World
    faults: FaultPlan
    clock: ManualClock
    people: tuple[str, str]
    secrets: tuple[str, ...]
    inbox: Callable[[], list[InboundEvent]]
    listen: Callable[[], Awaitable[None]]
    stranger: str = "stranger"

    def chat(self, user_id: str = "") -> list[SimMessage]:
        """What the service put into somebody's chat."""
        bubbles = self.world.chat(self.server.name, user_id or self.people[0])
        return [bubble for bubble in bubbles if not bubble.mine]

    async def heard(self, count: int = 1) -> list[InboundEvent]:
        await until(lambda: len(self.inbox()) >= count)
        return self.inbox()


class Opener(Protocol):
    def __call__(self, clock: ManualClock, patience: float = ...) -> AbstractAsyncContextManager[Pair]: ...


@asynccontextmanager
async def by_wecom(clock: ManualClock, patience: float = PATIENCE) -> AsyncIterator[Pair]:
    async with wecom(clock, patience=patience) as rig:

        async def listen() -> None:
            """Callbacks come as soon as the address answers."""

        rig.faults.hold = patience + 0.3
        secrets = (rig.settings.secret.get_secret_value(), rig.settings.aes_key.get_secret_value())
        yield Pair(
            rig.platform,
            rig.server,
            rig.world,
            rig.faults,
            rig.clock,
            ("insp007", "insp008"),
            secrets,
            lambda: rig.service.inbox,
            listen,
        )


@asynccontextmanager
async def by_smart_bot(clock: ManualClock, patience: float = PATIENCE) -> AsyncIterator[Pair]:
    account = replace(ACCOUNT_OF_BOT, met_everybody=True)
    times = replace(QUICK, ack=min(patience, 2.0), patience=patience)
    with tempfile.TemporaryDirectory() as folder:
        async with running_bot(clock, Path(folder), times=times, account=account, group="wrGroup") as rig:

            async def listen() -> None:
                """The socket is open."""

            rig.faults.hold = patience + 0.3
            rig.bot.memory.met("wrGroup")
            people = ("insp007", "insp008")
            yield Pair(
                rig.platform, rig.server, rig.world, rig.faults, rig.clock, people, (account.secret,),
                lambda: rig.inbox.events, listen,
            )  # fmt: skip


def by_dingtalk(**settings: Any) -> Opener:
    @asynccontextmanager
    async def running(clock: ManualClock, patience: float = PATIENCE) -> AsyncIterator[Pair]:
        async with dingtalk(settings={"timeout": patience, **settings}) as rig:
            rig.faults.hold = patience + 0.3
            secrets = (rig.settings.client_secret.get_secret_value(), "robot-token")
            yield Pair(
                rig.platform,
                rig.server,
                rig.world,
                rig.faults,
                rig.clock,
                ("u1001", "u1002"),
                secrets,
                lambda: rig.inbox.events,
                rig.connect,
            )

    return running


PAIRS: dict[str, Opener] = {
    "企业微信": by_wecom,
    "企业微信（智能机器人）": by_smart_bot,
    "钉钉（互动卡片）": by_dingtalk(),
    "钉钉（无模板）": by_dingtalk(card_template="", group_robot_url=None),
    "钉钉（工作通知）": by_dingtalk(
        card_template="", private_by="work_notice", agent_id=7, group_conversation="cidAbC+xyz="
    ),
}
