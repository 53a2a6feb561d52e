"""A commissioned report: qualification, deadline, adoption, and a report that turns out to be false (C20)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlmodel import Session, col, select

from bot.core.clock import CHINA
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.service import verify
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.evidence import PDF, Stored
from bot.inspection.checklists.models import Evidence
from bot.inspection.commissions import duties, service
from bot.inspection.commissions.messages import commission_due, commission_false, commission_reported
from bot.inspection.commissions.models import Commission, CommissionState, LiabilityFact
from bot.inspection.deadlines.late import tick_reminders
from bot.inspection.deadlines.sources import derive_stale
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from bot.inspection.profile import load_profile
from bot.inspection.tasks.models import Task
from tests.fakes.builders import NOW, make_person, make_visit, team_of

PROFILE, CALENDAR = load_profile("default"), WorkCalendar.load()
REPORT = Stored("a" * 64, 10, PDF)


class Desk:
    """One visit, its officers, its lead, and the institution's contact."""

    def __init__(self, session: Session) -> None:
        self.session = session
        visit = make_visit(session)
        task = session.get_one(Task, visit.task_id)
        self.visit, self.item = visit.id or 0, task.item_ids[0]
        self.officer = team_of(session, self.visit)[0]
        self.lead = make_person(session, role=Role.LEAD, department_id=task.lead_department_id).id or 0
        self.contact = make_person(session).id or 0

    def order(self, **changes: Any) -> Commission:
        words: dict[str, Any] = {
            "visit_id": self.visit, "item_id": self.item, "institution": "云溪检测中心", "qualification_no": "CMA 2026",
            "qualification_valid_to": dt.date(2027, 1, 1), "task": "餐具大肠菌群检测", "due_on": dt.date(2026, 4, 20),
            "by": self.officer, "now": NOW, "contact_id": self.contact,
        }  # fmt: skip
        return service.order(self.session, **words | changes)

    def report(self, found: Commission, stored: Stored = REPORT) -> Commission:
        return service.report(self.session, commission_id=found.id or 0, stored=stored, conclusion="合格",
                              by=self.officer, now=NOW)  # fmt: skip

    def told(self, kind: str) -> list[int]:
        self.session.flush()
        rows = self.session.exec(select(Notice).where(Notice.kind == kind).order_by(col(Notice.id)))
        return [n.recipient_id for n in rows]


def key(call: Any) -> str:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value.key


def test_c20_institution_and_lead_are_reminded_three_days_before_and_when_overdue(db: Database) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        found = desk.order()

        def tick(day: str) -> list[int]:
            before = len(desk.told("commission_due"))
            now = dt.datetime.fromisoformat(f"{day} 09:05").replace(tzinfo=CHINA)
            derive_stale(session, source=duties.SOURCE, now=now, profile=PROFILE, calendar=CALENDAR)
            tick_reminders(session, now=now, profile=PROFILE, calendar=CALENDAR)
            return sorted(desk.told("commission_due")[before:])

        both = sorted([desk.lead, desk.contact])
        assert tick("2026-04-14") == []
        assert tick("2026-04-15") == both  # three working days before Monday the 20th
        assert tick("2026-04-20") == []
        assert tick("2026-04-21") == both
        desk.report(found)
        assert tick("2026-04-22") == []

    db.write_now(story)


def test_c20_a_false_report_names_every_result_that_adopted_it_and_adds_the_fact_to_each(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        desk, other = Desk(session), make_visit(session)
        found = desk.report(desk.order())
        adopt = lambda **f: service.adopt(session, commission_id=found.id or 0, now=NOW, **f)  # noqa: E731
        adopt(by=desk.officer)
        adopt(by=desk.officer)  # pressed twice
        theirs = session.get_one(Task, other.task_id).item_ids[0]
        adopt(by=team_of(session, other.id or 0)[0], visit_id=other.id or 0, item_id=theirs)
        false = lambda by, ground="检测数据系编造": service.mark_false(  # noqa: E731
            session, commission_id=found.id or 0, ground=ground, by=by, now=NOW
        )
        assert key(lambda: false(desk.officer)) == "forbidden"
        assert key(lambda: false(desk.lead, " ")) == "reason_missing"
        listed = [(a.visit_id, a.item_id) for a in false(desk.lead)]
        assert listed == [(desk.visit, desk.item), (other.id, theirs)]
        false(desk.lead)  # a second time changes nothing
        session.flush()
        facts = session.exec(select(LiabilityFact)).all()
        assert [(f.visit_id, f.item_id, f.code) for f in facts] == [(*pair, "JZ-29.6") for pair in listed]
        assert all("检测数据系编造" in f.text for f in facts)
        notice = session.exec(select(Notice).where(Notice.kind == "commission_false")).first()
        assert notice is not None
        said = commission_false(session, notice, NOW)
        assert isinstance(said, Content)
        assert len(said.values["visits"]) == 2
        assert key(lambda: adopt(by=desk.officer)) == "wrong_state"

    db.write_now(story)
    assert db.read_now(verify).broken_at is None


def test_an_institution_whose_qualification_ends_before_the_report_is_not_commissioned(db: Database) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        assert key(lambda: desk.order(qualification_valid_to=dt.date(2026, 4, 19))) == "not_qualified"
        assert key(lambda: desk.order(qualification_no=" ")) == "not_qualified"
        assert key(lambda: desk.order(task=" ")) == "commission_broken"
        assert key(lambda: desk.order(due_on=dt.date(2026, 3, 1))) == "commission_broken"
        assert key(lambda: desk.order(by=desk.contact)) == "forbidden"
        assert key(lambda: desk.order(item_id=10_000)) == "not_found"
        assert desk.order().number.endswith("-W1")
        assert desk.order().number.endswith("-W2")

    db.write_now(story)


def test_the_report_is_evidence_and_somebody_decides_about_it(db: Database) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        found = desk.order()
        assert key(lambda: desk.report(found, Stored("b" * 64, 1, "image/png"))) == "file_type"
        desk.report(found)
        desk.report(found)  # sent twice
        assert key(lambda: desk.report(found, Stored("c" * 64, 1, PDF))) == "wrong_state"
        assert session.exec(select(Evidence.question)).all() == [f"commission:{found.id}"]
        assert desk.told("commission_reported") == [desk.officer, desk.lead]
        notice = session.exec(select(Notice).where(Notice.kind == "commission_reported")).first()
        assert notice is not None
        card = commission_reported(session, notice, NOW)
        assert isinstance(card, Content)
        assert [ask.verb for ask in card.asks] == ["adopt_commission", "reject_commission"]
        no = {"commission_id": found.id or 0, "by": desk.lead, "now": NOW}
        assert key(lambda: service.reject(session, note=" ", **no)) == "reason_missing"
        assert service.reject(session, note="样品编号与委托不符", **no).state == CommissionState.REJECTED
        late = Notice(kind="commission_due", subject=f"commission:{found.id}", recipient_id=desk.lead, not_before=NOW,
                      created_at=NOW)  # fmt: skip
        assert isinstance(commission_due(session, late, NOW), Skip)

    db.write_now(story)
