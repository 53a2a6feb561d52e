"""Importing lists: C2 (items), C3 (objects), C6 (credit classes), and everything a file can do wrong."""

from __future__ import annotations

import csv
import datetime as dt
import os
import threading
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import func
from sqlmodel import Session, SQLModel, col, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.audit.service import verify
from bot.inspection.people.models import Department
from bot.inspection.registry import imports
from bot.inspection.registry.items import activate_item, current_items, latest_items, retire_missing
from bot.inspection.registry.models import CreditHistory, ImportBatch, InspectionObject, Item
from bot.inspection.registry.report import inert
from bot.inspection.registry.sheets import open_sheet, rows
from tests.inspection.lists import ITEM_HEADERS, ITEM_ROWS, LIMIT, NOW, bring, code, departments, items, write

HEADERS = ["统一社会信用代码", "名称", "地址", "信用风险等级"]


def count(db: Database, table: type[SQLModel]) -> int:
    return db.read_now(lambda s: int(s.exec(select(func.count()).select_from(table)).one()))


def thousand() -> list[list[str]]:
    """C3: 1,000 businesses, 7 with a wrong check character, 2 that repeat a code."""
    lines = [[code(n), f"企业{n}", f"人民路{n}号", "ABCD"[n % 4]] for n in range(998)]
    for n in range(100, 800, 100):
        right = lines[n][0]
        lines[n][0] = right[:-1] + ("0" if right[-1] != "0" else "1")
    return [*lines[:500], lines[3], *lines[500:], lines[7]]


def test_c3_of_a_thousand_businesses_seven_are_rejected_and_two_are_duplicates(
    db: Database, tmp_path: Path
) -> None:
    path = write(tmp_path / "企业.csv", HEADERS, thousand())
    report = bring(db, "objects", path)
    assert (report.total, report.accepted, report.rejected, report.duplicates) == (1000, 991, 7, 2)
    assert {r.row for r in report.rejects if "校验码" in r.reason} == {102, 202, 302, 402, 503, 603, 703}
    assert [r.reason for r in report.rejects if "重复" in r.reason] == ["与第5行重复", "与第9行重复"]
    assert count(db, InspectionObject) == 991


def test_c3_the_same_file_again_changes_nothing(db: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "企业.csv", HEADERS, thousand())
    bring(db, "objects", path)
    again = bring(db, "objects", path, now=NOW + dt.timedelta(days=1))
    assert (again.new, again.changed, again.unchanged) == (0, 0, 991)
    moved = select(func.count()).select_from(InspectionObject).where(col(InspectionObject.updated_at) != NOW)
    assert db.read_now(lambda s: s.exec(moved).one()) == 0
    assert count(db, CreditHistory) == 991


def test_c3_an_elevator_is_equipment_linked_to_its_user(db: Database, tmp_path: Path) -> None:
    headers = ["编号", "类型", "名称", "使用单位代码"]
    report = bring(
        db, "objects", write(tmp_path / "x.csv", headers, [["梯11粤G00123(24)", "设备", "客梯", code(1)]])
    )
    assert report.clean
    lift = db.read_now(lambda s: s.exec(select(InspectionObject)).one())
    assert (lift.kind, lift.user_unit_code) == ("EQUIPMENT", code(1))


def test_the_file_of_rejects_has_the_original_columns_and_the_reason(db: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "企业.csv", HEADERS, [["123", "=1+1", "", "E"]])
    report = bring(db, "objects", path, rejects=tmp_path / "拒.csv")
    with (tmp_path / "拒.csv").open(encoding="utf-8-sig", newline="") as file:
        head, row = csv.reader(file)
    assert head == [*HEADERS, "原行号", "原因"]
    assert row[:2] == ["123", "'=1+1"]
    assert row[4] == "2"
    assert "只能填A、B、C、D" in row[5]
    assert report.rejects_file.endswith("拒.csv")


@pytest.mark.parametrize(
    ("cell", "shown"), [("-5 3", "-5 3"), ("-2+3", "'-2+3"), ("@x", "'@x"), ("平安", "平安")]
)
def test_a_spreadsheet_never_computes_a_reject(cell: str, shown: str) -> None:
    assert inert(cell) == shown


def test_a_dry_run_reports_the_same_and_stores_nothing(db: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "企业.csv", HEADERS, thousand())
    report = bring(db, "objects", path, dry_run=True)
    assert (report.new, report.rejected, report.duplicates, report.batch_id) == (991, 7, 2, None)
    assert [count(db, t) for t in (InspectionObject, CreditHistory, ImportBatch, AuditEntry)] == [0, 0, 0, 0]


def test_each_batch_is_accounted_for_and_chained(db: Database, tmp_path: Path) -> None:
    report = bring(db, "objects", write(tmp_path / "企业.csv", HEADERS, thousand()))
    batch = db.read_now(lambda s: s.exec(select(ImportBatch)).one())
    assert batch.id == report.batch_id
    assert batch.counts["rejected"] == 7
    assert len(batch.rejects) == 9
    assert batch.finished_at == NOW
    entry = db.read_now(lambda s: s.exec(select(AuditEntry)).one())
    assert (entry.action, entry.data["new"], entry.data["sha256"]) == ("import.finished", 991, batch.sha256)
    assert db.read_now(verify).broken_at is None


