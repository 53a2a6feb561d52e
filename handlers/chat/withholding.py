"""不予公示、撤回公示: asked with a ground by one person, decided by another."""

from __future__ import annotations

import re

from sqlmodel import Session

from bot.inspection.publication.withholding import ASKABLE, ask_withholding, decide_withholding
from bot.inspection.tasks.queries import visit_ending
from bot.messaging.router import Context, Reply, Router

router = Router()
_HOW = "请这样写：{0} 编号末几位 依据和理由。例如：{0} 0012 {1}。理由会公开，不要写个人信息。"


@router.command("不予公示")
async def keep_back(ctx: Context) -> Reply:
    return await _ask(
        ctx, published=False, how=_HOW.format("不予公示", "涉及商业秘密，政府信息公开条例第十五条")
    )


@router.command("撤回公示")  # 撤回 alone takes back an answer of the checklist
async def withdraw(ctx: Context) -> Reply:
    return await _ask(ctx, published=True, how=_HOW.format("撤回公示", "检查对象登记错误"))


@router.action("grant_withholding")
async def grant(ctx: Context) -> Reply:
    await ctx.db.write(
        decide_withholding, withholding_id=ctx.subject_id, granted=True, by=ctx.person_id, now=ctx.clock.now()
    )
    return Reply()  # the card says it


@router.action("refuse_withholding")
async def refuse(ctx: Context) -> Reply:
    await ctx.db.write(
        decide_withholding,
        withholding_id=ctx.subject_id,
        granted=False,
        by=ctx.person_id,
        now=ctx.clock.now(),
    )
    return Reply()


async def _ask(ctx: Context, *, published: bool, how: str) -> Reply:
    found = re.match(r"([\d-]{3,})\s*[，,：:\s]\s*(.+)", ctx.words, re.DOTALL)
    if found is None:
        return Reply(how)
    return Reply(await ctx.db.write(_store, ctx, ending=found[1], ground=found[2], published=published))


def _store(session: Session, ctx: Context, *, ending: str, ground: str, published: bool) -> str:
    visit = visit_ending(session, ending, ASKABLE)
    ask_withholding(
        session,
        visit_id=visit.id or 0,
        published=published,
        ground=ground,
        by=ctx.person_id,
        now=ctx.clock.now(),
    )
    waits = "" if published else "决定之前不公示。"
    return f"已申请对 {visit.number} {'撤回公示' if published else '不予公示'}，由另一人决定，结果会通知您。{waits}"
