"""What a supervising department is told when credit gets worse (C27): one list for each import."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.inspection.followups.credit import KIND, Change, changes, of_department, supervisors
from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.registry.warnings import NAMES

_SHOWN = 15  # objects in one message; the rest is counted


def credit_warning(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """The objects this department supervises that got worse, worst first."""
    batch = int(notice.subject.rpartition(":")[2])
    found = of_department(changes(session, batch), notice.data["department"], supervisors(session))
    if not found:
        return Skip("已不属于本部门监管")
    lines = [line(change) for change in found[:_SHOWN]]
    return Content({"batch": batch, "count": len(found), "lines": lines, "more": len(found) - len(lines)},
                   (("预警对象", f"{len(found)} 户"),))  # fmt: skip


def line(change: Change) -> str:
    """``某某餐饮店：B（420）→ D（780），等级下降``."""

    def shown(state: tuple[str, int | None]) -> str:
        return state[0] if state[1] is None else f"{state[0]}（{state[1]}）"

    return f"{change.name}：{shown(change.before)} → {shown(change.after)}，{NAMES[change.why]}"


KINDS = (
    Kind(
        KIND,
        credit_warning,
        Content(
            {
                "batch": 7,
                "count": 16,
                "lines": ["云溪县某某餐饮店：B（420）→ D（780），等级下降"],
                "more": 15,
            },
            (("预警对象", "16 户"),),
        ),
    ),
)
