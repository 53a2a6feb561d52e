"""An officer's desk: the services of the form with database, clock and store filled in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.checklists.keeping import add_evidence
from bot.inspection.checklists.models import Evidence, RecordSheet, VisitForm
from bot.inspection.checklists.queries import form_facts
from bot.inspection.checklists.record import render_pdf
from bot.inspection.checklists.service import (
    open_form,
    save_draft,
)
from bot.inspection.notices.models import Notice
from bot.inspection.profile import load_profile
from bot.inspection.results.closing import Closing, close_record, prepare_sheet
from bot.inspection.results.models import Review
from bot.inspection.results.signing import Mark, prepare_signing, sign_record, signers
from bot.inspection.results.submit import Receipt, submit_visit
from bot.inspection.tasks.models import Visit, VisitState
from bot.inspection.tasks.service import check_in, move_visit
from tests.fakes.visits import (
    LI,
    REVIEWER,
    VISIT,
    WANG,
    make_visit,
    picture,
    signature,
)

PROFILE = load_profile("default")
CALENDAR = WorkCalendar.load()
GOOD = {f"CL-1:{n}": {"value": "是"} for n in range(1, 13)} | {"item:1": {"value": "未发现问题"}}


class Desk:
    """The calls of one test, with the database, the clock and the store filled in."""

    def __init__(self, db: Database, clock: ManualClock, folder: Path) -> None:
        self.db, self.clock, self.store = db, clock, EvidenceStore(folder, 5_000_000)
        self.code = "0" * 26  # of the next sheet

    def do(self, service: Callable[..., Any], **values: Any) -> Any:
        return self.db.write_now(service, now=self.clock.now(), **values)

    def arrive(self, *people: int) -> None:
        for person in people:
            self.do(check_in, visit_id=VISIT, person_id=person, profile=PROFILE)

    def open(self, person: int = WANG) -> VisitForm:
        form: VisitForm = self.do(open_form, visit_id=VISIT, person_id=person, profile=PROFILE)
        return form

    def save(self, changes: dict[str, Any], person: int = WANG, base: int = 0) -> Any:
        form = self.form
        return self.db.write_now(
            save_draft, form_id=form.id, person_id=person, changes=changes, base_version=base
        )

    def photo(self, question: str, shade: int = 90, person: int = WANG) -> Evidence:
        evidence: Evidence = self.do(
            add_evidence,
            form_id=self.form.id,
            person_id=person,
            question=question,
            stored=self.store.put(picture(shade)),
        )
        return evidence

    def close(self, closing: Closing | None = None) -> RecordSheet:
        closing = closing or Closing("陈老板", self.store.put(signature()))
        ink = self.store.read(closing.signature.sha256) if closing.signature else b""
        sheet, version = self.db.read_now(
            prepare_sheet,
            form_id=self.form.id,
            person_id=WANG,
            closing=closing,
            signature=ink,
            verify_url=f"http://x/record/{self.code}",
            now=self.clock.now(),
            profile=PROFILE,
        )
        pdf = self.store.put(render_pdf(sheet, now=self.clock.now()))
        record: RecordSheet = self.do(
            close_record,
            form_id=self.form.id,
            person_id=WANG,
            closing=closing,
            draft_version=version,
            pdf=pdf,
            verify_code=self.code,
            profile=PROFILE,
        )
        return record

    def sign(self, person: int = WANG, mark: Mark | None = None) -> bool:
        """An officer's name under the sheet; True when nobody's is missing."""
        mark = mark or Mark(ink=self.store.put(signature(person)))
        known = {"form_id": self.form.id, "person_id": person, "mark": mark, "now": self.clock.now()}
        sheet = self.db.read_now(
            prepare_signing, **known, ink=self.store.read, public_url="http://x", profile=PROFILE
        )
        pdf = self.store.put(render_pdf(sheet[0], now=self.clock.now())) if sheet else None
        complete: bool = self.db.write_now(sign_record, **known, replaces=sheet[1] if sheet else "", pdf=pdf)
        return complete

    def submit(self, person: int = WANG, *, sign: bool = True) -> Receipt:
        """Hand in; with *sign* every officer who has not signed does so first."""
        facts = self.db.read_now(form_facts, VISIT)
        for who in self.db.read_now(signers, facts) if sign and facts.sheet_stands and facts.is_open else ():
            if who.signature is None:
                self.sign(who.person_id)
        receipt: Receipt = self.do(
            submit_visit, form_id=self.form.id, person_id=person, profile=PROFILE, calendar=CALENDAR
        )
        return receipt

    def hand_back(self, reason: str) -> None:
        def act(session: Session) -> None:
            session.add(
                Review(
                    visit_id=VISIT,
                    round=1,
                    reviewer_id=REVIEWER,
                    decision="RETURNED",
                    reason=reason,
                    at=self.clock.now(),
                )
            )
            move_visit(session, session.get_one(Visit, VISIT), VisitState.RECORDED, now=self.clock.now())

        self.db.write_now(act)

    @property
    def form(self) -> VisitForm:
        form = self.rows(VisitForm)[0]
        assert isinstance(form, VisitForm)
        return form

    def rows(self, table: Any, *where: Any) -> list[Any]:
        return self.db.read_now(lambda s: list(s.exec(select(table).where(*where))))

    def visit(self) -> Visit:
        visit: Visit = self.rows(Visit)[0]
        return visit

    def told(self, kind: str) -> list[int]:
        return sorted(n.recipient_id for n in self.rows(Notice, Notice.kind == kind))


def refused(call: Callable[[], Any]) -> Problem:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value


def answered(db: Database, clock: ManualClock, folder: Path) -> Desk:
    """Both officers are there and everything is answered; nobody has signed."""
    db.write_now(make_visit, now=clock.now())
    desk = Desk(db, clock, folder)
    desk.arrive(WANG, LI)
    desk.open()
    desk.save(GOOD)
    return desk
