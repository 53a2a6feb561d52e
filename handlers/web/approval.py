"""行政检查审批: the head looks at what waits, one by one or all at once (C15, field guide 7.1)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from aiohttp import web
from sqlmodel import Session

from bot.core.errors import Problem
from bot.core.ids import row_key
from bot.core.keys import CLOCK, DB, LINKS
from bot.inspection.tasks.approval import decide_approvals, require_head, waiting_approvals
from bot.inspection.tasks.models import Task, VisitApproval
from bot.inspection.tasks.notice_paper import visits_before
from bot.inspection.tasks.queries import VisitFacts, visit_facts
from handlers.web.form_link import require_device, require_same_origin, see_other
from handlers.web.pages import read_form, render

routes = web.RouteTableDef()
_KEPT = dt.timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One visit as the head judges it: whom, what, by whom, and how often this year already."""

    facts: VisitFacts
    approval: VisitApproval
    before: int


@routes.get("/approval/{token}")
async def page(request: web.Request) -> web.Response:
    person_id, task_id = _opened(request)
    await require_device(request, person_id)
    task, waiting = await request.app[DB].read(_look, task_id=task_id, person_id=person_id)
    return render(
        request, "enterprise/approval.html.j2", task=task, waiting=waiting, said=request.query.get("done", "")
    )


@routes.post("/approval/{token}")
async def decide(request: web.Request) -> web.Response:
    """同意 or 不同意 for the chosen visits; nothing is chosen beforehand."""
    person_id, task_id = _opened(request)
    require_same_origin(request)
    await require_device(request, person_id)
    sent = await read_form(request)
    chosen = {key for value in sent.getall("visit", []) if (key := row_key(str(value))) is not None}
    if not chosen:
        raise Problem("nothing_chosen", "请先勾选要审批的检查。", visit="没有勾选")
    wanted = {"grant": True, "refuse": False}.get(str(sent.get("decision", "")))
    if wanted is None:
        raise Problem("form_broken", "没有读懂发来的内容，请刷新页面再试。")
    done = await request.app[DB].write(
        decide_approvals, task_id=task_id, by=person_id, granted=wanted, visit_ids=chosen,
        reason=str(sent.get("reason", ""))[:500], now=request.app[CLOCK].now(),
    )  # fmt: skip
    return see_other(f"{request.path}?done={done}")


def _look(session: Session, *, task_id: int, person_id: int) -> tuple[Task, list[Waiting]]:
    task = session.get(Task, task_id)
    if task is None:
        raise Problem("not_found", "没有找到这个任务。")
    require_head(session, task, person_id)
    waiting = []
    for approval, visit in waiting_approvals(session, task_id):
        facts = visit_facts(session, visit.id or 0)
        waiting.append(Waiting(facts, approval, visits_before(session, facts)))
    return task, waiting


def _opened(request: web.Request) -> tuple[int, int]:
    match request.app[LINKS].open("approval", request.match_info["token"], max_age=_KEPT):
        case [int(person_id), int(task_id)]:
            return person_id, task_id
    raise Problem("link_broken", "链接不完整或已失效，请回到聊天窗口重新打开。")
