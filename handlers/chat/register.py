"""已报送: a department files what it owes by the year, with the number that proves it (C1)."""

from __future__ import annotations

from sqlmodel import Session

from bot.inspection.plans.register import file_duty
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()


@router.action("file_duty")
async def ask_evidence(ctx: Context) -> Reply:
    await ctx.db.write(open_talk, ctx.talk_key, topic="duty", now=ctx.clock.now(), duty=ctx.subject_id)
    return Reply("请回复报送的文号、计划编号或网址。回复“取消”则不登记。")


@router.talk("duty")
async def take_evidence(ctx: Context) -> Reply:
    await ctx.db.write(_file_and_close, ctx)
    return Reply("已登记报送。")


def _file_and_close(session: Session, ctx: Context) -> None:
    file_duty(session, duty_id=ctx.talk["duty"], evidence=ctx.words, now=ctx.clock.now(), actor=ctx.person_id)
    close_talk(session, ctx.talk_key)
