"""Typed keys of what lives in the aiohttp application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from bot.core.clock import Clock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.links import Links

if TYPE_CHECKING:
    from jinja2 import Environment

SETTINGS = web.AppKey("settings", Settings)
DB = web.AppKey("db", Database)
CLOCK = web.AppKey("clock", Clock)
LINKS = web.AppKey("links", Links)
PAGES: web.AppKey[Environment] = web.AppKey("pages")
