"""A group robot: posts to the one group it was added to, by a URL that is a credential. Sheet section 3."""

from __future__ import annotations

import msgspec
from pydantic import SecretStr

from bot.platforms.base import ErrorClass, OutboundMessage, PlatformError
from bot.platforms.wecom import codes
from bot.platforms.wecom.cards import as_markdown
from bot.platforms.wecom.wire import Wire

MARKDOWN_BYTES = 4096


class GroupRobot:
    """20 messages a minute; WeCom has no duplicate check here, so a lost answer is UNKNOWN and stays so."""

    def __init__(self, url: SecretStr, wire: Wire) -> None:
        self._url = url
        self._wire = wire

    async def post(self, message: OutboundMessage) -> None:
        """Post *message* as Markdown. Raise PlatformError."""
        content = as_markdown(message, MARKDOWN_BYTES)
        answer = await self._wire.exchange(
            "POST",
            self._url.get_secret_value(),
            lost=ErrorClass.UNKNOWN,
            data=msgspec.json.encode({"msgtype": "markdown", "markdown": {"content": content}}),
            headers={"Content-Type": "application/json"},
        )
        if answer.json() is None:
            raise PlatformError("not_json", "群机器人的回答不是 JSON", cls=ErrorClass.CHANNEL)
        if answer.errcode:
            raise codes.error(answer.errcode, "群机器人")
