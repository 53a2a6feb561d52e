"""What ``suicha doctor`` asks the chat services: each platform's own checks, made as the service makes it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

from bot.core.clock import SystemClock
from bot.core.config import Settings
from bot.core.errors import Problem
from bot.platforms.base import CheckResult, InboundEvent, Platform


async def ask_platforms(settings: Settings, *, only: str = "") -> list[CheckResult]:
    """Each platform's own checks, or one's, among them the clock against its Date header."""
    import aiohttp

    from bot.app import trusted

    results: list[CheckResult] = []
    try:
        trust = trusted(settings)
    except Problem as problem:
        return [CheckResult("根证书", False, str(problem), "改好这个文件，或去掉这项设置。")]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as http:
        for make in make_platforms(settings, http):
            platform = make()
            if only and platform.name.partition("-")[0] != only:
                await platform.close()
                continue
            try:
                results += await platform.check()
            except Exception as error:  # noqa: BLE001 - one platform's trouble must not hide the other's
                results.append(CheckResult(platform.name, False, f"检查没有完成：{type(error).__name__}"))
            finally:
                await platform.close()
    return results


def make_platforms(settings: Settings, http: object) -> Iterator[Callable[[], Platform]]:
    from aiohttp import ClientSession

    from bot.platforms.dingtalk.app import DingTalkPlatform
    from bot.platforms.email.app import EmailPlatform
    from bot.platforms.shelf import FolderShelf
    from bot.platforms.sms.app import SmsPlatform
    from bot.platforms.tokens import OwnTokens
    from bot.platforms.wecom.making import Parts, make_wecom
    from bot.platforms.zwdd.app import ZwddPlatform

    async def ignore(_event: InboundEvent) -> None:
        """A check listens to nothing."""

    assert isinstance(http, ClientSession)
    dingtalk, clock = settings.dingtalk, SystemClock()
    shelf = FolderShelf(settings.data_dir / "received")
    parts = Parts(
        clock,
        http,
        OwnTokens(clock),
        _SoleOf(settings.database_url),
        shelf,
        ignore,
        public_url=settings.public_url,
    )
    for name, block in settings.wecoms.items():
        yield _made(make_wecom(name, block, parts).platform)
    if dingtalk is not None:
        yield lambda: DingTalkPlatform(dingtalk, clock, http, ignore, public_url=settings.public_url)
    if (zwdd := settings.zwdd) is not None:
        yield lambda: ZwddPlatform(zwdd, clock, http)
    if settings.email is not None:
        email = EmailPlatform(settings.email)
        yield lambda: email
    if settings.sms is not None:
        sms = SmsPlatform(settings.sms, http)
        yield lambda: sms


def _made(platform: Platform) -> Callable[[], Platform]:
    return lambda: platform


class _SoleOf:
    """A ``Sole`` over the installation's database, opened only when a smart bot asks for it."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextlib.asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[asyncio.Event]:
        from bot.core.db import open_database
        from bot.core.sole import DatabaseSole

        database = open_database(self._url)
        try:
            async with DatabaseSole(database).hold(name) as lost:
                yield lost
        finally:
            database.close()
