"""One message of every kind and one card of every type, each with every field it can have.

``python -m tests.platforms.wecom.golden`` writes ``tests/samples/wecom/golden`` anew; read the difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bot.platforms.base import Button, OutboundMessage
from bot.platforms.wecom import cards, kinds
from bot.platforms.wecom import templates as t
from bot.platforms.wecom.limits import Channel, Fitted

FOLDER = Path(__file__).resolve().parents[2] / "samples" / "wecom" / "golden"
PAGE = "https://suicha.example.gov.cn/form/t42"
PICTURE = "https://suicha.example.gov.cn/static/notice.png"
SOURCE = t.Source(desc="市应急局", desc_color=2, icon_url="https://suicha.example.gov.cn/icon.png")
MENU = t.ActionMenu(
    desc="更多",
    action_list=[t.MenuEntry(text="不再提醒", key="mute"), t.MenuEntry(text="转给同事", key="pass")],
)
QUOTE = t.Quote(type=1, url=PAGE, title="通知原文", quote_text="请于 1 月 8 日前复查")
FACTS = [
    t.Fact(keyname="企业", value="甲厂"),
    t.Fact(keyname="地址", value="查看地图", type=1, url="https://map.example/8"),
    t.Fact(keyname="经办", value="张三", type=3, userid="insp001"),
]
FILE = t.Fact(keyname="附件", value="整改通知.pdf", type=2, media_id="1Xdemo_media_id")
JUMPS = [
    t.Jump(title="打开清单", type=1, url=PAGE),
    t.Jump(title="查企业", type=2, appid="wxdemo", pagepath="pages/a"),
]
ACTION = t.Link(type=1, url=PAGE)
WHEN = [t.Option(id="am", text="上午"), t.Option(id="pm", text="下午")]
BUTTONS = [
    t.CardButton(text="签收", type=0, style=1, key="ack"),
    t.CardButton(text="转派", type=0, style=2, key="reassign"),
    t.CardButton(text="详情", type=1, style=3, url=PAGE),
]
COMMON: dict[str, Any] = {
    "source": SOURCE, "main_title": t.Title(title="复查任务待签收", desc="截止 1 月 8 日"), "quote_area": QUOTE,
    "horizontal_content_list": FACTS, "jump_list": JUMPS, "card_action": ACTION,
}  # fmt: skip
CARDS: dict[str, t.Card] = {
    "text_notice": t.TextNotice(
        **COMMON, task_id="notice-1", action_menu=MENU, emphasis_content=t.Title(title="3", desc="待检查"),
        sub_title_text="今天要检查三家，请先看清单。",
    ),
    "news_notice": t.NewsNotice(
        **COMMON, card_image=t.CardImage(url=PICTURE, aspect_ratio=2.25),
        vertical_content_list=[t.Title(title="要点", desc="第 12 条：消防通道不得占用。")],
    ),
    "button_interaction": t.ButtonInteraction(
        **{**COMMON, "horizontal_content_list": [*FACTS, FILE]}, task_id="recheck-0f3c9b1e@v1",
        sub_title_text="甲厂 消防通道堵塞", button_list=BUTTONS, action_menu=MENU,
        button_selection=t.Selection(question_key="q_when", title="到达时间", option_list=WHEN, selected_id="am"),
    ),
    "vote_interaction": t.VoteInteraction(
        source=SOURCE, main_title=t.Title(title="现场隐患勾选"), task_id="vote-77",
        checkbox=t.CheckBox(
            question_key="hazards", mode=1,
            option_list=[
                t.Option(id="h1", text="通道堵塞"), t.Option(id="h2", text="灭火器过期", is_checked=True),
                t.Option(id="h3", text="电线私拉"),
            ],
        ),
        submit_button=t.Submit(key="submit_hazards"),
    ),
    "multiple_interaction": t.MultipleInteraction(
        source=SOURCE, main_title=t.Title(title="结论填报", desc="甲厂"), task_id="multi-78",
        select_list=[
            t.Selection(
                question_key="risk", title="风险", selected_id="mid",
                option_list=[t.Option(id="low", text="低"), t.Option(id="mid", text="中"), t.Option(id="high", text="高")],
            ),
            t.Selection(
                question_key="act", title="处置",
                option_list=[t.Option(id="fix", text="限期整改"), t.Option(id="stop", text="停业")],
            ),
        ],
        submit_button=t.Submit(text="填好了", key="submit_multi"),
    ),
}  # fmt: skip
_ARTICLE = kinds.Article(
    title="新规解读", url=PAGE, description="第 12 条：消防通道不得占用。", picurl=PICTURE
)
SAMPLES: dict[str, kinds.Kind] = {
    "text": kinds.Text(content="【检查提醒】请于 14:00 前到达甲厂"),
    "markdown": kinds.Markdown(
        content=f'## 每日汇总\n> 完成 <font color="info">12</font> 家\n**未完成** 3 家\n[打开清单]({PAGE})'
    ),
    "textcard": kinds.TextCard(
        title="今日任务", description="三家待检查，最早的一家 9 点。", url=PAGE, btntxt="打开"
    ),
    "news": kinds.News(articles=[_ARTICLE, kinds.Article(title="检查表怎么填", url=PAGE)]),
    "image": kinds.Image(media_id="1Xdemo_media_id"),
    "voice": kinds.Voice(media_id="1Xdemo_media_id"),
    "video": kinds.Video(media_id="1Xdemo_media_id", title="操作演示", description="两分钟看完"),
    "file": kinds.File(media_id="1Xdemo_media_id"),
    **{name: kinds.TemplateCard(card=card) for name, card in CARDS.items()},
}
ROBOT: dict[str, kinds.Kind] = {
    "text": kinds.Text(
        content="今日 3 家未完成", mentioned_list=["insp007"], mentioned_mobile_list=["13800000000"]
    ),
    "markdown": kinds.Markdown(content='## 每日汇总\n> 完成 <font color="info">12</font> 家\n<@insp007> 请补照片'),
    "markdown_v2": kinds.MarkdownV2(content="| 企业 | 状态 |\n| :-- | :-: |\n| 甲厂 | 待复查 |"),
    "image": kinds.inline_image(b"\x89PNG\r\n\x1a\n"),
    "news": kinds.News(articles=[_ARTICLE]),
    "file": kinds.File(media_id="1Xdemo_media_id"),
    "voice": kinds.Voice(media_id="1Xdemo_media_id"),
    "text_notice": kinds.TemplateCard(card=t.TextNotice(main_title=t.Title(title="周报", desc="第 2 周"), card_action=ACTION)),
    "news_notice": kinds.TemplateCard(
        card=t.NewsNotice(
            main_title=t.Title(title="新规解读"), card_action=ACTION,
            image_text_area=t.ImageText(type=1, url=PAGE, title="第 12 条", desc="消防通道", image_url=PICTURE),
        )
    ),
}  # fmt: skip
_ASK = t.Jump(title="怎么填检查表", type=3, question="检查表怎么填")
BOT: dict[str, kinds.Kind] = {
    "markdown": kinds.Markdown(content="**今日** 3 家"),
    "image": kinds.Image(media_id="1Xdemo_media_id"),
    "voice": kinds.Voice(media_id="1Xdemo_media_id"),
    "video": kinds.Video(media_id="1Xdemo_media_id"),
    "file": kinds.File(media_id="1Xdemo_media_id"),
    "text_notice": kinds.TemplateCard(
        card=t.TextNotice(
            main_title=t.Title(title="今日任务"), card_action=ACTION, jump_list=[_ASK], feedback=t.Feedback(id="fb-1")
        )
    ),
    "button_interaction": kinds.TemplateCard(
        card=t.ButtonInteraction(main_title=t.Title(title="请确认"), task_id="b-1", button_list=BUTTONS)
    ),
}  # fmt: skip
OURS: dict[str, OutboundMessage] = {
    "card": OutboundMessage(
        title="检查任务待签收", body="**甲厂** 消防通道", facts=(("企业", "甲厂"), ("截止", "1 月 8 日")), url=PAGE,
        buttons=(Button("签收", action="accept:visit:1:1", style="primary"), Button("详情", url=PAGE)), card_id="visit-1",
    ),
    "notice": OutboundMessage(title="今日任务", body="3 家待检查", url=PAGE),
    "long": OutboundMessage(title="整改通知", body="请逐条整改。\n" + "- 消防通道不得占用\n" * 30, url=PAGE),
    "words": OutboundMessage(title="", body="收到。"),
}  # fmt: skip


def every() -> dict[str, Fitted]:
    """Name of the golden file -> what is sent."""
    listed = ((Channel.APP, SAMPLES), (Channel.ROBOT, ROBOT), (Channel.BOT, BOT))
    made = {
        f"{channel}-{name}": kinds.content_of(kind, channel)
        for channel, samples in listed
        for name, kind in samples.items()
    }
    made |= {
        f"{channel}-ours-{name}": cards.content(message, channel)
        for channel in Channel
        for name, message in OURS.items()
    }
    return made


def as_text(fitted: Fitted) -> str:
    return json.dumps(fitted.content, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for file, fitted in every().items():
        (FOLDER / f"{file}.json").write_text(as_text(fitted), encoding="utf-8")
