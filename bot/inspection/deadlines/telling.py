"""What each kind of deadline says to whom: the message kind, and whether many deadlines make one message. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.inspection.notices.models import Priority
from bot.inspection.profile.terms import Role

# found by their office for the deadline's department; everybody else is on duty by name
OFFICES = (Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR, Role.HEAD, Role.LIBRARIAN, Role.LEGAL)


@dataclass(frozen=True, slots=True)
class Telling:
    """``together``: one message a day about ``Deadline.above``, however many deadlines fall due under it."""

    kind: str
    together: bool = False
    priority: Priority = Priority.REMINDER
    statutory: bool = False


TELLINGS: dict[tuple[str, Role], Telling] = {
    ("assignment", Role.OFFICER): Telling("assignment_reminder"),
    ("assignment", Role.PARTNER): Telling("partner_waiting"),
    ("assignment", Role.LEAD): Telling("assignment_overdue", together=True),
    ("assignment", Role.DEPARTMENT): Telling("assignment_overdue", together=True),
    ("assignment", Role.COORDINATOR): Telling("assignment_overdue", together=True),
    ("visit_day", Role.OFFICER): Telling("visit_day"),
    ("visit_window", Role.OFFICER): Telling("visit_window"),
    ("visit_window", Role.LEAD): Telling("window_ending", together=True),
    ("visit_window", Role.DEPARTMENT): Telling("window_ending", together=True),
    ("visit_window", Role.COORDINATOR): Telling("window_ending", together=True),
    ("approval", Role.HEAD): Telling("approval_reminder", together=True),
    ("urgent_approval", Role.HEAD): Telling("approval_reminder"),
    **{("transfer", who): Telling("transfer_reminder")
       for who in (Role.HANDLER, Role.RECEIVER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR)},
    **{(kind, who): Telling("crime_alarm", priority=Priority.URGENT, statutory=True)
       for kind in ("crime_decision", "crime_transfer")
       for who in (Role.HANDLER, Role.LEAD, Role.HEAD, Role.LEGAL, Role.DEPARTMENT, Role.COORDINATOR)},
    **{("return_visit", who): Telling("return_visit_reminder")
       for who in (Role.OFFICER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR)},
    ("clue", Role.OFFICER): Telling("clue_assigned", priority=Priority.URGENT, statutory=True),
    **{("clue", who): Telling("clue_unanswered", priority=Priority.URGENT, statutory=True)
       for who in (Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR)},
    **{(kind, Role.PLANNER): Telling("duty_reminder") for kind in ("plan", "joint_plan", "yearly_results")},
    **{(kind, Role.COORDINATOR): Telling("duty_digest", together=True, priority=Priority.DIGEST)
       for kind in ("plan", "joint_plan", "yearly_results")},
    **{("supervision", who): Telling("supervision_reminder") for who in (Role.PLANNER, Role.COORDINATOR)},
    ("libraries", Role.LIBRARIAN): Telling("libraries_stale"),
    **{("review", who): Telling("review_reminder")
       for who in (Role.REVIEWER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR)},
    **{("publicity", who): Telling("publicity_reminder")
       for who in (Role.OFFICER, Role.REVIEWER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR)},
    **{("decision", who): Telling("correction_reminder")
       for who in (Role.HANDLER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR)},
    **{("correction", who): Telling("correction_reminder")
       for who in (Role.HANDLER, Role.ENTERPRISE, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR)},
    ("commission", Role.RECEIVER): Telling("commission_due"),
    ("commission", Role.LEAD): Telling("commission_due"),
    ("certificate", Role.OFFICER): Telling("certificate_expiring"),
    ("certificate", Role.LIBRARIAN): Telling("certificate_expiring"),
}  # fmt: skip
