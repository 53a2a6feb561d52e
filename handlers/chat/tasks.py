"""收到、申请回避、不能参加、签到: an officer and one visit."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import OfficerState, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.service import accept_visit, ask_recusal, check_in, read_notice
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE, NAMES
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()
_LISTED = 10


@router.action("accept")
async def accept(ctx: Context) -> Reply:
    await ctx.db.write(accept_visit, visit_id=ctx.subject_id, person_id=ctx.person_id, now=ctx.clock.now())
    return Reply()  # the card says it


@router.action("recuse")
async def recuse(ctx: Context) -> Reply:
    return await _ask_reason(
        ctx, "recusal", "请直接回复回避理由（例如：被检查单位负责人是本人近亲属）。回复“取消”则不申请。"
    )


@router.action("cannot_attend")
async def cannot_attend(ctx: Context) -> Reply:
    return await _ask_reason(ctx, "absence", "请直接回复不能参加的原因（例如：休假）。回复“取消”则不申请。")


async def _ask_reason(ctx: Context, why: str, words: str) -> Reply:
    await ctx.db.write(
        open_talk, ctx.talk_key, topic="recusal_reason", now=ctx.clock.now(), visit=ctx.subject_id, why=why
    )
    return Reply(words)


@router.talk("recusal_reason")
async def recusal_reason(ctx: Context) -> Reply:
    prefix = "不能参加：" if ctx.talk["why"] == "absence" else ""
    await ctx.db.write(_ask_and_close, ctx, reason=prefix + ctx.words)
    return Reply("已提交申请，负责人决定后会通知您。")


def _ask_and_close(session: Session, ctx: Context, *, reason: str) -> None:
    ask_recusal(
        session, visit_id=ctx.talk["visit"], person_id=ctx.person_id, reason=reason, now=ctx.clock.now()
    )
    close_talk(session, ctx.talk_key)


@router.action("check_in")
async def press_check_in(ctx: Context) -> Reply:
    return await _check_in(ctx, ctx.subject_id)


async def _check_in(ctx: Context, visit_id: int, place: str = "") -> Reply:
    enough = await ctx.db.write(
        check_in, visit_id=visit_id, person_id=ctx.person_id, now=ctx.clock.now(), profile=ctx.profile,
        latitude=ctx.event.latitude, longitude=ctx.event.longitude, place=place,
    )  # fmt: skip
    if enough:
        return Reply()
    return Reply("已签到。请同行人员也签到：执法人员不少于两人，检查表才会打开。")


@router.photo("place")
async def place(ctx: Context) -> Reply:
    """A location sent in chat checks in where exactly one visit is planned today."""
    today = await ctx.db.read(_visits_today, person_id=ctx.person_id, day=china_day(ctx.clock.now()))
    if len(today) != 1:
        return Reply("请在任务卡片上按“到场签到”。" if today else "您今天没有待签到的检查。")
    return await _check_in(ctx, today[0], ctx.event.label)


def _visits_today(session: Session, *, person_id: int, day: object) -> list[int]:
    query = (
        select(Visit.id)
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .where(VisitOfficer.person_id == person_id, col(VisitOfficer.state).in_(LIVE), Visit.planned_on == day,
               col(Visit.state).in_(BEFORE_SUBMIT))
    )  # fmt: skip
    return [i for i in session.exec(query) if i is not None]


@router.command("待办", "我的任务", "今天的任务", "今日任务")
async def to_do(ctx: Context) -> Reply:
    lines, more = await ctx.db.read(_open_visits, person_id=ctx.person_id)
    if not lines:
        return Reply("您现在没有待办的检查任务。", title="待办")
    return Reply("\n".join(lines) + (f"\n另有 {more} 项。" if more else ""), title="待办")


def _open_visits(session: Session, *, person_id: int) -> tuple[list[str], int]:
    rows = session.exec(
        select(col(Visit.planned_on), col(Visit.state), col(InspectionObject.name), col(VisitOfficer.state))
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .where(VisitOfficer.person_id == person_id, col(VisitOfficer.state).in_(LIVE),
               col(Visit.state).in_(BEFORE_SUBMIT))
        .order_by(col(Visit.planned_on), col(Visit.id))
    ).all()  # fmt: skip
    lines = [
        f"- {day:%m-%d} {name}（{'待接收' if mine == OfficerState.ASSIGNED else NAMES[VisitState(state)]}）"
        for day, state, name, mine in rows[:_LISTED]
    ]
    return lines, max(0, len(rows) - _LISTED)


@router.command("提醒安排", "谁在何时会收到什么")
async def schedule(ctx: Context) -> Reply:
    """A link for each of the next visits to who is told what and when."""
    found = await ctx.db.read(_next_visits, person_id=ctx.person_id)
    now = ctx.clock.now()
    links = tuple(
        (
            f"{day:%m-%d} {name}",
            f"{ctx.links.base}/schedule/{ctx.links.sign('schedule', [ctx.person_id, visit], at=now)}",
        )
        for visit, day, name in found
    )
    return Reply(
        "谁在何时会收到什么：" if links else "您现在没有待办的检查任务。", title="提醒安排", links=links
    )


def _next_visits(session: Session, *, person_id: int) -> list[tuple[int, dt.date, str]]:
    rows = session.exec(
        select(Visit, InspectionObject.name)
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .where(VisitOfficer.person_id == person_id, col(VisitOfficer.state).in_(LIVE),
               col(Visit.state).in_(BEFORE_SUBMIT))
        .order_by(col(Visit.planned_on), col(Visit.id))
        .limit(3)
    )  # fmt: skip
    return [(visit.id or 0, visit.planned_on, name) for visit, name in rows]


@router.action("read_notice")
async def read(ctx: Context) -> Reply:
    """An enterprise's contact confirms the notice."""
    await ctx.db.write(read_notice, visit_id=ctx.subject_id, person_id=ctx.person_id, now=ctx.clock.now())
    return Reply()
