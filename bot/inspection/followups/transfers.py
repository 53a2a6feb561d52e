"""移送: a problem goes to the authority that is competent and is chased until it confirms (C23, SC-4.3.1.e)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, and_, col, func, select

from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.followups.models import FollowUp, Transfer, TransferKind, TransferState
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, supersede
from bot.inspection.people.models import Department
from bot.inspection.tasks.queries import leads_of

S = TransferState
NAMES = {
    S.PROPOSED: "待单位负责人决定", S.APPROVED: "已批准，待移送", S.REFUSED: "决定不移送", S.SENT: "已移送，待回执",
    S.RECEIVED: "接收单位已确认",
}  # fmt: skip
REMINDER = "transfer_reminder"


def subject_of(transfer: Transfer) -> str:
    return f"transfer:{transfer.id}"


def get_transfer(session: Session, transfer_id: int, *, lock: bool = False) -> Transfer:
    """Raises ``not_found``."""
    found = session.get(Transfer, transfer_id, with_for_update=lock or None)
    if found is None:
        raise Problem("not_found", "没有找到这次移送。")
    return found


def open_transfer(
    session: Session, follow_up: FollowUp, *, receiver: str, now: dt.datetime, actor: int | None
) -> Transfer:
    """Handed over now: the receiver's lead hears at once where *receiver* names a department of this system; another
    authority gets it on paper and the handler enters its receipt."""
    department = _department(session, receiver)
    made = Transfer(
        follow_up_id=follow_up.id or 0, kind=TransferKind.AUTHORITY, round=next_round(session, follow_up), state=S.SENT,
        receiver=department.name if department else receiver[:200], department_id=department.id if department else None,
        note=receiver, proposed_at=now, sent_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    record(session, "transfer.sent", subject_of(made), now=now, actor=actor, followup=follow_up.id)
    tell_receiver(session, made, now=now)
    return made


def tell_receiver(session: Session, transfer: Transfer, *, now: dt.datetime) -> None:
    """To the lead of the receiving department at once (requirements section 5)."""
    for person in receivers(session, transfer):
        enqueue(session, "transfer_received", subject_of(transfer), recipient_id=person, now=now,
                priority=Priority.ASSIGNMENT)  # fmt: skip


def receivers(session: Session, transfer: Transfer) -> list[int]:
    """Who answers for the receiver; nobody where it is outside this system."""
    return leads_of(session, transfer.department_id) if transfer.department_id else []


def confirm_receipt(
    session: Session, *, transfer_id: int, person_id: int, now: dt.datetime, receipt: str = ""
) -> Transfer:
    """收到: by the receiver's lead with a press, or by the handler who enters the number of a paper receipt.

    The first time counts. Raises ``forbidden``, ``text_missing`` (paper without a number), ``wrong_state``.
    """
    transfer = get_transfer(session, transfer_id, lock=True)
    inside = person_id in receivers(session, transfer)
    if not inside and person_id != session.get_one(FollowUp, transfer.follow_up_id).handler_id:
        raise Problem("forbidden", "移送回执由接收单位确认，或由经办人登记。")
    if transfer.state == S.RECEIVED:
        return transfer
    if transfer.state != S.SENT:
        raise Problem("wrong_state", "还没有移送，不能登记回执。")
    receipt = " ".join(receipt.split())[:100]
    if not inside and not receipt:
        raise Problem("text_missing", "请写明回执文号。", 回执="不能为空")
    transfer.state, transfer.received_at, transfer.receipt = S.RECEIVED, now, receipt
    changed(session, transfer, now=now)
    record(session, "transfer.received", subject_of(transfer), now=now, actor=person_id, receipt=receipt)
    return transfer


def changed(session: Session, transfer: Transfer, *, now: dt.datetime) -> None:
    """What was told about the transfer is no longer true; its clocks are derived again."""
    transfer.reminded_on = None
    session.add(transfer)
    session.flush()
    supersede(session, subject_of(transfer), kinds=(REMINDER, "crime_alarm"), reason="已办理", now=now)


# of a transfer: a suspected crime that is not decided, or decided and not handed over
CRIME_RUNS = and_(col(Transfer.kind) == TransferKind.CRIME, col(Transfer.state).in_((S.PROPOSED, S.APPROVED)))


def crime_running(session: Session, follow_up: FollowUp) -> Transfer | None:
    """The suspected crime of a follow-up that still waits for somebody."""
    return session.exec(select(Transfer).where(Transfer.follow_up_id == follow_up.id, CRIME_RUNS)).first()


def next_round(session: Session, follow_up: FollowUp) -> int:
    """The number of the next transfer of a follow-up."""
    before = select(func.max(Transfer.round)).where(Transfer.follow_up_id == follow_up.id)
    return (session.exec(before).one() or 0) + 1


def _department(session: Session, words: str) -> Department | None:
    """The department whose name or code *words* begin with; the longest name wins."""
    found = [
        d
        for d in session.exec(select(Department).order_by(col(Department.id)))
        if words.startswith((d.name, d.code))
    ]
    return max(found, key=lambda d: len(d.name), default=None)
