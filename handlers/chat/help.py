"""What one can say, what nobody understood, and the way into the console."""

from __future__ import annotations

from sqlmodel import Session, select

from bot.inspection.people.models import PersonRole, Role
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk

router = Router()
_EVERYBODY = (
    "**待办**　我的检查任务",
    "**消息**　最近 30 天的消息",
    "**取消**　放弃正在填写的内容",
    "**帮助**　本说明",
)
_WITHHOLDING = (
    "**不予公示**　加编号和理由，公示之前申请",
    "**撤回公示**　加编号和理由，公示之后申请",
)
_BY_ROLE = {
    Role.OFFICER: (
        "**逐项**　在聊天里逐项填写检查表",
        "发送**位置**　到场签到",
        "**签名**　在记录表上签名",
        "**记录表**　把签好的检查记录表发到这里",
        "**补登记**　没有网络时做的检查",
        "**培训签到**　加现场公布的签到码",
        "**培训测验**　签到之后的测验",
        *_WITHHOLDING,
        "**报线索**　检查事项以外发现的问题",
        "**请假**　加起止日期和事由",
        "**提醒安排**　谁在何时会收到什么",
    ),
    Role.ENTERPRISE: ("**记录表**　把签好的检查记录表发到这里",),
    Role.REVIEWER: (
        "**待审**　等我审核的结果",
        "**更正**　更正已审核的结果",
        *_WITHHOLDING,
    ),
    Role.LEAD: (
        *_WITHHOLDING,
        "**谁没收到**　未答复人员和原因",
        "**改派**　在其余人员中重新抽取",
        "**控制台**　打开管理页面",
    ),
    Role.COORDINATOR: (
        *_WITHHOLDING,
        "**抽取**　待抽取的任务、预览和下一步",
        "**谁没收到**　未答复人员和原因",
        "**控制台**　打开管理页面",
    ),
}


@router.command("帮助", "?", "？", "菜单", "help")
async def help_(ctx: Context) -> Reply:
    roles = await ctx.db.read(_roles, ctx.person_id)
    lines = dict.fromkeys(line for role in roles for line in _BY_ROLE.get(Role(role), ()))
    return Reply("\n".join(f"- {line}" for line in (*lines, *_EVERYBODY)), title="可以这样说")


def _roles(session: Session, person_id: int) -> list[str]:
    return list(session.exec(select(PersonRole.role).where(PersonRole.person_id == person_id)))


@router.command("取消", "算了")
async def cancel(ctx: Context) -> Reply:
    await ctx.db.write(close_talk, ctx.talk_key)
    return Reply("好的，已取消。")


async def not_understood(_ctx: Context) -> Reply:
    return Reply("没有看懂这句话，也没有改动任何记录。回复“帮助”看看可以怎么说。")


router.fallback = not_understood
