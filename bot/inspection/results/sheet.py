"""Put the words of a visit on its record sheet."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from sqlmodel import Session, col, select

from bot.core.clock import china
from bot.inspection.checklists.models import Evidence
from bot.inspection.checklists.queries import FormFacts
from bot.inspection.checklists.record import SUPPLEMENT, Sheet
from bot.inspection.checklists.service import OUTCOME, RECORD
from bot.inspection.people.models import Department, EnterpriseContact, Officer, Person
from bot.inspection.results.judgement import Judgement
from bot.inspection.results.labels import label_of
from bot.inspection.results.supplement import changes, left_at

_KINDS = {"PHOTO": "照片", "FILE": "文件", "SIGNATURE": "签字"}


def build_sheet(
    session: Session, facts: FormFacts, judged: Judgement, *, verify_url: str, now: dt.datetime
) -> Sheet:
    """The sheet without its signature; times are China's."""
    visit, task, target = facts.visit.visit, facts.visit.task, facts.visit.object
    started = min(
        (c.present_at for c in facts.check_ins), default=facts.form.opened_at if facts.form else now
    )
    sheet = Sheet(
        number=visit.number,
        verify_url=verify_url,
        task_name=task.name,
        task_number=task.number,
        kind="定向抽查" if task.targeted else "不定向抽查",
        object_name=target.name,
        object_code=target.code,
        address=target.address or "—",
        method=facts.visit.method or "—",
        started=_at(started),
        ended=_at(now),
        department=facts.visit.department,
        contact="、".join(_contacts(session, target.id)) or "—",
        officers=_officers(session, facts),
        items=tuple((item.name, item.result, item.problem or "—", item.handling) for item in judged.items),
        answers=_answers(facts, judged),
        evidence=tuple(_evidence(e) for e in facts.evidence if e.question != RECORD),
        closed=_at(now),
    )
    return replace(sheet, **_supplementary(session, facts, judged))


def _supplementary(session: Session, facts: FormFacts, judged: Judgement) -> dict[str, Any]:
    """After a return: the other title, and what differs from the sheet that was signed."""
    if not facts.returned:
        return {}
    rows = tuple((change.what, change.before, change.after) for change in changes(session, facts, judged))
    left = left_at(session, facts)
    return {"title": SUPPLEMENT, "changes": rows} | ({"ended": _at(left)} if left else {})


def _officers(session: Session, facts: FormFacts) -> tuple[tuple[str, str, str, str], ...]:
    at = {c.person_id: _at(c.present_at) + ("（补登记）" if c.late_reason else "") for c in facts.check_ins}
    rows = []
    for person, assigned in facts.visit.officers:
        certificate = session.get(Officer, person.id)
        department = session.get(Department, assigned.department_id or person.department_id)
        rows.append(
            (
                person.name,
                certificate.certificate_no if certificate else "—",
                department.name if department else "—",
                at.get(person.id or 0, "—"),
            )
        )
    return tuple(rows)


def _answers(facts: FormFacts, judged: Judgement) -> tuple[tuple[str, ...], ...]:
    if judged.outcome:
        return (("本次未能检查",), ("—", label_of(judged.outcome), "—", judged.note))
    rows: list[tuple[str, ...]] = []
    photos, section = facts.photos(), ""
    scores = {score.name: f"（得分 {score.words}）" for score in judged.scores}
    for given in judged.given:
        if given.section != section:
            section = given.section
            rows.append((section + scores.get(section, ""),))
        count = f"（凭据 {photos[given.key]} 件）" if photos[given.key] else ""
        number = given.question.number + ("★" if given.question.starred else "")
        rows.append((number, given.question.text, given.shown, given.answer.note + count))
    return tuple(rows)


def _evidence(evidence: Evidence) -> tuple[str, str, str, str]:
    what = "未能检查" if evidence.question == OUTCOME else evidence.question.replace(":", " 第") + "项"
    return what, evidence.sha256[:32], _KINDS[evidence.kind], _at(evidence.at)


def _contacts(session: Session, object_id: int | None) -> list[str]:
    """Names of the object's registered contacts, whether a chat reaches them or not."""
    query = (
        select(Person.name)
        .join(EnterpriseContact, col(EnterpriseContact.person_id) == Person.id)
        .where(EnterpriseContact.object_id == object_id)
    )
    return list(session.exec(query.order_by(col(Person.id))))


def _at(when: dt.datetime) -> str:
    return china(when).strftime("%Y-%m-%d %H:%M")
