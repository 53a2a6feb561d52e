"""Year tables of the working calendar: what a table file may say, and reading it with clear errors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.core.errors import Problem

DATA = Path(__file__).with_name("data")


class Holiday(BaseModel):
    """One holiday of a notice: days off (both ends included) and the weekend days worked in exchange."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    first: dt.date = Field(alias="from")
    last: dt.date = Field(alias="to")
    work: tuple[dt.date, ...] = ()

    @model_validator(mode="after")
    def _days_make_sense(self) -> Holiday:
        if self.last < self.first:
            raise ValueError(f"{self.name}的结束日期早于开始日期")
        for day in self.work:
            if day.weekday() < 5:
                raise ValueError(f"调休上班日{day}不是周六或周日")
            if self.first <= day <= self.last:
                raise ValueError(f"{day}既写成放假又写成上班")
        return self

    def days_off(self) -> Iterator[dt.date]:
        """Yield every day off, weekends included."""
        for offset in range((self.last - self.first).days + 1):
            yield self.first + dt.timedelta(days=offset)


class YearTable(BaseModel):
    """The holidays of one year, with the notice they come from.

    A table with ``region`` is a local overlay (extra holidays of a minority region, 放假办法 article 4): it
    is added to the national table of that year instead of replacing it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    year: int = Field(ge=2000, le=2099)
    version: int = Field(ge=1)
    notice: str = Field(min_length=1)
    title: str = ""
    issued: dt.date | None = None
    region: str = ""
    holidays: tuple[Holiday, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _belongs_to_the_year(self) -> YearTable:
        earliest, latest = dt.date(self.year - 1, 12, 25), dt.date(self.year + 1, 1, 7)
        off = {day for holiday in self.holidays for day in holiday.days_off()}
        work = {day for holiday in self.holidays for day in holiday.work}
        for day in sorted(off | work):
            if not earliest <= day <= latest:
                raise ValueError(f"{day}不属于{self.year}年")
        if both := off & work:
            raise ValueError(f"{min(both)}既写成放假又写成上班")
        return self


def read_table(path: Path) -> YearTable:
    """Read one table file; raises ``Problem("calendar_invalid")`` naming the file and the field at fault."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Problem("calendar_invalid", f"节假日表读不到：{path.name}", file=path.name) from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        text = f"节假日表不是有效的YAML文件：{path.name}"
        raise Problem("calendar_invalid", text, file=path.name) from error
    try:
        return YearTable.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "整个文件"
        raise Problem(
            "calendar_invalid",
            f"节假日表{path.name}的“{where}”有误：{_reason(first['type'], first['msg'])}",
            file=path.name,
            field=where,
        ) from error


def read_tables(extra: Path | None = None) -> list[YearTable]:
    """Read the shipped tables, then those of *extra* (a file or a folder of ``*.yaml``)."""
    paths = sorted(DATA.glob("*.yaml"))
    if extra is not None:
        paths += sorted(extra.glob("*.yaml")) if extra.is_dir() else [extra]
    return [read_table(path) for path in paths]


def _reason(kind: str, message: str) -> str:
    """Say in Chinese why a field was refused."""
    known = {"missing": "缺少这一项", "extra_forbidden": "没有这一项", "model_type": "内容应是一张表"}
    if kind.startswith("date"):
        return "应是日期，例如 2027-01-01"
    if kind.startswith("int"):
        return "应是整数"
    return known.get(kind, message.removeprefix("Value error, "))
