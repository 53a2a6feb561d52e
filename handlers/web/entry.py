"""The page that somebody reaches through their chat service's workbench: their visits and, for some, the console.

Whoever signed them in, the links are the ones a message would have carried: signed for this person.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, LINKS
from bot.inspection.audit.service import record
from bot.inspection.deadlines.shown import due_words
from bot.inspection.people.console_logins import viewer
from bot.inspection.people.models import Account, Person
from bot.inspection.people.service import use_bind_code
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Visit, VisitOfficer
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE, NAMES
from handlers.web.form_link import require_same_origin
from handlers.web.pages import read_form, render

routes = web.RouteTableDef()
_LISTED = 50
_BINDING_LIVES = dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Row:
    """One visit as the page shows it."""

    url: str
    object: str
    state: str
    due: str


async def enter(request: web.Request, *, platform: str, user_id: str) -> web.Response:
    """The person behind the account, and their page; an account that is nobody's yet is asked for its code."""
    now, links = request.app[CLOCK].now(), request.app[LINKS]
    found = await request.app[DB].write(_signed_in, platform=platform, user_id=user_id, now=now)
    if found is None:
        token = links.sign("account", [platform, user_id], at=now)
        return render(request, "entry/bind.html.j2", token=token, status=403)
    person_id, name = found
    visits = [
        Row(f"/form/{links.sign('form', [person_id, visit_id], at=now)}", *shown)
        for visit_id, *shown in await request.app[DB].read(_visits, person_id=person_id)
    ]
    console = ""
    if await request.app[DB].read(viewer, person_id=person_id) is not None:
        console = f"/console/{links.sign('console', [person_id, secrets.token_urlsafe(8)], at=now)}"
    return render(request, "entry/home.html.j2", name=name, visits=visits, console=console)


@routes.post("/entry/bind")
async def bind(request: web.Request) -> web.Response:
    """The one-time code, typed where there is no chat to say it in. Raises ``Problem`` ``bind_code_wrong``."""
    require_same_origin(request)
    form = await read_form(request)
    value = request.app[LINKS].open("account", str(form.get("token", "")), max_age=_BINDING_LIVES)
    match value:
        case [str(platform), str(user_id)]:
            code = str(form.get("code", "")).strip().upper()[:40]
            now = request.app[CLOCK].now()
            await request.app[DB].write(use_bind_code, platform=platform, user_id=user_id, code=code, now=now)
            return await enter(request, platform=platform, user_id=user_id)
    raise Problem("link_broken", "页面已过期，请关闭后重新打开。")


def owner(session: Session, *, platform: str, user_id: str) -> Person | None:
    """Whose account it is; None where it is nobody's, or of somebody who left."""
    query = (
        select(Person)
        .join(Account, col(Account.person_id) == Person.id)
        .where(Account.platform == platform, Account.user_id == user_id)
        .where(col(Account.dead_since).is_(None), col(Person.active))
    )
    return session.exec(query).first()


def _signed_in(session: Session, *, platform: str, user_id: str, now: dt.datetime) -> tuple[int, str] | None:
    person = owner(session, platform=platform, user_id=user_id)
    if person is None or person.id is None:
        return None
    record(session, "web.entered", f"person:{person.id}", now=now, actor=person.id, platform=platform)
    return person.id, person.name


def _visits(session: Session, *, person_id: int) -> list[tuple[int, str, str, str]]:
    query = (
        select(Visit, InspectionObject.name)
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .where(VisitOfficer.person_id == person_id, col(VisitOfficer.state).in_(LIVE))
        .where(col(Visit.state).in_(BEFORE_SUBMIT))
        .order_by(col(Visit.due_on), col(Visit.id))
        .limit(_LISTED)
    )
    return [
        (visit.id or 0, name, NAMES[visit.state], due_words(visit, visit.due_on))  # type: ignore[index]
        for visit, name in session.exec(query)
    ]
