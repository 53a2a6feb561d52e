"""Signing in from the workbench of 浙政钉 or 专有钉钉. Untried on a real deployment (sheet section 9.4).

The workbench brings its code unasked, so a stranger's link could bring the stranger's. The way in is therefore
bound to the browser and to the code it began with, and before anything is opened or bound the page says who is
about to enter.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets

from aiohttp import web

from bot.core.errors import Problem
from bot.core.ids import sha256_hex
from bot.core.keys import DB, LINKS, SETTINGS
from bot.core.log import log
from bot.platforms.base import PlatformError
from bot.platforms.zwdd.app import ZwddPlatform
from bot.platforms.zwdd.client import PLATFORM
from handlers.web.entry import enter, owner
from handlers.web.form_link import require_same_origin
from handlers.web.pages import read_form, render

ZWDD = web.AppKey("zwdd", ZwddPlatform)
_WRONG = "没有确认您的身份，请关闭页面后从工作台重新打开。"
_COOKIE = "suicha-zwdd"
_LIVES = dt.timedelta(minutes=10)


def add_routes(app: web.Application) -> None:
    if app[SETTINGS].zwdd is not None:
        app.router.add_get("/zwdd/", door)
        app.router.add_post("/zwdd/login", login)
        app.router.add_post("/zwdd/enter", come_in)


async def door(request: web.Request) -> web.Response:
    """The workbench puts ``auth_code`` into the address; a page that was only looked at uses nothing up."""
    code, secret = request.query.get("auth_code", ""), secrets.token_urlsafe(16)
    state = request.app[LINKS].sign("zwdd_state", [secret, sha256_hex(code.encode())])
    page = render(request, "entry/zwdd.html.j2", code=code, state=state)
    secure = request.app[SETTINGS].public_url.startswith("https://")
    page.set_cookie(
        _COOKIE,
        secret,
        path="/zwdd",
        httponly=True,
        samesite="Lax",
        secure=secure,
        max_age=int(_LIVES.total_seconds()),
    )
    return page


async def login(request: web.Request) -> web.Response:
    """The code becomes an account on our server; its owner is named and nothing is opened yet."""
    require_same_origin(request)
    sent = await read_form(request)
    code = str(sent.get("code", ""))
    digest = _begun_here(request, "zwdd_state", str(sent.get("state", "")))
    if not code or len(code) > 512 or not hmac.compare_digest(digest, sha256_hex(code.encode())):
        raise Problem("login_failed", _WRONG)
    try:
        user_id = await request.app[ZWDD].user_of(code)
    except PlatformError as error:
        log.warning("login_refused", platform=PLATFORM, code=error.code)
        raise Problem("login_failed", error.advice or _WRONG) from None
    person = await request.app[DB].read(owner, platform=PLATFORM, user_id=user_id)
    token = request.app[LINKS].sign("zwdd_account", [request.cookies[_COOKIE], user_id])
    who = person.name if person is not None else ""
    return render(request, "entry/zwdd.html.j2", code=code, token=token, who=who, user_id=user_id)


async def come_in(request: web.Request) -> web.Response:
    """Whoever read their name goes on; an account that is nobody's yet is asked for its one-time code."""
    require_same_origin(request)
    user_id = _begun_here(request, "zwdd_account", str((await read_form(request)).get("token", "")))
    page = await enter(request, platform=PLATFORM, user_id=user_id)
    page.del_cookie(_COOKIE, path="/zwdd")
    return page


def _begun_here(request: web.Request, purpose: str, token: str) -> str:
    """What the token of this very browser holds. Raises ``Problem`` ``login_failed`` for any other's."""
    try:
        secret, value = request.app[LINKS].open(purpose, token, max_age=_LIVES)
    except (Problem, ValueError, TypeError):
        raise Problem("login_failed", _WRONG) from None
    if not hmac.compare_digest(str(secret).encode(), request.cookies.get(_COOKIE, "").encode()):
        raise Problem("login_failed", _WRONG)
    return str(value)
