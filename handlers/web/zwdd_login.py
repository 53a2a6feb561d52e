"""Signing in from the workbench of 浙政钉 or 专有钉钉. Untried on a real deployment (sheet section 9.4)."""

from __future__ import annotations

from aiohttp import web

from bot.core.errors import Problem
from bot.core.keys import SETTINGS
from bot.core.log import log
from bot.platforms.base import PlatformError
from bot.platforms.zwdd.app import ZwddPlatform
from handlers.web.entry import enter
from handlers.web.form_link import require_same_origin
from handlers.web.pages import render

ZWDD = web.AppKey("zwdd", ZwddPlatform)
_WRONG = "没有确认您的身份，请关闭页面后重新打开。"


def add_routes(app: web.Application) -> None:
    if app[SETTINGS].zwdd is not None:
        app.router.add_get("/zwdd/", door)
        app.router.add_post("/zwdd/login", login)


async def door(request: web.Request) -> web.Response:
    """The workbench puts ``auth_code`` into the address; a page that was only looked at uses nothing up."""
    return render(request, "entry/zwdd.html.j2", code=request.query.get("auth_code", ""))


async def login(request: web.Request) -> web.Response:
    """The code becomes a person on our server."""
    require_same_origin(request)
    code = str((await request.post()).get("code", ""))
    if not code or len(code) > 512:
        raise Problem("login_failed", _WRONG)
    try:
        user_id = await request.app[ZWDD].user_of(code)
    except PlatformError as error:
        log.warning("login_refused", platform="zwdd", code=error.code)
        raise Problem("login_failed", error.advice or _WRONG) from None
    return await enter(request, platform="zwdd", user_id=user_id)
