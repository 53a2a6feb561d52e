"""The form's pages alone: no platforms, no ticks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from aiohttp import web
from sqlmodel import Session

from bot.core.clock import Clock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.ids import sha256_hex
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.checklists.models import FormDevice
from bot.inspection.profile import load_profile
from handlers.web import approval, enterprise, files, forms, visit_code
from handlers.web.form_link import cookie_of
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


def known_phones(db: Database, clock: Clock, people: Iterable[int] = range(1, 8)) -> dict[str, str]:
    """Cookies of a browser that everybody has used before."""

    def know(session: Session) -> None:
        for person in people:
            key = sha256_hex(f"phone-of-{person}".encode())
            session.add(
                FormDevice(person_id=person, key_sha256=key, asked_at=clock.now(), bound_at=clock.now())
            )

    db.write_now(know)
    return {cookie_of(person): f"phone-of-{person}" for person in people}
