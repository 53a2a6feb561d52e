"""The console's page of what was handed on: case clues and transfers, open ones first (C23, C25)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from aiohttp import web
from sqlalchemy import case
from sqlmodel import Session, col, select

from bot.core.keys import CLOCK, DB
from bot.inspection.deadlines.shown import calendar_of, moment_words
from bot.inspection.followups.clue_rules import SOURCES
from bot.inspection.followups.models import Clue, ClueSource, FollowUp, Transfer, TransferState
from bot.inspection.followups.transfers import NAMES as TRANSFERS
from bot.inspection.people.models import Department
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Visit
from bot.inspection.tasks.states import BEFORE_SUBMIT, NAMES
from handlers.web import console_words as words
from handlers.web.console_pages import PAGE, Paged, cut, first_of
from handlers.web.numbers import positive
from handlers.web.pages import render
from handlers.web.session import Visitor, seen

routes = web.RouteTableDef()
_PENDING = (TransferState.PROPOSED, TransferState.APPROVED, TransferState.SENT)


@dataclass(frozen=True, slots=True)
class ClueRow:
    """One clue, and how far it is."""

    clue: Clue
    source: str
    object: str
    department: str
    state: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One transfer, and whose turn it is."""

    transfer: Transfer
    number: str
    problem: str
    state: str
    is_open: bool
    due: str
    late: bool


@dataclass(frozen=True, slots=True)
class HandedOn:
    """The page."""

    clues: Paged[ClueRow]
    transfers: Paged[TransferRow]


@routes.get("/console/followups")
@seen
async def followups(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """线索与移送: what waits, for whom, since when."""
    now = request.app[CLOCK].now()
    page = await request.app[DB].read(handed_on, page=positive(request, "page"), now=now)
    return render(
        request, "console/followups.html.j2", visitor=visitor, here="followups", words=words, now=now, page=page
    )  # fmt: skip


def handed_on(session: Session, *, page: int, now: dt.datetime) -> HandedOn:
    """Both lists, each by itself cut to *page*."""
    return HandedOn(cut(_clues(session, page), page), cut(_transfers(session, page, now), page))


def _clues(session: Session, page: int) -> list[ClueRow]:
    waits = col(Visit.state).in_(BEFORE_SUBMIT) | col(Visit.state).is_(None)
    query = (
        select(Clue, Department.name, InspectionObject.name, Visit.state)
        .join(Department, col(Department.id) == Clue.department_id)
        .join(InspectionObject, col(InspectionObject.id) == Clue.object_id, isouter=True)
        .join(Visit, col(Visit.task_id) == Clue.task_id, isouter=True)
        .order_by(case((waits, 0), else_=1), col(Clue.received_at).desc(), col(Clue.id).desc())
        .limit(PAGE + 1)
        .offset(first_of(page))
    )
    return [
        ClueRow(
            clue, SOURCES[ClueSource(clue.source)], named or clue.object_name or "对象未定", department,
            _of_clue(clue, state), state is None or state in BEFORE_SUBMIT,
        )
        for clue, department, named, state in session.exec(query)
    ]  # fmt: skip


def _of_clue(clue: Clue, state: str | None) -> str:
    if state is not None:
        return NAMES[state]  # type: ignore[index]
    return f"无人可派：{clue.hindrance}" if clue.hindrance else "待指派"


def _transfers(session: Session, page: int, now: dt.datetime) -> list[TransferRow]:
    query = (
        select(Transfer, FollowUp)
        .join(FollowUp, col(FollowUp.id) == Transfer.follow_up_id)
        .order_by(case((col(Transfer.state).in_(_PENDING), 0), else_=1), col(Transfer.id).desc())
        .limit(PAGE + 1)
        .offset(first_of(page))
    )
    return [
        TransferRow(
            one, found.number, found.problem, TRANSFERS[one.state], one.state in _PENDING,  # type: ignore[index]
            moment_words(calendar_of(session), one.due_at) if one.due_at and one.state in _PENDING else "",
            bool(one.due_at and one.state in _PENDING and one.due_at < now),
        )
        for one, found in session.exec(query)
    ]  # fmt: skip
