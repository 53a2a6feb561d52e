"""What arrives without a meaning: a used-up quota, a kind of message no robot can read, somebody without an id."""

from __future__ import annotations

from bot.core.clock import china
from bot.inspection.people.alarms import tell_administrators
from bot.messaging.router import Context, Reply, Router

router = Router()
_QUOTA = "本月的消息推送额度已用完：有人发来的消息只收到外壳，没有内容。"
_QUOTA_ADVICE = "请升级版本或购买加量包，或等下月自动恢复；恢复前请检查人员用网页填写。"


@router.other("push_quota_exhausted")
async def quota_exhausted(ctx: Context) -> Reply:
    """Whoever wrote gets no answer to words that never came; the administrators are told once a day."""
    now = ctx.clock.now()
    await ctx.db.write(
        tell_administrators,
        platform=ctx.event.platform,
        slot=f"push_quota:{china(now):%Y-%m-%d}",
        text=_QUOTA,
        advice=_QUOTA_ADVICE,
        now=now,
    )
    return Reply()


@router.other("unreadable")
async def unreadable(_ctx: Context) -> Reply:
    return Reply(
        "这种消息机器人读不了，也没有改动任何记录。请发文字、照片、语音或文件；到场签到请打开检查表。"
    )


@router.other("no_staff_id")
async def nobody(_ctx: Context) -> Reply:
    return Reply("认不出您的账号：可能不是本单位成员，或机器人还没有发布。请联系管理员。")
