"""One HTTP exchange with WeCom, and what its failures mean. Nothing raised here holds a URL or a secret."""

from __future__ import annotations

import datetime as dt
import functools
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec

from bot.core.clock import Clock
from bot.core.config_wecom import WeComSettings
from bot.platforms.base import ErrorClass, PlatformError

_JSON_BYTES = 1 << 20  # a larger answer is a file


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer with status 200."""

    body: bytes
    media_type: str
    name: str = ""

    def json(self) -> dict[str, Any] | None:
        """The JSON object it holds, or None: WeCom reports errors of downloads as JSON in a 200."""
        if len(self.body) > _JSON_BYTES or self.body.lstrip()[:1] != b"{":
            return None
        try:
            tree = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        return tree if isinstance(tree, dict) else None

    @property
    def errcode(self) -> int:
        """0 for a success or a file; -1, the code for «busy», if the field is no number."""
        code = (self.json() or {}).get("errcode", 0)
        return code if isinstance(code, int) else -1


class Wire:
    """The shared session with this platform's proxy, certificates and time-out."""

    def __init__(self, settings: WeComSettings, clock: Clock, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._clock = clock
        # connecting has its own limit: what never left is safe to send again
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout, connect=settings.timeout / 2)
        self._ssl = ssl.create_default_context(cafile=settings.ca_bundle) if settings.ca_bundle else True
        self._proxy = settings.proxy
        self.skew: float | None = None  # seconds our clock is ahead of the platform's, at the last answer

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        lost: ErrorClass = ErrorClass.RETRY,
        most: int = 64 << 20,
        **request: Any,
    ) -> Answer:
        """Ask and read the whole answer, of at most *most* bytes. *lost* is the class of «asked, but no answer came».

        Raise PlatformError: RETRY if nothing was sent or the server answered 5xx, else *lost*.
        """
        try:
            async with self._session.request(
                method,
                url,
                timeout=self._timeout,
                ssl=self._ssl,
                proxy=self._proxy,
                allow_redirects=False,
                **request,
            ) as response:
                self._compare_clocks(response)
                body = await _read(response, most)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            advice = "检查本机网络、代理、DNS 与证书。"
            raise PlatformError("connect", "连不上企业微信接口", retry_after=2.0, advice=advice) from None
        except (aiohttp.ClientError, TimeoutError):
            raise PlatformError("no_answer", "请求已发出，没有收到回答", cls=lost, retry_after=2.0) from None
        if response.status >= 500:
            raise PlatformError(f"http_{response.status}", "企业微信接口暂时不可用", retry_after=2.0)
        if response.status != 200:
            advice = "检查 api_base 是否指向企业微信的接口地址。"
            raise PlatformError(f"http_{response.status}", cls=ErrorClass.CHANNEL, advice=advice)
        disposition = response.content_disposition
        return Answer(body, response.content_type, (disposition and disposition.filename) or "")

    def _compare_clocks(self, response: aiohttp.ClientResponse) -> None:
        with suppress(ValueError, TypeError):  # no Date, or one without a zone
            theirs = _date(response.headers.get("Date", ""))
            self.skew = (self._clock.now() - theirs).total_seconds()


@functools.lru_cache(maxsize=4)  # all answers of one second have the same
def _date(text: str) -> dt.datetime:
    return parsedate_to_datetime(text)


def upload_form(name: str, body: bytes) -> Callable[[], aiohttp.FormData]:
    """What makes the multipart body anew for each try. The file's name is plain UTF-8: section 2.9."""
    safe = re.sub(r'[\x00-\x1f"\\/]', "_", name)

    def form() -> aiohttp.FormData:
        data = aiohttp.FormData(quote_fields=False)
        data.add_field("media", body, filename=safe, content_type="application/octet-stream")
        return data

    return form


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for part in response.content.iter_chunked(1 << 16):
        body += part
        if len(body) > most:
            raise PlatformError("too_large", f"回答超过 {most >> 20} MB", cls=ErrorClass.BUG)
    return bytes(body)
