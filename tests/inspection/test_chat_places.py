"""A message may name the question it is about; what names none, or two, is never written anywhere (C17)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inspection.checklists.chat import ChatCommand, command_in
from bot.inspection.checklists.chat_places import address
from tests.inspection import test_chat_answers as answers

NAMED: list[tuple[str, str, str]] = [
    ("3 否 标签缺失", "3", "否 标签缺失"),
    ("３　否　标签缺失", "3", "否　标签缺失"),
    ("3否 标签缺失", "", ""),
    ("3、否，标签缺失", "3", "否，标签缺失"),
    ("3. 否 標籤缺失", "3", "否 標籤缺失"),
    ("3：否", "3", "否"),
    ("12 是", "12", "是"),
    ("12，是", "12", "是"),
    ("5 合理缺项", "5", "合理缺项"),
    ("5 不適用", "5", "不適用"),
    ("6-2 否 超温", "6-2", "否 超温"),
    ("第3项 否 标签缺失", "3", "否 标签缺失"),
    ("第3项：否，标签缺失", "3", "否，标签缺失"),
    ("第３項 否", "3", "否"),
    ("第三项 否", "3", "否"),
    ("第十二题 是", "12", "是"),
    ("第二十一项：否", "21", "否"),
    ("第3题改为是", "3", "是"),
    ("第3项改成否 标签缺失", "3", "否 标签缺失"),
    ("第3项应为否", "3", "否"),
    ("第3项应该是否", "3", "否"),
    ("第3项答案是否", "3", "否"),
    ("第6-2项 否", "6_2", "否"),
    ("第14项 4℃", "14", "4℃"),
    ("第14项", "14", ""),
    ("改第3项 是", "3", "是"),
    ("修改第3项：是", "3", "是"),
    ("更正第3项为是", "3", "为是"),
    ("把第3项改成是", "3", "是"),
    ("请把第3项改为否 标签缺失", "3", "否 标签缺失"),
    ("回到第2项", "2", ""),
    ("返回第2题。", "2", ""),
    ("跳到第10项", "10", ""),
    ("回到2", "2", ""),
    ("改3 是", "3", "是"),
    ("修改 3：否", "3", "否"),
    ("查看第3项", "3", ""),
    ("补充第3项 否 另有两批", "3", "否 另有两批"),
    ("重答第3项", "3", ""),
    ("去第3项", "3", ""),
]
NOT_NAMED = [
    "否", "是 4℃", "否 3瓶过期", "3瓶过期", "1", "2", "12", "2 标签缺失",
    "1 4", "1，4℃", "3 天没打扫", "3 否则", "3 是不是", "第一项", "第3层货架无标签", "第二批原料过期",
    "2027年5月1日", "1、3", "-18", "4.5", "上一项", "撤回", "否，第3批无标签", "0",
    "", "。", "第项", "改", "3 没有",
]  # fmt: skip
COMMANDS = [
    ("上一条", ChatCommand.BACK),
    ("前一题", ChatCommand.BACK),
    ("往回", ChatCommand.BACK),
    ("回上一题。", ChatCommand.BACK),
    ("填错了", ChatCommand.UNDO),
    ("寫錯了", ChatCommand.UNDO),
    ("写错了！", ChatCommand.UNDO),
    ("重来", ChatCommand.UNDO),
    ("撤回这一项", ChatCommand.UNDO),
    ("撤消", ChatCommand.UNDO),
    ("取消", ChatCommand.UNDO),
    ("先放着", ChatCommand.SKIP),
    ("待会再答", ChatCommand.SKIP),
    ("下一个", ChatCommand.SKIP),
    ("保存", ChatCommand.PAUSE),
    ("等一下", ChatCommand.PAUSE),
    ("先这样", ChatCommand.PAUSE),
    ("还差什么", ChatCommand.LEFT),
    ("還差什麼", ChatCommand.LEFT),
    ("还差什么？", ChatCommand.LEFT),
    ("还剩几项", ChatCommand.LEFT),
    ("没答的", ChatCommand.LEFT),
    ("未答", ChatCommand.LEFT),
    ("帮助", ChatCommand.HELP),
    ("怎么填", ChatCommand.HELP),
    ("？", ChatCommand.HELP),
    ("HELP", ChatCommand.HELP),
    ("ｈｅｌｐ", ChatCommand.HELP),
    ("不会填", ChatCommand.HELP),
    ("進度", ChatCommand.SHOW),
]


@pytest.mark.parametrize(("text", "key", "words"), NAMED, ids=[row[0] for row in NAMED])
def test_a_question_is_found_by_its_number(text: str, key: str, words: str) -> None:
    found = address(text)
    if not key:
        assert found is None
        return
    assert found is not None
    assert (found.key.replace("-", "_"), found.words) == (key.replace("-", "_"), words)


@pytest.mark.parametrize("text", NOT_NAMED)
def test_an_answer_is_no_address(text: str) -> None:
    assert address(text) is None


@pytest.mark.parametrize(("text", "command"), COMMANDS, ids=[row[0] for row in COMMANDS])
def test_words_of_command_are_known(text: str, command: ChatCommand | None) -> None:
    assert command_in(text) is command


def test_at_least_two_hundred_phrasings_are_in_the_tables() -> None:
    tables = [
        *(text for _, text, _ in answers.UNDERSTOOD), *(text for _, text, _ in answers.NOT_UNDERSTOOD),
        *(text for text, _ in answers.COMMANDS), *(row[0] for row in NAMED), *NOT_NAMED, *(row[0] for row in COMMANDS),
    ]  # fmt: skip
    assert len(set(tables)) >= 200


@given(st.text(max_size=25))
def test_any_text_names_one_question_or_none(text: str) -> None:
    found = address(text)
    assert found is None or found.key.replace("_", "").replace("-", "").isdecimal()
