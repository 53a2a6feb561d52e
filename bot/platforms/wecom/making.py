"""One WeCom block of the settings becomes one Platform: an app, a smart bot, or both together."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from bot.core.clock import Clock
from bot.core.config_wecom import WeComSettings
from bot.platforms.shared import Sole, TokenStore
from bot.platforms.shelf import Shelf
from bot.platforms.wecom.aibot import SmartBot, Take
from bot.platforms.wecom.aibot_relay import Relay
from bot.platforms.wecom.aibot_webhook import WebhookBot
from bot.platforms.wecom.app import WeComPlatform
from bot.platforms.wecom.both import AppAndBot


@dataclass(frozen=True, slots=True)
class Parts:
    """What every block shares."""

    clock: Clock
    session: aiohttp.ClientSession
    tokens: TokenStore
    sole: Sole
    shelf: Shelf
    take: Take
    relay: Relay | None = None
    public_url: str = ""  # where callbacks come to


@dataclass(frozen=True, slots=True)
class Made:
    """The platform, and its parts that hear by HTTP or by a socket."""

    platform: WeComPlatform | SmartBot | AppAndBot
    app: WeComPlatform | None
    bot: SmartBot | WebhookBot | None


def make_wecom(name: str, settings: WeComSettings, parts: Parts) -> Made:
    """*name* is the platform's: ``wecom``, ``wecom-county``. The settings have been checked to be whole."""
    app = (
        WeComPlatform(
            settings,
            parts.clock,
            parts.session,
            tokens=parts.tokens,
            name=name,
            callback_url=_callback(parts.public_url, name),
        )
        if settings.has_app
        else None
    )
    bot = _bot(name, settings, parts)
    if app is None:
        assert isinstance(bot, SmartBot)  # a webhook alone is refused by the settings
        return Made(bot, None, bot)
    return Made(app if bot is None else AppAndBot(app, bot), app, bot)


def _callback(public_url: str, name: str) -> str:
    """The address of an app's callbacks: one path for each, because each has keys of its own."""
    own = name.removeprefix("wecom").removeprefix("-")
    return f"{public_url}/hooks/wecom{'/' if own else ''}{own}" if public_url else ""


def _bot(name: str, settings: WeComSettings, parts: Parts) -> SmartBot | WebhookBot | None:
    if settings.bot is None:
        return None
    if settings.bot.by_socket:
        return SmartBot(
            settings, parts.clock, parts.session, name=name, sole=parts.sole, shelf=parts.shelf, take=parts.take,
            relay=parts.relay,
        )  # fmt: skip
    return WebhookBot(settings, parts.clock, parts.session, name=name, shelf=parts.shelf, take=parts.take)
