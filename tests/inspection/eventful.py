"""A draw in which everything happened: leave, relations, labels, witnesses, and changes of each kind after the lock."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session, col, select

from bot.inspection.draws.more_objects import draw_more, replace_object
from bot.inspection.draws.preparation import prepare_draw, waive_check
from bot.inspection.draws.replacement import decide_recusal
from bot.inspection.draws.service import reveal_draw
from bot.inspection.draws.values import type_value
from bot.inspection.people.models import Absence, Officer, Relation, Role
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Visit
from tests.fakes.builders import NOW, make_person
from tests.inspection.test_draws import CALENDAR, PROFILE, asked, commit, lead_of, lock, setting

BALLS = {"kind": "witness", "how": "现场摇号", "digits": 6}
LEAVE = (dt.date(2026, 3, 11), dt.date(2026, 3, 20))
LABEL = "特种设备"


def prepared(session: Session) -> tuple[int, list[int]]:
    """The task and two witnesses. Of ten officers four hold the label, one is on leave, one has relations, one a
    territory without objects, one a certificate that ends too early."""
    options: dict[str, Any] = {"objects": 40, "officers": 10, "ratios": {"B": 20}, "batch_size": 3}
    task = setting(session, item={"label_required": LABEL}, **options)
    officers = session.exec(select(Officer).order_by(col(Officer.person_id))).all()
    for officer in officers[:4]:
        officer.labels = [LABEL, "食品"]
    officers[5].territory, officers[7].valid_to = "霞山区", LEAVE[1]
    session.add(Absence(person_id=officers[0].person_id, first_day=LEAVE[0], last_day=LEAVE[1]))
    for key in session.exec(select(InspectionObject.id).order_by(col(InspectionObject.id))).all()[::3]:
        session.add(Relation(person_id=officers[1].person_id, object_id=key or 0, ground="近亲属"))
    witnesses = [make_person(session, role=Role.REVIEWER, account=f"w{n}").id or 0 for n in (1, 2)]
    prepare_draw(session, task_id=task, sources=[BALLS], witnesses=witnesses, now=NOW, profile=PROFILE)
    waive_check(session, task_id=task, check="certificates", reason="到期的不参加", now=NOW, profile=PROFILE)
    return task, witnesses


def locked(session: Session, task: int, witnesses: list[int]) -> None:
    commit(session, task)
    finish(session, task, witnesses)


def finish(session: Session, task: int, witnesses: list[int]) -> None:
    """From the commitment to the lock."""
    for who in witnesses:
        type_value(session, task_id=task, place=1, value="415263", by=who, now=NOW)
    reveal_draw(session, task_id=task, now=NOW)
    lock(session, task)


def changed(session: Session, task: int) -> None:
    """An officer, an object, and one object more; then an officer of the added visit."""
    _, officer, _ = asked(session, task)
    lead = lead_of(session, task)
    decide_recusal(session, officer_id=officer, granted=True, by=lead, now=NOW)
    after: dict[str, Any] = {
        "task_id": task,
        "by": lead,
        "now": NOW,
        "profile": PROFILE,
        "calendar": CALENDAR,
    }
    by_rank = select(InspectionObject.code).join(Visit, col(Visit.object_id) == InspectionObject.id)
    last = session.exec(by_rank.order_by(col(Visit.rank).desc())).first()
    assert last is not None
    replace_object(session, code=last, ground="已注销", **after)
    draw_more(session, stratum="B", count=1, ground="提高比例", **after)


def eventful(session: Session) -> int:
    task, witnesses = prepared(session)
    locked(session, task, witnesses)
    changed(session, task)
    return task
