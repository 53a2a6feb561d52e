"""The account of an import: counts, the first rejected rows, a file of all of them to mend and send again."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bot.core.columns import Fault
from bot.inspection.registry.sheets import EXTRA

KEPT = 1000  # rejected rows kept in the report and in the batch


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row that did not come in: where, which column, what stood there, why (zh-CN)."""

    row: int
    header: str
    value: str
    reason: str


@dataclass(slots=True)
class Report:
    """``total`` = new + changed + unchanged + rejected + duplicates; ``stopped`` says why it ended early."""

    kind: str
    filename: str
    dry_run: bool = False
    total: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    duplicates: int = 0
    unknown_headers: tuple[str, ...] = ()
    rejects: list[Rejected] = field(default_factory=list)
    rejects_file: str = ""
    stopped: str = ""
    batch_id: int | None = None

    @property
    def accepted(self) -> int:
        return self.new + self.changed + self.unchanged

    @property
    def clean(self) -> bool:
        """Whether every row came in."""
        return not (self.rejected or self.duplicates or self.stopped)

    def counts(self) -> dict[str, int]:
        names = ("total", "new", "changed", "unchanged", "rejected", "duplicates")
        return {name: getattr(self, name) for name in names}

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"accepted": self.accepted}

    def note(self, number: int, fault: Fault) -> None:
        """Remember a row that did not come in, up to ``KEPT`` of them."""
        if len(self.rejects) < KEPT:
            self.rejects.append(Rejected(number, fault.header, fault.value[:200], fault.reason))


class RejectsFile:
    """A CSV with the original columns, the row number and the reason; made when the first row comes."""

    def __init__(self, path: Path, headers: tuple[str, ...]) -> None:
        self.path = path
        self._headers = headers
        self._file: io.TextIOWrapper | None = None
        self._writer: Any = None

    def add(self, number: int, cells: dict[str, str], reason: str) -> None:
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8-sig", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow([*self._headers, "原行号", "原因"])
        values = [inert(cells.get(header, "")) for header in self._headers]
        self._writer.writerow([*values, number, inert(reason + cells.get(EXTRA, ""))])

    def close(self) -> str:
        """The name of what was written; empty when nothing was."""
        if self._file is None:
            return ""
        self._file.close()
        return str(self.path)


def inert(cell: str) -> str:
    """*cell* such that a spreadsheet shows it and never computes it."""
    risky = cell[:1] in {"=", "@", "\t", "\r"} or (
        cell[:1] in {"+", "-"} and not cell[1:].replace(" ", "").isdigit()
    )
    return f"'{cell}" if risky else cell
