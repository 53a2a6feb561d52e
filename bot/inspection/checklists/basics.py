"""The little of a form that its rules ask for; ``queries.FormFacts`` has it whole, for pages, chat and the sheet."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.inspection.checklists.documents import Pinned
from bot.inspection.checklists.models import ChecklistVersion, Evidence, RecordSheet, VisitForm
from bot.inspection.registry.models import Item
from bot.inspection.tasks.basics import Named, VisitBasics
from bot.inspection.tasks.models import CheckIn
from bot.inspection.tasks.states import BEFORE_SUBMIT


class FormRow(NamedTuple):
    id: str
    visit_id: int
    draft: dict[str, Any]
    draft_version: int
    times: dict[str, Any]
    draft_by: int | None
    submitted_at: dt.datetime | None
    receipt: dict[str, Any]


class SheetRow(NamedTuple):
    visit_id: int
    round: int
    closed_at: dt.datetime
    pdf_sha256: str
    signature_sha256: str
    verify_code: str


class CheckInRow(NamedTuple):
    person_id: int
    present_at: dt.datetime


class EvidenceRow(NamedTuple):
    question: str
    sha256: str
    media_type: str
    kind: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class FormBasics:
    """A visit, its form (None before it is opened) and what was put into it, as its rules know them."""

    visit: VisitBasics
    form: VisitForm | FormRow | None
    checklists: Sequence[tuple[Item | Named, ChecklistVersion | Pinned]]
    evidence: Sequence[Evidence | EvidenceRow]
    record: RecordSheet | SheetRow | None
    check_ins: Sequence[CheckIn | CheckInRow]

    @property
    def on_site(self) -> bool:
        return self.visit.on_site

    @property
    def is_open(self) -> bool:
        """May answers still change?"""
        return self.visit.visit.state in BEFORE_SUBMIT

    @property
    def returned(self) -> bool:
        """Did a reviewer send it back?"""
        return self.is_open and self.form is not None and self.form.submitted_at is not None

    @property
    def sheet_stands(self) -> bool:
        """Is the record closed? After a return only a supplementary sheet closes it again."""
        if self.record is None or self.form is None:
            return False
        return not self.returned or self.record.round > int(self.form.receipt.get("round", 0))

    def photos(self) -> Counter[str]:
        """How many files each question has."""
        return Counter(e.question for e in self.evidence)

    def checked_in(self, person_id: int) -> bool:
        return any(c.person_id == person_id for c in self.check_ins)
