"""同意、不同意: the head and the inspections that wait; 紧急检查 and 补登记: an officer and a visit that could not wait."""

from __future__ import annotations

import re

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.tasks.approval import begin_urgently, decide_approvals, require_head
from bot.inspection.tasks.late import read_late
from bot.inspection.tasks.models import Task, Visit, VisitOfficer
from bot.inspection.tasks.queries import get_visit
from bot.inspection.tasks.service import check_in
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()
_WHY = "请直接回复不同意的理由。回复“取消”则不作决定。"
_URGENT = "请这样写：紧急检查 编号末四位 理由。例如：紧急检查 0012 群众举报正在发生食物中毒"


@router.action("grant_approval")
async def grant(ctx: Context) -> Reply:
    n = await ctx.db.write(_decide, ctx, subject=ctx.action.subject if ctx.action else "", granted=True)
    return Reply("" if n else "没有等您审批的检查，可能已有人审批。")


@router.action("refuse_approval")
async def ask_reason(ctx: Context) -> Reply:
    await ctx.db.write(_open, ctx)
    return Reply(_WHY)


@router.talk("approval_reason")
async def refuse(ctx: Context) -> Reply:
    n = await ctx.db.write(_decide, ctx, subject=ctx.talk["subject"], granted=False, reason=ctx.words)
    await ctx.db.write(close_talk, ctx.talk_key)
    return Reply(f"{n} 户检查未获批准，检查部门会收到理由。" if n else "没有等您审批的检查，可能已有人审批。")


@router.command("紧急检查")
async def urgent(ctx: Context) -> Reply:
    found = re.match(r"(\d{3,})\s+(.+)", ctx.words, re.DOTALL)
    if found is None:
        return Reply(_URGENT)
    visit_id = await ctx.db.read(_mine, person_id=ctx.person_id, ending=found[1])
    await ctx.db.write(
        begin_urgently, visit_id=visit_id, person_id=ctx.person_id, reason=found[2], now=ctx.clock.now()
    )
    return Reply("已登记为紧急检查，可以签到开始。已请单位负责人补办审批，批准之前每个工作日提醒一次。")


@router.command("补登记")
async def late(ctx: Context) -> Reply:
    """A visit made without a network, told afterwards: when, and why only now."""
    told = read_late(ctx.words, now=ctx.clock.now())
    visit_id = await ctx.db.read(_mine, person_id=ctx.person_id, ending=told.number)
    enough = await ctx.db.write(
        check_in, visit_id=visit_id, person_id=ctx.person_id, now=ctx.clock.now(), profile=ctx.profile,
        late_reason=told.reason, happened_at=told.happened_at,
    )  # fmt: skip
    return Reply(
        "已补登记，这次检查会标明“补登记”。" + ("可以填写检查表了。" if enough else "请同伴也补登记。")
    )


def _decide(session: Session, ctx: Context, *, subject: str, granted: bool, reason: str = "") -> int:
    task_id, visits = _what(session, subject)
    return decide_approvals(session, task_id=task_id, by=ctx.person_id, granted=granted, reason=reason,
                            visit_ids=visits, now=ctx.clock.now())  # fmt: skip


def _open(session: Session, ctx: Context) -> None:
    subject = ctx.action.subject if ctx.action else ""
    require_head(session, session.get_one(Task, _what(session, subject)[0]), ctx.person_id)
    open_talk(session, ctx.talk_key, topic="approval_reason", now=ctx.clock.now(), subject=subject)


def _what(session: Session, subject: str) -> tuple[int, set[int] | None]:
    """The task, and the one visit where the card is about one."""
    kind, _, number = subject.partition(":")
    if kind == "task":
        return int(number), None
    visit = get_visit(session, int(number))
    return visit.task_id, {int(number)}


def _mine(session: Session, *, person_id: int, ending: str) -> int:
    """The one open visit of this officer whose number ends so. Raises ``not_found``."""
    query = (
        select(Visit.id)
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .where(VisitOfficer.person_id == person_id, col(VisitOfficer.state).in_(LIVE),
               col(Visit.state).in_(BEFORE_SUBMIT), col(Visit.number).endswith(ending, autoescape=True))
    )  # fmt: skip
    found = session.exec(query.limit(2)).all()
    if len(found) != 1 or found[0] is None:
        word = "不止一次" if found else "没有"
        raise Problem("not_found", f"您{word}编号以 {ending} 结尾的未完成检查，请写完整的末几位。")
    return found[0]
