"""The six shipped checklists against the field guide's tables, and what a checklist file may not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import Problem
from bot.inspection.checklists.definition import (
    BadAction,
    Checklist,
    Need,
    QuestionType,
    all_checklists,
    canonical_json,
    fingerprint,
    load_checklist,
    parse_checklist,
    read_checklist,
)
from bot.inspection.checklists.outcomes import (
    WEIGHT,
    WHOLE_VISIT,
    ResultCode,
    check_item,
    settle_visit,
    worst,
    worst_first,
)
from bot.inspection.results.labels import LABELS, label_of

SAMPLE = Path(__file__).parent.parent / "samples" / "checklists.tsv"  # the tables of field guide 10.2 to 10.7
ROWS = [tuple(line.split("\t")) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]


def test_there_are_six_checklists_with_89_questions() -> None:
    counts = {checklist.code: len(checklist.questions) for checklist in all_checklists()}
    assert counts == {"CL-1": 12, "CL-2": 24, "CL-3": 16, "CL-4": 12, "CL-5": 11, "CL-6": 14}
    assert sum(counts.values()) == len(ROWS) == 89


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}-{row[1]}" for row in ROWS])
def test_a_question_is_word_for_word_that_of_the_guide(row: tuple[str, ...]) -> None:
    code, key, star, text, kind, bad = row
    question = load_checklist(code).question(key)
    assert question.text == text
    assert question.starred == (star == "★")
    assert question.type == ("YNA" if "YNA" in kind else "YN")
    assert question.good == ("否" if "否 is good" in kind else "是")
    assert (question.reading is not None) == ("NUMBER" in kind or "DATE" in kind)
    assert question.on_bad is not None
    stated = tuple(word.strip(";,") for word in bad.split() if word.startswith("R0"))
    assert tuple(question.on_bad.codes)[: len(stated)] == stated
    assert bool(question.on_bad.codes) == (bad != "note")
    assert Need.NOTE in question.on_bad.needs
    assert (Need.PHOTO in question.on_bad.needs) == (bad != "note")


ACTIONS = {
    "correct": BadAction.CORRECT,
    "correct on the spot": BadAction.CORRECT,
    "order": BadAction.ORDER,
    "order with term": BadAction.ORDER,
    "instruction": BadAction.INSTRUCTION,
    "instruction (监察指令)": BadAction.INSTRUCTION,
    "serious hazard": BadAction.HAZARD,
    "serious hazard if used": BadAction.HAZARD,
    "serious hazard: stop use": BadAction.HAZARD,
    "serious hazard; report one level up": BadAction.HAZARD,
    "note": BadAction.NOTE,
}


@pytest.mark.parametrize("row", [r for r in ROWS if r[5] in ACTIONS], ids=lambda r: f"{r[0]}-{r[1]}")
def test_what_happens_on_a_bad_answer_is_that_of_the_guide(row: tuple[str, ...]) -> None:
    on_bad = load_checklist(row[0]).question(row[1]).on_bad
    assert on_bad is not None
    assert on_bad.action is ACTIONS[row[5]]
    expected = {BadAction.NOTE: (), BadAction.HAZARD: ("R08",)}.get(on_bad.action, ("R05",))
    assert tuple(on_bad.codes) == expected


def test_only_two_questions_leave_the_verdict_to_the_officer() -> None:
    open_verdicts = {
        f"{c.code}:{q.key}": tuple(q.on_bad.codes)
        for c in all_checklists()
        for q in c.questions
        if q.on_bad and len(q.on_bad.codes) > 1
    }
    assert open_verdicts == {"CL-1:3": ("R03", "R05"), "CL-4:1": ("R05", "R08")}


def test_three_questions_ask_for_a_value_beside_the_verdict() -> None:
    readings = {
        f"{c.code}:{q.key}": (q.reading.type, q.reading.unit, q.reading.required_on)
        for c in all_checklists()
        for q in c.questions
        if q.reading
    }
    assert readings == {
        "CL-2:14": (QuestionType.NUMBER, "℃", ("是", "否")),
        "CL-3:3": (QuestionType.DATE, "", ("是",)),
        "CL-6:10": (QuestionType.NUMBER, "℃", ("是", "否")),
    }


@pytest.mark.parametrize(
    ("place", "article"),
    [
        ("CL-1:2", "《企业信息公示暂行条例》第八条"),
        ("CL-1:10", "《企业信息公示暂行条例》第十条"),
        ("CL-2:17", "《食品生产经营监督检查管理办法》第二十条"),
        ("CL-3:3", "《特种设备安全法》第四十条；《特种设备安全监督检查办法》第二十五条"),
        ("CL-4:5", "《明码标价和禁止价格欺诈规定》第八条"),
        ("CL-5:5", "《广告法》第三十四条"),
        ("CL-6:9", "《食品生产经营监督检查管理办法》第十七条"),
        ("CL-2:1", ""),
    ],
)
def test_articles_are_those_of_the_law(place: str, article: str) -> None:
    code, key = place.split(":")
    assert load_checklist(code).question(key).article == article


@pytest.mark.parametrize("code", ["CL-1", "CL-2", "CL-3", "CL-4", "CL-5", "CL-6"])
def test_a_stored_definition_reads_back_with_the_same_fingerprint(code: str) -> None:
    checklist = load_checklist(code)
    stored = checklist.definition()
    assert parse_checklist(stored) == checklist
    assert fingerprint(stored) == checklist.sha256()
    assert checklist.basis


def test_the_fingerprint_does_not_depend_on_the_order_of_keys() -> None:
    stored = load_checklist("CL-1").definition()
    assert fingerprint(dict(reversed(stored.items()))) == fingerprint(stored)
    assert canonical_json({"乙": 1, "a": [True, None]}) == '{"a":[true,null],"乙":1}'


def test_one_changed_word_changes_the_fingerprint() -> None:
    stored = load_checklist("CL-1").definition()
    stored["questions"][0]["text"] = "能否联系到企业？"
    assert fingerprint(stored) != load_checklist("CL-1").sha256()


def test_an_unknown_checklist_or_question_is_a_problem() -> None:
    with pytest.raises(Problem, match="现有：CL-1、CL-2"):
        load_checklist("CL-9")
    with pytest.raises(Problem, match="没有第99项"):
        load_checklist("CL-1").question("99")


def raw(**changes: Any) -> dict[str, Any]:
    question = {
        "key": "1",
        "text": "是否合格？",
        "type": "YN",
        "on_bad": {"codes": ["R05"], "action": "CORRECT"},
    }
    question.update(changes)
    return {"code": "T-1", "version": 1, "name": "测试", "questions": [question]}


def with_second(**second: Any) -> dict[str, Any]:
    document = raw()
    document["questions"].append({"key": "2", "text": "说明", "type": "TEXT", **second})
    return document


BAD = [
    (raw(on_bad=None), "要写明不合格时怎么办"),
    (raw(good="合理缺项"), "good 只能是"),
    (raw(on_bad={"codes": ["R01"], "action": "CORRECT"}), "不能得出“未发现问题”"),
    (raw(on_bad={"codes": ["R99"], "action": "CORRECT"}), "只能是 'R01'"),
    (raw(on_bad={"codes": ["R05"], "action": "CORRECT", "needs": ["video"]}), "只能是 'note'"),
    (raw(type="ENUM", options=["甲"]), "至少要有两个不同的选项"),
    (raw(type="ENUM", options=["甲", "乙", "甲"]), "选项重复"),
    (raw(options=["甲", "乙"]), "只有选择题可以有选项"),
    (raw(type="ENUM", options=["甲", "乙"], bad_options=["丙"]), "不存在的选项"),
    (raw(type="ENUM", options=["甲", "乙"], bad_options=["乙"], on_bad=None), "就要写 on_bad"),
    (raw(type="NUMBER"), "数字题要写单位"),
    (raw(type="NUMBER", unit="℃", min=5, max=1), "min 大于 max"),
    (raw(type="TEXT", reading={"type": "DATE", "text": "日期"}), "只有是否题可以附带填写"),
    (raw(reading={"type": "TEXT", "text": "说明"}), "只能是 NUMBER 或 DATE"),
    (raw(key=""), "不能为空"),
    (raw(key="1", colour="red"), "没有这一项"),
    (with_second(key="1"), "第1项出现两次"),
    (with_second(when={"3": "是"}), "前面没有的第3项"),
    (with_second(when={"1": "也许"}), "不是第1项的可选回答"),
    ({"code": "T", "version": 0, "name": "测", "questions": []}, "不能小于1"),
    ({"code": "T", "version": 1, "name": "测", "questions": []}, "至少要有一项"),
    ([], "应是“名称: 值”的表"),
]


@pytest.mark.parametrize(("document", "says"), BAD, ids=[says for _, says in BAD])
def test_a_bad_checklist_is_refused_with_the_reason(document: object, says: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_checklist(document)
    assert caught.value.key == "checklist_invalid"
    assert says in caught.value.text


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "CL-7.yaml"
    with pytest.raises(Problem, match=r"CL-7\.yaml不是可读的YAML文件"):
        read_checklist(path)
    path.write_text("code: [", encoding="utf-8")
    with pytest.raises(Problem, match="不是可读的YAML文件"):
        read_checklist(path)


def test_choices_are_numbered_as_people_are_shown_them() -> None:
    question = load_checklist("CL-1").question("5")
    assert question.choices == ("是", "否", "合理缺项")
    assert question.label.startswith("5★ 股东")
    document = Checklist.model_validate(raw(type="ENUM", options=["甲", "乙"], on_bad=None))
    assert document.questions[0].choices == ("甲", "乙")


def test_the_heaviest_result_stands_for_the_visit() -> None:
    assert worst_first(["R01", "R05", "R06", "R03", "R02", "R08", "R04", "R07"]) == [
        *("R06", "R03", "R02", "R08", "R04", "R05", "R07", "R01")
    ]
    assert worst(["R05", "R08"]) == "R08"
    assert worst([]) is None
    assert set(WEIGHT) == set(ResultCode) == set(LABELS)


def test_nothing_found_stands_alone() -> None:
    assert check_item(["R05", "R02", "R05"]) == ["R02", "R05"]
    with pytest.raises(Problem) as caught:
        check_item(["R01", "R05"])
    assert caught.value.key == "result_conflict"
    with pytest.raises(Problem, match="没有“R09”这种检查结果"):
        check_item(["R09"])


@pytest.mark.parametrize("code", sorted(WHOLE_VISIT))
def test_an_outcome_of_the_whole_visit_leaves_no_item_clean(code: str) -> None:
    settled = settle_visit({"年报": [code], "登记": ["R01"], "价格": ["R05"], "空": []})
    assert settled == {"年报": [code], "登记": [code], "价格": ["R05"], "空": []}


def test_without_such_an_outcome_items_keep_their_own_results() -> None:
    assert settle_visit({"年报": ["R02", "R03"], "登记": ["R01"]}) == {
        "年报": ["R03", "R02"],
        "登记": ["R01"],
    }


def test_published_labels_are_the_official_words() -> None:
    assert label_of("R01") == "未发现问题"
    assert label_of("R05") == "发现问题已责令改正"
    assert label_of("R07") == "未发现开展本次抽查涉及的经营活动"
    assert [c for c in ResultCode if LABELS[c].is_problem] == ["R02", "R03", "R04", "R05", "R06", "R08"]
    with pytest.raises(ValueError, match="R09"):
        label_of("R09")
