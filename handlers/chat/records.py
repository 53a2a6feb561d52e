"""记录表: the signed sheet as a file in the chat of who inspected or was inspected (C18)."""

from __future__ import annotations

import asyncio

from bot.inspection.checklists.evidence import open_store
from bot.inspection.results.looking import Sheet, look_at, sheets_of
from bot.messaging.files import hand_over
from bot.messaging.router import Context, Reply, Router

router = Router()


@router.command("记录表")
async def record_sheet(ctx: Context) -> Reply:
    """With a number (or its end) that one; without one the only one there is, else the list."""
    sheets = await ctx.db.read(sheets_of, person_id=ctx.person_id)
    wanted = [one for one in sheets if one.number.endswith(ctx.words.strip())] if ctx.words else sheets
    if len(wanted) == 1:
        return await _give(ctx, wanted[0])
    if not sheets:
        return Reply("还没有签好的检查记录表。")
    lines = [f"- {one.number}　{one.object}" for one in sheets]
    return Reply("\n".join(["请回复“记录表”加编号的后几位：", *lines]), title="检查记录表")


async def _give(ctx: Context, sheet: Sheet) -> Reply:
    """The file itself; a link to it where the service takes no files."""
    await ctx.db.write(look_at, person_id=ctx.person_id, sha256=sheet.sha256, now=ctx.clock.now())
    body = await asyncio.to_thread(open_store(ctx.settings).read, sheet.sha256)
    name = f"检查记录表-{sheet.number}.pdf"
    if await hand_over(ctx.platform, ctx.event.user_id, name=name, body=body):
        return Reply(f"{sheet.object}的检查记录表已发给您。")
    token = ctx.links.sign("file", [ctx.person_id, sheet.sha256], at=ctx.clock.now())
    return Reply(f"{sheet.object}的检查记录表：", links=(("打开记录表", f"{ctx.links.base}/file/{token}"),))
