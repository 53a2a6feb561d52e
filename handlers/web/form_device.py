"""The first time on a phone: a code goes to the person's own chat, and this browser is known from then on."""

from __future__ import annotations

import datetime as dt
import secrets
from urllib.parse import urlsplit

from aiohttp import web

from bot.core.errors import Problem
from bot.core.ids import sha256_hex
from bot.core.keys import CLOCK, DB, LINKS, SETTINGS
from bot.inspection.checklists.devices import DEVICE_LIVES, ask_code, bind_device, waits_for_code
from bot.inspection.checklists.values import plain
from handlers.web.form_link import cookie_of, key_of, require_same_origin, see_other
from handlers.web.pages import read_form, render

routes = web.RouteTableDef()
_KEPT = dt.timedelta(days=400)
_PLACES = "form|review|reviews|approval|press|inbox|file|schedule|duties|enterprise"  # pages that are one person's own


@routes.get(f"/{{place:{_PLACES}}}/{{token}}/device")
async def page(request: web.Request) -> web.Response:
    """Ask for a code, or for its digits once it was sent. Looking sends nothing: chat services look at links."""
    person_id = _person(request)
    waiting = await request.app[DB].read(
        waits_for_code,
        person_id=person_id,
        key_sha256=key_of(request, person_id),
        now=request.app[CLOCK].now(),
    )
    return _page(request, waiting=waiting, wrong=False)


@routes.post(f"/{{place:{_PLACES}}}/{{token}}/device/code")
async def send_code(request: web.Request) -> web.Response:
    """Send a code to the chat of the person the link was made for."""
    person_id = _person(request)
    require_same_origin(request)
    key = secrets.token_urlsafe(32)
    await request.app[DB].write(
        ask_code, person_id=person_id, key_sha256=sha256_hex(key.encode()), code=f"{secrets.randbelow(10**6):06}",
        now=request.app[CLOCK].now(),
    )  # fmt: skip
    response = see_other(f"{_base(request)}/device")
    response.set_cookie(
        cookie_of(person_id), key, path="/", httponly=True, samesite="Lax",
        secure=request.app[SETTINGS].public_url.startswith("https://"), max_age=int(DEVICE_LIVES.total_seconds()),
    )  # fmt: skip
    return response


@routes.post(f"/{{place:{_PLACES}}}/{{token}}/device")
async def enter(request: web.Request) -> web.Response:
    """The digits; right ones open the form where it was left."""
    person_id = _person(request)
    require_same_origin(request)
    sent = await read_form(request)
    right = await request.app[DB].write(
        bind_device, person_id=person_id, key_sha256=key_of(request, person_id),
        code="".join(plain(str(sent.get("code", ""))).split())[:6], now=request.app[CLOCK].now(),
    )  # fmt: skip
    if right:
        return see_other(_base(request))
    waiting = await request.app[DB].read(
        waits_for_code,
        person_id=person_id,
        key_sha256=key_of(request, person_id),
        now=request.app[CLOCK].now(),
    )
    return _page(request, waiting=waiting, wrong=True)


def _base(request: web.Request) -> str:
    return f"/{request.match_info['place']}/{request.match_info['token']}"


def _person(request: web.Request) -> int:
    """Whom the link was made for: the first thing in every signed address of a person's own page."""
    match request.app[LINKS].open(request.match_info["place"], request.match_info["token"], max_age=_KEPT):
        case [int(person_id), *_]:
            return person_id
    raise Problem("link_broken", "链接不完整或已失效，请回到聊天窗口重新打开。")


def _page(request: web.Request, *, waiting: bool, wrong: bool) -> web.Response:
    base = _base(request)
    host = urlsplit(request.app[SETTINGS].public_url).hostname
    return render(
        request,
        "form/device.html.j2",
        status=422 if wrong else 200,
        base=base,
        waiting=waiting,
        wrong=wrong,
        host=host,
    )
