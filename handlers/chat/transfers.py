"""移送回执、涉嫌犯罪: the receiver confirms, the head decides, the handler hands over."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from bot.inspection.deadlines.shown import moment_words
from bot.inspection.followups.crime import decide, hand_over
from bot.inspection.followups.models import TransferState
from bot.inspection.followups.transfers import confirm_receipt
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()


@router.action("receive_transfer")
async def press_receive(ctx: Context) -> Reply:
    await ctx.db.write(
        confirm_receipt, transfer_id=ctx.subject_id, person_id=ctx.person_id, now=ctx.clock.now()
    )
    return Reply()  # the card says it


@router.action("enter_receipt")
async def ask_receipt(ctx: Context) -> Reply:
    return await _ask(ctx, "receipt", "请回复接收单位的回执文号。回复“取消”则不登记。")


@router.talk("receipt")
async def take_receipt(ctx: Context) -> Reply:
    await ctx.db.write(_and_close, ctx, act=confirm_receipt, values={"receipt": ctx.words})
    return Reply("已登记回执。")


@router.action("approve_crime")
async def press_approve(ctx: Context) -> Reply:
    made = await ctx.db.write(
        decide, transfer_id=ctx.subject_id, person_id=ctx.person_id, approved=True, now=ctx.clock.now()
    )
    if made.state != TransferState.APPROVED or made.due_at is None:
        return Reply()  # decided before: the card says how
    return Reply(f"已同意移送，经办人应在 {moment_words(ctx.calendar, made.due_at)} 前移送。")


@router.action("refuse_crime")
async def ask_refusal(ctx: Context) -> Reply:
    return await _ask(ctx, "crime_refusal", "请回复不移送的理由。回复“取消”则不决定。")


@router.talk("crime_refusal")
async def take_refusal(ctx: Context) -> Reply:
    await ctx.db.write(_and_close, ctx, act=decide, values={"approved": False, "reason": ctx.words})
    return Reply("已决定不移送，经办人会收到理由。")


@router.action("hand_over_crime")
async def ask_number(ctx: Context) -> Reply:
    return await _ask(ctx, "crime_number", "请回复移送文号。回复“取消”则不登记。")


@router.talk("crime_number")
async def take_number(ctx: Context) -> Reply:
    await ctx.db.write(_and_close, ctx, act=hand_over, values={"receipt": ctx.words})
    return Reply("已登记移送，等待接收单位回执。")


async def _ask(ctx: Context, topic: str, words: str) -> Reply:
    await ctx.db.write(open_talk, ctx.talk_key, topic=topic, now=ctx.clock.now(), transfer=ctx.subject_id)
    return Reply(words)


def _and_close(session: Session, ctx: Context, *, act: Any, values: dict[str, Any]) -> None:
    act(session, transfer_id=ctx.talk["transfer"], person_id=ctx.person_id, now=ctx.clock.now(), **values)
    close_talk(session, ctx.talk_key)
