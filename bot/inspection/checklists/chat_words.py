"""The words people answer with in chat, in simplified characters and lower case (see ``values.plain``)."""

from __future__ import annotations

from enum import StrEnum

from bot.inspection.checklists.definition import NO, NOT_APPLICABLE, YES


class ChatCommand(StrEnum):
    """What one may say instead of an answer."""

    BACK = "上一项"
    UNDO = "撤回"
    SKIP = "跳过"
    PAUSE = "暂停"
    SHOW = "查看"
    LEFT = "还差什么"
    HELP = "帮助"


GOOD, BAD, TICK, CROSS, UNCLEAR = "good", "bad", "tick", "cross", "unclear"

COMMANDS = {
    "上一项": ChatCommand.BACK,
    **dict.fromkeys(("上一题", "上一步", "上一个", "返回", "回到上一项"), ChatCommand.BACK),
    **dict.fromkeys(("撤回", "撤销", "撤消", "取消", "重填", "重答", "答错了"), ChatCommand.UNDO),
    **dict.fromkeys(("跳过", "下一项", "下一题", "先跳过", "以后再答", "稍后再答"), ChatCommand.SKIP),
    **dict.fromkeys(("暂停", "暂存", "停", "先停", "退出", "稍后", "稍后继续"), ChatCommand.PAUSE),
    **dict.fromkeys(("查看", "看看", "进度", "查看进度", "查看答案", "已答"), ChatCommand.SHOW),
    **dict.fromkeys(
        ("还差什么", "还差哪些", "还有几项", "还剩几项", "剩余", "未答", "没答的", "还有哪些没答"),
        ChatCommand.LEFT,
    ),
    **dict.fromkeys(("帮助", "怎么填", "怎么答", "怎么用", "help", "?", "不会填"), ChatCommand.HELP),
    **dict.fromkeys(("上一条", "上题", "往回", "前一项", "前一题", "回上一题"), ChatCommand.BACK),
    **dict.fromkeys(
        ("撤回上一项", "撤回这一项", "填错了", "写错了", "搞错了", "重来", "删掉"), ChatCommand.UNDO
    ),
    **dict.fromkeys(("下一个", "先放着", "这项先不答", "这题跳过", "待会再答"), ChatCommand.SKIP),
    **dict.fromkeys(("等一下", "先这样", "休息一下", "先存着", "保存"), ChatCommand.PAUSE),
}
WORDS = {
    **dict.fromkeys(("是", "是的", "对", "对的", "有", "有的", "存在"), YES),
    **dict.fromkeys(("能", "能够", "可以", "嗯", "已", "yes", "y"), YES),
    **dict.fromkeys(("否", "不是", "不", "没", "没有", "未", "不存在"), NO),
    **dict.fromkeys(("不能", "不可以", "不对", "no", "n"), NO),
    **dict.fromkeys(("不适用", "合理缺项", "缺项", "无此项", "没有此项", "没有这项"), NOT_APPLICABLE),
    **dict.fromkeys(("没这项", "不涉及", "无关", "na", "n/a"), NOT_APPLICABLE),
    **dict.fromkeys(("符合", "符合要求", "合格", "正常", "达标", "一致", "齐全"), GOOD),
    **dict.fromkeys(("没问题", "没有问题", "无问题", "未发现问题", "良好"), GOOD),
    **dict.fromkeys(("不符合", "不符合要求", "不合格", "不正常", "异常", "不达标"), BAD),
    **dict.fromkeys(("不一致", "不齐全", "不符", "有问题", "发现问题"), BAD),
    **dict.fromkeys(("√", "✓", "✔", "✅", "ok"), TICK),
    **dict.fromkeys(("×", "✗", "✘", "❌", "x"), CROSS),
    "无": UNCLEAR,  # 否 or 无此项
}
LONGEST_FIRST = sorted(WORDS, key=len, reverse=True)
