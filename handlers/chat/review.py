"""通过、退回: a reviewer and one result."""

from __future__ import annotations

from sqlmodel import Session

from bot.core.errors import Problem
from bot.inspection.results.service import Decision, Reviewed, last_review, require_reviewer, review_visit
from bot.inspection.tasks.models import VisitState
from bot.inspection.tasks.queries import get_visit
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()
QUICK = {"1": "照片不完整或不清楚", "2": "检查内容没有填全", "3": "问题描述与结果不一致"}
_ASK = "请回复退回理由，也可以只回复数字：\n" + "\n".join(f"{n}. {why}" for n, why in QUICK.items())
_ASK += "\n回复“取消”则不退回。"
_STANDS = "这份结果此前已{}，没有改变。"


@router.action("approve")
async def approve(ctx: Context) -> Reply:
    try:
        done = await ctx.db.write(
            review_visit,
            visit_id=ctx.subject_id,
            reviewer_id=ctx.person_id,
            decision=Decision.APPROVED,
            now=ctx.clock.now(),
        )
    except Problem as problem:
        if problem.key != "low_yield":
            raise
        await ctx.db.write(
            open_talk, ctx.talk_key, topic="approve_reason", now=ctx.clock.now(), visit=ctx.subject_id
        )
        return Reply(f"{problem.text}请直接回复理由。回复“取消”则不作决定。")
    return Reply(_said(done, Decision.APPROVED))


@router.talk("approve_reason")
async def approve_with_reason(ctx: Context) -> Reply:
    """The third fruitless visit to the same place passes with a reason (C32)."""
    done = await ctx.db.write(
        review_visit,
        visit_id=ctx.talk["visit"],
        reviewer_id=ctx.person_id,
        decision=Decision.APPROVED,
        reason=ctx.words,
        now=ctx.clock.now(),
    )
    await ctx.db.write(close_talk, ctx.talk_key)
    return Reply(_said(done, Decision.APPROVED) or "已通过，理由已记下。")


@router.action("return")
async def ask_reason(ctx: Context) -> Reply:
    """Ask why, unless somebody decided already."""
    return Reply(await ctx.db.write(_ask_or_say, ctx, visit_id=ctx.subject_id))


@router.talk("return_reason")
async def take_reason(ctx: Context) -> Reply:
    words = ctx.words.strip().rstrip("。.")
    done = await ctx.db.write(_return, ctx, reason=QUICK.get(words, ctx.words))
    return Reply(_said(done, Decision.RETURNED) or f"已退回，检查人员会收到理由：{done.reason}")


def _ask_or_say(session: Session, ctx: Context, *, visit_id: int) -> str:
    require_reviewer(session, visit_id, ctx.person_id)
    if get_visit(session, visit_id).state == VisitState.IN_REVIEW:
        open_talk(session, ctx.talk_key, topic="return_reason", now=ctx.clock.now(), visit=visit_id)
        return _ASK
    last = last_review(session, visit_id)
    if last is None:
        raise Problem("wrong_state", "这次检查还没有提交审核。")
    if last.decision == Decision.RETURNED:
        return "这份结果已退回，正等检查人员修改。"
    return _STANDS.format("通过")


def _return(session: Session, ctx: Context, *, reason: str) -> Reviewed:
    done = review_visit(
        session,
        visit_id=ctx.talk["visit"],
        reviewer_id=ctx.person_id,
        decision=Decision.RETURNED,
        reason=reason,
        now=ctx.clock.now(),
    )
    close_talk(session, ctx.talk_key)
    return done


def _said(done: Reviewed, wanted: Decision) -> str:
    """Nothing when it went as wanted; otherwise the decision that stands."""
    if done.decision is wanted:
        return ""  # the card says it
    word = "通过" if done.decision is Decision.APPROVED else "退回"
    return _STANDS.format(word)
