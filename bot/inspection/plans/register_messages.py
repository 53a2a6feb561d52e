"""What is told about the register of duties: to who owes one, and to the joint-conference office about all of them."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.core.clock import china_day
from bot.inspection.deadlines.shown import due_words
from bot.inspection.notices.message import Ask, Content, Kind, Skip, Told
from bot.inspection.plans.models import DutyEntry, DutyKind
from bot.inspection.plans.register import NAMES, duties_of

_SHOWN = 20  # departments named in one message; the rest is counted
_ABOVE = {kind.value.replace("_", ""): kind for kind in DutyKind}
_ASK = Ask("已报送", "file_duty", "primary")


def duty_reminder(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """To the department: what it owes, by when; its button asks for the proof."""
    entry = session.get_one(DutyEntry, int(notice.subject.rpartition(":")[2]))
    values = {
        "name": NAMES[DutyKind(entry.kind)], "year": entry.year, "due": due_words(entry, entry.due_on),
        "when": _when(entry.due_on, china_day(now)), "basis": entry.basis,
    }  # fmt: skip
    shown = (("事项", f"{entry.year}年{values['name']}"), ("期限", str(values["due"])))
    if entry.filed_at is not None:
        return Content(values, shown, closed="已报送")
    return Content(values, shown, (_ASK,), overdue=entry.due_on < china_day(now))


def duty_digest(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """To the joint-conference office: one message naming every department that has not filed."""
    word, _, year = notice.subject.partition(":")
    kind = _ABOVE[word]
    waiting = [
        (entry, name)
        for entry, name in duties_of(session, year=int(year), only_open=True)
        if entry.kind == kind
    ]
    if not waiting:
        return Skip("均已报送")
    names = [name for _, name in waiting]
    return Content(
        {"name": NAMES[kind], "year": year, "count": len(names), "names": "、".join(names[:_SHOWN]),
         "more": max(0, len(names) - _SHOWN), "due": due_words(waiting[0][0], waiting[0][0].due_on),
         "when": _when(waiting[0][0].due_on, china_day(now))},
        (("未报送", f"{len(names)} 个部门"),),
    )  # fmt: skip


def _when(due: dt.date, today: dt.date) -> str:
    left = (due - today).days
    return f"已超期 {-left} 天" if left < 0 else "今天到期" if left == 0 else f"还剩 {left} 天"


KINDS: tuple[Kind, ...] = (
    Kind(
        "duty_reminder",
        duty_reminder,
        Content(
            {"name": "部门年度抽查计划", "year": 2026, "due": "01月31日", "when": "还剩 15 天",
             "basis": "部门年度抽查计划应于每年1月31日前完成"},
            (), (_ASK,),
        ),
        card=True,
    ),
    Kind(
        "duty_digest",
        duty_digest,
        Content({"name": "部门年度抽查计划", "year": "2026", "count": 17, "names": "教育局、公安局", "more": 0,
                 "due": "01月31日", "when": "还剩 15 天"}),
    ),
)  # fmt: skip
