"""A year's holidays as a sheet: one row a day, with errors by row. Pure but for reading the file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.core.cells import day
from bot.core.columns import Column, Fault, Layout, Need, choice, text
from bot.core.errors import Problem
from bot.inspection.calendar.tables import YearTable, read_table
from bot.inspection.registry.sheets import open_sheet

OFF, WORK = "放假", "上班"
_WORDS = {"放假": OFF, "休": OFF, "休息": OFF, "上班": WORK, "调休上班": WORK, "补班": WORK, "班": WORK}


def _makes_sense(values: Mapping[str, Any]) -> Fault | None:
    if values["what"] == WORK and values["day"].weekday() < 5:
        return Fault("安排", values["what"], "调休上班日应是周六或周日")
    return None


DAYS: Final = Layout(
    kind="calendar",
    title="节假日安排表",
    key=("day",),
    columns=(
        Column("day", "日期", day, need=Need.FILLED, note="例如2027-01-01"),
        Column("what", "安排", choice(_WORDS), need=Need.FILLED, note="放假或上班", aliases=("类型",)),
        Column("name", "节日", text(20), need=Need.FILLED, note="例如元旦", aliases=("节日名称", "名称")),
    ),
    rules=(_makes_sense,),
)


@dataclass(slots=True)
class Read:
    """What a file says: a table, or the rows that keep it from being one."""

    table: YearTable | None = None
    faults: list[tuple[int, Fault]] = field(default_factory=list)


def read_calendar(path: Path, *, notice: str, title: str, region: str, max_bytes: int) -> Read:
    """A YAML table as it is; a sheet with its *notice* number. Half a calendar is worse than none, so one bad row
    keeps the file out. Raises ``Problem`` for a file that cannot be read, or a sheet without a notice."""
    if path.suffix.lower() in (".yaml", ".yml"):
        return Read(read_table(path))
    if not notice.strip():
        raise Problem("calendar_invalid", "请用 --notice 写明节假日通知的文号。", 文件=path.name)
    sheet = open_sheet(path, max_bytes=max_bytes)
    binding = DAYS.bind(sheet.headers)
    read, days = Read(), dict[dt.date, tuple[str, str]]()
    for number, cells in sheet.rows:
        values, faults = binding.parse(cells)
        if not faults and values["day"] in days:
            faults = [Fault("日期", values["day"].isoformat(), "与前面的行重复")]
        if (
            not faults
            and days
            and values["day"].year != _year(days)
            and not _near(values["day"], _year(days))
        ):
            faults = [Fault("日期", values["day"].isoformat(), f"不属于{_year(days)}年")]
        read.faults += [(number, fault) for fault in faults[:1]]
        if not faults:
            days[values["day"]] = (values["what"], values["name"])
    if not read.faults:
        read.table = _table(days, notice=notice, title=title, region=region, file=path.name)
    return read


def _year(days: Mapping[dt.date, object]) -> int:
    """The year most of the days lie in."""
    years = [each.year for each in days]
    return max(set(years), key=years.count)


def _near(each: dt.date, year: int) -> bool:
    return dt.date(year - 1, 12, 25) <= each <= dt.date(year + 1, 1, 7)


def _table(
    days: Mapping[dt.date, tuple[str, str]], *, notice: str, title: str, region: str, file: str
) -> YearTable:
    """Days of one name belong to one holiday, its make-up days with it."""
    if not days:
        raise Problem("calendar_invalid", "文件里没有任何日期。", 文件=file)
    holidays: list[dict[str, Any]] = []
    worked: dict[str, list[dt.date]] = {name: [] for _, name in days.values()}
    for each, (what, name) in sorted(days.items()):
        if what == WORK:
            worked[name].append(each)
    for each, (what, name) in sorted(days.items()):
        if what == OFF:
            holidays.append({"name": name, "from": each, "to": each, "work": worked.pop(name, [])})
    if left := [name for name, work in worked.items() if work and name not in {h["name"] for h in holidays}]:
        raise Problem("calendar_invalid", "有上班日但没有放假日的节日。", 文件=file, 节日="、".join(left))
    try:
        return YearTable.model_validate(
            {"year": _year(days), "version": 1, "notice": notice.strip(), "title": title.strip(), "region": region.strip(),
             "holidays": holidays}
        )  # fmt: skip
    except ValueError as error:
        raise Problem("calendar_invalid", f"节假日表{file}有误：{error}", 文件=file) from error
