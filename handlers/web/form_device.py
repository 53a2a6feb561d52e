"""The first time on a phone: a code goes to the officer's own chat, and this browser is known from then on."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from aiohttp import web

from bot.core.ids import sha256_hex
from bot.core.keys import CLOCK, DB, SETTINGS
from bot.inspection.checklists.devices import DEVICE_LIVES, ask_code, bind_device, waits_for_code
from bot.inspection.checklists.values import plain
from handlers.web.form_link import cookie_of, key_of, require_same_origin, see_other, signed_pair
from handlers.web.pages import render

routes = web.RouteTableDef()


@routes.get("/form/{token}/device")
async def page(request: web.Request) -> web.Response:
    """Ask for a code, or for its digits once it was sent. Looking sends nothing: chat services look at links."""
    person_id, _ = signed_pair(request)
    waiting = await request.app[DB].read(
        waits_for_code,
        person_id=person_id,
        key_sha256=key_of(request, person_id),
        now=request.app[CLOCK].now(),
    )
    return _page(request, waiting=waiting, wrong=False)


@routes.post("/form/{token}/device/code")
async def send_code(request: web.Request) -> web.Response:
    """Send a code to the chat of the person the link was made for."""
    person_id, _ = signed_pair(request)
    require_same_origin(request)
    key = secrets.token_urlsafe(32)
    await request.app[DB].write(
        ask_code, person_id=person_id, key_sha256=sha256_hex(key.encode()), code=f"{secrets.randbelow(10**6):06}",
        now=request.app[CLOCK].now(),
    )  # fmt: skip
    response = see_other(f"/form/{request.match_info['token']}/device")
    response.set_cookie(
        cookie_of(person_id), key, path="/form/", httponly=True, samesite="Lax",
        secure=request.app[SETTINGS].public_url.startswith("https://"), max_age=int(DEVICE_LIVES.total_seconds()),
    )  # fmt: skip
    return response


@routes.post("/form/{token}/device")
async def enter(request: web.Request) -> web.Response:
    """The digits; right ones open the form where it was left."""
    person_id, _ = signed_pair(request)
    require_same_origin(request)
    sent = await request.post()
    right = await request.app[DB].write(
        bind_device, person_id=person_id, key_sha256=key_of(request, person_id),
        code="".join(plain(str(sent.get("code", ""))).split())[:6], now=request.app[CLOCK].now(),
    )  # fmt: skip
    if right:
        return see_other(f"/form/{request.match_info['token']}")
    waiting = await request.app[DB].read(
        waits_for_code,
        person_id=person_id,
        key_sha256=key_of(request, person_id),
        now=request.app[CLOCK].now(),
    )
    return _page(request, waiting=waiting, wrong=True)


def _page(request: web.Request, *, waiting: bool, wrong: bool) -> web.Response:
    base = f"/form/{request.match_info['token']}"
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
