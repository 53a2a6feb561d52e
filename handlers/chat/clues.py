"""报线索: what an officer sees outside the items of a visit."""

from __future__ import annotations

from bot.inspection.followups.clues import report_found
from bot.messaging.router import Context, Reply, Router

router = Router()


@router.command("报线索")
async def report(ctx: Context) -> Reply:
    if not ctx.words:
        return Reply("请在“报线索”后面写明对象和问题，例如：报线索 云溪县老街面馆 后厨堆放过期原料。")
    made = await ctx.db.write(
        report_found, person_id=ctx.person_id, words=ctx.words, now=ctx.clock.now(), profile=ctx.profile,
        calendar=ctx.calendar,
    )  # fmt: skip
    if made.task_id is None:
        return Reply(f"已登记线索 {made.number}，已通知负责人指派人员。")
    return Reply(f"已登记线索 {made.number}，承办人员和负责人已收到通知。")