def test_a_new_credit_class_is_kept_beside_the_old_one(db: Database, tmp_path: Path) -> None:
    bring(db, "objects", write(tmp_path / "a.csv", HEADERS, [[code(1), "甲", "", "低"]]))
    later = NOW + dt.timedelta(days=30)
    report = bring(
        db, "objects", write(tmp_path / "b.csv", HEADERS, [[code(1), "甲", "", "较高"]]), now=later
    )
    assert report.changed == 1
    query = select(CreditHistory.credit_class, CreditHistory.since).order_by(col(CreditHistory.id))
    assert db.read_now(lambda s: s.exec(query).all()) == [("A", NOW), ("C", later)]


def test_an_import_that_stops_midway_goes_on_when_repeated(
    sqlite_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "CHUNK", 100)
    lines = [[code(n), f"企业{n}", "", "A"] for n in range(250)]
    path = write(tmp_path / "企业.csv", HEADERS, lines)
    with path.open("a", encoding="utf-8") as file:
        file.write(f'{code(900)},"没有结束的引号{"长" * 140_000}\n')
    report = bring(sqlite_db, "objects", path)
    assert "读不下去" in report.stopped
    assert report.new == 200
    assert db_unfinished(sqlite_db) == 1
    again = bring(sqlite_db, "objects", write(path, HEADERS, lines))
    assert (again.new, again.unchanged, again.stopped) == (50, 200, "")


