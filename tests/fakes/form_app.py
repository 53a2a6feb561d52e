"""The form's pages alone: no platforms, no ticks."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from bot.core.clock import Clock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.profile import load_profile
from handlers.web import approval, enterprise, files, forms, visit_code
from handlers.web.keys import CALENDAR, EVIDENCE, PROFILE
from handlers.web.pages import TEMPLATES, guard, make_environment


def make_form_app(db: Database, clock: Clock, folder: Path) -> web.Application:
    """An application with the form, file and record pages over *db*."""
    settings = Settings(data_dir=folder, max_upload=5_000_000, _env_file=None)  # type: ignore[call-arg]
    app = web.Application(middlewares=[guard], client_max_size=6_000_000)
    app[SETTINGS], app[CLOCK], app[DB] = settings, clock, db
    app[LINKS] = Links(settings.public_url, "secret-for-tests-only")
    app[PAGES] = make_environment()
    app[PROFILE], app[CALENDAR] = load_profile("default"), WorkCalendar.load()
    app[EVIDENCE] = EvidenceStore(folder / "evidence", settings.max_upload)
    for part in (forms, files, enterprise, approval, visit_code):
        app.add_routes(part.routes)
    app.router.add_static("/static/", TEMPLATES / "static")
    return app
