"""回访: what the second look found, in one press or one sentence."""

from __future__ import annotations

from sqlmodel import Session

from bot.inspection.followups.return_models import Finding
from bot.inspection.followups.returns import record_return
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()


@router.action("return_clean")
async def press_clean(ctx: Context) -> Reply:
    await ctx.db.write(
        record_return,
        return_id=ctx.subject_id,
        person_id=ctx.person_id,
        finding=Finding.CLEAN,
        now=ctx.clock.now(),
    )
    return Reply()  # the card says it


@router.action("return_problem")
async def ask_problem(ctx: Context) -> Reply:
    await ctx.db.write(
        open_talk, ctx.talk_key, topic="return_problem", now=ctx.clock.now(), return_id=ctx.subject_id
    )
    return Reply("请回复回访发现的问题。回复“取消”则不登记。")


@router.talk("return_problem")
async def take_problem(ctx: Context) -> Reply:
    await ctx.db.write(_record_and_close, ctx)
    return Reply("已登记，部门牵头机构和联席办会收到。")


def _record_and_close(session: Session, ctx: Context) -> None:
    record_return(session, return_id=ctx.talk["return_id"], person_id=ctx.person_id, finding=Finding.PROBLEM,
                  note=ctx.words, now=ctx.clock.now())  # fmt: skip
    close_talk(session, ctx.talk_key)