def db_unfinished(db: Database) -> int:
    return db.read_now(
        lambda s: len(s.exec(select(ImportBatch).where(col(ImportBatch.finished_at).is_(None))).all())
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_every_encoding_met_in_china_is_read(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "x.csv", HEADERS, [[code(1), "鎔𠮷酒家", "", "A"]], encoding=encoding)
    assert next(rows(path, max_bytes=LIMIT))[1]["名称"] == "鎔𠮷酒家"


def test_gb18030_is_recognised_even_if_the_first_megabyte_is_ascii(tmp_path: Path) -> None:
    lines = [[code(n), "x" * 60, "", "A"] for n in range(20_000)]
    path = write(
        tmp_path / "x.csv",
        ["code", "name", "c", "d"],
        [*lines, ["1", "最后一行", "", ""]],
        encoding="gb18030",
    )
    assert list(rows(path, max_bytes=LIMIT))[-1][1]["name"] == "最后一行"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_separator_is_found_also_below_a_title(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"某某市名录\n\n编号{delimiter}名称\n1{delimiter}甲\n", encoding="utf-8")
    assert list(rows(path, max_bytes=LIMIT)) == [(4, {"编号": "1", "名称": "甲"})]


def test_a_workbook_gives_whole_numbers_dates_and_row_numbers_as_shown(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("说明")
        sheet = book.add_worksheet("名录")
        sheet.write_row(1, 0, ["编号", "手机", "日期"])
        sheet.write_row(3, 0, ["a", 13800000000])
        sheet.write_datetime(3, 2, dt.datetime(2026, 3, 1), book.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001
    assert list(rows(path, max_bytes=LIMIT)) == [
        (4, {"编号": "a", "手机": "13800000000", "日期": "2026-03-01"})
    ]


def test_a_cell_with_a_nul_is_kept_without_it_by_both_databases(db: Database, tmp_path: Path) -> None:
    rows = [["SCJG", "市场\x00监管局", ""], ["GA", "公安局", ""]]
    assert bring(db, "departments", write(tmp_path / "部门.csv", ["编号", "名称", "上级"], rows)).clean
    assert db.read_now(lambda s: s.exec(select(Department.name).order_by(col(Department.code))).all()) == [
        "公安局",
        "市场监管局",
    ]


def test_a_row_with_a_stray_comma_is_rejected_not_shifted(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"统一社会信用代码,名称,地址\n{code(1)},甲,人民路1号,后门\n", encoding="utf-8")
    report = bring(db, "objects", path)
    assert "列数比表头多" in report.rejects[0].reason


def test_a_gigabyte_is_refused_before_it_is_read(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "大.csv"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 1 << 30)
    with pytest.raises(Problem) as caught:
        bring(db, "objects", path)
    assert caught.value.key == "sheet_too_large"
    assert caught.value.fields["文件"] == "大.csv"


@pytest.mark.parametrize(
    ("name", "body", "key"),
    [
        ("空.csv", b"", "sheet_empty"),
        ("坏.xlsx", b"PK\x03\x04" + b"\0" * 200, "sheet_broken"),
        ("改名.xlsx", "编号,名称\n1,甲\n".encode(), "sheet_kind"),
        ("改名.csv", b"PK\x03\x04" + b"\0" * 200, "sheet_kind"),
        ("图.csv", b"\x89PNG\r\n\x1a\n", "sheet_kind"),
        ("网页.xls", b"<html><table><tr><td>1</td></tr></table></html>", "sheet_kind"),
        ("零.csv", b"a\0b,c\n1,2\n", "sheet_kind"),
        (
            "密.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "sheet_encrypted",
        ),
        ("旧.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "sheet_broken"),
        ("缺列.csv", "名称,地址\n甲,乙\n".encode(), "import_columns"),
        ("两列.csv", f"编号,名称,企业名称\n{code(1)},甲,乙\n".encode(), "import_columns"),
        ("重名.csv", "编号,名称,名称\n1,甲,乙\n".encode(), "sheet_headers"),
        ("只有表头.csv", "编号,名称\n".encode(), "sheet_empty"),
    ],
)
def test_a_file_that_cannot_be_taken_is_named(
    db: Database, tmp_path: Path, name: str, body: bytes, key: str
) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(Problem) as caught:
        bring(db, "objects", tmp_path / name)
    assert caught.value.key == key
    assert key == "import_columns" or caught.value.fields["文件"] == name
    assert count(db, InspectionObject) == 0


def test_an_archive_is_no_workbook_and_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    for entry, key in (("a.txt", "sheet_kind"), ("xl/workbook.xml", "sheet_too_large")):
        path = tmp_path / "x.xlsx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(entry, b"0" * 5_000_000)
        with pytest.raises(Problem) as caught:
            open_sheet(path, max_bytes=1_000_000)
        assert caught.value.key == key


@pytest.mark.parametrize("place", ["XFD1048576", "ZZ900000"])
def test_a_cell_far_out_does_not_make_the_reader_unfold_the_whole_sheet(
    db: Database, tmp_path: Path, place: str
) -> None:
    """Bug: the reader panicked, or took all memory, at two filled cells."""
    path = tmp_path / "远.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for cell, words in (("A1", "编号"), ("B1", "名称"), (place, "x")):
            sheet.write(cell, words)
    with pytest.raises(Problem) as caught:
        bring(db, "objects", path)
    assert (caught.value.key, caught.value.fields["范围"]) == ("sheet_too_large", place)


def test_a_percentage_cell_that_lost_its_sign_is_asked_for_again(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    report = items(db, tmp_path, [["G-1", "甲", "一般", "0.05", "法", "", "", "在用", ""]])
    assert report.rejects[0].reason == "请带上百分号，例如5%或0.5%"


def test_c2_an_item_without_legal_basis_cannot_be_activated(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    report = items(
        db,
        tmp_path,
        [
            ["G-1", "公示信息检查", "一般", "5%", "", "", "", "在用", ""],
            ["G-2", "价格", "一般", "5%", "", "", "", "停用", ""],
        ],
    )
    assert [(r.row, r.reason) for r in report.rejects] == [(2, "缺少抽查依据")]
    with pytest.raises(Problem, match="缺少抽查依据"):
        db.write_now(activate_item, code="G-2", now=NOW)


def test_c2_a_general_item_needs_a_cap_and_a_key_item_has_none(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    report = items(
        db,
        tmp_path,
        [
            ["G-1", "甲", "一般", "", "法", "", "", "", ""],
            ["K-1", "乙", "重点", "30%", "法", "", "", "", ""],
            ["K-2", "丙", "重点", "100%", "法", "", "", "", ""],
        ],
    )
    assert [r.row for r in report.rejects] == [2, 3]


def test_c2_an_item_dropped_by_the_upper_list_is_out_of_use(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    items(db, tmp_path)
    gone = db.write_now(retire_missing, listed={"G-1", "U-1"}, now=NOW)
    assert [item.code for item in gone] == ["K-1"]
    active = select(Item.code).where(col(Item.active)).order_by(Item.code)
    assert db.read_now(lambda s: s.exec(active).all()) == ["G-1", "U-1"]


def test_a_changed_item_is_a_new_version_and_the_old_one_leads_to_it(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    items(db, tmp_path)
    first = db.read_now(lambda s: latest_items(s, ["G-1"])["G-1"])
    changed = [[*ITEM_ROWS[0][:4], "企业信息公示暂行条例第十四条", *ITEM_ROWS[0][5:]], *ITEM_ROWS[1:]]
    report = items(db, tmp_path, changed)
    assert (report.new, report.changed, report.unchanged) == (0, 1, 2)

    def newest(session: Session) -> list[tuple[int, bool]]:
        return [(item.version, item.active) for item in current_items(session, [first.id or 0])]

    assert db.read_now(newest) == [(2, True)]
    assert items(db, tmp_path, changed).unchanged == 3


def test_unknown_headers_are_named_and_left_alone(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    path = write(tmp_path / "x.csv", [*ITEM_HEADERS, "备注"], [[*ITEM_ROWS[0], "无"]])
    assert bring(db, "items", path).unknown_headers == ("备注",)


def test_two_imports_at_once_store_every_row_once(db: Database, tmp_path: Path) -> None:
    paths = [
        write(tmp_path / f"{n}.csv", HEADERS, [[code(i), f"企业{i}", "", "A"] for i in range(300)])
        for n in (1, 2)
    ]
    reports = []
    threads = [threading.Thread(target=lambda p=p: reports.append(bring(db, "objects", p))) for p in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert count(db, InspectionObject) == 300
    assert sum(report.new for report in reports) == 300
