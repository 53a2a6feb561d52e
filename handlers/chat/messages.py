"""What one can ask about messages themselves: my messages as a page, stopping a mass telling of one's own."""

from __future__ import annotations

from bot.messaging.mass import resume_mass, stop_mass
from bot.messaging.router import Context, Reply, Router

router = Router()


@router.action("stop_mass")
async def stop(ctx: Context) -> Reply:
    many = await ctx.db.write(stop_mass, mass_id=ctx.subject_id, by=ctx.person_id, now=ctx.clock.now())
    return Reply(f"已停止，{many} 条没有发出。" if many else "此前已经停止。")


@router.action("resume_mass")
async def resume(ctx: Context) -> Reply:
    many = await ctx.db.write(resume_mass, mass_id=ctx.subject_id, by=ctx.person_id, now=ctx.clock.now())
    return Reply(f"正在发送 {many} 条。" if many else "已经在发送。")


@router.command("消息", "我的消息", "收件箱")
async def mine(ctx: Context) -> Reply:
    """A page of one's own; it costs no quota."""
    token = ctx.links.sign("inbox", [ctx.person_id], at=ctx.clock.now())
    return Reply("最近 30 天的消息都在这里。", title="我的消息", links=(("打开", f"/inbox/{token}"),))
