"""记录表: the signed sheet as a file in the chat of who inspected or was inspected (C18)."""

from __future__ import annotations

import asyncio

from bot.inspection.checklists.evidence import open_store
from bot.inspection.results.looking import Sheet, look_at, sheets_of
from bot.messaging.files import hand_over
from bot.messaging.render import escape_markdown
from bot.messaging.router import Context, Reply, Router

router = Router()
_LISTED = 8  # as many numbers as fit on a phone


@router.command("记录表")
async def record_sheet(ctx: Context) -> Reply:
    """With a number (or its end) that one; without one the only one there is, else the list."""
    ending = ctx.words.strip()
    found = await ctx.db.read(sheets_of, person_id=ctx.person_id, ending=ending, limit=_LISTED + 1)
    if len(found) == 1:
        return await _give(ctx, found[0])
    if found:
        return _list(found)
    if ending:
        return Reply(f"没有找到编号以“{escape_markdown(ending[:48])}”结尾的记录表。")
    return Reply("还没有签好的检查记录表。")


def _list(found: list[Sheet]) -> Reply:
    lines = [f"- {one.number}　{one.object}" for one in found[:_LISTED]]
    if len(found) > _LISTED:
        lines.append(f"这里只列出最新的{_LISTED}份，更早的也可以按编号取。")
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
