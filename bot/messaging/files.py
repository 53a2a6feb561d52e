"""A file into somebody's chat, where the service has a way for it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from bot.core.log import log
from bot.platforms.base import Platform, PlatformError, Sent


@runtime_checkable
class SendsFiles(Protocol):
    """A platform that uploads a file and shows it to one person."""

    async def send_file(self, user_id: str, name: str, body: bytes) -> Sent:
        """Raise PlatformError."""
        ...


async def hand_over(platform: Platform, user_id: str, *, name: str, body: bytes) -> bool:
    """Whether the file is in the chat; where it is not, the caller has another way to offer."""
    if not isinstance(platform, SendsFiles):
        return False
    try:
        await platform.send_file(user_id, name, body)
    except PlatformError as error:
        log.warning("file_not_sent", platform=platform.name, code=error.code)
        return False
    return True
