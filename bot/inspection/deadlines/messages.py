"""What the clocks themselves say: what was late, and a promise the nightly audit did not find kept."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.inspection.deadlines.words import KINDS_ZH
from bot.inspection.notices.message import Content, Kind, Skip, Told


def reminders_late(_session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the administrators: how long the reminders stood still, and what went out late."""
    data = notice.data
    late = [f"{KINDS_ZH.get(kind, kind)} {count} 项" for kind, count in data["late"].items()]
    return Content(
        {"since": data["since"], "until": data["until"], "late": late, "dropped": data["dropped"],
         "messages": data["messages"]}
    )  # fmt: skip


def promises_broken(_session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the administrators: what the nightly audit found missing, by kind, and that it is made good."""
    data = notice.data
    kinds = [f"{KINDS_ZH.get(kind, kind)} {count} 项" for kind, count in data["kinds"].items()]
    return Content({"kinds": kinds, "silent": data["silent"], "examples": "、".join(data["examples"])})


KINDS: tuple[Kind, ...] = (
    Kind(
        "reminders_late",
        reminders_late,
        Content({"since": "03月13日 17:00", "until": "03月16日 10:00", "late": ["公示期限 12 项"], "dropped": 0,
                 "messages": 24}),
    ),
    Kind(
        "promises_broken",
        promises_broken,
        Content({"kinds": ["公示期限 2 项"], "silent": 1, "examples": "visit:17、visit:18"}),
    ),
)  # fmt: skip
