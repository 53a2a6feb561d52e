"""Repeated questions, places, signatures, codes and scores: one document, asked the same way everywhere (C17)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Problem
from bot.inspection.checklists.answers import (
    AnswerValue,
    derive_results,
    next_question,
    progress,
    score,
)
from bot.inspection.checklists.definition import Checklist, all_checklists, parse_checklist
from bot.inspection.checklists.repeats import find, may_be_asked, original, unfold
from bot.inspection.checklists.values import Unreadable, read_code, read_number, read_place
from tests.inspection.typed_form import read_fields

BAD = {"codes": ["R05"], "action": "CORRECT"}
FREEZERS: dict[str, Any] = {
    "code": "T-2",
    "version": 1,
    "name": "冷柜",
    "questions": [
        {
            "key": "1",
            "text": "共有几台冷柜？",
            "type": "NUMBER",
            "unit": "台",
            "min": 0,
            "max": 5,
            "whole": True,
        },
        {"key": "2", "text": "温度是否达标？", "type": "YN", "on_bad": BAD, "repeat": "1", "points": 2},
        {"key": "3", "text": "整改措施", "type": "TEXT", "repeat": "1", "when": {"2": "否"}},
        {"key": "4", "text": "整体是否清洁？", "type": "YNA", "on_bad": BAD, "points": 3},
        {"key": "5", "text": "仓库位置", "type": "PLACE"},
        {"key": "6", "text": "陪同人签名", "type": "SIGNATURE"},
        {"key": "7", "text": "追溯码", "type": "SCAN", "required": False},
        {"key": "8", "text": "全景", "type": "PHOTO", "photos_min": 2, "camera": True},
    ],
}
LIST = parse_checklist(FREEZERS)


def changed(number: int, **values: Any) -> dict[str, Any]:
    questions = [
        {**q, **(values if n == number else {})} for n, q in enumerate(FREEZERS["questions"], start=1)
    ]
    return {**FREEZERS, "questions": questions}


def test_a_group_is_asked_once_for_each_thing_counted() -> None:
    assert [q.key for q in unfold(LIST, {})][:2] == ["1", "4"]
    twice = [q.key for q in unfold(LIST, {"1": AnswerValue("2")})]
    assert twice[:6] == ["1", "2_1", "3_1", "2_2", "3_2", "4"]
    assert find(LIST, "3_2").when == {"2_2": "否"}
    assert find(LIST, "3_2").label == "3-2 整改措施"
    assert "3_5" in may_be_asked(LIST)
    assert "3_6" not in may_be_asked(LIST)


@pytest.mark.parametrize("key", ["2", "4_1", "9", "9_1", "2_x"])
def test_an_answer_to_a_question_that_is_never_asked_so_is_unknown(key: str) -> None:
    with pytest.raises(Problem) as caught:
        find(LIST, key)
    assert caught.value.key == "question_unknown"


def test_what_is_bad_about_one_thing_is_asked_for_about_that_thing_only() -> None:
    fields: dict[str, str] = {
        "1": "2", "2_1": "是", "2_2": "否", "2_2.note": "超温至 -5℃", "3_2": "", "4": "合理缺项",
        "5": "22.63， 110.15", "2_3": "否",
    }  # fmt: skip
    filled = read_fields(LIST, fields, {"2_2": 1, "6": 1, "8": 1})

    assert filled.errors == {
        "3_2": "第3-2项“整改措施”还没有回答。",
        "8": "第8项“全景”请至少拍2张。",
    }
    assert filled.answers["5"] == AnswerValue("22.630000,110.150000")
    assert filled.answers["6"] == AnswerValue("已签名")
    assert "2_3" not in filled.answers
    assert derive_results(LIST, filled.answers) == ["R05"]
    assert score(LIST, filled.answers) == (2, 4)  # 合理缺项 takes no part
    asked = next_question(LIST, filled.answers, {"2_2": 1, "6": 1, "8": 2})
    assert asked is not None
    assert asked.key == "3_2"
    assert progress(LIST, filled.answers, {"2_2": 1, "6": 1, "8": 2}) == (7, 9)


def test_a_checklist_without_points_keeps_no_score() -> None:
    assert score(all_checklists()[0], {}) is None


@pytest.mark.parametrize(
    ("number", "values", "reason"),
    [
        (2, {"repeat": "9"}, "没有找到第9项"),
        (2, {"repeat": "4"}, "没有找到第4项"),
        (1, {"max": 21}, "max 不大于 20"),
        (1, {"max": None}, "max 不大于 20"),
        (1, {"whole": False}, "应是整数"),
        (4, {"when": {"2": "否"}}, "引用了另一组重复的第2项"),
        (4, {"photos_min": 2}, "只有拍照题可以要求张数"),
        (8, {"photos_min": 21}, "photos_min"),
    ],
)
def test_a_document_that_could_not_be_asked_is_refused(
    number: int, values: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Problem) as caught:
        parse_checklist(changed(number, **values))
    assert reason in caught.value.text


@pytest.mark.parametrize("checklist", all_checklists(), ids=lambda c: c.code)
def test_what_a_question_newly_may_say_does_not_change_the_fingerprint_of_one_that_does_not(
    checklist: Checklist,
) -> None:
    for question in checklist.definition()["questions"]:
        assert not question.keys() & {"repeat", "camera", "photos_min", "points", "whole"}
    assert parse_checklist(checklist.definition()) == checklist
    assert parse_checklist(LIST.definition()) == LIST


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_every_place_on_earth_can_be_written(latitude: float, longitude: float) -> None:
    typed = f"{latitude:.7f}，{longitude:.7f}"
    lat, lon = map(float, read_place(typed).split(","))
    assert abs(lat - latitude) < 1e-5
    assert abs(lon - longitude) < 1e-5
    assert read_place(f"{lat:.6f},{lon:.6f}") == f"{lat:.6f},{lon:.6f}"


@pytest.mark.parametrize("text", ["", "22.6", "91,0", "0,181", "北纬22度", "22.6,110.1,5"])
def test_what_is_no_place_is_said_to_be_none(text: str) -> None:
    with pytest.raises(Unreadable):
        read_place(text)


def test_codes_and_whole_numbers_are_read_as_they_are() -> None:
    assert read_code("  ６９０１２３  456\n") == "690123 456"
    assert read_number("３") == read_number("3.0", whole=True) == "3"
    for text in ("", " ", "x" * 201):
        with pytest.raises(Unreadable):
            read_code(text)
    with pytest.raises(Unreadable):
        read_number("2.5", whole=True)


@given(st.text(max_size=40), st.integers(0, 9))
def test_any_key_is_either_found_or_refused(name: str, number: int) -> None:
    key = f"{name}_{number}" if number else name
    known = may_be_asked(LIST)
    if key in known:
        assert original(find(LIST, key).key) == original(key)
    elif original(key)[0] not in {q.key for q in LIST.questions}:
        with pytest.raises(Problem) as caught:
            find(LIST, key)
        assert caught.value.key == "question_unknown"
