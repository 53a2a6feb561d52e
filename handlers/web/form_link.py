"""Who may open a form's address: the officer in the signed link, until the window and its grace are over."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.ids import sha256_hex
from bot.core.keys import CLOCK, DB, LINKS, SETTINGS
from bot.inspection.checklists.devices import Window, is_known, own_visit
from bot.inspection.checklists.queries import FormFacts, form_facts
from handlers.web.keys import PROFILE
from handlers.web.pages import wants_json

_UNOPENED = "检查表还没有打开，请回到聊天窗口重新打开。"
_KEPT = dt.timedelta(days=400)  # a receipt can be read for as long


@dataclass(frozen=True, slots=True)
class Filling:
    """Who writes into which form."""

    person_id: int
    visit_id: int
    form_id: str
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A valid link: its officer, the visit as it is now, and the address its pages begin with."""

    person_id: int
    visit_id: int
    facts: FormFacts
    base: str
    now: dt.datetime

    @property
    def form_id(self) -> str:
        """The form's id; before it was opened there is nothing to do here."""
        if self.facts.form is None:
            raise Problem("form_unopened", _UNOPENED)
        return self.facts.form.id


async def open_link(request: web.Request) -> Opened:
    """This request's link, on a phone that is known to be its officer's.

    Raises ``link_broken``, ``link_expired``, ``forbidden``, ``foreign_site``, ``device_unknown``; a page that is
    looked at on an unknown phone leads to where the phone is made known.
    """
    person_id, visit, now = await _require_own(request)
    facts = await request.app[DB].read(form_facts, visit.visit_id)
    return Opened(person_id, visit.visit_id, facts, f"/form/{request.match_info['token']}", now)


async def open_draft(request: web.Request) -> Filling:
    """As ``open_link``, for what phones send many times a minute: only who writes into which form."""
    person_id, visit, now = await _require_own(request)
    if visit.form_id is None:
        raise Problem("form_unopened", _UNOPENED)
    return Filling(person_id, visit.visit_id, visit.form_id, now)


async def _require_own(request: web.Request) -> tuple[int, Window, dt.datetime]:
    token = request.match_info["token"]
    person_id, visit_id = signed_pair(request)
    if request.method == "POST":
        require_same_origin(request)
    now = request.app[CLOCK].now()
    visit = await request.app[DB].read(
        own_visit, visit_id=visit_id, person_id=person_id, key_sha256=key_of(request, person_id), now=now
    )
    if visit is None:
        if request.method == "GET" and not wants_json(request):
            raise web.HTTPSeeOther(f"/form/{token}/device")
        raise Problem("device_unknown", "请先在这台手机上验证身份：从聊天窗口重新打开检查表。")
    last = visit.due_on + dt.timedelta(days=request.app[PROFILE].visit.late_registration_days)
    if visit.submitted_at is None and china_day(now) > last:
        raise Problem("link_expired", f"检查期限（含补登记）已于 {last} 结束，请联系任务发起科室。")
    return person_id, visit, now


async def require_device(request: web.Request, person_id: int) -> None:
    """Go on only in a browser that is known to be this person's: a forwarded link opens nothing.

    Leads a page to where the browser is made known; raises ``device_unknown`` for anything but a page.
    """
    known = await request.app[DB].read(
        is_known, person_id=person_id, key_sha256=key_of(request, person_id), now=request.app[CLOCK].now()
    )
    if known:
        return
    if request.method == "GET" and not wants_json(request):
        base = "/".join(request.path.split("/")[:3])
        raise web.HTTPSeeOther(f"{base}/device")
    raise Problem("device_unknown", "请先在这台手机上验证身份：从聊天窗口重新打开。")


def signed_pair(request: web.Request) -> tuple[int, int]:
    """The person and the visit a link was made for, whoever holds it. Raises ``link_broken``, ``link_expired``."""
    return _pair(request.app[LINKS].open("form", request.match_info["token"], max_age=_KEPT))


def cookie_of(person_id: int) -> str:
    """The cookie's name: colleagues who share a computer keep theirs apart."""
    return f"suicha-form-{person_id}"


def key_of(request: web.Request, person_id: int) -> str:
    """The fingerprint of this browser's key for that person."""
    return sha256_hex(request.cookies.get(cookie_of(person_id), "").encode())


def require_same_origin(request: web.Request) -> None:
    """Refuse a post that another site makes the browser send. Browsers say so by themselves."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise Problem("foreign_site", "请求来自其他网站，已拒绝。请回到聊天窗口重新打开。")
        return
    origin = request.headers.get("Origin", "null")
    ours = {request.host, urlsplit(request.app[SETTINGS].public_url).netloc}
    if origin != "null" and urlsplit(origin).netloc not in ours:
        raise Problem("foreign_site", "请求来自其他网站，已拒绝。请回到聊天窗口重新打开。")


def see_other(address: str) -> web.Response:
    """After a post, look at *address*: a reload repeats nothing."""
    return web.Response(status=303, headers={"Location": address})


def _pair(value: Any) -> tuple[int, int]:
    match value:
        case [int(person_id), int(visit_id)]:
            return person_id, visit_id
    raise Problem("link_broken", "链接不完整或已失效，请回到聊天窗口重新打开。")
