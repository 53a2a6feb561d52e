"""Chat answers: people are understood in many words, and what is unclear is asked again, never guessed."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inspection.checklists.answers import AnswerValue, Missing, missing_parts
from bot.inspection.checklists.chat import (
    ChatCommand,
    ChatProblem,
    ParsedAnswer,
    complete_chat_answer,
    parse_chat_answer,
)
from bot.inspection.checklists.definition import Question, load_checklist
from tests.inspection.mixed_checklist import MIXED

PUBLIC, CATERING, LIFT = load_checklist("CL-1"), load_checklist("CL-2"), load_checklist("CL-3")
YN, YNA, INVERTED = PUBLIC.question("2"), PUBLIC.question("5"), CATERING.question("15")
WITH_TEMPERATURE, WITH_DATE = CATERING.question("14"), LIFT.question("3")
NUMBER, DATE, ENUM, MULTI, PHOTO, TEXT = (MIXED.question(key) for key in ("2", "3", "4", "5", "6", "7"))

UNDERSTOOD: list[tuple[Question, str, AnswerValue]] = [
    (YN, "是", AnswerValue("是")),
    (YN, " 是。", AnswerValue("是")),
    (YN, "是的", AnswerValue("是")),
    (YN, "1", AnswerValue("是")),
    (YN, "１", AnswerValue("是")),
    (YN, "①", AnswerValue("是")),
    (YN, "1.", AnswerValue("是")),
    (YN, "选1", AnswerValue("是")),
    (YN, "第一项", AnswerValue("是")),
    (YN, "對", AnswerValue("是")),
    (YN, "有", AnswerValue("是")),
    (YN, "Y", AnswerValue("是")),
    (YN, "ＹＥＳ", AnswerValue("是")),
    (YN, "OK", AnswerValue("是")),
    (YN, "√", AnswerValue("是")),
    (YN, "✔️", AnswerValue("是")),
    (YN, "✅", AnswerValue("是")),
    (YN, "符合", AnswerValue("是")),
    (YN, "合格", AnswerValue("是")),
    (YN, "正常", AnswerValue("是")),
    (YN, "沒問題", AnswerValue("是")),
    (YN, "没有问题", AnswerValue("是")),
    (YN, "一致", AnswerValue("是")),
    (YN, "是，证照齐全", AnswerValue("是", "证照齐全")),
    (YN, "否", AnswerValue("否")),
    (YN, "2", AnswerValue("否")),
    (YN, "２、", AnswerValue("否")),
    (YN, "二", AnswerValue("否")),
    (YN, "不是", AnswerValue("否")),
    (YN, "没有", AnswerValue("否")),
    (YN, "沒有", AnswerValue("否")),
    (YN, "无", AnswerValue("否")),
    (YN, "無", AnswerValue("否")),
    (YN, "no", AnswerValue("否")),
    (YN, "×", AnswerValue("否")),
    (YN, "❌ 未公示", AnswerValue("否", "未公示")),
    (YN, "不符合", AnswerValue("否")),
    (YN, "不合格：年报缺失", AnswerValue("否", "年报缺失")),
    (YN, "異常", AnswerValue("否")),
    (YN, "否 标签缺失", AnswerValue("否", "标签缺失")),
    (YN, "否，标签缺失", AnswerValue("否", "标签缺失")),
    (YN, "否标签缺失", AnswerValue("否", "标签缺失")),
    (YN, "否：標籤缺失", AnswerValue("否", "標籤缺失")),
    (YN, "否\n标签缺失，3批", AnswerValue("否", "标签缺失，3批")),
    (YN, "2 标签缺失", AnswerValue("否", "标签缺失")),
    (YN, "2，标签缺失", AnswerValue("否", "标签缺失")),
    (YN, "否（系统查无年报）", AnswerValue("否", "（系统查无年报）")),
    (YN, "否，没有公示", AnswerValue("否", "没有公示")),
    (YNA, "3", AnswerValue("合理缺项")),
    (YNA, "３", AnswerValue("合理缺项")),
    (YNA, "不适用", AnswerValue("合理缺项")),
    (YNA, "不適用", AnswerValue("合理缺项")),
    (YNA, "合理缺项", AnswerValue("合理缺项")),
    (YNA, "合理缺項", AnswerValue("合理缺项")),
    (YNA, "缺项", AnswerValue("合理缺项")),
    (YNA, "无此项", AnswerValue("合理缺项")),
    (YNA, "無此項", AnswerValue("合理缺项")),
    (YNA, "没有这项", AnswerValue("合理缺项")),
    (YNA, "不涉及，个体经营", AnswerValue("合理缺项", "个体经营")),
    (YNA, "N/A", AnswerValue("合理缺项")),
    (YNA, "没有", AnswerValue("否")),
    (INVERTED, "否", AnswerValue("否")),
    (INVERTED, "没有", AnswerValue("否")),
    (INVERTED, "不存在", AnswerValue("否")),
    (INVERTED, "正常", AnswerValue("否")),
    (INVERTED, "未发现问题", AnswerValue("否")),
    (INVERTED, "有，无标识调料三瓶", AnswerValue("是", "无标识调料三瓶")),
    (INVERTED, "有问题", AnswerValue("是")),
    (INVERTED, "存在 3瓶", AnswerValue("是", "3瓶")),
    (WITH_TEMPERATURE, "是 4℃", AnswerValue("是", reading="4")),
    (WITH_TEMPERATURE, "是，４．５度", AnswerValue("是", reading="4.5")),
    (WITH_TEMPERATURE, "1 4", AnswerValue("是", reading="4")),
    (WITH_TEMPERATURE, "1，4℃", AnswerValue("是", reading="4")),
    (WITH_TEMPERATURE, "是 -18℃", AnswerValue("是", reading="-18")),
    (WITH_TEMPERATURE, "是，零下18度", AnswerValue("是", reading="-18")),
    (WITH_TEMPERATURE, "是，温度为 4°C", AnswerValue("是", reading="4")),
    (WITH_TEMPERATURE, "否 12度 生熟混放", AnswerValue("否", "生熟混放", "12")),
    (WITH_TEMPERATURE, "否，3号柜生熟混放 8℃", AnswerValue("否", "3号柜生熟混放", "8")),
    (WITH_TEMPERATURE, "否 3瓶过期", AnswerValue("否", "3瓶过期")),
    (WITH_TEMPERATURE, "是", AnswerValue("是")),
    (WITH_DATE, "是 2027-03-01", AnswerValue("是", reading="2027-03-01")),
    (WITH_DATE, "是，下次检验2027年3月1日", AnswerValue("是", "下次检验", "2027-03-01")),
    (WITH_DATE, "1 20270301", AnswerValue("是", reading="2027-03-01")),
    (WITH_DATE, "否 检验过期", AnswerValue("否", "检验过期")),
    (NUMBER, "-18", AnswerValue("-18")),
    (NUMBER, "－１８", AnswerValue("-18")),
    (NUMBER, "零下18度", AnswerValue("-18")),
    (NUMBER, "零下十八度", AnswerValue("-18")),
    (NUMBER, "負5", AnswerValue("-5")),
    (NUMBER, "4.50 ℃", AnswerValue("4.5")),
    (NUMBER, "4。5", AnswerValue("4.5")),
    (NUMBER, "三十二", AnswerValue("32")),
    (NUMBER, "十摄氏度", AnswerValue("10")),
    (NUMBER, "0", AnswerValue("0")),
    (NUMBER, "4度，已校准", AnswerValue("4", "已校准")),
    (MIXED.question("8"), "1,200平方米", AnswerValue("1200")),
    (MIXED.question("8"), "1.2万", AnswerValue("12000")),
    (MIXED.question("8"), "一百零三", AnswerValue("103")),
    (DATE, "2027-05-01", AnswerValue("2027-05-01")),
    (DATE, "2027/5/1", AnswerValue("2027-05-01")),
    (DATE, "2027.5.1", AnswerValue("2027-05-01")),
    (DATE, "2027年5月1日", AnswerValue("2027-05-01")),
    (DATE, "２０２７年５月１号", AnswerValue("2027-05-01")),
    (DATE, "2027 年 5 月 1 日", AnswerValue("2027-05-01")),
    (DATE, "20270501", AnswerValue("2027-05-01")),
    (DATE, "二〇二七年五月一日", AnswerValue("2027-05-01")),
    (DATE, "二零二七年十二月三十一日", AnswerValue("2027-12-31")),
    (DATE, "今天", AnswerValue("2026-11-21")),
    (DATE, "2027-05-01；已申请延期", AnswerValue("2027-05-01", "已申请延期")),
    (ENUM, "零售", AnswerValue("零售")),
    (ENUM, "2", AnswerValue("批发")),
    (ENUM, "無證", AnswerValue("无证")),
    (ENUM, "３，现场未出示", AnswerValue("无证", "现场未出示")),
    (MULTI, "1、3", AnswerValue("实地检查、网络监测")),
    (MULTI, "网络监测 实地检查", AnswerValue("实地检查、网络监测")),
    (MULTI, "２", AnswerValue("书面检查")),
    (TEXT, "现场整洁", AnswerValue("现场整洁")),
    (TEXT, "1", AnswerValue("1")),
]
TODAY = dt.date(2026, 11, 21)


@pytest.mark.parametrize(
    ("question", "text", "answer"), UNDERSTOOD, ids=[f"{r[0].type}-{r[1]}" for r in UNDERSTOOD]
)
def test_people_are_understood(question: Question, text: str, answer: AnswerValue) -> None:
    result = parse_chat_answer(question, text, today=TODAY)
    assert isinstance(result, ParsedAnswer), result
    assert result.answer == answer
    assert result.missing == missing_parts(question, answer)


def test_more_than_eighty_phrasings_are_understood() -> None:
    assert len({(question.key, text) for question, text, _ in UNDERSTOOD}) > 80


NOT_UNDERSTOOD: list[tuple[Question, str, str]] = [
    (YN, "", "没有看懂。请回复：1 是，2 否"),
    (YN, "好像是吧", "没有看懂"),
    (YN, "是不是", "没有看懂"),
    (YN, "否则怎么办", "没有看懂"),
    (YN, "不清楚", "没有看懂"),
    (YN, "不知道", "没有看懂"),
    (YN, "1月", "没有看懂"),
    (YN, "12", "没有看懂"),
    (YN, "1.5", "没有看懂"),
    (YN, "4", "请选择：1 是，2 否"),
    (YN, "3", "请选择：1 是，2 否"),
    (YN, "不适用", "不能答“合理缺项”"),
    (YN, "是，不合格", "“是”和“不合格”前后不一致"),
    (YN, "否，没问题", "“否”和“没问题”前后不一致"),
    (YNA, "无", "可以有两种理解"),
    (YNA, "4", "3 合理缺项"),
    (INVERTED, "√", "可以有两种理解"),
    (INVERTED, "ok", "可以有两种理解"),
    (INVERTED, "是，正常", "前后不一致"),
    (WITH_TEMPERATURE, "4℃", "没有看懂"),
    (WITH_TEMPERATURE, "1℃", "没有看懂"),
    (WITH_TEMPERATURE, "2度", "没有看懂"),
    (WITH_TEMPERATURE, "是 冷藏4度，冷冻-18度", "请只写一个实测温度"),
    (WITH_TEMPERATURE, "是 2-8℃", "请只写一个实测温度"),
    (WITH_TEMPERATURE, "是 2～8℃", "请只写一个实测温度"),
    (WITH_TEMPERATURE, "是 200℃", "不能大于100℃"),
    (WITH_DATE, "是 2027-02-30", "没有2027年2月30日这一天"),
    (NUMBER, "很冷", "请填写数字"),
    (NUMBER, "4公斤", "单位应为“℃”"),
    (NUMBER, "-100", "不能小于-60℃"),
    (NUMBER, "4 5", "单位应为"),
    (DATE, "明年", "请填写日期"),
    (DATE, "5月1日", "请把年份也写上"),
    (DATE, "2027年5月", "请写到哪一日"),
    (DATE, "2027-02-30", "没有2027年2月30日这一天"),
    (DATE, "0207-05-01", "年份“207”不对"),
    (ENUM, "网购", "请选择：1 零售，2 批发，3 无证"),
    (ENUM, "9", "请选择"),
    (MULTI, "1、9", "请选择"),
    (MULTI, "、", "请选择（可多选）"),
    (PHOTO, "拍了", "请发送现场照片"),
    (TEXT, "  ", "请写几个字"),
]


@pytest.mark.parametrize(
    ("question", "text", "says"), NOT_UNDERSTOOD, ids=[f"{r[0].type}-{r[1]}" for r in NOT_UNDERSTOOD]
)
def test_what_is_unclear_is_asked_again_and_never_guessed(question: Question, text: str, says: str) -> None:
    result = parse_chat_answer(question, text)
    assert isinstance(result, ChatProblem), result
    assert says in result.text


COMMANDS = [
    ("上一项", ChatCommand.BACK),
    ("上一項", ChatCommand.BACK),
    ("返回", ChatCommand.BACK),
    ("撤回", ChatCommand.UNDO),
    ("答错了", ChatCommand.UNDO),
    ("跳过", ChatCommand.SKIP),
    ("跳過。", ChatCommand.SKIP),
    ("下一题", ChatCommand.SKIP),
    ("暂停", ChatCommand.PAUSE),
    ("暫停", ChatCommand.PAUSE),
    ("暂存！", ChatCommand.PAUSE),
    ("查看", ChatCommand.SHOW),
    ("/查看", ChatCommand.SHOW),
    (" 查看 进度".replace(" ", ""), ChatCommand.SHOW),
]


@pytest.mark.parametrize(("text", "command"), COMMANDS)
@pytest.mark.parametrize("question", [YN, NUMBER, TEXT], ids=lambda q: q.type)
def test_a_command_is_no_answer(question: Question, text: str, command: ChatCommand) -> None:
    assert parse_chat_answer(question, text) is command
    assert complete_chat_answer(YN, AnswerValue("否"), Missing.NOTE, text) is command


def test_a_bad_answer_in_chat_asks_for_what_is_missing_one_by_one() -> None:
    first = parse_chat_answer(PUBLIC.question("3"), "否")
    assert first == ParsedAnswer(AnswerValue("否"), (Missing.VERDICT, Missing.NOTE, Missing.PHOTO))
    assert isinstance(first, ParsedAnswer)
    second = complete_chat_answer(PUBLIC.question("3"), first.answer, Missing.VERDICT, "2")
    assert second == ParsedAnswer(AnswerValue("否", verdict="R05"), (Missing.NOTE, Missing.PHOTO))
    assert isinstance(second, ParsedAnswer)
    third = complete_chat_answer(PUBLIC.question("3"), second.answer, Missing.NOTE, "电话已停用")
    assert third == ParsedAnswer(AnswerValue("否", note="电话已停用", verdict="R05"), (Missing.PHOTO,))
    assert isinstance(third, ParsedAnswer)
    fourth = complete_chat_answer(PUBLIC.question("3"), third.answer, Missing.PHOTO, "拍了")
    assert fourth == ChatProblem("请发送现场照片。")
    assert missing_parts(PUBLIC.question("3"), third.answer, photos=1) == ()


def test_a_missing_temperature_is_asked_for_alone() -> None:
    first = parse_chat_answer(WITH_TEMPERATURE, "是")
    assert first == ParsedAnswer(AnswerValue("是"), (Missing.READING,))
    done = complete_chat_answer(WITH_TEMPERATURE, AnswerValue("是"), Missing.READING, "零下18度")
    assert done == ParsedAnswer(AnswerValue("是", reading="-18"))
    vague = complete_chat_answer(WITH_TEMPERATURE, AnswerValue("是"), Missing.READING, "正常")
    assert vague == ChatProblem("请填写数字，例如 4 或 -18。")


def test_an_empty_note_in_chat_is_asked_again() -> None:
    problem = complete_chat_answer(YN, AnswerValue("否"), Missing.NOTE, "。")
    assert problem == ChatProblem("请写明具体情况，至少两个字。")


def test_the_whole_answer_may_be_given_again() -> None:
    result = complete_chat_answer(YN, AnswerValue(), Missing.VALUE, "否 未公示", photos=1)
    assert result == ParsedAnswer(AnswerValue("否", "未公示"))


def test_a_photo_question_is_answered_by_its_photo() -> None:
    assert parse_chat_answer(PHOTO, "拍好了", photos=1) == ParsedAnswer(AnswerValue("已拍照", "拍好了"))


@given(st.text(max_size=30))
@pytest.mark.parametrize(
    "question", [YN, YNA, INVERTED, WITH_TEMPERATURE, WITH_DATE, NUMBER, DATE, ENUM, MULTI, TEXT]
)
def test_any_text_gets_an_answer_a_command_or_a_sentence(question: Question, text: str) -> None:
    result = parse_chat_answer(question, text)
    if isinstance(result, ParsedAnswer):
        assert result.answer.value
        assert not question.is_verdict or result.answer.value in question.choices
    elif isinstance(result, ChatProblem):
        assert result.text.endswith("。")
