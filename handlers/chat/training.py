"""培训签到: an officer says the code that stands on the wall."""

from __future__ import annotations

import unicodedata

from bot.core.clock import china_day
from bot.inspection.people.quizzes import quiz_due
from bot.inspection.people.training_sessions import attend, attendance
from bot.messaging.router import Context, Reply, Router
from handlers.chat.training_quiz import begin

router = Router()


@router.command("培训签到")
async def press_attend(ctx: Context) -> Reply:
    code = unicodedata.normalize("NFKC", ctx.words).strip()
    if not code:
        return Reply("请在“培训签到”后面写上现场公布的签到码，例如：培训签到 ABC234。")
    held = await ctx.db.write(attend, person_id=ctx.person_id, code=code, now=ctx.clock.now())
    today = china_day(ctx.clock.now())
    due = await ctx.db.read(quiz_due, ctx.person_id, day=today, training_id=held.id)
    if due is not None:
        return await begin(ctx, due, said=f"已签到：{held.name}。")
    mine = await ctx.db.read(attendance, ctx.person_id, held.name)
    return Reply(f"已签到：{held.name}。培训记录有效期至 {mine.valid_to:%Y年%m月%d日}。")
