"""Forms: everything typed is kept, nothing is preselected, and each result follows from the answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inspection.checklists.answers import (
    AnswerValue,
    derive_results,
    is_bad,
    next_question,
    progress,
    show_answer,
)
from bot.inspection.checklists.definition import (
    Checklist,
    all_checklists,
    load_checklist,
)
from bot.inspection.checklists.outcomes import WEIGHT
from tests.inspection.mixed_checklist import MIXED
from tests.inspection.typed_form import read_fields

PUBLIC = load_checklist("CL-1")
CATERING = load_checklist("CL-2")
LIFT = load_checklist("CL-3")
PRICE = load_checklist("CL-4")


def all_good(checklist: Checklist) -> dict[str, str]:
    fields = {question.key: question.good for question in checklist.questions}
    for question in checklist.questions:
        if question.reading:
            fields[question.key + ".reading"] = "4" if question.reading.type == "NUMBER" else "2027-03-01"
    return fields


def answers(**values: str) -> dict[str, AnswerValue]:
    return {key.lstrip("q"): AnswerValue(value) for key, value in values.items()}


# --- forms ----------------------------------------


def test_an_empty_form_names_every_question_and_preselects_nothing() -> None:
    filled = read_fields(PUBLIC, {})
    assert not filled.complete
    assert filled.answers == {}
    assert list(filled.errors) == [question.key for question in PUBLIC.questions]
    assert filled.errors["1"] == "第1项“能否通过登记的住所（经营场所）联系到企业？”还没有回答。"


@pytest.mark.parametrize("checklist", all_checklists(), ids=lambda c: c.code)
def test_a_form_with_only_good_answers_is_complete_and_finds_nothing(checklist: Checklist) -> None:
    filled = read_fields(checklist, all_good(checklist))
    assert filled.errors == {}
    assert len(filled.answers) == len(checklist.questions)
    assert derive_results(checklist, filled.answers) == ["R01"]


def test_one_unanswered_question_is_refused_by_name() -> None:
    fields = all_good(PUBLIC)
    del fields["7"]
    filled = read_fields(PUBLIC, fields)
    assert filled.errors == {"7": "第7项“对外投资、购买股权信息是否如实公示？”还没有回答。"}
    assert derive_results(PUBLIC, filled.answers) == []


def test_a_bad_answer_needs_words_and_a_photo() -> None:
    """Capability C17: question 5 of the public-information checklist."""
    fields = {**all_good(PUBLIC), "5": "否"}
    bare = read_fields(PUBLIC, fields)
    assert "请写明情况（附章程、出资凭证复印件照片）" in bare.errors["5"]
    assert "请至少上传1张照片" in bare.errors["5"]
    assert bare.answers["5"].value == "否"
    with_note = read_fields(PUBLIC, {**fields, "5.note": "实缴与章程不符"})
    assert "写明情况" not in with_note.errors["5"]
    full = read_fields(PUBLIC, {**fields, "5.note": "实缴与章程不符"}, {"5": 1})
    assert full.complete
    assert derive_results(PUBLIC, full.answers) == ["R03"]


@pytest.mark.parametrize("note", ["", " ", "。", "..", "x", "!!!"])
def test_a_note_that_says_nothing_is_no_note(note: str) -> None:
    filled = read_fields(PUBLIC, {**all_good(PUBLIC), "5": "否", "5.note": note}, {"5": 1})
    assert "请写明情况" in filled.errors["5"]


def test_the_good_answer_may_be_no() -> None:
    fields = all_good(CATERING)
    assert fields["15"] == "否"
    filled = read_fields(CATERING, {**fields, "15": "是", "15.note": "无标识调料三瓶"}, {"15": 2})
    assert filled.complete
    assert derive_results(CATERING, filled.answers) == ["R08"]


def test_not_applicable_is_an_answer_only_where_it_is_offered() -> None:
    filled = read_fields(PUBLIC, {**all_good(PUBLIC), "5": "合理缺项", "1": "合理缺项"})
    assert list(filled.errors) == ["1"]
    assert "请选择：1 是，2 否" in filled.errors["1"]
    assert not is_bad(PUBLIC.question("5"), filled.answers["5"])


def test_where_a_finding_may_mean_two_things_the_officer_decides() -> None:
    fields = {**all_good(PRICE), "1": "否", "1.note": "未标价的商品两种"}
    undecided = read_fields(PRICE, fields, {"1": 1})
    assert "请选择认定结果（R05、R08）" in undecided.errors["1"]
    assert derive_results(PRICE, undecided.answers) == []
    decided = read_fields(PRICE, {**fields, "1.verdict": "R05"}, {"1": 1})
    assert decided.complete
    assert derive_results(PRICE, decided.answers) == ["R05"]
    foreign = read_fields(PRICE, {**fields, "1.verdict": "R02"}, {"1": 1})
    assert "请选择认定结果" in foreign.errors["1"]
    good = read_fields(PRICE, {**all_good(PRICE), "1.verdict": "R08"})
    assert good.answers["1"].verdict == ""


def test_a_temperature_belongs_to_its_question() -> None:
    fields = all_good(CATERING)
    del fields["14.reading"]
    assert "请填写实测温度" in read_fields(CATERING, fields).errors["14"]
    filled = read_fields(CATERING, {**fields, "14.reading": "－１８．５度"})
    assert filled.answers["14"] == AnswerValue("是", reading="-18.5")
    assert show_answer(CATERING.question("14"), filled.answers["14"]) == "是（-18.5℃）"
    assert "不能大于100℃" in read_fields(CATERING, {**fields, "14.reading": "200"}).errors["14"]
    assert "请填写数字" in read_fields(CATERING, {**fields, "14.reading": "很冷"}).errors["14"]


def test_an_expired_lift_needs_no_next_inspection_date() -> None:
    fields = {**all_good(LIFT), "3": "否", "3.note": "检验已过期"}
    del fields["3.reading"]
    filled = read_fields(LIFT, fields, {"3": 1})
    assert filled.complete
    assert derive_results(LIFT, filled.answers) == ["R08"]


def test_results_of_several_findings_come_worst_first() -> None:
    fields = {**all_good(PUBLIC), "2": "否", "4": "否", "2.note": "未公示年报", "4.note": "已停业未公示"}
    filled = read_fields(PUBLIC, fields, {"2": 1, "4": 1})
    assert derive_results(PUBLIC, filled.answers) == ["R03", "R02"]


def test_a_bad_answer_without_a_code_is_noted_and_changes_no_result() -> None:
    advertising = load_checklist("CL-5")
    fields = {**all_good(advertising), "4": "是"}
    assert "请写明情况" in read_fields(advertising, fields).errors["4"]
    filled = read_fields(advertising, {**fields, "4.note": "2024年列入经营异常名录"})
    assert filled.complete
    assert derive_results(advertising, filled.answers) == ["R01"]


def test_a_form_of_every_type_is_read() -> None:
    fields: dict[str, str] = {
        "1": "是",
        "2": "－18",
        "3": "２０２７年５月１日",
        "4": "零售",
        "5": "网络监测、实地检查",
        "7": " 无异常\x00 ",
        "8": "",
        "csrf": "x",
        "99": "是",
    }
    filled = read_fields(MIXED, fields, {"6": 2})
    assert filled.errors == {}
    assert {key: answer.value for key, answer in filled.answers.items()} == {
        "1": "是",
        "2": "-18",
        "3": "2027-05-01",
        "4": "零售",
        "5": "实地检查、网络监测",
        "6": "已拍照",
        "7": "无异常",
    }


def test_a_conditional_question_is_asked_only_when_its_condition_holds() -> None:
    fields = {
        "1": "否",
        "1.note": "不经营冷冻食品",
        "2": "200",
        "3": "2027-05-01",
        "4": "批发",
        "5": "书面检查",
    }
    filled = read_fields(MIXED, fields, {"1": 1, "6": 1})
    assert filled.errors == {}
    assert "2" not in filled.answers
    assert "2" in read_fields(MIXED, {**fields, "1": "是"}, {"6": 1}).errors


def test_what_cannot_be_read_is_named_with_what_would_be_right() -> None:
    filled = read_fields(MIXED, {"1": "是", "2": "零下", "3": "明年", "4": "网购", "5": "上门"})
    assert list(filled.errors) == ["2", "3", "4", "5", "6"]
    assert "请填写日期，例如 2026年5月1日" in filled.errors["3"]
    assert "请选择：1 零售，2 批发，3 无证" in filled.errors["4"]
    assert filled.errors["6"] == "第6项“门头照片”请拍照。"


def test_a_bad_option_asks_for_a_note() -> None:
    filled = read_fields(MIXED, {"4": "无证"})
    assert "答“无证”，请写明情况" in filled.errors["4"]
    assert is_bad(MIXED.question("4"), AnswerValue("无证"))


def test_a_prefix_keeps_two_checklists_of_one_visit_apart() -> None:
    fields = {f"CL-1:{key}": value for key, value in all_good(PUBLIC).items()}
    fields |= {f"CL-4:{key}": value for key, value in all_good(PRICE).items()}
    fields |= {"CL-4:2": "否", "CL-4:2.note": "两种商品没有计价单位"}
    assert read_fields(PUBLIC, fields, prefix="CL-1:").complete
    assert not read_fields(PRICE, fields, {"2": 1}, prefix="CL-4:").complete
    assert read_fields(PRICE, fields, {"CL-4:2": 1}, prefix="CL-4:").complete


def test_a_note_may_not_be_endless() -> None:
    filled = read_fields(PUBLIC, {**all_good(PUBLIC), "5.note": "长" * 1001})
    assert "不能超过1000字" in filled.errors["5"]


def test_an_answer_survives_the_draft() -> None:
    answer = AnswerValue("否", note="标签缺失", reading="12", verdict="R05")
    assert AnswerValue.from_dict(answer.to_dict()) == answer
    assert AnswerValue("是").to_dict() == {"value": "是"}
    assert AnswerValue.from_dict({"value": "是", "at": "2026-01-01"}) == AnswerValue("是")


@given(
    st.dictionaries(
        st.sampled_from([q.key for q in CATERING.questions]),
        st.sampled_from(["是", "否", "合理缺项", "x", ""]),
    )
)
def test_whatever_is_sent_results_are_clean_or_findings_never_both(fields: dict[str, str]) -> None:
    filled = read_fields(CATERING, fields)
    codes = derive_results(CATERING, filled.answers)
    assert codes == sorted(codes, key=WEIGHT.index)
    assert "R01" not in codes or codes == ["R01"]
    assert set(filled.answers) <= set(fields)
    assert ("R01" in codes) <= (len(filled.answers) == len(CATERING.questions))


# --- the next question ----------------------------------------


def test_questions_come_in_order_and_those_put_off_come_last() -> None:
    first = next_question(PUBLIC, {})
    assert first is not None
    assert first.key == "1"
    third = next_question(PUBLIC, answers(q1="是"), skipped={"2"})
    assert third is not None
    assert third.key == "3"
    rest = {q.key: AnswerValue("是") for q in PUBLIC.questions if q.key != "2"}
    put_off = next_question(PUBLIC, rest, skipped={"2"})
    assert put_off is not None
    assert put_off.key == "2"
    assert next_question(PUBLIC, rest | answers(q2="是")) is None


def test_a_bad_answer_without_photo_stays_open() -> None:
    given_answers = {q.key: AnswerValue("是") for q in PUBLIC.questions}
    given_answers["5"] = AnswerValue("否", note="实缴与章程不符")
    still = next_question(PUBLIC, given_answers)
    assert still is not None
    assert still.key == "5"
    assert progress(PUBLIC, given_answers) == (11, 12)
    assert next_question(PUBLIC, given_answers, {"5": 1}) is None
    assert progress(PUBLIC, given_answers, {"5": 1}) == (12, 12)


def test_a_conditional_question_waits_for_its_condition() -> None:
    asked = next_question(MIXED, answers(q1="是"))
    assert asked is not None
    assert asked.key == "2"
    closed = {"1": AnswerValue("否", note="不经营冷冻食品")}
    jumped = next_question(MIXED, closed, {"1": 1})
    assert jumped is not None
    assert jumped.key == "3"
    assert progress(MIXED, closed, {"1": 1}) == (1, 7)
