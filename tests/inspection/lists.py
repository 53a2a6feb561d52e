"""Small lists for tests of imports and plans."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.core.clock import UTC
from bot.core.db import Database
from bot.inspection.imports import IMPORTERS
from bot.inspection.registry.codes import make_uscc
from bot.inspection.registry.imports import run_import
from bot.inspection.registry.report import Report

NOW = dt.datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
LIMIT = 1 << 28


def code(number: int) -> str:
    """A made-up credit code with right check characters."""
    return make_uscc(f"91440800{number:08d}")


def write(
    path: Path, headers: Sequence[str], rows: Sequence[Sequence[Any]], *, encoding: str = "utf-8"
) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headers)
        writer.writerows(rows)
    return path


def bring(db: Database, kind: str, path: Path, **options: Any) -> Report:
    options.setdefault("now", NOW)
    return run_import(db, IMPORTERS[kind], path, max_bytes=LIMIT, **options)


def departments(db: Database, folder: Path) -> None:
    rows = [["SCJG", "市场监管局", ""], ["GA", "公安局", ""], ["XF", "消防大队", "公安局"]]
    assert bring(db, "departments", write(folder / "部门.csv", ["编号", "名称", "上级"], rows)).clean


ITEM_HEADERS = [
    "编号",
    "抽查事项",
    "事项类别",
    "比例上限",
    "检查依据",
    "检查对象",
    "检查主体",
    "状态",
    "比例权限",
]
ITEM_ROWS = [
    ["G-1", "公示信息检查", "一般", "5%", "企业信息公示暂行条例", "企业", "SCJG", "在用", "本级"],
    ["K-1", "电梯使用单位检查", "重点", "", "特种设备安全法", "使用单位", "市场监管局", "在用", "本级"],
    ["U-1", "消防安全检查", "重点", "", "消防法", "单位", "XF", "在用", "上级"],
]


def items(db: Database, folder: Path, rows: Sequence[Sequence[str]] = ITEM_ROWS) -> Report:
    return bring(db, "items", write(folder / "清单.csv", ITEM_HEADERS, rows))


def objects(db: Database, folder: Path, classes: dict[str, int]) -> None:
    """So many businesses of each credit class."""
    rows = [
        [code(n), f"企业{n}", klass]
        for n, klass in enumerate(k for k, size in classes.items() for _ in range(size))
    ]
    headers = ["统一社会信用代码", "名称", "信用风险等级"]
    assert bring(db, "objects", write(folder / "企业.csv", headers, rows)).clean
