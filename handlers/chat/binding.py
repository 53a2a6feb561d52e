"""An account nobody knows: tie it to a person with the one-time code they were given."""

from __future__ import annotations

import re
import unicodedata

from bot.core.errors import Problem
from bot.inspection.people.service import use_bind_code
from bot.messaging.router import Context, Reply, Router

router = Router()
_CODE = re.compile(r"(?:绑定|綁定)?\s*([0-9A-Za-z]{6,12})$")
_HOW = "这个账号还没有绑定人员。请回复“绑定 ”加管理员发给您的验证码，例如：绑定 ABCD2345。"


@router.talk("binding")
async def bind(ctx: Context) -> Reply:
    """Everything an unknown account says comes here."""
    match = _CODE.fullmatch(unicodedata.normalize("NFKC", ctx.words).strip())
    if match is None:
        return Reply(_HOW)
    try:
        await ctx.db.write(
            use_bind_code, platform=ctx.event.platform, user_id=ctx.event.user_id, code=match[1].upper(),
            now=ctx.clock.now(),
        )  # fmt: skip
    except Problem as problem:
        return Reply(problem.text)
    return Reply("绑定成功。以后的检查任务会发到这里，回复“帮助”看看可以怎么说。")
