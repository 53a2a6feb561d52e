"""The words a locality profile may use."""

from __future__ import annotations

from enum import StrEnum


class ItemSource(StrEnum):
    """Where the item list (一单) comes from."""

    OWN = "OWN"
    UPPER_AS_IS = "UPPER_AS_IS"
    UPPER_CLAIMED = "UPPER_CLAIMED"


class RatioAuthority(StrEnum):
    """Who may set ratio and frequency."""

    SELF = "SELF"
    UPPER = "UPPER"


class SpecialSweeps(StrEnum):
    """How special sweeps (专项检查) relate to double random."""

    TARGETED_RANDOM = "TARGETED_RANDOM"
    NOT_IN_PRINCIPLE = "NOT_IN_PRINCIPLE"
    NEED_REASON = "NEED_REASON"


class LibraryRefresh(StrEnum):
    """When the two libraries (两库) are brought up to date."""

    BEFORE_EVERY_DRAW = "BEFORE_EVERY_DRAW"
    DYNAMIC = "DYNAMIC"


class DrawMode(StrEnum):
    """Which sides are drawn."""

    BOTH = "BOTH"
    OBJECT_ONLY = "OBJECT_ONLY"
    PERSON_ONLY = "PERSON_ONLY"


class LeadRule(StrEnum):
    """Who leads joint work."""

    INITIATOR = "INITIATOR"  # 谁发起、谁牵头
    CONFERENCE = "CONFERENCE"  # 联席会议确定
    COORDINATING_OFFICES = "COORDINATING_OFFICES"  # 法制、商务等牵头单位
    MANAGING_DEPARTMENT = "MANAGING_DEPARTMENT"  # 谁主管、谁牵头、谁发起


class Method(StrEnum):
    """How a visit is carried out."""

    ON_SITE = "ON_SITE"
    DOCUMENT = "DOCUMENT"
    ONLINE = "ONLINE"


class NoticeMode(StrEnum):
    """When the inspected party is told."""

    ADVANCE = "ADVANCE"
    ON_SITE = "ON_SITE"
    UNANNOUNCED = "UNANNOUNCED"


class Demand(StrEnum):
    """How strictly a part of the record sheet is asked for."""

    REQUIRED = "REQUIRED"
    OPTIONAL = "OPTIONAL"
    OFF = "OFF"


class DayUnit(StrEnum):
    """What a period is counted in."""

    WORKING_DAY = "WORKING_DAY"
    CALENDAR_DAY = "CALENDAR_DAY"


class ClockStart(StrEnum):
    """What starts the publicity clock (decision D1)."""

    INSPECTION_ENDED = "INSPECTION_ENDED"
    HANDLING_DECIDED = "HANDLING_DECIDED"
    TASK_COMPLETED = "TASK_COMPLETED"


class ClockLevel(StrEnum):
    """What "the task is completed" means (decision D2): the whole task, or this object."""

    OBJECT = "OBJECT"
    TASK = "TASK"


class ClockCovers(StrEnum):
    """Which state the clock asks for (decision D4)."""

    ENTERED = "ENTERED"
    PUBLISHED = "PUBLISHED"
    ENTERED_AND_PUBLISHED = "ENTERED_AND_PUBLISHED"


class Role(StrEnum):
    """Who a reminder goes to; ``coordinator`` is the joint-conference office (联席办)."""

    OFFICER = "officer"
    LEAD = "lead"
    REVIEWER = "reviewer"
    DEPARTMENT = "department"
    COORDINATOR = "coordinator"
    HANDLER = "handler"
    ENTERPRISE = "enterprise"
    RECEIVER = "receiver"
    LIBRARIAN = "librarian"
    PLANNER = "planner"  # who answers for a duty of a department
    PARTNER = "partner"  # the others of the same team
    HEAD = "head"  # 单位负责人
    LEGAL = "legal"  # 法制机构
    APPROVER = "approver"  # who must let something out


class Anchor(StrEnum):
    """What a reminder step counts from."""

    DUE = "T"  # working days before (-) or after (+) the due date
    START = "S"  # working days after the duty began
    CALENDAR = "D"  # calendar days before the due date
    HOUR = "H"  # hours before or after the moment a clock by the hour ends


# who can be told of which kind of deadline: a message exists for each (deadlines/telling.py, held to this by a test)
REMINDED: dict[str, frozenset[Role]] = {
    "assignment": frozenset({Role.OFFICER, Role.PARTNER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR}),
    "visit_day": frozenset({Role.OFFICER}),
    "visit_window": frozenset({Role.OFFICER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR}),
    "approval": frozenset({Role.HEAD}),
    "urgent_approval": frozenset({Role.HEAD}),
    "transfer": frozenset({Role.HANDLER, Role.RECEIVER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR}),
    "crime_decision": frozenset({Role.HANDLER, Role.LEAD, Role.HEAD, Role.LEGAL, Role.DEPARTMENT, Role.COORDINATOR}),
    "crime_transfer": frozenset({Role.HANDLER, Role.LEAD, Role.HEAD, Role.LEGAL, Role.DEPARTMENT, Role.COORDINATOR}),
    "return_visit": frozenset({Role.OFFICER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR}),
    "clue": frozenset({Role.OFFICER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR}),
    "plan": frozenset({Role.PLANNER, Role.COORDINATOR}),
    "joint_plan": frozenset({Role.PLANNER, Role.COORDINATOR}),
    "yearly_results": frozenset({Role.PLANNER, Role.COORDINATOR}),
    "supervision": frozenset({Role.PLANNER, Role.COORDINATOR}),
    "libraries": frozenset({Role.LIBRARIAN}),
    "review": frozenset({Role.REVIEWER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR}),
    "publicity": frozenset({Role.OFFICER, Role.REVIEWER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR}),
    "decision": frozenset({Role.HANDLER, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR}),
    "correction": frozenset({Role.HANDLER, Role.ENTERPRISE, Role.LEAD, Role.DEPARTMENT, Role.COORDINATOR}),
    "commission": frozenset({Role.RECEIVER, Role.LEAD}),
    "certificate": frozenset({Role.OFFICER, Role.LIBRARIAN}),
}  # fmt: skip
