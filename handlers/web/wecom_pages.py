"""Pages inside WeCom: who somebody is without a password, and what a page's script may ask the phone.

A login's answer is bound to the browser that asked for it; its code is used up at once, and the person goes on at
an address without it.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets

from aiohttp import web

from bot.core.errors import Problem
from bot.core.keys import LINKS
from bot.core.log import log
from bot.platforms.base import PlatformError
from bot.platforms.wecom.pages import Pages, login_url
from handlers.web.entry import enter

routes = web.RouteTableDef()
WECOM_PAGES = web.AppKey("wecom_pages", dict[str, Pages])  # by the platform's name
_STARTED = dt.timedelta(minutes=10)  # a login's answer comes within
_COOKIE = "suicha-login"
_AGAIN = "登录没有完成，请回到企业微信重新打开。"


@routes.get("/login/wecom")
@routes.get("/login/wecom/{name}")
async def start(request: web.Request) -> web.Response:
    """Send the browser to WeCom, which sends it back with a code for who holds the phone."""
    name = _name(request)
    pages = _pages(request, name)
    state = secrets.token_hex(16)
    inside = "wxwork" in request.headers.get("User-Agent", "").lower()
    back = f"{request.app[LINKS].base}/login/wecom-back"
    response = web.Response(
        status=302, headers={"Location": login_url(pages.settings, back=back, state=state, inside=inside)}
    )
    response.set_cookie(
        _COOKIE, request.app[LINKS].sign("login", [state, name]), path="/login", httponly=True, samesite="Lax",
        secure=back.startswith("https://"), max_age=int(_STARTED.total_seconds()),
    )  # fmt: skip
    return response


@routes.get("/login/wecom-back")
async def come_back(request: web.Request) -> web.Response:
    """Take the code and go on to the person's own page. Raises ``Problem`` ``login_broken`` or ``forbidden``."""
    name = _expected(request)
    try:
        user_id = await _pages(request, name).user_of(request.query.get("code", ""))
    except PlatformError as error:
        log.warning("wecom_login_failed", code=error.code)
        raise Problem("login_broken", _AGAIN) from None
    if not user_id:
        raise Problem("forbidden", "只有本单位的成员可以登录。")
    token = request.app[LINKS].sign("entry", [name, user_id])
    response = web.Response(status=303, headers={"Location": f"/login/entry/{token}"})
    response.del_cookie(_COOKIE, path="/login")
    return response


@routes.get("/login/entry/{token}")
async def home(request: web.Request) -> web.Response:
    """The person's own page, at an address without the code; it can be reloaded for as long as a login takes."""
    name, user_id = request.app[LINKS].open("entry", request.match_info["token"], max_age=_STARTED)
    response = await enter(request, platform=str(name), user_id=str(user_id))
    response.headers["Cache-Control"] = "no-store"
    return response


@routes.get("/wecom/jssdk")
async def sign(request: web.Request) -> web.Response:
    """Sign one of our own pages for its script."""
    url = request.query.get("url", "")
    if not url.startswith(request.app[LINKS].base + "/") or len(url) > 2048:
        raise Problem("forbidden", "只能给本系统的页面签名。")
    try:
        made = await _pages(request, "wecom").signatures(url)
    except PlatformError as error:
        log.warning("wecom_jssdk_failed", code=error.code)
        return web.json_response({}, status=503)
    return web.json_response(made, headers={"Cache-Control": "no-store"})


def _expected(request: web.Request) -> str:
    """The platform whose login this browser began. Raises ``Problem`` ``login_broken`` for any other answer."""
    try:
        state, name = request.app[LINKS].open("login", request.cookies.get(_COOKIE, ""), max_age=_STARTED)
    except (Problem, ValueError, TypeError):
        raise Problem("login_broken", _AGAIN) from None
    if not hmac.compare_digest(str(state).encode(), request.query.get("state", "").encode()):
        raise Problem("login_broken", _AGAIN)
    return str(name)


def _name(request: web.Request) -> str:
    name = request.match_info.get("name", "")
    return f"wecom-{name}" if name else "wecom"


def _pages(request: web.Request, name: str) -> Pages:
    found = request.app[WECOM_PAGES].get(name)
    if found is None:
        raise web.HTTPNotFound
    return found
