"""The reviewer's queue as one card, and what officers hear of a corrected result (C21)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.inspection.deadlines.shown import calendar_of, day_words
from bot.inspection.notices.message import Content, Kind, Page, Skip, Told
from bot.inspection.results.labels import label_of
from bot.inspection.results.queue import review_queue
from bot.inspection.tasks.queries import visit_facts


def queue_card(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """How many wait, how many may pass together, which day is the nearest."""
    entries, total = review_queue(session, person_id=notice.recipient_id, limit=40)
    if not entries:
        return Skip("已全部审核")
    together = sum(one.at_once for one in entries)
    due = min((one.due for one in entries if one.due), default=None)
    nearest = day_words(calendar_of(session), due) if due else "—"
    values = {"total": total, "together": together, "signs": len(entries) - together, "due": nearest}
    shown = (
        ("待审核", f"{total} 件"),
        ("有提示或发现问题", f"{len(entries) - together} 件"),
        ("最近的公示期限", nearest),
    )
    return Content(values, shown, pages=(Page("打开审核队列", "reviews"),))


def result_corrected(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    facts = visit_facts(session, int(notice.subject.rpartition(":")[2]))
    result = label_of(facts.visit.outcome) if facts.visit.outcome else "—"
    return Content({"object": facts.object.name, "number": facts.visit.number, "result": result,
                    "reason": notice.data["reason"]})  # fmt: skip


KINDS = (
    Kind("review_queue", queue_card,
         Content({"total": 12, "together": 9, "signs": 3, "due": "04月13日"}, (("待审核", "12 件"),),
                 pages=(Page("打开审核队列", "reviews"),))),
    Kind("result_corrected", result_corrected,
         Content({"object": "云溪县某某餐饮店", "number": "450900202603100001-012", "result": "发现问题已责令改正",
                  "reason": "照片显示过期原料"})),
)  # fmt: skip
