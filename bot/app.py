"""The composition root: settings become a web application with its platforms, delivery, dispatch and ticks."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from bot.core.clock import Clock, SystemClock
from bot.core.config import Settings
from bot.core.db import Database, open_database
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.core.log import log
from bot.core.seal import Seal
from bot.core.sole import DatabaseSole
from bot.inspection.audit.service import SALT
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.evidence import open_store
from bot.inspection.deadlines.calendar_years import refresh_calendar
from bot.inspection.deadlines.shown import CALENDAR as SHOWN_BY
from bot.inspection.messages import KINDS
from bot.inspection.people.robots import robot_url
from bot.inspection.profile import load_profile
from bot.messaging.budgets import Budgets
from bot.messaging.cards import Cards
from bot.messaging.chase import Chase
from bot.messaging.delivery import Delivery
from bot.messaging.directories import Directories
from bot.messaging.dispatch import Dispatcher
from bot.messaging.group_posts import GroupPosts
from bot.messaging.letters import all_kinds
from bot.messaging.listening import Listener, Listeners
from bot.messaging.lost import LostEvents
from bot.messaging.quotas import Ledger
from bot.messaging.relay import DatabaseRelay
from bot.messaging.render import Renderer
from bot.messaging.tokens import SharedTokens
from bot.migrations import require_current
from bot.platforms.base import Platform
from bot.platforms.dingtalk.app import DingTalkPlatform
from bot.platforms.email.app import EmailPlatform
from bot.platforms.shelf import FolderShelf
from bot.platforms.sms.app import SmsPlatform
from bot.platforms.wecom.aibot_webhook import WebhookBot
from bot.platforms.wecom.enterprise_robot import EnterpriseRobots
from bot.platforms.wecom.making import Parts, make_wecom
from bot.platforms.zwdd.app import ZwddPlatform
from handlers.chat import make_router
from handlers.web import dingtalk_hooks, dingtalk_login, health, hooks, inbox, wecom_pages, zwdd_login
from handlers.web.console_words import KINDS as KIND_NAMES
from handlers.web.keys import CALENDAR, EVIDENCE, PROFILE
from handlers.web.pages import TEMPLATES, guard, make_environment
from handlers.web.people_pages import ALL
from scheduler.jobs import Ticks
from scheduler.service import make_scheduler

STATIC = TEMPLATES / "static"


@dataclass(slots=True)
class Service:
    """The running parts, for the demo, the tests and the health pages."""

    settings: Settings
    clock: Clock
    db: Database
    platforms: dict[str, Platform]
    delivery: Delivery
    cards: Cards
    dispatcher: Dispatcher
    ticks: Ticks
    ledger: Ledger


SERVICE = web.AppKey("service", Service)
LISTENERS: web.AppKey[dict[str, Listener]] = web.AppKey("listeners")


def make_app(settings: Settings, *, clock: Clock | None = None) -> web.Application:
    """Build the application; what runs is started and stopped by its cleanup context. Refuses half a setup."""
    app = web.Application(middlewares=[guard], client_max_size=settings.max_upload + 1024 * 1024)
    app[SETTINGS] = settings
    app[CLOCK] = clock or SystemClock()
    app[LINKS] = Links(settings.public_url, settings.secret("secret_key"), clock=app[CLOCK])
    app[PAGES] = make_environment()
    app[PROFILE] = load_profile(settings.profile)
    app[CALENDAR] = WorkCalendar.load()
    app[EVIDENCE] = open_store(settings)
    app[DB] = _open_current(settings.database_url, settings.secret("audit_salt"))
    app[DB].read_now(refresh_calendar, calendar=app[CALENDAR])
    app[DB].info[SHOWN_BY] = app[CALENDAR]
    app[health.PROBES] = {}
    app[LISTENERS] = {}
    _add_routes(app)
    app.cleanup_ctx.append(_running)
    return app


def _open_current(url: str, salt: str) -> Database:
    """The database, when its tables are those of this program."""
    database = open_database(url, info={SALT: salt})
    try:
        require_current(database)
    except Problem:
        database.close()
        raise
    return database


def _add_routes(app: web.Application) -> None:
    for part in ALL:
        app.add_routes(part.routes)
    health.add_routes(app)
    if app[SETTINGS].wecoms:
        app.add_routes(hooks.routes)
        app.add_routes(wecom_pages.routes)
    dingtalk_hooks.add_routes(app)
    dingtalk_login.add_routes(app)
    zwdd_login.add_routes(app)
    app.router.add_static("/static/", STATIC, append_version=False)


async def _running(app: web.Application) -> AsyncIterator[None]:
    async with _http(app[SETTINGS]) as http:
        service = app[SERVICE] = _assemble(app, http)
        for platform in service.platforms.values():
            await platform.start()
        worker = asyncio.create_task(service.delivery.run(), name="delivery")
        scheduler = make_scheduler(service.ticks, seconds=service.settings.tick_seconds)
        scheduler.start()
        app[health.PROBES].update(
            delivery=lambda: not worker.done(), scheduler=lambda: bool(scheduler.running)
        )
        log.info("started", platforms=sorted(service.platforms), database=service.db.url.get_backend_name())
        yield
        log.info("stopping")
        scheduler.shutdown(wait=False)
        await _wind_down(service, worker)


def _assemble(app: web.Application, http: aiohttp.ClientSession) -> Service:
    """The parts that run, joined to each other and to the pages that need them; nothing is started."""
    settings, clock, db = app[SETTINGS], app[CLOCK], app[DB]
    profile, calendar = app[PROFILE], app[CALENDAR]
    platforms: dict[str, Platform] = {}
    renderer = Renderer(app[LINKS])
    kinds = all_kinds(KINDS, renderer, titles=KIND_NAMES)
    cards = Cards(db, clock, platforms=platforms, kinds=kinds, renderer=renderer)
    delivery = Delivery(
        db, clock, platforms=platforms, kinds=kinds, renderer=renderer, profile=profile, calendar=calendar,
        prefer=settings.prefer,
    )  # fmt: skip
    dispatcher = Dispatcher(
        db, clock, platforms=platforms, router=make_router(), cards=cards, links=app[LINKS], settings=settings,
        profile=profile, calendar=calendar,
    )  # fmt: skip
    app[hooks.DISPATCHER] = dispatcher
    app[inbox.COMPOSER] = delivery.composer
    chase = Chase(db, clock, platforms=platforms, kinds=kinds, profile=profile, calendar=calendar)
    budgets = Budgets(db, clock, platforms, calendar, delivery)
    ledger = delivery.ledger
    _add_platforms(app, platforms, http, dispatcher, ledger)
    listening = Listeners(db, clock, app[LISTENERS])
    directories = Directories(db, clock, platforms)
    ticks = Ticks(
        db, clock, profile, calendar, dispatcher, cards, ledger, listening, chase, budgets, directories,
        LostEvents(db, clock, platforms, dispatcher),
        GroupPosts(db, clock, platforms, kinds, renderer, profile, calendar),
    )  # fmt: skip
    return Service(settings, clock, db, platforms, delivery, cards, dispatcher, ticks, ledger)


async def _wind_down(service: Service, worker: asyncio.Task[None]) -> None:
    """Take in nothing new, end what was begun, keep what was counted."""
    for platform in service.platforms.values():
        await platform.close()
    await service.dispatcher.stop()
    worker.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await worker
    await service.delivery.finish()
    await service.ledger.flush(service.db)
    await asyncio.to_thread(service.db.close)


def _add_platforms(
    app: web.Application, platforms: dict[str, Platform], http: aiohttp.ClientSession, dispatcher: Dispatcher,
    ledger: Ledger,
) -> None:  # fmt: skip
    settings, clock = app[SETTINGS], app[CLOCK]
    tokens = SharedTokens(app[DB], clock, secret=settings.secret("secret_key"))
    app[hooks.WECOM], app[hooks.WECOM_BOTS], app[wecom_pages.WECOM_PAGES] = {}, {}, {}
    parts = Parts(
        clock, http, tokens, DatabaseSole(app[DB]), FolderShelf(settings.data_dir / "received"), dispatcher.take,
        DatabaseRelay(app[DB], clock),
    )  # fmt: skip
    for name, block in settings.wecoms.items():
        made = make_wecom(name, block, parts)
        platforms[name] = made.platform
        if made.app is not None:
            app[hooks.WECOM][name] = made.app
            app[wecom_pages.WECOM_PAGES][name] = made.app.pages
        if isinstance(made.bot, WebhookBot):
            app[hooks.WECOM_BOTS][name] = made.bot
        elif made.bot is not None:
            app[health.PROBES][name] = made.bot.socket.is_well
            app[LISTENERS][name] = Listener(
                name, "企业微信智能机器人长连接", made.bot.socket.deaf_since, dt.timedelta(minutes=5)
            )
    if settings.wecoms:
        robots = _robots_of_enterprises(app)
        platforms[robots.name] = robots
    if settings.email is not None:
        platforms["email"] = EmailPlatform(settings.email)
    if settings.sms is not None:
        platforms["sms"] = SmsPlatform(settings.sms, http)
    _add_dingtalk(app, platforms, http, dispatcher, tokens=tokens, ledger=ledger)


def _add_dingtalk(
    app: web.Application, platforms: dict[str, Platform], http: aiohttp.ClientSession, dispatcher: Dispatcher, *,
    tokens: SharedTokens, ledger: Ledger,
) -> None:  # fmt: skip
    settings, clock = app[SETTINGS], app[CLOCK]
    if settings.zwdd is not None:
        app[zwdd_login.ZWDD] = platforms["zwdd"] = ZwddPlatform(settings.zwdd, clock, http, tokens=tokens)
    if settings.dingtalk is None:
        return
    dingtalk = DingTalkPlatform(
        settings.dingtalk, clock, http, dispatcher.take, tokens=tokens, meter=ledger, public_url=settings.public_url
    )  # fmt: skip
    app[dingtalk_hooks.DINGTALK] = platforms["dingtalk"] = dingtalk
    if settings.dingtalk.stream:
        patience = dt.timedelta(seconds=settings.dingtalk.deaf_after)
        app[health.PROBES]["dingtalk"] = dingtalk.stream.connected.is_set
        app[LISTENERS]["dingtalk"] = Listener(
            dingtalk.name, "钉钉 Stream 连接", lambda: dingtalk.stream.deaf_since, patience
        )


def _robots_of_enterprises(app: web.Application) -> EnterpriseRobots:
    settings, db = app[SETTINGS], app[DB]
    hosts = {host for block in settings.wecoms.values() for host in block.enterprise_robot_hosts}
    seal = Seal(settings.secret("secret_key"), "robots of enterprises")

    async def url_of(robot: str) -> str:
        return await db.read(robot_url, robot, seal=seal)

    return EnterpriseRobots(url_of, hosts=hosts)


@contextlib.asynccontextmanager
async def _http(settings: Settings) -> AsyncIterator[aiohttp.ClientSession]:
    """One client session for everything that leaves; private deployments may bring their own authority."""
    connector = aiohttp.TCPConnector(limit=128, ssl=trusted(settings))
    async with aiohttp.ClientSession(connector=connector) as http:
        yield http


def trusted(settings: Settings) -> ssl.SSLContext:
    """The usual authorities and those of the settings; ``Problem`` ``ca_bundle`` names one that cannot be read."""
    context = ssl.create_default_context()
    blocks = {**settings.wecoms, "dingtalk": settings.dingtalk, "zwdd": settings.zwdd}
    for name, block in blocks.items():
        if block is not None and block.ca_bundle is not None:
            try:
                context.load_verify_locations(block.ca_bundle)
            except (OSError, ssl.SSLError):
                setting = f"SUICHA_{name.upper().replace('WECOM-', 'WECOM_MORE__')}__CA_BUNDLE"
                raise Problem("ca_bundle", "根证书不能读取，应是 PEM 文件。", 设置=setting) from None
    return context
