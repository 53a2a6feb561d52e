"""How every page is made and guarded: one Jinja environment, security headers, and polite refusals."""

from __future__ import annotations

import datetime as dt
import errno
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from multidict import MultiDict

from bot.core.clock import china
from bot.core.config_wecom import page_script
from bot.core.errors import Problem
from bot.core.keys import PAGES, SETTINGS
from bot.core.log import log
from bot.core.words import keepable
from bot.inspection.deadlines.shown import mark
from handlers.web.keys import CALENDAR

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
CSP = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
BROKEN_BODY = (
    ValueError,
    LookupError,
    RuntimeError,
)  # no boundary, an unknown charset, an unknown transfer encoding
_TAKEN = "https://resource"  # where a web view of DingTalk has what its camera took, on the phone itself
_WORDS = {400: "请求不完整，请返回重试。", 403: "没有权限。", 413: "提交的内容太大。"}
_STATUS = {
    "link_expired": 410,
    "link_broken": 404,
    "not_found": 404,
    "forbidden": 403,
    "device_unknown": 403,
    "busy": 503,
    "store_unreachable": 503,  # whoever sends goes on trying
    "store_refused": 503,
}


def make_environment() -> Environment:
    """Compile templates once; a name missing in a template is an error, not an empty string."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["jsapi"] = ""  # set by ``render`` for pages that are opened inside DingTalk
    environment.globals["wecom_sdk"] = ""  # and inside WeCom
    environment.filters["moment"] = _moment
    environment.filters["day"] = _day
    return environment


def _moment(value: dt.datetime | None) -> str:
    return china(value).strftime("%Y-%m-%d %H:%M") if value else "—"


def _day(value: dt.date | None) -> str:
    return value.isoformat() if value else "—"


def render(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """A page from ``templates/pages/<template>``."""
    name, script = _page_script(request)
    inside = {name: script} if script else {}
    provisional = partial(mark, request.app.get(CALENDAR))
    body = request.app[PAGES].get_template(template).render(provisional=provisional, **values, **inside)
    page = web.Response(text=body, content_type="text/html", status=status)
    if script:
        page.headers["Content-Security-Policy"] = with_script(script)
    return page


def packed(page: web.Response) -> web.Response:
    """*page* compressed for who can read that: of a long form the bytes are what a phone with a weak signal waits for."""
    page.headers["Vary"] = "Accept-Encoding"
    page.enable_compression()
    return page


def _page_script(request: web.Request) -> tuple[str, str]:
    """The script of the chat service inside which the page is opened, and its name in the templates."""
    settings = request.app.get(SETTINGS)
    if settings is not None and "wxwork" in request.headers.get("User-Agent", "").lower():
        return "wecom_sdk", page_script(settings.wecom)
    return "jsapi", jsapi_script(request)


def jsapi_script(request: web.Request) -> str:
    """DingTalk's own script, for pages that are opened inside it; empty for everybody else."""
    settings = request.app.get(SETTINGS)
    dingtalk = settings.dingtalk if settings is not None else None
    inside = "DingTalk" in request.headers.get("User-Agent", "")
    return dingtalk.jsapi_script if dingtalk is not None and dingtalk.corp_id and inside else ""


def with_script(script: str) -> str:
    """Our policy and the one foreign script that pages inside a chat service need."""
    origin = "://".join(urlsplit(script)[:2])
    sources = f"default-src 'self'; script-src 'self' {origin}; connect-src 'self' {_TAKEN}"
    return CSP.replace("default-src 'self'", sources)


def wants_json(request: web.Request) -> bool:
    return "application/json" in request.headers.get("Accept", "") or request.path.endswith(".json")


async def read_form(request: web.Request) -> MultiDict[str]:
    """The texts of a posted form, fit to be kept; files are left out. Raises ``form_broken`` for a body that is none."""
    try:
        sent = await request.post()
    except BROKEN_BODY as error:
        raise Problem("form_broken", "没有读懂发来的内容，请刷新页面再试。") from error
    return MultiDict((name, keepable(value)) for name, value in sent.items() if isinstance(value, str))


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Security headers on every answer; a Problem becomes a sentence, anything else a logged apology."""
    response = await _answer(request, handler)
    if not response.prepared and not _shows_nothing(request, response):
        for name, value in (
            ("Content-Security-Policy", CSP), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
            ("X-Frame-Options", "DENY"), ("Cross-Origin-Opener-Policy", "same-origin"),
        ):  # fmt: skip
            response.headers.setdefault(name, value)
        if not request.path.startswith(("/static/", "/public")):
            response.headers.setdefault("Cache-Control", "no-store")
    return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    nowhere = Problem("not_found", "没有找到这个页面。")
    if "%00" in request.raw_path:  # no name, code or number has a NUL, and PostgreSQL takes none
        return refuse(request, nowhere)
    try:
        return await handler(request)
    except Problem as problem:
        return refuse(request, problem)
    except web.HTTPException as error:
        if error.status < 400 or error.status in (401, 405):
            raise
        return refuse(
            request, Problem("not_found", _WORDS.get(error.status, nowhere.text)), status=error.status
        )
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # that one is the address, every other one the disk
            return refuse(request, nowhere)
        return _apologise(request, error)
    except Exception as error:  # noqa: BLE001 - logged, and nobody reads a traceback
        return _apologise(request, error)


def _shows_nothing(request: web.Request, response: web.StreamResponse) -> bool:
    """What tells a chat service that its callback is stored: there is no page to guard."""
    return request.path.startswith("/hooks/") and isinstance(response, web.Response) and not response.body


def _apologise(request: web.Request, error: Exception) -> web.Response:
    route = getattr(request.match_info.route.resource, "canonical", "?")  # the path itself may hold a token
    log.error("page_failed", route=route, error=type(error).__name__, exc_info=error)
    return refuse(request, Problem("broken", "系统出了点问题，已经记录。请稍后再试。"), status=500)


def refuse(request: web.Request, problem: Problem, *, status: int = 0) -> web.Response:
    """The problem as JSON or as a page."""
    status = status or _STATUS.get(problem.key, 422)
    if wants_json(request):
        return web.json_response(
            {"error": problem.key, "message": problem.text, "fields": problem.fields}, status=status
        )
    return render(request, "problem.html.j2", status=status, problem=problem)
