"""Attendance of pre-inspection trainings (ZJ-2.6.c): without one the form of a visit does not open (C14)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlmodel import Session, col, select

from bot.core.cells import day
from bot.core.columns import Column, Fault, Layout, Need, Row, Tally, text
from bot.inspection.people.columns import person_code
from bot.inspection.people.departments import assign
from bot.inspection.people.models import Person, Training, TrainingSession


def lasting_rule(values: Mapping[str, Any]) -> Fault | None:
    """A training does not lapse before it was held."""
    if values["held_on"] > values["valid_to"]:
        return Fault("有效期止", values["valid_to"].isoformat(), "有效期止早于培训日期")
    return None


TRAININGS: Final = Layout(
    kind="trainings",
    title="检查前培训签到表",
    key=("code", "session"),
    columns=(
        Column("code", "人员编号", person_code, need=Need.FILLED, note="须已导入", aliases=("工号", "编号")),
        Column("session", "培训名称", text(100), need=Need.FILLED, aliases=("培训", "培训班")),
        Column("held_on", "培训日期", day, need=Need.FILLED, note="例如2026-03-06", aliases=("日期",)),
        Column("valid_to", "有效期止", day, need=Need.FILLED, note="例如2026-12-31", aliases=("有效期至",)),
    ),
    rules=(lasting_rule,),
)


def upsert_trainings(
    session: Session,
    rows: Sequence[Row],
    *,
    now: dt.datetime,  # noqa: ARG001 - every importer is called alike
) -> Tally:
    """One attendance for each person and training; the same again changes nothing."""
    tally = Tally()
    codes = {row.values["code"] for row in rows}
    query = select(Person.code, Person.id).where(col(Person.code).in_(codes))
    people = {code: person for code, person in session.exec(query) if person is not None}
    known = {
        (t.person_id, t.session): t
        for t in session.exec(select(Training).where(col(Training.person_id).in_(people.values())))
    }
    ending_with_a_quiz = {t.name for t in session.exec(select(TrainingSession)) if t.quiz}
    for row in rows:
        values = dict(row.values)
        person = people.get(values.pop("code"))
        if person is None:
            tally.faults[row.number] = Fault("人员编号", row.values["code"], "名录库里没有这个人员，请先导入")
            continue
        training = known.get((person, values["session"]))
        if training is None:
            due = values["session"] in ending_with_a_quiz
            known[person, values["session"]] = training = Training(person_id=person, quiz_due=due, **values)
            session.add(training)
            tally.count(new=True, changed=True)
        else:
            tally.count(new=False, changed=assign(training, **values))
    session.flush()
    return tally
