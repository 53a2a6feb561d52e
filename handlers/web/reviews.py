"""The reviewer's queue as a page: signs beside each result, and those without any may pass together (C21, C32)."""

from __future__ import annotations

import datetime as dt

from aiohttp import web

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.ids import row_key
from bot.core.keys import CLOCK, DB, LINKS
from bot.inspection.results.queue import Passed, pass_many, review_queue
from handlers.web.form_link import require_device, require_same_origin
from handlers.web.pages import read_form, render

routes = web.RouteTableDef()
_KEPT = dt.timedelta(days=30)


@routes.get("/reviews/{token}")
async def page(request: web.Request) -> web.Response:
    person_id = _opened(request)
    await require_device(request, person_id)
    return await _page(request, person_id, [])


@routes.post("/reviews/{token}")
async def pass_chosen(request: web.Request) -> web.Response:
    """Let the chosen pass; a second time finds them decided. Nothing is chosen beforehand."""
    person_id = _opened(request)
    require_same_origin(request)
    await require_device(request, person_id)
    sent = await read_form(request)
    chosen = [key for value in sent.getall("visit", []) if (key := row_key(str(value))) is not None]
    if not chosen:
        raise Problem("nothing_chosen", "请先勾选要通过的结果。", visit="没有勾选")
    done = await request.app[DB].write(
        pass_many, visit_ids=chosen, reviewer_id=person_id, now=request.app[CLOCK].now()
    )
    return await _page(request, person_id, done)


async def _page(request: web.Request, person_id: int, done: list[Passed]) -> web.Response:
    entries, total = await request.app[DB].read(review_queue, person_id=person_id)
    links = request.app[LINKS]
    return render(
        request, "enterprise/reviews.html.j2", entries=entries, total=total, done=done,
        passed=sum(not one.why for one in done), today=china_day(request.app[CLOCK].now()),
        open=lambda visit_id: f"/review/{links.sign('review', [person_id, visit_id])}",
    )  # fmt: skip


def _opened(request: web.Request) -> int:
    match request.app[LINKS].open("reviews", request.match_info["token"], max_age=_KEPT):
        case [int(person_id)]:
            return person_id
    raise Problem("link_broken", "链接不完整或已失效，请回到聊天窗口重新打开。")
