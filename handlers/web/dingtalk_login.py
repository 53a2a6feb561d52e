"""Signing in through DingTalk: silently inside it, by its login page outside; and the right to ask for the place."""

from __future__ import annotations

import datetime as dt
import secrets
from urllib.parse import urlsplit

from aiohttp import web

from bot.core.errors import Problem
from bot.core.keys import CLOCK, LINKS, SETTINGS
from bot.core.log import log
from bot.platforms.base import PlatformError
from handlers.web.dingtalk_hooks import DINGTALK
from handlers.web.entry import enter
from handlers.web.form_link import require_same_origin
from handlers.web.pages import read_form, render, with_script

_STATE = "suicha_state"
_STATE_LIVES = dt.timedelta(minutes=10)
_WRONG = "钉钉没有确认您的身份，请关闭页面后重新打开。"


def add_routes(app: web.Application) -> None:
    """Only where DingTalk is set up with an organisation."""
    dingtalk = app[SETTINGS].dingtalk
    if dingtalk is None or not dingtalk.corp_id:
        return
    app.router.add_get("/dingtalk/", door)
    app.router.add_post("/dingtalk/login", login)
    app.router.add_get("/dingtalk/browser", browser)
    app.router.add_get("/dingtalk/browser/back", back)
    app.router.add_get("/dingtalk/jsapi", jsapi)


async def door(request: web.Request) -> web.Response:
    """The app's home page: a script asks DingTalk for a code."""
    dingtalk = request.app[SETTINGS].dingtalk
    assert dingtalk is not None
    page = render(
        request,
        "entry/dingtalk.html.j2",
        corp_id=dingtalk.corp_id,
        client_id=dingtalk.client_id,
        script=dingtalk.jsapi_script,
    )
    page.headers["Content-Security-Policy"] = with_script(dingtalk.jsapi_script)
    return page


async def login(request: web.Request) -> web.Response:
    """The code becomes a person on our server, never in the page."""
    require_same_origin(request)
    code = str((await read_form(request)).get("code", ""))
    return await enter(request, platform="dingtalk", user_id=await _asked(request, code))


async def browser(request: web.Request) -> web.Response:
    """Off to DingTalk's login page, with a state that only this browser knows."""
    secret = secrets.token_urlsafe(16)
    state = request.app[LINKS].sign("dingtalk_state", secret, at=request.app[CLOCK].now())
    url = request.app[DINGTALK].h5.login_url(back=_back(request), state=state)
    response = web.Response(status=302, headers={"Location": url})
    secure = request.app[SETTINGS].public_url.startswith("https://")
    response.set_cookie(
        _STATE, secret, path="/dingtalk/browser", httponly=True, samesite="Lax", secure=secure, max_age=600
    )
    return response


async def back(request: web.Request) -> web.Response:
    """Back from there: the state must be this browser's, the code is used once."""
    state = request.query.get("state", "")
    known = request.app[LINKS].open("dingtalk_state", state, max_age=_STATE_LIVES)
    if not known or not secrets.compare_digest(str(known).encode(), request.cookies.get(_STATE, "").encode()):
        raise Problem("forbidden", _WRONG)
    code = request.query.get("authCode", "")
    response = await enter(request, platform="dingtalk", user_id=await _asked(request, code, browser=True))
    response.del_cookie(_STATE, path="/dingtalk/browser")
    return response


async def jsapi(request: web.Request) -> web.Response:
    """``dd.config`` for one of our own pages."""
    url = request.query.get("url", "")
    ours = urlsplit(request.app[SETTINGS].public_url)
    asked = urlsplit(url)
    if (asked.scheme, asked.netloc) != (ours.scheme, ours.netloc):
        raise Problem("forbidden", "只给本系统的页面签名。")
    try:
        return web.json_response(await request.app[DINGTALK].h5.config(url))
    except PlatformError as error:
        log.warning("jsapi_unsigned", code=error.code)
        raise Problem("busy", "钉钉暂时没有应答，请稍后再试。") from None


async def _asked(request: web.Request, code: str, *, browser: bool = False) -> str:
    if not code or len(code) > 512:
        raise Problem("login_failed", _WRONG)
    h5 = request.app[DINGTALK].h5
    try:
        return await (h5.browser_user(code) if browser else h5.user_of(code))
    except PlatformError as error:
        log.warning("login_refused", platform="dingtalk", code=error.code)
        raise Problem("login_failed", error.advice or _WRONG) from None


def _back(request: web.Request) -> str:
    return f"{request.app[SETTINGS].public_url}/dingtalk/browser/back"
