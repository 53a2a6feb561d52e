"""How a process without the bot's socket asks the one that has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.wecom.aibot_frames import Frame

Ask = Callable[[str, dict[str, Any], str], Awaitable[Frame]]  # cmd, body, req_id


class Relay(Protocol):
    """Implemented in ``bot.messaging.relay`` over the database."""

    async def ask(self, bot: str, cmd: str, body: dict[str, Any], req_id: str) -> Frame:
        """Have the holder of *bot*'s socket send one frame; its acknowledgement. Raise PlatformError as it did."""
        ...

    def serve(self, bot: str, ask: Ask) -> AbstractAsyncContextManager[None]:
        """While entered, answer what other processes ask."""
        ...


def no_ack() -> PlatformError:
    """What was asked has left, and nobody knows whether it arrived."""
    return PlatformError("bot_no_ack", "没有收到确认", cls=ErrorClass.UNKNOWN, retry_after=2.0)


def not_connected() -> PlatformError:
    """Nothing was sent, and nothing will be: try again soon."""
    return PlatformError("bot_not_connected", "智能机器人没有连上", retry_after=3.0)
