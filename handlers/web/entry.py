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
from bot.inspection.people.console_logins import viewer
from bot.inspection.people.models import Account, Person
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Visit, VisitOfficer
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE, NAMES
from handlers.web.pages import render

_LISTED = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One visit as the page shows it."""

    url: str
    object: str
    state: str
    due: str


async def enter(request: web.Request, *, platform: str, user_id: str) -> web.Response:
    """The person behind the account, and their page. Raises ``Problem`` ``account_unbound``."""
    now = request.app[CLOCK].now()
    person_id, name = await request.app[DB].write(_signed_in, platform=platform, user_id=user_id, now=now)
    links = request.app[LINKS]
    visits = [
        Row(f"/form/{links.sign('form', [person_id, visit_id], at=now)}", *shown)
        for visit_id, *shown in await request.app[DB].read(_visits, person_id=person_id)
    ]
    console = ""
    if await request.app[DB].read(viewer, person_id=person_id) is not None:
        console = f"/console/{links.sign('console', [person_id, secrets.token_urlsafe(8)], at=now)}"
    return render(request, "entry/home.html.j2", name=name, visits=visits, console=console)


def _signed_in(session: Session, *, platform: str, user_id: str, now: dt.datetime) -> tuple[int, str]:
    query = (
        select(Person)
        .join(Account, col(Account.person_id) == Person.id)
        .where(Account.platform == platform, Account.user_id == user_id)
        .where(col(Account.dead_since).is_(None), col(Person.active))
    )
    person = session.exec(query).first()
    if person is None or person.id is None:
        raise Problem(
            "account_unbound",
            "这个账号还没有绑定人员。请在聊天里给机器人发管理员给您的验证码，例如：绑定 ABCD2345。",
        )
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
        (visit.id or 0, name, NAMES[visit.state], f"{visit.due_on:%m月%d日}")  # type: ignore[index]
        for visit, name in session.exec(query)
    ]
