"""The little of a visit that its rules ask for: who, which state, whose part. Those who only judge or write read no
more than this, as plain rows; ``queries.VisitFacts`` has it whole, for pages and messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.inspection.people.models import Person
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Task, Visit, VisitOfficer


class VisitRow(NamedTuple):
    id: int
    number: str
    state: str
    late: bool
    generation: int
    ended_on: dt.date | None
    recorded_at: dt.datetime | None


class TaskRow(NamedTuple):
    item_ids: list[int]
    checklist_ids: list[int]
    lead_department_id: int
    joint_department_ids: list[int]
    plan_line_id: int | None
    window_start: dt.date


_WITHOUT_PRESENCE = ("书面", "网络")  # methods that need no check-in (C16)


class Named(NamedTuple):
    """An object, an item or a person, of which no more than the name is wanted."""

    id: int
    name: str


class OfficerRow(NamedTuple):
    person_id: int
    department_id: int | None


@dataclass(frozen=True, slots=True)
class VisitBasics:
    """A visit as its rules know it; officers are the live ones, leader first."""

    visit: Visit | VisitRow
    task: Task | TaskRow
    object: InspectionObject | Named
    officers: Sequence[tuple[Person | Named, VisitOfficer | OfficerRow]]
    contacts: list[int]  # who can be reached in a chat
    department: str
    method: str  # how the task inspects
    year: int  # of the plan; of a clue the year it came in
    sections: dict[int, int | None]  # item -> department of the task that checks it
    departments: dict[int, str]  # of a joint task: name by row id

    @property
    def on_site(self) -> bool:
        return not any(word in self.method for word in _WITHOUT_PRESENCE)

    def is_officer(self, person_id: int) -> bool:
        return any(officer.person_id == person_id for _, officer in self.officers)
