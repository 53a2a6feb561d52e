"""核验: anybody at the door checks that the people in front of them come from the authority (C16). No login, no list."""

from __future__ import annotations

from aiohttp import web

from bot.core.keys import CLOCK, DB
from bot.inspection.tasks.codes import open_code, spoken
from bot.inspection.tasks.models import VisitState
from bot.inspection.tasks.notice_paper import RIGHTS
from bot.inspection.tasks.states import BEFORE_SUBMIT
from handlers.web.pages import render

routes = web.RouteTableDef()
_LONGEST = 40


@routes.get("/visit")
async def ask(request: web.Request) -> web.Response:
    """A place to type the code; what was typed becomes the address."""
    typed = request.query.get("code", "").strip()[:_LONGEST]
    if typed:
        return await _show(request, typed)
    return render(request, "public/visit_code.html.j2")


@routes.get("/visit/{code:[^/]{1,40}}")
async def opened(request: web.Request) -> web.Response:
    """What the QR on the officers' phone and on the notice opens."""
    return await _show(request, request.match_info["code"])


async def _show(request: web.Request, typed: str) -> web.Response:
    now = request.app[CLOCK].now()
    shown = await request.app[DB].read(open_code, typed, now=now)
    visit = shown.facts.visit
    over = visit.state not in BEFORE_SUBMIT
    response = render(
        request, "public/visit.html.j2", shown=shown, visit=visit, over=over,
        here=visit.state in (VisitState.ON_SITE, VisitState.RECORDED), rights=RIGHTS,
        code=spoken(request.match_info.get("code", typed).upper()) if len(typed) == 10 else typed.upper(),
    )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
