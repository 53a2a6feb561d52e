"""The public draw pages alone over a database with one locked draw in it."""

from __future__ import annotations

from aiohttp import web

from bot.core.clock import Clock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.inspection.profile import load_profile
from handlers.web import public_draws
from handlers.web.keys import PROFILE
from handlers.web.pages import TEMPLATES, guard, make_environment


def make_public_app(db: Database, clock: Clock) -> web.Application:
    app = web.Application(middlewares=[guard])
    app[DB], app[CLOCK] = db, clock
    app[SETTINGS] = Settings(public_url="http://suicha.test", _env_file=None)  # type: ignore[call-arg]
    app[LINKS] = Links("http://suicha.test", "secret-for-tests-only")
    app[PAGES] = make_environment()
    app[PROFILE] = load_profile("default")
    app.add_routes(public_draws.routes)
    app.router.add_static("/static", TEMPLATES / "static")
    return app
