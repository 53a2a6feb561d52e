"""The way into the console from chat."""

from __future__ import annotations

import secrets

from bot.core.errors import Problem
from bot.inspection.people.console_logins import viewer
from bot.messaging.router import Context, Reply, Router

router = Router()


@router.command("控制台", "管理页面")
async def console(ctx: Context) -> Reply:
    """A link that enters once; only for those who may see it."""
    if await ctx.db.read(viewer, person_id=ctx.person_id) is None:
        raise Problem("forbidden", "只有统筹人员和部门负责人可以进入管理页面。")
    token = ctx.links.sign("console", [ctx.person_id, secrets.token_urlsafe(8)], at=ctx.clock.now())
    return Reply(
        "30 分钟内有效，只能用一次，请勿转发。",
        title="管理页面",
        links=(("进入管理页面", f"{ctx.links.base}/console/{token}"),),
    )
