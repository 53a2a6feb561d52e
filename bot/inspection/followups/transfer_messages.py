"""What receivers, handlers, heads and the legal office are told about transfers (C23)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.core.clock import china, china_day
from bot.inspection.deadlines.shown import calendar_of, moment_words
from bot.inspection.followups.crime import department_of
from bot.inspection.followups.models import FollowUp, Transfer, TransferState
from bot.inspection.followups.transfers import NAMES, receivers
from bot.inspection.notices.message import Ask, Content, Kind, Skip, Told
from bot.inspection.people.models import Person
from bot.inspection.tasks.approval import heads_of
from bot.inspection.tasks.queries import visit_facts

S = TransferState
_CONFIRM = Ask("确认收到", "receive_transfer", "primary")
_ENTER = Ask("登记回执", "enter_receipt", "primary")
_APPROVE = (Ask("同意移送", "approve_crime", "primary"), Ask("不移送", "refuse_crime", "danger"))
_HANDED_OVER = Ask("已移送", "hand_over_crime", "primary")


def _load(session: Session, notice: Told) -> tuple[Transfer, dict[str, str]]:
    transfer = session.get_one(Transfer, int(notice.subject.rpartition(":")[2]))
    follow_up = session.get_one(FollowUp, transfer.follow_up_id)
    facts = visit_facts(session, follow_up.visit_id)
    handler = session.get_one(Person, follow_up.handler_id)
    return transfer, {
        "number": follow_up.number, "object": facts.object.name, "department": facts.department,
        "problem": follow_up.problem, "receiver": transfer.receiver, "note": transfer.note, "handler": handler.name,
        "due": moment_words(calendar_of(session), transfer.due_at) if transfer.due_at else "", "reason": transfer.reason,
        "state": NAMES[S(transfer.state)],
    }  # fmt: skip


def transfer_received(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the receiver's lead at once; one press is the receipt."""
    transfer, values = _load(session, notice)
    if notice.recipient_id not in receivers(session, transfer):
        return Skip("不再是接收单位负责人")
    shown = (("移送单位", values["department"]), ("检查对象", values["object"]), ("问题", values["problem"]))
    if transfer.state == S.SENT:
        return Content(values, shown, (_CONFIRM,))
    return Content(values, shown, closed=NAMES[S(transfer.state)])


def transfer_reminder(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """No receipt yet: to both sides, then to the joint-conference office."""
    transfer, values = _load(session, notice)
    if transfer.state != S.SENT or transfer.sent_at is None:
        return Skip(NAMES[S(transfer.state)])
    mine = notice.recipient_id in receivers(session, transfer)
    handler = session.get_one(FollowUp, transfer.follow_up_id).handler_id == notice.recipient_id
    values |= {
        "sent": f"{china(transfer.sent_at):%m月%d日}",
        "days": str((china_day(now) - china_day(transfer.sent_at)).days),
    }
    asks = (_CONFIRM,) if mine else (_ENTER,) if handler else ()
    return Content(values, (("接收单位", transfer.receiver), ("移送日期", values["sent"])), asks)


def crime_suspected(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the head, who decides; to the legal office and the lead, who know."""
    transfer, values = _load(session, notice)
    head = notice.recipient_id in heads_of(session, department_of(session, transfer))
    shown = (
        ("检查对象", values["object"]),
        ("事实和依据", transfer.note),
        ("决定期限", values["due"] or "—"),
    )
    if transfer.state == S.PROPOSED:
        return Content(values, shown, _APPROVE if head else ())
    return Content(values, shown[:2], closed=NAMES[S(transfer.state)])


def crime_decided(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the handler: hand over within 24 hours, or why not."""
    transfer, values = _load(session, notice)
    values["approved"] = "1" if transfer.state != S.REFUSED else ""
    shown = (
        ("检查对象", values["object"]),
        ("接收单位", transfer.receiver),
        ("移送期限", values["due"] or "—"),
    )
    if transfer.state == S.APPROVED:
        return Content(values, shown, (_HANDED_OVER,))
    return Content(values, shown[:2], closed=NAMES[S(transfer.state)])


def crime_alarm(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """The clock of a suspected crime runs out, or has."""
    transfer, values = _load(session, notice)
    if transfer.state not in (S.PROPOSED, S.APPROVED) or transfer.due_at is None:
        return Skip(NAMES[S(transfer.state)])
    hours = int((transfer.due_at - now).total_seconds() // 3600)
    values["left"] = (
        f"还剩 {hours} 小时" if hours > 0 else "不足 1 小时" if transfer.due_at > now else "已到期"
    )
    head = notice.recipient_id in heads_of(session, department_of(session, transfer))
    handler = session.get_one(FollowUp, transfer.follow_up_id).handler_id == notice.recipient_id
    asks: tuple[Ask, ...] = _APPROVE if head and transfer.state == S.PROPOSED else ()
    if handler and transfer.state == S.APPROVED:
        asks = (_HANDED_OVER,)
    return Content(
        values, (("检查对象", values["object"]), ("现状", values["state"]), ("期限", values["due"])), asks
    )


_SAMPLE = {
    "number": "450900202603100001-012-H1", "object": "云溪县某某餐饮店", "department": "市场监管局",
    "problem": "第 5 项：消防通道堵塞", "receiver": "消防救援大队", "note": "消防救援大队", "handler": "王一",
    "due": "03月13日 15:00", "reason": "", "state": "已移送，待回执",
}  # fmt: skip
KINDS = (
    Kind("transfer_received", transfer_received, Content(_SAMPLE, (), (_CONFIRM,)), card=True),
    Kind("transfer_reminder", transfer_reminder, Content(_SAMPLE | {"sent": "03月10日", "days": "7"}, (), (_CONFIRM,)),
         card=True),
    Kind("crime_suspected", crime_suspected, Content(_SAMPLE, (), _APPROVE), card=True),
    Kind("crime_decided", crime_decided, Content(_SAMPLE | {"approved": "1"}, (), (_HANDED_OVER,)), card=True),
    Kind("crime_alarm", crime_alarm, Content(_SAMPLE | {"left": "还剩 2 小时"}, (), (_HANDED_OVER,)), card=True),
)  # fmt: skip
