"""发布通报、答复督办、办结、退回 (C30)."""

from __future__ import annotations

from sqlmodel import Session

from bot.inspection.metrics.bulletins import issue_bulletin, judge_reply, reply_order
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()


@router.action("issue_bulletin")
async def issue(ctx: Context) -> Reply:
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
