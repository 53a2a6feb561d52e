"""涉嫌犯罪: the head decides within three days, then 24 hours to hand it over (移送规定 art. 5, field guide 7.6)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, select

from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.followups.models import FollowUp, FollowUpState, Transfer, TransferKind, TransferState
from bot.inspection.followups.rules import check_move
from bot.inspection.followups.service import (
    get_follow_up,
    keep_words,
    move,
    require_handler,
    require_no_crime,
)
from bot.inspection.followups.telling import subject_of as follow_up_subject
from bot.inspection.followups.transfers import changed, crime_running, get_transfer, next_round, subject_of
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, touch_cards
from bot.inspection.people.models import Role
from bot.inspection.profile import Profile
from bot.inspection.tasks.approval import heads_of
from bot.inspection.tasks.models import Task, Visit
from bot.inspection.tasks.queries import leads_of, people_with_role

S = TransferState
DECIDE_WITHIN = dt.timedelta(days=3)
HAND_OVER_WITHIN = dt.timedelta(hours=24)


def propose(
    session: Session, *, follow_up_id: int, person_id: int, note: str, now: dt.datetime, profile: Profile
) -> Transfer:
    """Report a suspected crime: the head, the legal office and the lead hear of it the same moment, quiet hours or not.

    A report that waits is the report. Raises ``forbidden``, ``text_missing``, ``wrong_state``.
    """
    found = get_follow_up(session, follow_up_id, lock=True)
    require_handler(session, found, person_id)
    note = " ".join(note.split())[:2000]
    if not note:
        raise Problem("text_missing", "请写明涉嫌犯罪的事实和依据。", 说明="不能为空")
    waiting = crime_running(session, found)
    if waiting is not None and waiting.note == note:
        return waiting
    require_no_crime(session, found)
    check_move(found.state, FollowUpState.TRANSFERRED)
    made = Transfer(
        follow_up_id=follow_up_id, kind=TransferKind.CRIME, round=next_round(session, found), state=S.PROPOSED,
        receiver=profile.followup.crime_receiver, note=note, proposed_at=now, due_at=now + DECIDE_WITHIN,
    )  # fmt: skip
    session.add(made)
    session.flush()
    record(session, "crime.proposed", subject_of(made), now=now, actor=person_id, followup=follow_up_id)
    touch_cards(session, follow_up_subject(found), now=now)
    for person in concerned(session, made):
        enqueue(session, "crime_suspected", subject_of(made), recipient_id=person, now=now, priority=Priority.URGENT,
                statutory=True)  # fmt: skip
    return made


def decide(
    session: Session, *, transfer_id: int, person_id: int, approved: bool, now: dt.datetime, reason: str = ""
) -> Transfer:
    """The head decides; the first decision counts. Raises ``forbidden``, ``text_missing`` (a refusal says why)."""
    transfer = get_transfer(session, transfer_id, lock=True)
    if person_id not in heads_of(session, department_of(session, transfer)):
        raise Problem("forbidden", "是否移送由单位负责人决定。")
    if transfer.state != S.PROPOSED:
        return transfer
    reason = " ".join(reason.split())[:2000]
    if not approved and not reason:
        raise Problem("text_missing", "不移送要写明理由。", 理由="不能为空")
    transfer.state, transfer.reason = (S.APPROVED, "") if approved else (S.REFUSED, reason)
    transfer.decided_at, transfer.decided_by = now, person_id
    transfer.due_at = now + HAND_OVER_WITHIN if approved else None
    changed(session, transfer, now=now)
    record(
        session,
        "crime.approved" if approved else "crime.refused",
        subject_of(transfer),
        now=now,
        actor=person_id,
    )
    found = session.get_one(FollowUp, transfer.follow_up_id)
    touch_cards(session, follow_up_subject(found), now=now)
    enqueue(session, "crime_decided", subject_of(transfer), recipient_id=found.handler_id, now=now, priority=Priority.URGENT,
            statutory=True)  # fmt: skip
    return transfer


def hand_over(
    session: Session, *, transfer_id: int, person_id: int, receipt: str, now: dt.datetime
) -> Transfer:
    """已移送: the problem counts as handled; the receipt of public security is chased from here.

    Raises ``forbidden``, ``text_missing``, ``wrong_state`` (not approved).
    """
    transfer = get_transfer(session, transfer_id, lock=True)
    found = get_follow_up(session, transfer.follow_up_id, lock=True)
    require_handler(session, found, person_id)
    if transfer.state in (S.SENT, S.RECEIVED):
        return transfer
    if transfer.state != S.APPROVED:
        raise Problem("wrong_state", "移送要先由单位负责人批准。")
    note = " ".join(receipt.split())[:100]
    if not note:
        raise Problem("text_missing", "请写明移送文号。", 文号="不能为空")
    transfer.state, transfer.sent_at, transfer.due_at = S.SENT, now, None
    changed(session, transfer, now=now)
    keep_words(found, f"涉嫌犯罪，移送{transfer.receiver}：{note}")
    found.handled_at = found.handled_at or now
    if found.state != FollowUpState.CLOSED:
        move(session, found, FollowUpState.TRANSFERRED, now=now, actor=person_id)
    record(session, "crime.handed_over", subject_of(transfer), now=now, actor=person_id, number=note)
    return transfer


def concerned(session: Session, transfer: Transfer) -> list[int]:
    """The head, the legal office, the lead; each person once."""
    department = department_of(session, transfer)
    legal = people_with_role(session, Role.LEGAL, department_id=department) or people_with_role(
        session, Role.LEGAL
    )
    return list(dict.fromkeys([*heads_of(session, department), *legal, *leads_of(session, department)]))


def department_of(session: Session, transfer: Transfer) -> int:
    """The department that inspected."""
    query = (
        select(Task.lead_department_id)
        .join(Visit, Visit.task_id == Task.id)  # type: ignore[arg-type]
        .join(FollowUp, FollowUp.visit_id == Visit.id)  # type: ignore[arg-type]
        .where(FollowUp.id == transfer.follow_up_id)
    )
    return session.exec(query).one()
