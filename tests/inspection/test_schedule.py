"""C28: which reminders are due on which day."""

from __future__ import annotations

import datetime as dt

from bot.inspection.calendar import WorkCalendar
from bot.inspection.profile import load_profile
from bot.inspection.profile.schedule import due_slots

CALENDAR = WorkCalendar.load()
PROFILE = load_profile("SC")
STARTED, DUE = dt.date(2026, 9, 18), dt.date(2026, 10, 22)


def officer_slots(today: dt.date) -> list[str]:
    slots = due_slots(PROFILE.reminders["publicity"], CALENDAR, started_on=STARTED, due_on=DUE, today=today)
    return [s.name for s in slots if s.who == "officer" and s.day == today]


def days(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def test_c28_reminders_fall_on_the_four_days_and_none_in_the_holiday() -> None:
    told = {day: officer_slots(day) for day in days(STARTED, DUE) if officer_slots(day)}
    assert list(told) == [
        dt.date(2026, 10, 9),
        dt.date(2026, 10, 15),
        dt.date(2026, 10, 19),
        dt.date(2026, 10, 21),
    ]


def test_c28_after_the_due_date_officer_daily_department_on_the_third_coordinator_on_the_fifth_day() -> None:
    third, fifth = CALENDAR.add_workdays(DUE, 3), CALENDAR.add_workdays(DUE, 5)
    due = {
        day: {s.who for s in due_slots(PROFILE.reminders["publicity"], CALENDAR, started_on=STARTED, due_on=DUE, today=day)
              if s.day == day}
        for day in days(DUE, fifth)
    }  # fmt: skip
    assert "officer" in due[CALENDAR.add_workdays(DUE, 1)]
    assert "department" in due[third]
    assert "coordinator" in due[fifth]


def test_after_a_long_downtime_each_role_gets_only_the_newest_step() -> None:
    slots = due_slots(
        PROFILE.reminders["publicity"], CALENDAR, started_on=STARTED, due_on=DUE, today=dt.date(2026, 10, 21)
    )
    assert sorted((s.who, s.name) for s in slots) == [
        ("lead", "T-1"),
        ("officer", "T-1"),
        ("reviewer", "T-1"),
    ]


def test_a_step_that_lay_before_the_duty_began_never_comes_due() -> None:
    assert not due_slots(
        PROFILE.reminders["publicity"],
        CALENDAR,
        started_on=dt.date(2026, 10, 19),
        due_on=DUE,
        today=dt.date(2026, 10, 19),
    )
