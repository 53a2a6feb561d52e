"""Robots that enterprises added to their own groups, as a Platform. Sheet sections 3 and 7.

The addresses were written down by strangers, so they are called with care: only hosts that the settings name, only
over https, only in the public internet, never on to where an answer points.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from yarl import URL

from bot.core.errors import Problem
from bot.core.public_hosts import check_address, connector_options
from bot.platforms.answers import read_at_most
from bot.platforms.base import (
    Capabilities,
    CheckResult,
    ErrorClass,
    Limit,
    OutboundMessage,
    PlatformError,
    Scope,
    Sent,
)
from bot.platforms.one_way import OneWay
from bot.platforms.wecom import cards, codes
from bot.platforms.wecom.limits import Channel

UrlOf = Callable[[str], Awaitable[str]]  # robot id -> address, empty when it is gone
Check = Callable[[str, Collection[str]], URL]
_MOST = 64 * 1024  # bytes of an answer that are read
_GONE = ErrorClass.RECIPIENT


class EnterpriseRobots(OneWay):
    """One-way: says, hears nothing. A robot of an enterprise that does not work is that contact's end, not ours."""

    def __init__(
        self, url_of: UrlOf, *, hosts: Collection[str], timeout: float = 10.0, resolver: AbstractResolver | None = None,
        check: Check = check_address,
    ) -> None:  # fmt: skip
        self.name = "wecom-robot"
        self._url_of, self._hosts, self._check = url_of, hosts, check
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self.capabilities = Capabilities(
            cards=False, card_updates=False, resend_is_safe=False, plain_resend_is_safe=False, media=False,
            body_bytes=4096, per_minute=18, limits=(Limit(Scope.PERSON, 18, 60),),
        )  # fmt: skip

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Post to the robot *user_id*. Raise PlatformError."""
        try:
            url = self._check(await self._url_of(user_id), self._hosts)
        except Problem as problem:
            raise PlatformError(
                "robot_url", str(problem), cls=_GONE, advice="请联络员重新给出机器人地址。"
            ) from None
        content = cards.content(message, Channel.ROBOT).content
        errcode = await self._post(url, msgspec.json.encode(content))
        if errcode:
            found = codes.error(errcode, "企业的群机器人")
            if found.cls is ErrorClass.CHANNEL:  # their robot, not our channel
                found = PlatformError(
                    found.code, found.detail, cls=_GONE, advice="企业的群机器人已失效，请联络员重新添加。"
                )
            raise found
        return Sent(ref="")

    async def check(self) -> list[CheckResult]:
        """Nothing of ours is to be set."""
        return []

    async def _post(self, url: URL, data: bytes) -> int:
        """The answer's errcode. Raise PlatformError: what cannot be connected to is that contact's end."""
        if self._session is None:
            connector = aiohttp.TCPConnector(**connector_options(self._resolver))
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(url, data=data, headers=headers, allow_redirects=False) as answer:
                body = await read_at_most(answer, _MOST)
        except aiohttp.ClientConnectorError as error:
            refused = isinstance(error, aiohttp.ClientConnectorDNSError)
            raise PlatformError(
                "robot_host",
                "连不上企业的群机器人",
                cls=_GONE if refused else ErrorClass.RETRY,
                retry_after=30.0,
            ) from None
        except (TimeoutError, aiohttp.ClientError, OSError):
            raise PlatformError(
                "no_answer", "没有收到回答", cls=ErrorClass.UNKNOWN, retry_after=2.0
            ) from None
        if answer.status != 200:
            raise PlatformError(f"http_{answer.status}", "企业的群机器人没有接受", cls=_GONE)
        try:
            tree = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            tree = None
        code = tree.get("errcode") if isinstance(tree, dict) else None
        if not isinstance(code, int):
            raise PlatformError("not_json", "那个地址不是群机器人", cls=_GONE)
        return code
