"""Sessions of the console: a link from chat opens one, once; every change carries a token and its origin.

The link is opened by pressing a button, not by being fetched: chat services look at links before people do.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.core.errors import Problem
from bot.core.ids import sha256_hex
from bot.core.keys import CLOCK, DB, LINKS, SETTINGS
from bot.inspection.people.console_logins import Viewer, enter, leave, open_session
from handlers.web.pages import read_form, render

routes = web.RouteTableDef()
LINK_LIVES = dt.timedelta(minutes=30)
SESSION_LIVES = dt.timedelta(hours=8)
_ORIGINS = {"Referrer-Policy": "same-origin"}  # with no-referrer a browser would send ``Origin: null``


@dataclass(frozen=True, slots=True)
class Visitor:
    """A viewer with an open session; ``csrf`` goes into every form of theirs."""

    viewer: Viewer
    session_sha256: str
    csrf: str


Page = Callable[[web.Request, Visitor], Awaitable[web.StreamResponse]]


def seen(page: Page) -> Handler:
    """For coordinators and leads with a session; everybody else is told how to get one."""

    @wraps(page)
    async def handler(request: web.Request) -> web.StreamResponse:
        visitor = await visitor_of(request)
        if visitor is None:
            return _in_console(render(request, "console/login_needed.html.j2", status=401))
        return _in_console(await page(request, visitor))

    return handler


def sent(page: Page) -> Handler:
    """As ``seen``, for forms: the token and the origin are checked first."""

    async def checked(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        check_origin(request)
        form = await read_form(request)
        if not hmac.compare_digest(str(form.get("csrf", "")).encode(), visitor.csrf.encode()):
            raise Problem("forbidden", "页面已过期，请刷新后再试一次。")
        return await page(request, visitor)

    return seen(wraps(page)(checked))


def done(page: Page) -> Handler:
    """As ``sent``, for coordinators only."""

    async def allowed(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        if not visitor.viewer.may_act:
            raise Problem("forbidden", "您可以查看，但只有统筹人员可以操作。")
        return await page(request, visitor)

    return sent(wraps(page)(allowed))


@routes.get(r"/console/{token:[^/]+\.[^/]+}")
async def door(request: web.Request) -> web.StreamResponse:
    """Show the button that enters; looking at the link does not use it up."""
    token = request.match_info["token"]
    _person_of(request, token)
    return _in_console(render(request, "console/door.html.j2", token=token))


@routes.post(r"/console/{token:[^/]+\.[^/]+}")
async def come_in(request: web.Request) -> web.StreamResponse:
    """Use the link up, set the cookie, go to the first page."""
    check_origin(request)
    token = request.match_info["token"]
    key = secrets.token_urlsafe(32)
    await request.app[DB].write(
        enter,
        person_id=_person_of(request, token),
        link_sha256=sha256_hex(token.encode()),
        session_sha256=sha256_hex(key.encode()),
        now=request.app[CLOCK].now(),
    )
    response = web.Response(status=303, headers={"Location": "/console"})
    response.set_cookie(
        _cookie(request), request.app[LINKS].sign("session", key), path="/", httponly=True, samesite="Strict",
        secure=_is_https(request), max_age=int(SESSION_LIVES.total_seconds()),
    )  # fmt: skip
    return response


@routes.post("/console/logout")
@sent
async def log_out(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """End the session on the server and forget the cookie."""
    await request.app[DB].write(leave, session_sha256=visitor.session_sha256, now=request.app[CLOCK].now())
    response = render(request, "console/login_needed.html.j2")
    response.del_cookie(
        _cookie(request), path="/", httponly=True, samesite="Strict", secure=_is_https(request)
    )
    return response


async def visitor_of(request: web.Request) -> Visitor | None:
    """Who holds the request's cookie, by the roles they have now; None without a good one."""
    try:
        key = request.app[LINKS].open(
            "session", request.cookies.get(_cookie(request), ""), max_age=SESSION_LIVES
        )
    except Problem:
        return None
    digest = sha256_hex(str(key).encode())
    who = await request.app[DB].read(open_session, session_sha256=digest)
    return None if who is None else Visitor(who, digest, _csrf(request, str(key)))


def check_origin(request: web.Request) -> None:
    """Refuse a change that another site's page asked for. Raises Problem ``forbidden``."""
    origin = request.headers.get("Origin", "")
    ours = {urlsplit(request.app[SETTINGS].public_url).netloc, request.host}
    if urlsplit(origin).netloc not in ours or request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Problem("forbidden", "这个操作不是从本系统的页面发出的，没有执行。")


def _csrf(request: web.Request, key: str) -> str:
    secret = request.app[SETTINGS].secret("secret_key")
    return hmac.new(secret.encode(), f"csrf:{key}".encode(), hashlib.sha256).hexdigest()


def _person_of(request: web.Request, token: str) -> int:
    match request.app[LINKS].open("console", token, max_age=LINK_LIVES):
        case [int(person_id), *_]:
            return person_id
        case _:
            raise Problem("link_broken", "链接不完整或已失效，请在聊天窗口发送“控制台”重新获取。")


def _is_https(request: web.Request) -> bool:
    return request.app[SETTINGS].public_url.startswith("https://")


def _cookie(request: web.Request) -> str:
    """With the prefix a browser refuses the cookie from anything but this very host over https."""
    return "__Host-suicha" if _is_https(request) else "suicha"


def _in_console(response: web.StreamResponse) -> web.StreamResponse:
    if not response.prepared:
        response.headers.update(_ORIGINS)
    return response
