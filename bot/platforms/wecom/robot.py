"""A group robot: posts to the one group it was added to, by a URL that is a credential. Sheet section 3."""

from __future__ import annotations

import msgspec
from pydantic import SecretStr
from yarl import URL

from bot.core.clock import Clock
from bot.platforms.base import ErrorClass, OutboundMessage, PlatformError
from bot.platforms.robot_turns import RobotTurns
from bot.platforms.wecom import cards, codes, kinds
from bot.platforms.wecom.limits import ROBOT_PER_MINUTE, Channel
from bot.platforms.wecom.wire import Answer, Wire, upload_form


class GroupRobot:
    """20 messages a minute; WeCom has no duplicate check here, so a lost answer is UNKNOWN and stays so."""

    def __init__(self, url: SecretStr, wire: Wire, clock: Clock) -> None:
        self._url = url
        self._wire = wire
        self._turns = RobotTurns(clock, per_minute=ROBOT_PER_MINUTE)

    async def post(self, message: OutboundMessage) -> None:
        """Post *message* as Markdown. Raise PlatformError."""
        await self._post(cards.content(message, Channel.ROBOT).content)

    async def post_kind(self, kind: kinds.Kind) -> None:
        """Post any kind a robot has: text with mentions, markdown, a notice, a picture, a file."""
        await self._post(kinds.content_of(kind, Channel.ROBOT).content)

    async def upload(self, name: str, body: bytes, *, kind: str = "file") -> str:
        """Upload a file (20 MB) or voice (2 MB) for this robot alone; its media id lives three days."""
        url = URL(self._url.get_secret_value())
        there = url.with_path(url.path.removesuffix("/send") + "/upload_media", keep_query=True)
        url = there.update_query(type=kind)
        answer = await self._wire.exchange("POST", str(url), data=upload_form(name, body)())
        return str(self._checked(answer)["media_id"])

    async def _post(self, content: dict[str, object]) -> None:
        self._turns.take()
        answer = await self._wire.exchange(
            "POST",
            self._url.get_secret_value(),
            lost=ErrorClass.UNKNOWN,
            data=msgspec.json.encode(content),
            headers={"Content-Type": "application/json"},
        )
        try:
            self._checked(answer)
        except PlatformError as error:
            self._turns.heard(error)
            raise

    def _checked(self, answer: Answer) -> dict[str, object]:
        tree = answer.json()
        if tree is None:
            raise PlatformError("not_json", "群机器人的回答不是 JSON", cls=ErrorClass.CHANNEL)
        if answer.errcode:
            raise codes.error(answer.errcode, "群机器人")
        return tree
