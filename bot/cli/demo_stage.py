"""The stage of the demo: simulated services, the real service beside them, and a clock one moves by hand."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web
from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from bot.app import SERVICE, Service, make_app
from bot.cli.serve import bind
from bot.core.clock import CHINA, ManualClock
from bot.core.config import Settings
from bot.core.config_dingtalk import DingTalkSettings
from bot.core.config_wecom import WeComBotSettings, WeComSettings
from bot.core.errors import Problem
from bot.inspection.notices.models import Card, InboxEvent, InboxState, Notice, NoticeState
from bot.messaging.hours import is_quiet
from bot.messaging.outbox import count_due
from bot.platforms.wecom.aibot import SmartBot
from bot.simulator.acts import PlatformServer
from bot.simulator.dingtalk import DingTalkServer
from bot.simulator.dingtalk_setup import DingTalkSetup
from bot.simulator.faults import FaultPlan
from bot.simulator.people import World
from bot.simulator.server import Simulator
from bot.simulator.wecom import WeComServer
from bot.simulator.wecom_bot_state import BotAccount

START = dt.datetime(2026, 3, 9, 8, 30, tzinfo=CHINA)
DEMO_SALT = "salt-of-the-demo-county"  # fixed, so that two runs draw the same teams; a real one is secret
_SOON = dt.timedelta(minutes=20)  # retries due so soon are waited for before the day goes on
_DOWN = dt.timedelta(minutes=3)  # longer than any lease
_TICK = 30  # seconds between two ticks once the round is over
_CLIENT_TIMEOUT = 0.5  # seconds: a lost answer costs this much real time


class Stage:
    """``async with Stage(...)``: everything runs; ``settle`` returns when nothing is left to do at this moment."""

    def __init__(
        self, folder: Path, *, database_url: str = "", percent: float = 0.0, port: int = 8080, sim_port: int = 8090,
        profile: str = "default", by_bot: bool = False,
    ) -> None:  # fmt: skip
        self.folder, self.by_bot = folder, by_bot
        folder.mkdir(parents=True, exist_ok=True)
        self.clock = ManualClock(START)
        self.world = World(now=lambda: self.clock.now().timestamp(), journal=folder / "world.jsonl")
        if "clock" in self.world.facts:  # killed: what that process held is free again after such a pause
            self.move_to(dt.datetime.fromisoformat(self.world.facts["clock"]) + _DOWN)
        self.faults = FaultPlan(percent=percent, hold=_CLIENT_TIMEOUT + 0.3)
        self.settings = self._settings(database_url, port, sim_port, profile)
        self.simulator = self._simulator(sim_port)
        self._runner: web.AppRunner | None = None

    @property
    def service(self) -> Service:
        assert self._runner is not None
        return self._runner.app[SERVICE]

    @property
    def fresh(self) -> bool:
        """Whether nothing has been played on this stage yet."""
        return "begun" not in self.world.facts

    async def start(self) -> None:
        await self.simulator.start()
        app = make_app(self.settings, clock=self.clock)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
        await self._runner.setup()
        await web.SockSite(self._runner, bind(self.settings.host, self.settings.port)).start()
        await self.connected()

    async def connected(self) -> None:
        """Wait until the service's sockets are open."""
        for _ in range(200):
            if self._dingtalk.stream.connections and (not self.by_bot or self._wecom.is_connected):
                return
            await asyncio.sleep(0.05)
        raise Problem("stream_closed", "长连接没有建立。")

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        await self.simulator.stop()
        self.world.close()

    def move_to(self, when: dt.datetime) -> None:
        """Let time pass; the journal remembers it."""
        self.clock.move_to(when)
        self.world.remember("clock", self.clock.now().isoformat())

    async def run_on(self) -> None:
        """Until cancelled a second is a second: whoever plays on meets the limits of a minute and the reminders of a day."""
        for second in itertools.count(1):
            await asyncio.sleep(1)
            self.clock.advance(seconds=1)
            if second % _TICK == 0:
                await self.service.ticks.run_all()

    async def settle(self) -> None:
        """Tick, deliver and handle until nothing is due, waiting for retries that are due soon."""
        service = self.service
        for _ in range(400):
            await self._quiet()
            if await service.ticks.run_all():
                continue
            await self._quiet()
            if await service.db.read(self._due):
                continue
            later = await service.db.read(self._next_try)
            if later is None or later > self.clock.now() + _SOON:
                return
            self.move_to(later)
        raise Problem("not_settled", "演示没有平静下来：仍有消息反复重试。")

    async def _quiet(self) -> None:
        """Handle what came in and deliver what is due now."""
        service = self.service
        await self._heard()
        while await service.delivery.run_once() + await service.cards.refresh():
            await self._heard()

    async def _heard(self) -> None:
        """Until what came in over a socket is stored and handled."""
        bot = self.service.platforms["wecom"]
        if isinstance(bot, SmartBot):
            await bot.socket.heard()
        await self.service.dispatcher.settle()

    def _due(self, session: Session) -> int:
        now = self.clock.now()
        quiet = is_quiet(self.service.delivery.profile, self.service.delivery.calendar, now=now)
        new = session.execute(
            select(func.count()).select_from(InboxEvent).where(
                col(InboxEvent.state) == InboxState.NEW, col(InboxEvent.not_before) <= now)
        ).scalar_one()  # fmt: skip
        return int(new) + count_due(session, now=now, quiet=quiet)

    def _next_try(self, session: Session) -> dt.datetime | None:
        """When the next retry is due, what a rate limit holds back, or the names of those whom nothing reached."""
        held = select(func.min(Notice.not_before)).where(
            col(Notice.state).in_((NoticeState.QUEUED, NoticeState.HELD)), col(Notice.not_before) > self.clock.now(),
            or_(col(Notice.attempts) > 0, col(Notice.detail) != "", col(Notice.kind) == "unreached"),
        )  # fmt: skip
        events = select(func.min(InboxEvent.not_before)).where(col(InboxEvent.state) == InboxState.NEW)
        # one that is due and still stale waits for its message's own retry
        cards = select(func.min(Card.not_before)).where(
            col(Card.stale).is_(True), col(Card.not_before) > self.clock.now()
        )
        found = [m for q in (held, events, cards) if (m := session.execute(q).scalar()) is not None]
        return min(found, default=None)

    # -- building ---------------------------------------------------------------------------------------

    def _secret(self, name: str) -> str:
        """A secret of this stage, made once and kept in its folder, readable by its owner only."""
        path = self.folder / "secrets.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        if name not in known:
            known[name] = secrets.token_hex(16)
            path.touch(mode=0o600, exist_ok=True)
            path.write_text(json.dumps(known))
        return str(known[name])

    def _settings(self, database_url: str, port: int, sim_port: int, profile: str) -> Settings:
        base = f"http://127.0.0.1:{sim_port}"
        return Settings(
            _env_file=None,
            database_url=database_url or f"sqlite:///{self.folder / 'suicha.db'}",
            data_dir=self.folder / "files",
            public_url=f"http://127.0.0.1:{port}",
            port=port,
            secret_key=self._secret("secret_key"),
            audit_salt=DEMO_SALT,
            profile=profile,
            tick_seconds=3600.0,  # time stands still between the steps; the steps tick
            wecom=self._wecom_settings(base),
            dingtalk=DingTalkSettings(
                client_id="dingdemo000001", client_secret=self._secret("ding_secret"), corp_id="dingcorp0001",
                agent_id=123456789, card_template="suicha.schema", api_base=f"{base}/dingtalk",
                oapi_base=f"{base}/dingtalk", timeout=_CLIENT_TIMEOUT, calls_per_second=10_000,
            ),
        )  # fmt: skip

    def _wecom_settings(self, base: str) -> WeComSettings:
        """A self-built app with a callback; or by bot, for an authority without a public address, a socket only."""
        if self.by_bot:
            bot = WeComBotSettings(
                id="AIB-demo", secret=self._secret("wecom_secret"), name="随查",
                ws_url=f"{base.replace('http', 'ws', 1)}/wecom/bot",
            )  # fmt: skip
            return WeComSettings(bot=bot, api_base=f"{base}/wecom", timeout=_CLIENT_TIMEOUT)
        return WeComSettings(
            corp_id="wwdemo0000000001", agent_id=1000017, secret=self._secret("wecom_secret"),
            token=self._secret("wecom_token"), aes_key=(self._secret("aes") + self._secret("aes2"))[:43],
            api_base=f"{base}/wecom", timeout=_CLIENT_TIMEOUT,
        )  # fmt: skip

    def _simulator(self, port: int) -> Simulator:
        wecom, dingtalk = self.settings.wecom, self.settings.dingtalk
        assert wecom is not None
        assert dingtalk is not None
        base = f"http://127.0.0.1:{port}"
        setup = DingTalkSetup(
            client_id=dingtalk.client_id, client_secret=dingtalk.client_secret.get_secret_value(),
            corp_id=dingtalk.corp_id, agent_id=dingtalk.agent_id, card_template=dingtalk.card_template,
        )  # fmt: skip
        self._dingtalk = DingTalkServer(self.world, self.faults, setup)
        bot = None
        if wecom.bot is not None:
            secret = wecom.bot.secret.get_secret_value()
            bot = BotAccount(wecom.bot.id, secret=secret, name=wecom.bot.name, met_everybody=True)
        self._wecom = WeComServer(
            self.world, self.faults, corp_id=wecom.corp_id, agent_id=wecom.agent_id,
            secret=wecom.secret.get_secret_value(), token=wecom.token.get_secret_value(),
            aes_key=wecom.aes_key.get_secret_value(),
            callback_url="" if bot else f"{self.settings.public_url}/hooks/wecom", base_url=f"{base}/wecom", bot=bot,
        )  # fmt: skip
        servers: dict[str, PlatformServer] = {"wecom": self._wecom, "dingtalk": self._dingtalk}
        return Simulator(self.world, self.faults, servers, port=port)

    @contextlib.contextmanager
    def shell(self) -> Iterator[None]:
        """The environment of somebody who types commands on this stage's machine."""
        mine = {
            "SUICHA_DATABASE_URL": self.settings.database_url, "SUICHA_DATA_DIR": str(self.settings.data_dir),
            "SUICHA_SECRET_KEY": self._secret("secret_key"), "SUICHA_AUDIT_SALT": DEMO_SALT,
            "SUICHA_PROFILE": self.settings.profile, "SUICHA_PUBLIC_URL": self.settings.public_url,
        }  # fmt: skip
        before = {name: os.environ.get(name) for name in mine}
        os.environ.update(mine)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
