"""改派: the lead picks who is to be drawn again; who comes instead is drawn, never named."""

from __future__ import annotations

import re

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.draws.leave import reassign
from bot.inspection.metrics.morning import remind_department
from bot.inspection.people.models import Person, PersonRole, Role
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import OfficerState, Task, Visit, VisitOfficer
from bot.inspection.tasks.states import BEFORE_RECORD, LIVE
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()
_LISTED = 20
_HOW = "请回复序号和理由，例如：1 长期出差。由系统在其余人员中重新抽取，不能指定。回复“取消”则不改派。"
_CHOICE = re.compile(r"(\d{1,2})\s*[、.，,：:]?\s*(.+)", re.DOTALL)


@router.action("remind_department")
async def press_remind(ctx: Context) -> Reply:
    """催办 from the morning card."""
    new = await ctx.db.write(
        remind_department, department_id=ctx.subject_id, now=ctx.clock.now(), actor=ctx.person_id
    )
    return Reply(f"已催办 {new} 人次。" if new else "一小时内已经催办过。")


@router.command("改派")
async def begin(ctx: Context) -> Reply:
    """改派, or 改派 with a name or a visit number to shorten the list."""
    lines = await ctx.db.write(_open_list, ctx)
    if not lines:
        return Reply("没有可以改派的任务：都已开始检查，或不归您负责。", title="改派")
    return Reply("\n".join([*lines, "", _HOW]), title="改派")


def _open_list(session: Session, ctx: Context) -> list[str]:
    roles = set(session.exec(select(PersonRole.role).where(PersonRole.person_id == ctx.person_id)))
    if not roles & {Role.LEAD, Role.COORDINATOR}:
        raise Problem("forbidden", "改派由检查部门负责人办理。")
    query = (
        select(VisitOfficer, Visit.number, InspectionObject.name, Person.name)
        .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
        .join(Task, col(Task.id) == Visit.task_id)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .join(Person, col(Person.id) == VisitOfficer.person_id)
        .where(col(VisitOfficer.state).in_(LIVE), col(Visit.state).in_(BEFORE_RECORD))
        .order_by(col(VisitOfficer.state).desc(), col(VisitOfficer.assigned_at), col(VisitOfficer.id))
        .limit(_LISTED)
    )
    if Role.COORDINATOR not in roles:
        query = query.where(Task.lead_department_id == session.get_one(Person, ctx.person_id).department_id)
    if ctx.words:
        wanted = col(Person.name).contains(ctx.words, autoescape=True) | col(Visit.number).endswith(
            ctx.words, autoescape=True
        )
        query = query.where(wanted | col(InspectionObject.name).contains(ctx.words, autoescape=True))
    rows = session.exec(query).all()
    if rows:
        open_talk(
            session, ctx.talk_key, topic="reassign", now=ctx.clock.now(), officers=[o.id for o, *_ in rows]
        )
    return [
        f"{n}. {person}：{name}（{number[-4:]}，{'未答复' if officer.state == OfficerState.ASSIGNED else '已接收'}）"
        for n, (officer, number, name, person) in enumerate(rows, 1)
    ]


@router.talk("reassign")
async def choose(ctx: Context) -> Reply:
    match = _CHOICE.fullmatch(ctx.words.strip())
    officers = ctx.talk["officers"]
    if match is None or not 1 <= int(match[1]) <= len(officers):
        return Reply(_HOW)
    name = await ctx.db.write(
        _reassign_and_close, ctx, officer_id=officers[int(match[1]) - 1], reason=match[2]
    )
    return Reply(f"已重新抽取，改由 {name} 负责，双方均已通知。")


def _reassign_and_close(session: Session, ctx: Context, *, officer_id: int, reason: str) -> str:
    follower = reassign(session, officer_id=officer_id, by=ctx.person_id, reason=reason, now=ctx.clock.now())
    close_talk(session, ctx.talk_key)
    return session.get_one(Person, follower.person_id).name
