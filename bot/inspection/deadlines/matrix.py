"""通知矩阵: who hears of which event, when, by which message (requirements section 5), as data."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

DATA = Path(__file__).with_name("data") / "matrix.yaml"
READERS = {
    "officer": "检查人员", "follower": "接替人员", "lead": "部门负责人（组长）", "part": "参与部门", "reviewer": "审核人",
    "department": "上级部门", "coordinator": "联席办", "planner": "责任部门", "librarian": "名录库管理员",
    "handler": "经办人", "enterprise": "企业联络员", "receiver": "接收单位", "head": "单位负责人", "legal": "法制机构",
}  # fmt: skip


class Cell(BaseModel):
    """One promise: a message kind, or an entry of the audit chain (``log``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    who: str
    when: tuple[str, ...]
    kind: str = ""
    log: str = ""
    daily: bool = False  # the last step repeats each working day until the duty is done

    @model_validator(mode="after")
    def _says_one_thing(self) -> Cell:
        if bool(self.kind) == bool(self.log):
            raise ValueError("a cell has either a message kind or a log entry")
        if self.who not in READERS:
            raise ValueError(f"nobody is called {self.who}")
        return self


class Row(BaseModel):
    """One event of the inspection year."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    row: str
    event: str
    cells: tuple[Cell, ...]


@cache
def matrix() -> tuple[Row, ...]:
    """Every row, in the order of the inspection year."""
    return tuple(Row.model_validate(each) for each in yaml.safe_load(DATA.read_text(encoding="utf-8")))
