"""C28: which reminders fall due when. Rules only: no database, no clock but the one that is passed."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.clock import at_china, china, china_day
from bot.inspection.calendar import WorkCalendar
from bot.inspection.profile import Step, load_profile
from bot.inspection.profile.schedule import Span, Timetable, in_words
from bot.inspection.profile.terms import Role

CALENDAR = WorkCalendar.load()
PROFILE = load_profile("SC")
PUBLICITY = Timetable(PROFILE.reminders["publicity"], CALENDAR)
SPAN = Span(dt.date(2026, 9, 18), dt.date(2026, 10, 22))
# field guide 11: event, due, T-10, T-5, T-3, T-1
GOLDEN = [
    ("2026-01-30", "2026-03-05", "02-13", "02-27", "03-02", "03-04"),
    ("2026-03-10", "2026-04-08", "03-24", "03-31", "04-02", "04-07"),
    ("2026-04-20", "2026-05-20", "05-07", "05-13", "05-15", "05-19"),
    ("2026-09-15", "2026-10-19", "09-29", "10-12", "10-14", "10-16"),
    ("2026-09-18", "2026-10-22", "10-09", "10-15", "10-19", "10-21"),
    ("2026-09-30", "2026-11-03", "10-20", "10-27", "10-29", "11-02"),
    ("2026-10-09", "2026-11-05", "10-22", "10-29", "11-02", "11-04"),
]


def days_told(table: Timetable, span: Span, who: Role, end: dt.date) -> list[dt.date]:
    return [china_day(o.moment) for o in table.until(span, at_china(end, 23)) if who in o.step.who]


@pytest.mark.parametrize("row", GOLDEN, ids=[row[0] for row in GOLDEN])
def test_every_golden_date_of_the_field_guide(row: tuple[str, ...]) -> None:
    event, due = dt.date.fromisoformat(row[0]), dt.date.fromisoformat(row[1])
    assert CALENDAR.add_workdays(event, 20) == due
    told = days_told(PUBLICITY, Span(event, due), Role.OFFICER, due)
    assert [f"{day:%m-%d}" for day in told] == list(row[2:])


def test_c28_reminders_come_at_nine_on_the_four_days_and_none_in_the_holiday() -> None:
    told = [
        o
        for o in PUBLICITY.until(SPAN, at_china(SPAN.due_on or dt.date.max, 23))
        if Role.OFFICER in o.step.who
    ]
    assert [f"{china(o.moment):%m-%d %H:%M}" for o in told] == [
        "10-09 09:00", "10-15 09:00", "10-19 09:00", "10-21 09:00",
    ]  # fmt: skip
    assert CALENDAR.is_workday(dt.date(2026, 10, 10))


def test_c28_after_the_due_date_officer_and_lead_daily_department_on_the_third_office_on_the_fifth_day() -> (
    None
):
    assert SPAN.due_on is not None
    working = [CALENDAR.add_workdays(SPAN.due_on, n) for n in range(1, 7)]
    late = [day for day in days_told(PUBLICITY, SPAN, Role.OFFICER, working[-1]) if day > SPAN.due_on]
    assert late == working
    assert [d for d in days_told(PUBLICITY, SPAN, Role.LEAD, working[-1]) if d > SPAN.due_on] == working
    assert days_told(PUBLICITY, SPAN, Role.DEPARTMENT, working[-1]) == [working[2]]
    assert days_told(PUBLICITY, SPAN, Role.COORDINATOR, working[-1]) == [working[4]]


def test_after_a_long_downtime_each_role_has_only_its_newest_step() -> None:
    newest = PUBLICITY.newest(SPAN, now=at_china(dt.date(2026, 10, 21), 9))
    assert {who: o.name for who, o in newest.items()} == dict.fromkeys(
        (Role.OFFICER, Role.LEAD, Role.REVIEWER), "T-1"
    )


def test_a_step_that_lay_before_the_duty_began_never_falls_due() -> None:
    span = Span(dt.date(2026, 10, 19), SPAN.due_on)
    assert PUBLICITY.newest(span, now=at_china(dt.date(2026, 10, 19), 12)) == {}


def test_a_reminder_is_useless_once_its_successor_is_due() -> None:
    newest = PUBLICITY.newest(SPAN, now=at_china(dt.date(2026, 10, 9), 9))
    useless = PUBLICITY.useless_after(newest[Role.OFFICER], SPAN, who=Role.OFFICER)
    assert useless == at_china(dt.date(2026, 10, 15), 9)


def test_a_last_reminder_is_useful_to_the_end_of_the_last_day() -> None:
    steps = (Step(at="T-1", who=(Role.OFFICER,)),)
    table = Timetable(steps, CALENDAR)
    [last] = table.newest(SPAN, now=at_china(dt.date(2026, 10, 21), 9)).values()
    assert table.useless_after(last, SPAN, who=Role.OFFICER) == at_china(dt.date(2026, 10, 23))


def test_calendar_days_before_fall_on_the_next_working_day() -> None:
    table = Timetable((Step(at="D-30", who=(Role.OFFICER,)),), CALENDAR)
    span = Span(dt.date(2020, 1, 1), dt.date(2026, 9, 15))
    [warned] = table.until(span, at_china(dt.date(2026, 9, 15)))
    assert china_day(warned.moment) == dt.date(2026, 8, 17)  # 16 August is a Sunday


def test_a_clock_by_the_hour_does_not_wait_for_a_working_day() -> None:
    table = Timetable((Step(at="H-12", who=(Role.LEGAL,)), Step(at="H+0", who=(Role.LEGAL,))), CALENDAR)
    span = Span(dt.date(2026, 3, 13), due_at=at_china(dt.date(2026, 3, 14), 15))  # a Saturday
    assert [f"{china(o.moment):%m-%d %H:%M}" for o in table.until(span, at_china(dt.date(2026, 3, 20)))] == [
        "03-14 03:00", "03-14 15:00",
    ]  # fmt: skip


def test_a_step_has_its_own_hour_where_it_names_one() -> None:
    table = Timetable((Step(at="S+1", who=(Role.OFFICER,), time="17:30"),), CALENDAR)
    [answer] = table.until(Span(dt.date(2026, 3, 10)), at_china(dt.date(2026, 3, 20)))
    assert answer.moment == at_china(dt.date(2026, 3, 11), 17, 30)


STEPS = [
    "S+0", "S+1", "S+5", "T-20", "T-5", "T-1", "T-0", "T+1", "T+5", "D-30", "D-7", "D+1",
]  # fmt: skip


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(STEPS), st.sampled_from([None, None, 1, 2, 5])), min_size=1, max_size=6
    ),
    started=st.dates(dt.date(2025, 1, 6), dt.date(2026, 6, 1)),
    length=st.integers(0, 200),
    hours=st.integers(0, 24 * 300),
)
def test_what_comes_next_is_what_is_newest_then(
    steps: list[tuple[str, int | None]], started: dt.date, length: int, hours: int
) -> None:
    """For every policy, span and moment: nothing is skipped between two looks, and nothing is on a day of rest."""
    table = Timetable(tuple(Step(at=at, who=(Role.OFFICER,), every=every) for at, every in steps), CALENDAR)
    span = Span(started, started + dt.timedelta(days=length))
    now = at_china(started) + dt.timedelta(hours=hours)
    following = table.next_moment(span, after=now)
    seen = table.until(span, now)
    newest = table.newest(span, now=now).get(Role.OFFICER)
    assert (newest.moment if newest else None) == (seen[-1].moment if seen else None)
    if following is not None:
        assert following > now
        assert table.newest(span, now=following)[Role.OFFICER].moment == following
        assert table.next_moment(span, after=following - dt.timedelta(seconds=1)) == following
        assert CALENDAR.is_workday(china_day(following))
    if newest is not None:
        assert table.useless_after(newest, span, who=Role.OFFICER) > newest.moment


def test_steps_read_as_people_say_them() -> None:
    words = {
        "T-3": "到期前3个工作日", "T+1": "超期1个工作日", "S+0": "立即", "S+2": "开始后2个工作日", "D-30": "到期前30天",
        "T-0": "当天", "H-2": "到期前2小时",
    }  # fmt: skip
    assert {at: in_words(Step(at=at, who=(Role.LEAD,))) for at in words} == words
    daily = Step(at="T+1", who=(Role.LEAD,), every=1)
    assert in_words(daily) == "超期1个工作日起每个工作日"
