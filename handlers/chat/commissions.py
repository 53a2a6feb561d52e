"""采用、不采用: a commissioned report and whoever decides about it (C20)."""

from __future__ import annotations

from sqlmodel import Session

from bot.inspection.commissions.service import adopt, load, reject
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()


@router.action("adopt_commission")
async def press_adopt(ctx: Context) -> Reply:
    await ctx.db.write(adopt, commission_id=ctx.subject_id, by=ctx.person_id, now=ctx.clock.now())
    return Reply()  # the card says it


@router.action("reject_commission")
async def ask_why(ctx: Context) -> Reply:
    await ctx.db.write(_open, ctx)
    return Reply("请直接回复不采用的理由。回复“取消”则不作决定。")


@router.talk("commission_reason")
async def take_why(ctx: Context) -> Reply:
    await ctx.db.write(
        reject, commission_id=ctx.talk["commission"], by=ctx.person_id, note=ctx.words, now=ctx.clock.now()
    )
    await ctx.db.write(close_talk, ctx.talk_key)
    return Reply("已登记不采用这份报告。")


def _open(session: Session, ctx: Context) -> None:
    load(session, ctx.subject_id)
    open_talk(
        session, ctx.talk_key, topic="commission_reason", now=ctx.clock.now(), commission=ctx.subject_id
    )
