"""Write the demo county's sheets: 60,000 businesses, lifts, 500 officers with accounts, the plan of a year.

Headers come from the import layouts, so what is written here can be read there.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter
import yaml

from bot.cli import demo_county as made_up
from bot.cli.demo_words import TARGET_TOWN
from bot.core.columns import Layout
from bot.inspection.people.columns import CONTACTS, DEPARTMENTS, OFFICERS, PEOPLE
from bot.inspection.people.trainings import TRAININGS
from bot.inspection.registry.columns import ITEMS, OBJECTS
from bot.simulator.people import SimPerson

YEAR = 2026
SHEET_SHARE, LIFT_SHARE = 30, 43  # objects.xlsx has one row for so many of objects.csv; a lift for so many
RATIOS = {"A": 1, "B": 2, "C": 10, "D": 30}  # per cent; field guide 3, Henan 2021


@dataclass(frozen=True, slots=True)
class DemoData:
    """Where the files are, what an import of them must count, and who has a phone."""

    departments: Path
    items: Path
    objects: Path
    objects_sheet: Path
    officers: Path
    people: Path
    contacts: Path
    trainings: Path
    plan: Path
    good_objects: int  # rows of both object files that must come in
    bad_objects: int  # rows of objects.csv that must be refused
    phones: tuple[SimPerson, ...]
    witnesses: tuple[str, ...]  # codes of two heads of other departments: they watch the draw


def write_demo_files(
    folder: Path, *, seed: str = "suicha", objects: int = 60_000, officers: int = 500
) -> DemoData:
    """Write all sheets into *folder* (made if missing) and say what they hold.

    With the defaults the plan's three tasks draw 100 to 130 visits. The same arguments give the same rows.
    ``objects`` is at least 1,000: a smaller county has no lifts to ride.
    """
    county = made_up.County(random.Random(seed))  # noqa: S311 - made-up people, no lottery
    businesses = county.businesses(objects)
    sheet = county.lifts(businesses, objects // LIFT_SHARE)
    sheet += county.businesses(objects // SHEET_SHARE - len(sheet))
    contacts = made_up.contact_rows(county, [*businesses, *sheet], likely=250, others=5)
    folder.mkdir(parents=True, exist_ok=True)
    officer_rows = list(made_up.officer_rows(county, officers, YEAR))
    people = made_up.people_rows(county)
    data = DemoData(
        departments=_csv(folder, DEPARTMENTS, made_up.department_rows()),
        items=_csv(folder, ITEMS, made_up.item_rows()),
        objects=_csv(folder, OBJECTS, made_up.with_bad_rows(county.rng, businesses)),
        objects_sheet=_xlsx(folder, OBJECTS, sheet),
        officers=_csv(folder, OFFICERS, officer_rows),
        people=_csv(folder, PEOPLE, people),
        contacts=_csv(folder, CONTACTS, contacts),
        trainings=_csv(folder, TRAININGS, made_up.training_rows(officers, YEAR)),
        plan=folder / "plan.yaml",
        good_objects=len(businesses) + len(sheet),
        bad_objects=made_up.WRONG_CODES + made_up.REPEATED + made_up.WRONG_CLASSES,
        phones=tuple(county.phones),
        witnesses=tuple(p["code"] for p in people if p["roles"] == "负责人" and p["department"] != "SCJG")[
            :2
        ],
    )
    data.plan.write_text(yaml.safe_dump(plan(objects), allow_unicode=True, sort_keys=False), encoding="utf-8")
    return data


def plan(objects: int) -> dict[str, Any]:
    """The plan of the year: public information in one town, catering with online orders, lifts."""
    return {
        "code": f"YX-{YEAR}",
        "year": YEAR,
        "name": f"云溪县市场监督管理局{YEAR}年度双随机抽查计划",
        "department": "SCJG",
        "lines": [
            _line(1, f"{TARGET_TOWN}商贸企业公示信息抽查", "SC-01", "登记住所与公示信息是否真实",
                  {"districts": [TARGET_TOWN], "industries": ["零售", "批发", "食品销售"]}),
            _line(2, "网络餐饮服务定向抽查", "SC-02、WJ-01", "线上线下同标同质",
                  {"industries": ["餐饮服务"], "labels": ["网络餐饮"]}, joint=("WJJ",),
                  uplifts=[{"label": "投诉较多", "times": 2}]),
            _line(3, "电梯使用单位抽查", "SC-03", "维护保养和定期检验", {"kinds": ["EQUIPMENT"]},
                  batch_size=max(4, objects // 3000)),
        ],
    }  # fmt: skip


def _line(
    number: int,
    name: str,
    items: str,
    focus: str,
    scope: dict[str, list[str]],
    *,
    joint: tuple[str, ...] = (),
    **more: Any,
) -> dict[str, Any]:
    return {
        "number": number,
        "name": name,
        "items": items.split("、"),
        "lead": "SCJG",
        "joint": list(joint),
        "ratios": dict(RATIOS),
        "scope": scope,
        "focus": focus,
        "method": "实地检查",
        "officers_per_visit": 2,
        "window_start": dt.date(YEAR, 3, 9),
        "window_end": dt.date(YEAR, 3, 20),  # two working weeks: the demo plays all of them
        **more,
    }


def _csv(folder: Path, layout: Layout, rows: Iterable[made_up.Row]) -> Path:
    """Write a file as a Chinese Excel saves it: UTF-8 with a byte order mark."""
    path = folder / f"{layout.kind}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.header for column in layout.columns])
        writer.writerows([row.get(column.field, "") for column in layout.columns] for row in rows)
    return path


def _xlsx(folder: Path, layout: Layout, rows: Iterable[made_up.Row]) -> Path:
    path = folder / f"{layout.kind}.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_numbers": False}) as book:
        sheet = book.add_worksheet(layout.title)
        sheet.set_column(0, len(layout.columns) - 1, 24)
        sheet.write_row(0, 0, [column.header for column in layout.columns])
        for number, row in enumerate(rows, start=1):
            sheet.write_row(number, 0, [row.get(column.field, "") for column in layout.columns])
    return path
