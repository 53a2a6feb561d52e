"""From a problem found to its closure: order, correction reported, re-check, other handling (C23)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import Calendar
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.models import Evidence
from bot.inspection.followups.models import FollowUp, FollowUpState, TransferState
from bot.inspection.followups.moving import move
from bot.inspection.followups.opening import open_for_approved
from bot.inspection.followups.rules import NAMES, STATE_AFTER, Handling, check_move
from bot.inspection.followups.telling import subject_of, tell_handler, tell_ordered, tell_reported
from bot.inspection.followups.transfers import crime_running, open_transfer
from bot.inspection.notices.service import touch_cards
from bot.inspection.people.models import EnterpriseContact, Role
from bot.inspection.tasks.models import Task, Visit
from bot.inspection.tasks.queries import leads_of, live_officers, people_with_role

__all__ = [
    "add_photo",
    "close",
    "get_follow_up",
    "handle",
    "move",
    "of_visit",
    "open_for_approved",
    "order",
    "reject_correction",
    "report_correction",
]

S = FollowUpState
_AGAIN_WORKDAYS = 5  # what is left at least after a re-check that failed


def get_follow_up(session: Session, follow_up_id: int, *, lock: bool = False) -> FollowUp:
    """Raises ``not_found``."""
    found = session.get(FollowUp, follow_up_id, with_for_update=lock or None)
    if found is None:
        raise Problem("not_found", "没有找到这项后续处置。")
    return found


def order(
    session: Session, *, follow_up_id: int, person_id: int, text: str, due_on: dt.date, now: dt.datetime
) -> FollowUp:
    """责令限期改正. The enterprise's contacts get the order; without one the handler delivers it on paper.

    Raises ``forbidden``, ``text_missing``, ``term_past``, ``wrong_state``.
    """
    found = get_follow_up(session, follow_up_id, lock=True)
    require_handler(session, found, person_id)
    text = _words(text, "责令改正要写明内容。")
    if found.state == S.ORDERED:
        return _the_same(found, found.order_text == text, text)
    require_no_crime(session, found)
    if due_on <= china_day(now):
        raise Problem("term_past", "改正期限要晚于今天。")
    found.order_text, found.due_on = text, due_on
    found.handled_at = found.handled_at or now
    move(session, found, S.ORDERED, now=now, actor=person_id)
    tell_ordered(session, found, now=now)
    return found


def report_correction(
    session: Session, *, follow_up_id: int, person_id: int, text: str, now: dt.datetime
) -> FollowUp:
    """已整改, said by the enterprise. A second report before the re-check changes the words, never unseen: it is recorded
    and the handler hears of it. Raises ``forbidden``, ``text_missing``, ``wrong_state``."""
    found = get_follow_up(session, follow_up_id, lock=True)
    require_reporter(session, found, person_id)
    text = _words(text, "请写明整改情况。")
    if found.state == S.RECHECK_DUE:
        if found.report == text:
            return found
        record(session, "followup.report_changed", subject_of(found), now=now, actor=person_id)
        touch_cards(session, subject_of(found), now=now)
    else:
        found.reported_at = now
        move(session, found, S.RECHECK_DUE, now=now, actor=person_id)
    found.report = text
    session.add(found)
    tell_reported(session, found, now=now)
    return found


def close(session: Session, *, follow_up_id: int, person_id: int, note: str, now: dt.datetime) -> FollowUp:
    """Close with a note; a closed one stays as it was closed. Raises ``forbidden``, ``text_missing``."""
    found = get_follow_up(session, follow_up_id, lock=True)
    require_handler(session, found, person_id)
    if found.state == S.CLOSED:
        return found
    require_no_crime(session, found)
    found.closing_note = _words(note, "办结要写明复查或处理情况。")
    found.handled_at = found.handled_at or now
    found.closed_at = now
    move(session, found, S.CLOSED, now=now, actor=person_id)
    return found


def reject_correction(
    session: Session, *, follow_up_id: int, person_id: int, now: dt.datetime, calendar: Calendar
) -> FollowUp:
    """仍需整改: back to the order, with at least five working days left. The enterprise is told again."""
    found = get_follow_up(session, follow_up_id, lock=True)
    require_handler(session, found, person_id)
    if found.state == S.ORDERED:
        return found
    check_move(found.state, S.ORDERED)
    again = calendar.add_workdays(china_day(now), _AGAIN_WORKDAYS)
    found.due_on = max(found.due_on or again, again)
    found.reported_at = None
    move(session, found, S.ORDERED, now=now, actor=person_id)
    tell_ordered(session, found, now=now)
    return found


def handle(
    session: Session, *, follow_up_id: int, person_id: int, handling: Handling, note: str, now: dt.datetime
) -> FollowUp:
    """Record another handling than an order: a case, a transfer, no penalty, the abnormal list, closure.

    From here the problem counts as handled (M6). The same handling with the same words again changes nothing. Raises
    ``forbidden``, ``text_missing``, ``wrong_state`` (also when somebody recorded it with other words before).
    """
    if handling in (Handling.ORDER, Handling.CRIME):
        raise ValueError(
            "an order has a term, a suspected crime a head who decides: they have their own services"
        )
    if STATE_AFTER[handling] is S.CLOSED:
        words = note if handling is Handling.CLOSE else f"{handling}：{note}"
        return close(session, follow_up_id=follow_up_id, person_id=person_id, note=words, now=now)
    found = get_follow_up(session, follow_up_id, lock=True)
    require_handler(session, found, person_id)
    to = STATE_AFTER[handling]
    words = f"{handling}：{_words(note, f'{handling}要写明文号、去向或理由。')}"
    if found.state == to:
        return _the_same(found, found.report.endswith(words), words)
    require_no_crime(session, found)
    keep_words(found, words)
    found.handled_at = found.handled_at or now
    move(session, found, to, now=now, actor=person_id)
    tell_handler(session, found, now=now)
    if handling is Handling.TRANSFER:
        open_transfer(session, found, receiver=note, now=now, actor=person_id)
    return found


def require_handler(session: Session, found: FollowUp, person_id: int) -> None:
    """Raise ``forbidden`` unless the person is the handler, an officer of the visit, lead or coordinator."""
    visit = session.get_one(Visit, found.visit_id)
    task = session.get_one(Task, visit.task_id)
    allowed = {
        found.handler_id,
        *(officer.person_id for officer in live_officers(session, found.visit_id)),
        *leads_of(session, task.lead_department_id),
        *people_with_role(session, Role.COORDINATOR),
    }
    if person_id not in allowed:
        raise Problem("forbidden", f"这项后续处置（{NAMES[S(found.state)]}）不由您办理。")


def require_no_crime(session: Session, found: FollowUp) -> None:
    """Raise ``wrong_state`` while a suspected crime waits for the head or for its hand-over: first that (JZ-28.7)."""
    running = crime_running(session, found)
    if running is not None:
        waits = "等单位负责人决定" if running.state == TransferState.PROPOSED else "已批准移送，等移送"
        raise Problem("wrong_state", f"这项后续处置已报涉嫌犯罪，{waits}，现在不能登记别的处理。")


def require_reporter(session: Session, found: FollowUp, person_id: int) -> None:
    """Raise ``forbidden`` unless the person is a contact of the enterprise."""
    visit = session.get_one(Visit, found.visit_id)
    if session.get(EnterpriseContact, (person_id, visit.object_id)) is None:
        raise Problem("forbidden", "您不是这家单位登记的联络员。")


def add_photo(
    session: Session, *, follow_up_id: int, person_id: int, stored: Stored, source: str, now: dt.datetime
) -> None:
    """Keep a photo of the correction as evidence of the visit; the same photo again changes nothing."""
    found = get_follow_up(session, follow_up_id)
    require_reporter(session, found, person_id)
    question = subject_of(found)
    same = select(Evidence).where(
        Evidence.visit_id == found.visit_id, Evidence.question == question, Evidence.sha256 == stored.sha256
    )
    if session.exec(same).first() is None:
        session.add(
            Evidence(
                visit_id=found.visit_id,
                question=question,
                sha256=stored.sha256,
                media_type=stored.media_type,
                size=stored.size,
                person_id=person_id,
                at=now,
                source=source,
            )
        )
        record(session, "followup.photo", question, now=now, actor=person_id, sha256=stored.sha256)


def of_visit(session: Session, visit_id: int) -> list[FollowUp]:
    """The follow-ups of a visit, oldest first."""
    return list(
        session.exec(select(FollowUp).where(FollowUp.visit_id == visit_id).order_by(col(FollowUp.id)))
    )


def keep_words(found: FollowUp, words: str) -> None:
    """What was recorded before (the number of a case, what the enterprise said) stays in front of *words*."""
    found.report = f"{found.report}；{words}" if found.report else words


def _the_same(found: FollowUp, same: bool, words: str) -> FollowUp:
    """What one person recorded, a second person's other words neither replace nor join in silence."""
    if same:
        return found
    known = found.order_text if found.state == S.ORDERED else found.report
    raise Problem("wrong_state", f"这项后续处置{NAMES[S(found.state)]}（{known}），没有登记“{words}”。")


def _words(text: str, missing: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise Problem("text_missing", missing, 说明="不能为空")
    return text[:2000]
