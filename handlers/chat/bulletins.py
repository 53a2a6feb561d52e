"""发布通报、答复督办、办结、退回 (C30)."""

from __future__ import annotations

from sqlmodel import Session

from bot.inspection.metrics.bulletins import issue_bulletin, judge_reply, reply_order
"""通报、督办单: the office lets a bulletin out and looks at replies, a department replies."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from bot.inspection.metrics.bulletins import issue_bulletin
from bot.inspection.metrics.supervision import close_order, reply, return_order
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()


@router.action("issue_bulletin")
async def issue(ctx: Context) -> Reply:
async def press_issue(ctx: Context) -> Reply:
    await ctx.db.write(
        issue_bulletin, bulletin_id=ctx.subject_id, by=ctx.person_id, now=ctx.clock.now(), profile=ctx.profile,
        calendar=ctx.calendar,
    )  # fmt: skip
    return Reply()  # the card says it


@router.action("reply_supervision")
async def ask_reply(ctx: Context) -> Reply:
    await ctx.db.write(
        open_talk, ctx.talk_key, topic="supervision", now=ctx.clock.now(), order=ctx.subject_id
    )
    return Reply("请回复整改落实情况。回复“取消”则不答复。")


@router.talk("supervision")
async def take_reply(ctx: Context) -> Reply:
    await ctx.db.write(_reply_and_close, ctx)
    return Reply("已答复，等待联席会议办公室审核。")


def _reply_and_close(session: Session, ctx: Context) -> None:
    reply_order(
        session, order_id=ctx.talk["order"], person_id=ctx.person_id, text=ctx.words, now=ctx.clock.now()
    )
    close_talk(session, ctx.talk_key)


@router.action("close_supervision")
async def close(ctx: Context) -> Reply:
    return await _judge(ctx, enough=True)


@router.action("return_supervision")
async def return_(ctx: Context) -> Reply:
    return await _judge(ctx, enough=False)


async def _judge(ctx: Context, *, enough: bool) -> Reply:
    await ctx.db.write(
        judge_reply, order_id=ctx.subject_id, by=ctx.person_id, enough=enough, now=ctx.clock.now()
    )
    return Reply()
@router.action("reply_order")
async def ask_reply(ctx: Context) -> Reply:
    return await _ask(ctx, "order_reply", "请回复整改情况。回复“取消”则不回复。")


@router.talk("order_reply")
async def take_reply(ctx: Context) -> Reply:
    await ctx.db.write(_and_close, ctx, act=reply, values={"text": ctx.words})
    return Reply("已回复，等待联席办复核。")


@router.action("close_order")
async def press_close(ctx: Context) -> Reply:
    await ctx.db.write(close_order, order_id=ctx.subject_id, person_id=ctx.person_id, now=ctx.clock.now())
    return Reply()  # the card says it


@router.action("return_order")
async def ask_remark(ctx: Context) -> Reply:
    return await _ask(ctx, "order_remark", "请回复退回理由。回复“取消”则不退回。")


@router.talk("order_remark")
async def take_remark(ctx: Context) -> Reply:
    await ctx.db.write(_and_close, ctx, act=return_order, values={"remark": ctx.words})
    return Reply("已退回，部门会收到理由。")


async def _ask(ctx: Context, topic: str, words: str) -> Reply:
    await ctx.db.write(open_talk, ctx.talk_key, topic=topic, now=ctx.clock.now(), order=ctx.subject_id)
    return Reply(words)


def _and_close(session: Session, ctx: Context, *, act: Any, values: dict[str, Any]) -> None:
    act(session, order_id=ctx.talk["order"], person_id=ctx.person_id, now=ctx.clock.now(), **values)
    close_talk(session, ctx.talk_key)
