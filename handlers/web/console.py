"""The coordinator's console: who has not answered, what is late, and the one thing to do about it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

from aiohttp import web

from bot.core.clock import china_day
from bot.core.keys import CLOCK, DB
from bot.inspection.audit.service import ChainReport, verify
from bot.inspection.deadlines.calendar_years import provisional_deadlines
from bot.inspection.deadlines.matrix import READERS, matrix
from bot.inspection.deadlines.words import KINDS_ZH, WHO_ZH
from bot.inspection.metrics.chart import STAGES, stacked
from bot.inspection.metrics.counts import metrics
from bot.inspection.metrics.formulas import Verdict
from bot.inspection.metrics.overview import overview
from bot.inspection.profile.schedule import in_words
from bot.inspection.tasks.service import remind_all
from bot.inspection.tasks.states import NAMES
from handlers.web import console_words as words
from handlers.web.console_pages import DAY_STAGES, Filters, audit_page, notices_page, task_list, task_page
from handlers.web.keys import CALENDAR, PROFILE
from handlers.web.numbers import path_key, positive
from handlers.web.pages import render
from handlers.web.session import Visitor, done, seen, sent

routes = web.RouteTableDef()
_FIRST_YEAR = 2015  # 双随机 began with 国办发〔2015〕58号


def _show(
    request: web.Request, visitor: Visitor, template: str, *, here: str, **values: Any
) -> web.StreamResponse:
    return render(
        request, f"console/{template}.html.j2", visitor=visitor, here=here, words=words, stacked=stacked,
        stages=STAGES, now=request.app[CLOCK].now(), **values,
    )  # fmt: skip


@routes.get("/console")
@seen
async def today(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The first page."""
    page = await request.app[DB].read(overview, now=request.app[CLOCK].now())
    return _show(request, visitor, "today", here="today", page=page)


@routes.get("/console/live")
@seen
async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The first page's middle, for the script that refreshes it."""
    page = await request.app[DB].read(overview, now=request.app[CLOCK].now())
    return _show(request, visitor, "today_body", here="today", page=page)


@routes.get("/console/tasks")
@seen
async def tasks(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Every task, newest first."""
    page = await request.app[DB].read(task_list, now=request.app[CLOCK].now(), page=positive(request, "page"))
    return _show(request, visitor, "tasks", here="tasks", page=page)


@routes.get("/console/tasks/{task_id:[0-9]+}")
@seen
async def task(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """One task; what may be done about it stands on the page."""
    asked = request.query
    state = asked.get("state", "")
    filters = Filters(
        state if state in list(NAMES) else "", asked.get("late") == "1", asked.get("words", "").strip()[:60]
    )
    page = await request.app[DB].read(
        task_page, task_id=path_key(request, "task_id"), filters=filters, page=positive(request, "page"),
        now=request.app[CLOCK].now(),
    )  # fmt: skip
    return _show(
        request, visitor, "task", here="tasks", page=page, filters=filters, states=NAMES,
        day_stages=DAY_STAGES, reminded=asked.get("reminded", ""),
    )  # fmt: skip


@routes.post("/console/tasks/{task_id:[0-9]+}/remind")
@done
async def remind(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """提醒全部未接收: the same service as in chat, at most once an hour for each."""
    task_id = path_key(request, "task_id")
    new = await request.app[DB].write(
        remind_all, task_id=task_id, now=request.app[CLOCK].now(), actor=visitor.viewer.person_id
    )
    return web.Response(status=303, headers={"Location": f"/console/tasks/{task_id}?reminded={new}"})


@routes.get("/console/notices")
@seen
async def notices(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """谁没收到: names and reasons."""
    page = await request.app[DB].read(notices_page, page=positive(request, "page"))
    return _show(request, visitor, "notices", here="notices", page=page)


@routes.get("/console/metrics")
@seen
async def figures(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """M1 to M6 of a year against the profile's targets."""
    this_year = china_day(request.app[CLOCK].now()).year
    year = positive(request, "year", this_year)
    year = year if _FIRST_YEAR <= year <= this_year + 1 else this_year
    profile = request.app[PROFILE]
    shares = await request.app[DB].read(metrics, year=year, profile=profile)
    return _show(
        request, visitor, "metrics", here="metrics", shares=shares, year=year,
        years=(this_year, this_year - 1), profile=profile, Verdict=Verdict,
    )  # fmt: skip


@routes.get("/console/calendar")
@seen
async def calendar(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The working calendar: which notice each year rests on, and what is still a guess."""
    known = request.app[CALENDAR]
    this_year = china_day(request.app[CLOCK].now()).year
    guesses = await request.app[DB].read(provisional_deadlines)
    years = [
        (year, known.table(year), known.workdays_of(year)) for year in range(this_year + 1, this_year - 3, -1)
    ]
    return _show(request, visitor, "calendar", here="calendar", years=years, guesses=guesses)


@routes.get("/console/rules")
@seen
async def rules(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """通知矩阵 and the locality's steps: who is told what and when, in general."""
    steps = [
        (
            KINDS_ZH.get(kind, kind),
            [(in_words(step), [WHO_ZH.get(who, who) for who in step.who]) for step in found],
        )
        for kind, found in request.app[PROFILE].reminders.items()
    ]
    return _show(request, visitor, "rules", here="rules", matrix=matrix(), readers=READERS, steps=steps)


@routes.get("/console/audit")
@seen
async def audit(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The latest entries of the chain."""
    return await _audit(request, visitor, None, 0.0)


@routes.post("/console/audit")
@sent
async def verify_audit(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Recompute the whole chain and show the first entry that does not hold."""
    began = dt.datetime.now(dt.UTC)
    report = await request.app[DB].read(verify)
    return await _audit(request, visitor, report, (dt.datetime.now(dt.UTC) - began).total_seconds())


async def _audit(
    request: web.Request, visitor: Visitor, report: ChainReport | None, seconds: float
) -> web.StreamResponse:
    page = await request.app[DB].read(audit_page, before=positive(request, "before", 0))
    entries = [
        (entry, json.dumps(entry.data, ensure_ascii=False) if entry.data else "") for entry in page.rows
    ]
    result = dataclasses.asdict(report) if report else None
    return _show(
        request, visitor, "audit", here="audit", page=page, entries=entries, report=result, seconds=seconds
    )
