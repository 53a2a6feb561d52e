"""Checklists written in Excel: by XLSForm's conventions, every fault by sheet, row and column (C17)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from pyxform import create_survey_element_from_dict
from pyxform.xls2json import parse_file_to_json

from bot.core.errors import Problem
from bot.inspection.checklists.definition import Checklist, QuestionType, all_checklists
from bot.inspection.checklists.xlsform import read_xlsform
from bot.inspection.checklists.xlsform_rules import NotUnderstood, bounds, conditions
from bot.inspection.checklists.xlsform_write import write_xlsform
from tests.inspection.mixed_checklist import MIXED
from tests.inspection.test_repeats import LIST

EVERY = (*all_checklists(), MIXED, LIST)
YN = [("yn", "yes", "是"), ("yn", "no", "否")]


def book(
    path: Path, survey: list[dict[str, Any]], choices: list[tuple[str, str, str]] = YN, **settings: Any
) -> Path:
    columns = list(dict.fromkeys(key for row in survey for key in row))
    with xlsxwriter.Workbook(str(path)) as made:
        for name, heads, rows in (
            ("survey", columns, [[row.get(c, "") for c in columns] for row in survey]),
            ("choices", ["list_name", "name", "label"], choices),
            (
                "settings",
                ["form_title", "form_id", "version", *settings],
                [["冷库检查", "CK-1", 1, *settings.values()]],
            ),
        ):
            sheet = made.add_worksheet(name)
            for at, line in enumerate([heads, *rows]):
                sheet.write_row(at, 0, line)
    return path


def ask(kind: str, name: str, label: str = "题目？", **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "label": label, "required": "yes", **more}


@pytest.mark.parametrize("checklist", EVERY, ids=lambda c: c.code)
def test_a_checklist_written_to_excel_and_read_back_is_the_same(checklist: Checklist, tmp_path: Path) -> None:
    write_xlsform(checklist, tmp_path / "list.xlsx")
    read = read_xlsform(tmp_path / "list.xlsx")
    assert read.faults == []
    assert read.checklist == checklist


@pytest.mark.parametrize("checklist", EVERY, ids=lambda c: c.code)
def test_the_makers_of_xlsform_can_read_what_we_write(checklist: Checklist, tmp_path: Path) -> None:
    write_xlsform(checklist, tmp_path / "list.xlsx")
    survey = create_survey_element_from_dict(parse_file_to_json(str(tmp_path / "list.xlsx")))
    xml = survey.to_xml(validate=False)
    for question in checklist.questions:
        assert question.text in xml


def test_a_plain_xlsform_of_another_tool_becomes_a_checklist(tmp_path: Path) -> None:
    path = book(
        tmp_path / "plain.xlsx",
        [
            {"type": "start", "name": "start"},
            {"type": "note", "name": "hello", "label": "欢迎"},
            ask("begin_group", "papers", "证照"),
            ask("select_one yn", "licence_valid", "许可证是否有效？", hint="看原件"),
            ask("date", "until", "有效期至", relevant="${licence_valid} = 'yes'"),
            {"type": "end_group"},
            ask("integer", "rooms", "冷库几间？", constraint=". > 0 and . < 6", unit="间"),
            ask("begin repeat", "room", "冷库", repeat_count="${rooms}"),
            ask("decimal", "temp", "温度", constraint=". >= -40 and . <= 20", unit="℃"),
            ask("image", "shot", "照片", appearance="new"),
            {"type": "end repeat"},
            ask("begin_repeat", "box", "冷藏箱"),
            ask("barcode", "code", "编号"),
            {"type": "end_repeat"},
            ask("image", "sign", "陪同人", appearance="signature", required=""),
            ask("geopoint", "where", "位置"),
        ],
    )
    read = read_xlsform(path)
    assert [str(fault) for fault in read.faults] == []
    checklist = read.checklist
    assert checklist is not None
    kinds = [(q.key, q.type) for q in checklist.questions]
    assert kinds == [
        ("licence-valid", QuestionType.YN), ("until", QuestionType.DATE), ("rooms", QuestionType.NUMBER),
        ("temp", QuestionType.NUMBER), ("shot", QuestionType.PHOTO), ("box-n", QuestionType.NUMBER), ("code", QuestionType.SCAN),
        ("sign", QuestionType.SIGNATURE), ("where", QuestionType.PLACE),
    ]  # fmt: skip
    by = {q.key: q for q in checklist.questions}
    assert (by["until"].section, by["until"].when) == ("证照", {"licence-valid": "是"})
    assert (by["rooms"].min, by["rooms"].max, by["rooms"].whole) == (1, 5, True)
    assert (by["temp"].repeat, by["shot"].camera, by["code"].repeat) == ("rooms", True, "box-n")
    assert (by["sign"].required, by["licence-valid"].guidance) == (False, "看原件")
    assert len(read.notes) == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([ask("select_one yn", "a"), ask("text", "a")], "survey 第3行 name：题名 a 出现两次"),
        ([ask("select_one nowhere", "a")], "survey 第2行 type：choices 里没有选项表“nowhere”"),
        ([ask("range", "a")], "survey 第2行 type：不支持题型“range”"),
        ([ask("text", "a", relevant="${b} = 'x'")], "survey 第2行 relevant：前面没有题名为 b 的题"),
        ([ask("select_one yn", "a"), ask("text", "b", relevant="${a} != 'yes'")], "survey 第3行 relevant：看不懂"),
        ([ask("decimal", "a", constraint=". > 3", unit="℃")], "survey 第2行 constraint：看不懂"),
        ([ask("decimal", "a")], "survey 第2行：数字题要写单位"),
        ([ask("integer", "a", constraint=". >= 9 and . <= 2", unit="个")], "survey 第2行：min 大于 max"),
        ([ask("text", "1a")], "survey 第2行 name：题名要以字母开头"),
        ([ask("text", "")], "survey 第2行 name：没有写题名"),
        ([ask("text", "a", label="")], "survey 第2行 label：没有写题目"),
        ([ask("", "a")], "survey 第2行 type：没有写题型"),
        ([ask("begin_group", "g")], "survey 第2行 type：这一组没有结束"),
        ([ask("end_group", "g")], "survey 第2行 type：没有对应的 begin"),
        ([ask("text", "n"), ask("begin_repeat", "g", repeat_count="${n}"), ask("text", "a"), ask("end_repeat", "")],
         "survey 第4行：第a项的重复次数应由前面的一道数字题给出"),
        ([ask("begin_repeat", "g", repeat_count="3"), ask("text", "a"), ask("end_repeat", "")],
         "survey 第2行 repeat_count：重复次数"),
        ([ask("select_one yn", "a", codes="R99")], "survey 第2行 0：只能是"),
        ([ask("select_one yn", "a", codes="R01")], "survey 第2行 on_bad：不合格的回答不能得出“未发现问题”"),
        ([ask("select_one yn", "a", action="SHOUT")], "survey 第2行 action：只能是"),
        ([ask("text", "x" * 21)], "survey 第2行 name：题名最多 20 个字符"),
        ([], "survey：至少要有一项"),
    ],
)  # fmt: skip
def test_a_fault_names_sheet_row_and_column(rows: list[dict[str, Any]], said: str, tmp_path: Path) -> None:
    read = read_xlsform(book(tmp_path / "f.xlsx", rows or [{"type": "start", "name": "s"}]))
    assert read.checklist is None
    assert any(said in str(fault) for fault in read.faults), [str(fault) for fault in read.faults]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    rows = [ask("text", ""), ask("range", "b"), ask("decimal", "c", constraint="nonsense")]
    assert [fault.row for fault in read_xlsform(book(tmp_path / "f.xlsx", rows)).faults] == [2, 3, 4]


def test_what_is_no_workbook_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "words.xlsx").write_text("type,name,label")
    with zipfile.ZipFile(tmp_path / "empty.xlsx", "w"):
        pass
    with xlsxwriter.Workbook(str(tmp_path / "other.xlsx")) as made:
        made.add_worksheet("人员")
    for name, said in (
        ("words", "不是 Excel 文件"),
        ("empty", "不是 Excel 文件"),
        ("gone", "读不出来"),
        ("other", "没有名为 survey"),
    ):
        with pytest.raises(Problem) as caught:
            read_xlsform(tmp_path / f"{name}.xlsx")
        assert caught.value.key == "xlsform_unreadable"
        assert said in caught.value.text
        assert f"{name}.xlsx" in caught.value.text


@given(st.text(max_size=60))
def test_any_expression_is_understood_or_refused(text: str) -> None:
    for read in (conditions, lambda words: bounds(words, whole=True)):
        try:
            assert read(text) is not None
        except NotUnderstood as refusal:
            assert str(refusal)  # noqa: PT017 - either way is right
