"""登记位置: from a sheet, from the command line, from the console; always WGS-84, never half a place."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from bot.core.coordinates import to_gcj02
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.registry.models import InspectionObject
from bot.inspection.registry.places import place_of, read_place
from bot.inspection.registry.placing import place_object
from bot.inspection.tasks.queries import map_link
from tests.inspection.lists import NOW, bring, code, write

HEADERS = ["统一社会信用代码", "名称", "经度", "纬度", "坐标系"]
SHOP = (22.637654, 110.154321)


def only(db: Database) -> InspectionObject:
    return db.read_now(lambda s: s.exec(select(InspectionObject)).one())


def sheet(tmp_path: Path, *cells: str, headers: list[str] = HEADERS) -> Path:
    return write(tmp_path / "企业.csv", headers, [[code(1), "霞山餐饮店", *cells]])


def test_a_sheet_may_say_where_its_objects_are_in_either_system(db: Database, tmp_path: Path) -> None:
    drawn = to_gcj02(SHOP)
    assert bring(db, "objects", sheet(tmp_path, "110.154321", "22.637654°", "gps")).clean
    assert place_of(only(db)) == SHOP
    same = bring(db, "objects", sheet(tmp_path, f"{drawn[1]:.9f}", f"{drawn[0]:.9f}", "高德地图"))
    assert (same.clean, same.unchanged) == (True, 1)
    assert place_of(only(db)) == SHOP


def test_a_sheet_that_says_nothing_of_places_takes_none_away(db: Database, tmp_path: Path) -> None:
    bring(db, "objects", sheet(tmp_path, "110.154321", "22.637654", "WGS-84"))
    assert bring(db, "objects", sheet(tmp_path, headers=HEADERS[:2])).changed == 1
    assert place_of(only(db)) == SHOP


@pytest.mark.parametrize(
    ("cells", "header", "reason"),
    [
        (("110.1", "22.6", ""), "坐标系", "请写明经纬度取自哪种地图"),
        (("110.1", "", "WGS-84"), "纬度", "要么都填"),
        (("", "22.6", "WGS-84"), "经度", "要么都填"),
        (("22.6", "110.1", "WGS-84"), "经度", "填反"),
        (("110°9′15″", "22.6", "WGS-84"), "经度", "小数的度数"),
        (("nan", "22.6", "WGS-84"), "经度", "小数的度数"),
        (("110.1", "22.6", "百度"), "坐标系", "只能填WGS-84、GCJ-02"),
    ],
)
def test_a_place_that_is_none_is_refused_by_its_column(
    sqlite_db: Database, tmp_path: Path, cells: tuple[str, ...], header: str, reason: str
) -> None:
    report = bring(sqlite_db, "objects", sheet(tmp_path, *cells))
    assert report.rejected == 1
    assert [(r.header, reason in r.reason) for r in report.rejects][:1] == [(header, True)]


@pytest.mark.parametrize(
    ("east", "north", "header"), [("73.0", "39", "经度"), ("110.1", "3.0", None), ("136", "54", None)]
)
def test_the_bounds_hold_for_the_place_that_is_kept_and_one_typo_spoils_no_other_row(
    db: Database, tmp_path: Path, east: str, north: str, header: str | None
) -> None:
    rows = [
        [code(1), "霞山餐饮店", east, north, "GCJ-02"],
        [code(2), "赤坎餐饮店", "110.1", "22.6", "GCJ-02"],
    ]
    report = bring(db, "objects", write(tmp_path / "企业.csv", HEADERS, rows))
    wrong = [header] if header else []
    assert (report.new, [one.header for one in report.rejects]) == (2 - len(wrong), wrong)
    typed = {"longitude": east, "latitude": north, "system": "GCJ-02"}
    if header is None:
        assert read_place(typed) is not None
        return
    assert (report.rejects[0].row, "换算成WGS-84后是" in report.rejects[0].reason) == (2, True)
    with pytest.raises(Problem, match="没有改动") as refused:
        read_place(typed)
    assert list(refused.value.fields) == [header]


@pytest.mark.parametrize(("north", "east"), [(22.6, None), (None, 110.1), (110.1, 22.6), (0.0, 0.0)])
def test_the_database_keeps_no_half_and_no_swapped_place(
    db: Database, tmp_path: Path, north: float | None, east: float | None
) -> None:
    bring(db, "objects", sheet(tmp_path, headers=HEADERS[:2]))

    def half(session: object) -> None:
        found = session.exec(select(InspectionObject)).one()  # type: ignore[attr-defined]
        found.latitude, found.longitude = north, east

    with pytest.raises(IntegrityError):
        db.write_now(half)


def test_a_place_said_by_a_person_is_audited_once_and_can_be_taken_away(db: Database, tmp_path: Path) -> None:
    bring(db, "objects", sheet(tmp_path, headers=HEADERS[:2]))
    drawn = to_gcj02(SHOP)
    wanted = read_place({"longitude": f"{drawn[1]:.9f}", "latitude": f"{drawn[0]:.9f}", "system": "GCJ-02"})
    said = [db.write_now(place_object, object_id=1, place=place, now=NOW) for place in (wanted, wanted, None)]
    assert said == [True, False, True]
    entries = db.read_now(
        lambda s: s.exec(select(AuditEntry).where(AuditEntry.action == "object.placed")).all()
    )
    assert [entry.data["place"] for entry in entries] == [list(SHOP), []]
    with pytest.raises(Problem, match="没有找到"):
        db.write_now(place_object, object_id=9, place=None, now=NOW)


def test_the_way_leads_to_the_registered_place_on_the_maps_own_system() -> None:
    shop = InspectionObject(code="x", name="霞山餐饮店", address="人民路8号")
    assert "keyword=人民路8号" in unquote(map_link(shop))
    shop.latitude, shop.longitude = SHOP
    north, east = to_gcj02(SHOP)
    assert f"to={east:.6f},{north:.6f},霞山餐饮店" in unquote(map_link(shop))
    assert map_link(InspectionObject(code="x", name="x")) == ""
