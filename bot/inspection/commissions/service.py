"""Order, report, adopt, and what follows when a report turns out to be false (C20, SC-4.2.3, JZ-29.6)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.words import said, says_something
from bot.inspection.audit.service import record
from bot.inspection.checklists.evidence import PDF, Stored
from bot.inspection.checklists.models import Evidence
from bot.inspection.commissions.models import Adoption, Commission, CommissionState, LiabilityFact
from bot.inspection.notices.service import enqueue, supersede, touch_cards
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.tasks.models import Task
from bot.inspection.tasks.queries import get_visit, leads_of, live_officers

S = CommissionState
FALSE_REPORT = "JZ-29.6"
_DECIDERS = {Role.LEAD, Role.COORDINATOR}


def order(
    session: Session, *, visit_id: int, item_id: int, institution: str, qualification_no: str,
    qualification_valid_to: dt.date, task: str, due_on: dt.date, by: int, now: dt.datetime,
    contact_id: int | None = None, reused_from: str = "",
) -> Commission:  # fmt: skip
    """委托 an institution with one item of a visit.

    Raises ``forbidden`` (neither an officer of the visit nor a lead), ``not_qualified`` (no qualification, or one that
    ends before the report is due), ``commission_broken`` for missing words or a day gone by.
    """
    visit = get_visit(session, visit_id, lock=True)
    _require_insider(session, visit_id, by)
    _require_words(机构=institution, 委托内容=task)
    if due_on < china_day(now):
        raise Problem("commission_broken", "报告期限已经过了。", 期限=due_on.isoformat())
    if not qualification_no.strip() or qualification_valid_to < due_on:
        raise Problem("not_qualified", "机构没有资质证号，或资质在报告期限之前到期，不能委托。",
                      资质有效期至=qualification_valid_to.isoformat())  # fmt: skip
    if item_id not in session.get_one(Task, visit.task_id).item_ids:
        raise Problem("not_found", "这次检查没有这个事项。", 事项=str(item_id))
    count = session.exec(select(func.count()).where(Commission.visit_id == visit_id)).one()
    made = Commission(
        number=f"{visit.number}-W{count + 1}", visit_id=visit_id, item_id=item_id, institution=said(institution, 120),
        qualification_no=qualification_no.strip(), qualification_valid_to=qualification_valid_to,
        contact_id=contact_id, task=said(task), due_on=due_on, ordered_by=by, ordered_at=now, reused_from=reused_from,
    )  # fmt: skip
    session.add(made)
    session.flush()
    record(
        session,
        "commission.ordered",
        subject_of(made),
        now=now,
        actor=by,
        visit=visit_id,
        due=due_on.isoformat(),
    )
    if contact_id is not None:
        enqueue(session, "commission_ordered", subject_of(made), recipient_id=contact_id, now=now)
    return made


def _require_words(**fields: str) -> None:
    missing = [name for name, words in fields.items() if not words.strip()]
    if missing:
        raise Problem(
            "commission_broken", f"请填写{'、'.join(missing)}。", **dict.fromkeys(missing, "不能为空")
        )


def report(
    session: Session, *, commission_id: int, stored: Stored, conclusion: str, by: int, now: dt.datetime
) -> Commission:
    """The report came in: kept as evidence of the visit; whoever decides is asked. The same file again changes
    nothing. Raises ``file_type``, ``commission_broken``, ``wrong_state``."""
    found = load(session, commission_id, lock=True)
    if found.report_sha256 == stored.sha256:
        return found
    if found.state != S.ORDERED:
        raise Problem("wrong_state", "这份委托已有报告。")
    if stored.media_type != PDF:
        raise Problem("file_type", "委托报告要用 PDF 文件。")
    if not said(conclusion):
        raise Problem("commission_broken", "请写明报告结论。", 结论="不能为空")
    found.state, found.report_sha256, found.conclusion = S.REPORTED, stored.sha256, said(conclusion)
    found.reported_at, found.reminded_on = now, None
    session.add(found)
    session.add(Evidence(visit_id=found.visit_id, question=f"commission:{found.id}", sha256=stored.sha256,
                         media_type=stored.media_type, size=stored.size, kind="FILE", person_id=by, at=now))  # fmt: skip
    subject = subject_of(found)
    record(session, "commission.reported", subject, now=now, actor=by, pdf=stored.sha256)
    supersede(session, subject, kinds=("commission_due",), reason="报告已收到", now=now)
    for person in dict.fromkeys([found.ordered_by, *_leads(session, found)]):
        enqueue(session, "commission_reported", subject, recipient_id=person, now=now)
    return found


def adopt(
    session: Session, *, commission_id: int, by: int, now: dt.datetime, visit_id: int = 0, item_id: int = 0
) -> Adoption:
    """采用: the result of an item rests on the report; of this visit, or of another that lawfully reuses it.

    Raises ``forbidden``, ``wrong_state`` (no report, rejected, or found false).
    """
    found = load(session, commission_id, lock=True)
    visit_id, item_id = visit_id or found.visit_id, item_id or found.item_id
    _require_insider(session, visit_id, by)
    if found.state not in (S.REPORTED, S.ADOPTED):
        raise Problem("wrong_state", "这份委托没有可以采用的报告。")
    same = select(Adoption).where(
        Adoption.commission_id == commission_id, Adoption.visit_id == visit_id, Adoption.item_id == item_id
    )
    kept = session.exec(same).one_or_none()
    if kept is not None:
        return kept
    made = Adoption(commission_id=commission_id, visit_id=visit_id, item_id=item_id, by=by, at=now)
    session.add(made)
    _decide(session, found, S.ADOPTED, by=by, note="", now=now)
    return made


def reject(session: Session, *, commission_id: int, by: int, note: str, now: dt.datetime) -> Commission:
    """不采用, with a reason; a report somebody rests on can only be found false."""
    found = load(session, commission_id, lock=True)
    _require_insider(session, found.visit_id, by)
    if found.state != S.REPORTED:
        raise Problem("wrong_state", "只有待决定的报告可以不采用。")
    if not says_something(note):
        raise Problem("reason_missing", "不采用要写明理由。", 理由="不能为空")
    _decide(session, found, S.REJECTED, by=by, note=said(note), now=now)
    return found


def mark_false(
    session: Session, *, commission_id: int, ground: str, by: int, now: dt.datetime
) -> list[Adoption]:
    """报告虚假: every result that adopted it is returned, each gets the exemption fact JZ-29.6, and the leads hear it.

    A second call finds the first. Raises ``forbidden`` (a lead or the joint-conference office says so) or
    ``reason_missing``.
    """
    found = load(session, commission_id, lock=True)
    roles = set(session.exec(select(PersonRole.role).where(PersonRole.person_id == by)))
    if not roles & _DECIDERS:
        raise Problem("forbidden", "认定报告虚假由部门负责人或联席会议办公室办理。")
    adopted = adoptions(session, commission_id)
    if found.state == S.FALSE:
        return adopted
    if found.state == S.ORDERED:
        raise Problem("wrong_state", "这份委托还没有报告。")
    if not says_something(ground):
        raise Problem("reason_missing", "请写明认定虚假的依据。", 依据="不能为空")
    found.state, found.false_ground, found.false_by, found.false_at = S.FALSE, said(ground), by, now
    session.add(found)
    words = f"检查结论采用了{found.institution}出具的报告（{found.number}），该报告后被认定虚假：{found.false_ground}"
    for one in adopted:
        session.add(LiabilityFact(visit_id=one.visit_id, item_id=one.item_id, code=FALSE_REPORT, text=words,
                                  source=subject_of(found), at=now))  # fmt: skip
    record(session, "commission.found_false", subject_of(found), now=now, actor=by,
           adopted=[[a.visit_id, a.item_id] for a in adopted])  # fmt: skip
    told = [*_leads(session, found), *(p for a in adopted for p in _leads_of_visit(session, a.visit_id))]
    for person in dict.fromkeys(told):
        enqueue(session, "commission_false", subject_of(found), recipient_id=person, now=now)
    touch_cards(session, subject_of(found), now=now)
    return adopted


def adoptions(session: Session, commission_id: int) -> list[Adoption]:
    """Every result that rests on the report, first come first."""
    return list(
        session.exec(
            select(Adoption).where(Adoption.commission_id == commission_id).order_by(col(Adoption.id))
        )
    )


def load(session: Session, commission_id: int, *, lock: bool = False) -> Commission:
    """The order, or Problem ``not_found``."""
    found = session.get(Commission, commission_id, with_for_update=lock or None)
    if found is None:
        raise Problem("not_found", "没有这份委托。")
    return found


def subject_of(found: Commission) -> str:
    return f"commission:{found.id}"


def _decide(session: Session, found: Commission, to: S, *, by: int, note: str, now: dt.datetime) -> None:
    found.state, found.decided_by, found.decided_at, found.decision_note = to, by, now, note
    session.add(found)
    record(session, f"commission.{to.lower()}", subject_of(found), now=now, actor=by)
    touch_cards(session, subject_of(found), now=now)


def _require_insider(session: Session, visit_id: int, person_id: int) -> None:
    if person_id in {o.person_id for o in live_officers(session, visit_id)}:
        return
    if person_id not in _leads_of_visit(session, visit_id):
        raise Problem("forbidden", "委托由这次检查的执法检查人员或部门负责人办理。")


def _leads(session: Session, found: Commission) -> list[int]:
    return _leads_of_visit(session, found.visit_id)


def _leads_of_visit(session: Session, visit_id: int) -> list[int]:
    return leads_of(session, session.get_one(Task, get_visit(session, visit_id).task_id).lead_department_id)
