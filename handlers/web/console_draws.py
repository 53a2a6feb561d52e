"""The draw of a task on the console: how it would go, what is not ready, and the one next step (C9, C10)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from sqlmodel import Session

from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB
from bot.core.secret import fresh_secret
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws.models import Draw
from bot.inspection.draws.preparation import (
    Standing,
    choose_sources,
    prepare_draw,
    rounds_of,
    standing,
    waive_check,
)
from bot.inspection.draws.queries import live_draw, require_draw
from bot.inspection.draws.readiness import NEVER_WAIVED
from bot.inspection.draws.service import commit_draw, lock_draw, reveal_draw
from bot.inspection.draws.source_words import choice_of_form
from bot.inspection.draws.sources import words_of
from bot.inspection.draws.values import next_place
from bot.inspection.draws.voiding import ask_void, decide_void
from bot.inspection.people.models import Person
from bot.inspection.profile import Profile
from bot.inspection.tasks.models import Task, TaskState
from handlers.web import console_words as words
from handlers.web.keys import CALENDAR, PROFILE
from handlers.web.numbers import path_key
from handlers.web.pages import read_form, render
from handlers.web.session import Visitor, done, seen

routes = web.RouteTableDef()
_PATH = "/console/tasks/{task_id:[0-9]+}/draw"


@dataclass(frozen=True, slots=True)
class DrawPage:
    """``standing`` is there while nothing is fixed; ``waits`` names the source whose value is missing."""

    task: Task
    draw: Draw | None
    rounds: list[Draw]
    standing: Standing | None
    sources: list[tuple[str, str]]
    waits: str
    witnesses: list[str]  # code and name


@dataclass(frozen=True, slots=True)
class _Press:
    """What a button's service needs."""

    task_id: int
    by: int
    now: dt.datetime
    profile: Profile
    calendar: WorkCalendar
    form: dict[str, str]


@routes.get(_PATH)
@seen
async def page(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The preview, the readiness check, the step that comes next, and every round."""
    shown = await request.app[DB].read(
        _page,
        task_id=path_key(request, "task_id"),
        profile=request.app[PROFILE],
        now=request.app[CLOCK].now(),
    )
    return render(request, "console/draw.html.j2", visitor=visitor, here="tasks", words=words, page=shown,
                  never_waived=NEVER_WAIVED)  # fmt: skip


@routes.post(_PATH + "/{act:[a-z_]+}")
@done
async def press(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """One step of the ceremony; the same service as in chat and on the command line."""
    task_id, act = path_key(request, "task_id"), request.match_info["act"]
    if act not in _ACTS:
        raise Problem("not_found", "没有这个操作。")
    form = {name: str(value) for name, value in (await read_form(request)).items()}
    await request.app[DB].write(
        _ACTS[act],
        press=_Press(
            task_id,
            visitor.viewer.person_id,
            request.app[CLOCK].now(),
            request.app[PROFILE],
            request.app[CALENDAR],
            form,
        ),
    )
    return web.Response(status=303, headers={"Location": f"/console/tasks/{task_id}/draw"})


def _page(session: Session, *, task_id: int, profile: Profile, now: dt.datetime) -> DrawPage:
    task = session.get(Task, task_id)
    if task is None or task.plan_line_id is None:
        raise Problem("not_found", "没有找到这个任务的抽取。")
    draw = live_draw(session, task_id)
    open_ = task.state in (TaskState.APPROVED, TaskState.LIBRARIES_CONFIRMED)
    unfixed = draw is None or draw.state == "PREPARED"
    said = {value["place"]: value["value"] or "启用备用来源" for value in draw.values} if draw else {}
    sources = [(words_of(s), said.get(n, "")) for n, s in enumerate(draw.sources, 1)] if draw else []
    place = next_place(draw) if draw and draw.state == "COMMITTED" else None
    return DrawPage(
        task=task, draw=draw, rounds=rounds_of(session, task_id),
        standing=standing(session, task_id=task_id, profile=profile, now=now) if open_ and unfixed else None,
        sources=sources, waits=sources[place - 1][0] if place else "",
        witnesses=[f"{p.code} {p.name}" for p in _people(session, draw)],
    )  # fmt: skip


def _people(session: Session, draw: Draw | None) -> list[Person]:
    return [session.get_one(Person, person) for person in draw.witness_ids] if draw else []


def _prepare(session: Session, *, press: _Press) -> None:
    """The first time only: a page from before sources and witnesses were chosen must not undo the choice."""
    if live_draw(session, press.task_id) is None:
        prepare_draw(session, task_id=press.task_id, now=press.now, profile=press.profile, actor=press.by)


def _choose(session: Session, *, press: _Press) -> None:
    choose_sources(
        session, task_id=press.task_id, choice=choice_of_form(press.form), now=press.now, profile=press.profile,
        actor=press.by,
    )  # fmt: skip


def _waive(session: Session, *, press: _Press) -> None:
    waive_check(
        session, task_id=press.task_id, check=press.form.get("check", ""), reason=press.form.get("reason", ""),
        now=press.now, profile=press.profile, actor=press.by,
    )  # fmt: skip


def _commit(session: Session, *, press: _Press) -> None:
    commit_draw(
        session, task_id=press.task_id, secret=fresh_secret(), now=press.now, profile=press.profile,
        calendar=press.calendar, actor=press.by,
    )  # fmt: skip


def _reveal(session: Session, *, press: _Press) -> None:
    reveal_draw(session, task_id=press.task_id, now=press.now, actor=press.by)


def _lock(session: Session, *, press: _Press) -> None:
    lock_draw(
        session,
        task_id=press.task_id,
        now=press.now,
        profile=press.profile,
        calendar=press.calendar,
        actor=press.by,
    )


def _void(session: Session, *, press: _Press) -> None:
    ask_void(session, task_id=press.task_id, ground=press.form.get("ground", ""), by=press.by, now=press.now)


def _decide(session: Session, *, press: _Press) -> None:
    draw = require_draw(session, press.task_id)
    approved = press.form.get("decision") == "approve"
    decide_void(session, draw_id=draw.id or 0, approved=approved, by=press.by, now=press.now)


_ACTS: dict[str, Callable[..., Any]] = {
    "prepare": _prepare, "sources": _choose, "waive": _waive, "commit": _commit, "reveal": _reveal, "lock": _lock, "void": _void,
    "decide": _decide,
}  # fmt: skip
