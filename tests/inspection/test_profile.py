"""Profiles: the five seeds' values, defaults that say so, errors that name the field, and the clocks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Problem
from bot.inspection.calendar import WorkCalendar
from bot.inspection.profile import (
    DueDate,
    Profile,
    Step,
    load_profile,
    plan_due,
    profile_names,
    publicity_due,
)
from bot.inspection.profile.terms import Anchor, ClockLevel, ClockStart, RatioAuthority, Role

CALENDAR = WorkCalendar.load()
SEEDS = ("YL", "JZ", "SC", "LZ", "ZJ")


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(f"2026-{text}")


def own_profile(tmp_path: Path, text: str, head: str = "profile: XX\nname: 测试县\n") -> Path:
    path = tmp_path / "XX.yaml"
    path.write_text(head + text, encoding="utf-8")
    return path


def due(
    profile: Profile, *, problem: bool = False, year: int = 2026, **dates: dt.date | None
) -> DueDate | None:
    given_dates: dict[str, Any] = {"ended_on": None, "decided_on": None, "task_completed_on": None, **dates}
    return publicity_due(profile, CALENDAR, problem=problem, year=year, **given_dates)


def test_the_five_seeds_and_the_defaults_are_shipped() -> None:
    assert profile_names() == ["default", *sorted(SEEDS)]


@pytest.mark.parametrize("name", ["default", *SEEDS])
def test_every_shipped_profile_loads(name: str) -> None:
    profile = load_profile(name)
    assert profile.profile == name
    assert profile.calendar == "CN"
    assert profile.draw.officers_min == 2


@pytest.mark.parametrize(
    ("name", "department", "joint"),
    [
        ("default", "03-31", "03-31"),
        ("YL", "04-15", "04-30"),
        ("JZ", "03-31", "03-31"),
        ("SC", "03-31", "12-31"),
        ("LZ", "01-31", "03-31"),
        ("ZJ", "03-30", "03-30"),
    ],
)
def test_plan_dates_are_those_of_the_documents(name: str, department: str, joint: str) -> None:
    profile = load_profile(name)
    assert plan_due(profile, CALENDAR, year=2026).day == day(department)
    assert plan_due(profile, CALENDAR, year=2026, joint=True).day == day(joint)


CLOCKS = {
    "default": ("INSPECTION_ENDED", "HANDLING_DECIDED", "OBJECT", None, ("GSXT_FILE",), True),
    "YL": ("TASK_COMPLETED", "TASK_COMPLETED", "TASK", None, ("GSXT_GX",), False),
    "JZ": (
        "TASK_COMPLETED",
        "TASK_COMPLETED",
        "TASK",
        None,
        ("GSXT", "CREDIT_TJ", "MARKET_CREDIT_TJ"),
        False,
    ),
    "SC": ("INSPECTION_ENDED", "HANDLING_DECIDED", "OBJECT", None, ("GSXT_HENAN",), False),
    "LZ": ("INSPECTION_ENDED", "HANDLING_DECIDED", "OBJECT", None, ("GSXT_SD",), False),
    "ZJ": ("INSPECTION_ENDED", "HANDLING_DECIDED", "OBJECT", "11-01", ("GSXT_FILE",), True),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_clocks_channels_and_gates_are_those_of_the_table(name: str) -> None:
    profile = load_profile(name)
    rules = profile.publicity
    assert (rules.days, rules.unit, rules.count_first_day) == (20, "WORKING_DAY", False)
    found = (rules.start_normal, rules.start_problem, rules.level, rules.yearly_deadline, rules.channels)
    assert (*found, profile.visit.training_gate) == CLOCKS[name]


def test_only_zhanjiang_states_numeric_targets() -> None:
    zj = load_profile("ZJ").targets
    found = [zj.m1, zj.m2, zj.m3, zj.m4a, zj.m4b, zj.m5, zj.m6]
    assert found == [Decimal(n) for n in (80, 15, 100, 100, 100, 80, 100)]
    for name in ("default", "YL", "JZ", "SC", "LZ"):
        assert set(load_profile(name).targets.model_dump().values()) == {None}


def test_a_value_the_seed_is_silent_on_is_known_as_a_default() -> None:
    sc = load_profile("SC")
    assert sc.is_default("plan.department_due")
    assert not sc.is_default("plan.joint_due")
    assert not sc.is_default("publicity.days")
    assert load_profile("LZ").is_default("publicity.days")
    assert sc.items.ratio_authority_default is RatioAuthority.UPPER


def test_everything_in_the_default_profile_is_a_default_but_not_its_own_name(tmp_path: Path) -> None:
    default = load_profile("default")
    assert default.is_default("publicity.days")
    bare = load_profile(own_profile(tmp_path, ""))
    assert bare.name == "测试县"
    assert bare.defaults_used == default.defaults_used - {"profile", "name"}
    assert bare.publicity == default.publicity


def test_null_means_the_default(tmp_path: Path) -> None:
    profile = load_profile(own_profile(tmp_path, "plan: {department_due: null}\n"))
    assert profile.plan.department_due == "03-31"
    assert profile.is_default("plan.department_due")


def test_a_locality_may_replace_one_schedule_and_keep_the_others(tmp_path: Path) -> None:
    profile = load_profile(own_profile(tmp_path, "reminders:\n  review:\n    - {at: S+2, who: [lead]}\n"))
    assert profile.reminders["review"] == (Step(at="S+2", who=(Role.LEAD,)),)
    assert profile.reminders["publicity"] == load_profile("default").reminders["publicity"]


def test_a_step_says_what_it_counts_from() -> None:
    steps = load_profile("default").reminders
    assert [(s.anchor, s.offset) for s in steps["publicity"]] == [
        (Anchor.DUE, n) for n in (-10, -5, -3, -1, 1, 3, 5)
    ]
    assert [(s.anchor, s.offset, s.who) for s in steps["assignment"]] == [
        (Anchor.START, 1, (Role.OFFICER,)),
        (Anchor.START, 2, (Role.LEAD,)),
    ]
    assert [s.offset for s in steps["certificate"]] == [-90, -30, -7, 1]
    assert load_profile("default").messages.remind_at == "09:00"


def test_escalation_goes_from_officer_to_department_to_conference_office() -> None:
    overdue = [s for s in load_profile("default").reminders["publicity"] if s.offset > 0]
    assert [(s.offset, s.who, s.every) for s in overdue] == [
        (1, (Role.OFFICER, Role.LEAD, Role.REVIEWER), 1),
        (3, (Role.DEPARTMENT,), None),
        (5, (Role.COORDINATOR,), None),
    ]


BAD = [
    ("publicty: {days: 10}\n", "publicty", "是不是“publicity”"),
    ("publicity: {chanels: [GSXT_FILE]}\n", "publicity.chanels", "是不是“channels”"),
    ("reminders: {publicty: []}\n", "reminders.publicty", "是不是“publicity”"),
    ("zzzzzz: 1\n", "zzzzzz", "没有“zzzzzz”这一项"),
    ("publicity: {days: 二十}\n", "publicity.days", "应是数字"),
    ("publicity: {days: 0}\n", "publicity.days", "不能小于1"),
    ("publicity: {unit: WORKDAY}\n", "publicity.unit", "只能是 'WORKING_DAY', 'CALENDAR_DAY'"),
    ("publicity: {count_first_day: maybe}\n", "publicity.count_first_day", "true 或 false"),
    ("publicity: {yearly_deadline: '11-31'}\n", "publicity.yearly_deadline", "应是月-日"),
    ("publicity: {start_normal: HANDLING_DECIDED}\n", "publicity", "正常结果没有处理决定"),
    ("publicity: {channels: []}\n", "publicity.channels", "至少要有一项"),
    ("publicity: {channels: [NOWHERE]}\n", "", "渠道“NOWHERE”在 channel_names 里没有中文名称"),
    ("publicity: 20\n", "publicity", "应是“名称: 值”的表"),
    ("plan: {publish: PORTAL}\n", "plan.publish", "应是一个列表"),
    ("plan: {department_due: 2026-04-15}\n", "plan.department_due", "应是文字"),
    ("plan: {department_due: '02-29'}\n", "plan.department_due", "应是月-日"),
    ("draw: {officers_min: 1}\n", "draw.officers_min", "不能小于2"),
    ("targets: {m1: 120}\n", "targets.m1", "不能大于100"),
    ("messages: {remind_at: 21:00}\n", "messages.remind_at", "要加引号"),
    ("messages: {remind_at: '25:00'}\n", "messages.remind_at", "应是时刻"),
    ("reminders: {review: [{at: soon, who: [lead]}]}\n", "reminders.review.0", "应写成 T-5"),
    ("reminders: {review: [{at: S-1, who: [lead]}]}\n", "reminders.review.0", "应写成 T-5"),
    ("reminders: {review: [{at: S+1, who: [boss]}]}\n", "reminders.review.0.who.0", "只能是 'officer'"),
    ("reminders: {review: [{at: S+1}]}\n", "reminders.review.0.who", "缺少这一项"),
    ("reminders: {review: [{at: S+1, who: [lead], when: 1}]}\n", "reminders.review.0.when", "没有这一项"),
]


@pytest.mark.parametrize(("text", "field", "says"), BAD, ids=[row[1] + row[2][:8] for row in BAD])
def test_a_bad_setting_is_refused_naming_the_field(tmp_path: Path, text: str, field: str, says: str) -> None:
    with pytest.raises(Problem) as caught:
        load_profile(own_profile(tmp_path, text))
    assert caught.value.key == "profile_invalid"
    assert caught.value.fields["field"] == field
    assert says in caught.value.text


@pytest.mark.parametrize(("text", "says"), [("[1", "不是可读的YAML"), ("- 1", "应是“名称: 值”的表")])
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Problem, match=says):
        load_profile(own_profile(tmp_path, text, head=""))


def test_a_locality_must_give_its_name(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="“name”有误：缺少这一项"):
        load_profile(own_profile(tmp_path, "", head="profile: XX\n"))


def test_an_unknown_name_lists_the_known_ones_and_guesses() -> None:
    with pytest.raises(Problem, match="可用：default、JZ、LZ、SC、YL、ZJ，是不是“default”？"):
        load_profile("defualt")


def test_a_normal_result_in_shancheng_is_due_twenty_working_days_after_the_check() -> None:
    found = due(load_profile("SC"), ended_on=day("09-18"))
    basis = "自检查结束之日（2026年9月18日）起20个工作日内公示，当日不计，按每个检查对象计算"
    basis += "（山政办〔2016〕26号）"
    assert found == DueDate(day("10-22"), basis, provisional=False)


def test_a_problem_in_shancheng_waits_for_the_handling_decision() -> None:
    sc = load_profile("SC")
    assert due(sc, problem=True, ended_on=day("09-18")) is None
    decided = due(sc, problem=True, ended_on=day("09-18"), decided_on=day("10-09"))
    assert decided is not None
    assert decided.day == day("11-05")
    assert "作出处理决定之日（2026年10月9日）" in decided.basis_zh


@pytest.mark.parametrize("problem", [False, True])
def test_in_yulin_the_clock_starts_when_the_task_is_completed(problem: bool) -> None:
    yl = load_profile("YL")
    assert due(yl, problem=problem, ended_on=day("09-01")) is None
    found = due(yl, problem=problem, ended_on=day("09-01"), task_completed_on=day("09-15"))
    assert found is not None
    assert found.day == day("10-19")
    assert "按整个任务计算" in found.basis_zh


def test_at_object_level_a_completed_task_means_this_objects_check(tmp_path: Path) -> None:
    text = "publicity: {start_normal: TASK_COMPLETED, level: OBJECT}\n"
    profile = load_profile(own_profile(tmp_path, text))
    assert profile.publicity.level is ClockLevel.OBJECT
    assert profile.publicity.start_normal is ClockStart.TASK_COMPLETED
    found = due(profile, ended_on=day("09-18"), task_completed_on=day("09-30"))
    assert found is not None
    assert found.day == day("10-22")


def test_in_zhanjiang_the_earlier_of_clock_and_yearly_date_binds() -> None:
    zj = load_profile("ZJ")
    early, late = due(zj, ended_on=day("03-10")), due(zj, ended_on=day("10-20"))
    assert early is not None
    assert late is not None
    assert early.day == day("04-08")
    assert "默认值，非本地文件规定" in early.basis_zh
    assert late == DueDate(
        day("11-01"), "2026年度检查结果应于11月1日前公示（湛随办字〔2024〕4号）", provisional=False
    )


def test_the_yearly_date_binds_even_before_any_clock_started() -> None:
    found = due(load_profile("ZJ"), problem=True, ended_on=day("09-18"))
    assert found is not None
    assert found.day == day("11-01")


def test_counting_the_first_day_ends_one_working_day_earlier(tmp_path: Path) -> None:
    profile = load_profile(own_profile(tmp_path, "publicity: {count_first_day: true}\n"))
    found, rest_day = due(profile, ended_on=day("09-18")), due(profile, ended_on=day("09-19"))
    assert found is not None
    assert rest_day is not None
    assert (found.day, rest_day.day) == (day("10-21"), day("10-22"))
    assert "含当日" in found.basis_zh


def test_a_period_may_be_counted_in_calendar_days(tmp_path: Path) -> None:
    profile = load_profile(own_profile(tmp_path, "publicity: {unit: CALENDAR_DAY, days: 10}\n"))
    found = due(profile, ended_on=day("09-28"))
    assert found is not None
    assert found.day == day("10-08")
    assert "10个日内" not in found.basis_zh


def test_a_date_in_a_year_without_holidays_is_provisional() -> None:
    found = due(load_profile("SC"), ended_on=day("12-18"))
    assert found is not None
    assert found.day == dt.date(2027, 1, 15)
    assert found.provisional
    assert plan_due(load_profile("SC"), CALENDAR, year=2027).provisional


@given(st.dates(dt.date(2024, 1, 1), dt.date(2026, 11, 1)))
def test_a_due_date_is_always_a_working_day_after_the_start(start: dt.date) -> None:
    found = due(load_profile("SC"), ended_on=start, year=start.year)
    assert found is not None
    assert CALENDAR.is_workday(found.day)
    assert CALENDAR.workdays_between(start, found.day) == 20


def test_the_plan_of_luozhuang_is_due_on_a_saturday_with_reminders_before_it() -> None:
    """Capability C1: LZ 2026."""
    lz = load_profile("LZ")
    found = plan_due(lz, CALENDAR, year=2026)
    assert (found.day, found.basis_zh) == (
        day("01-31"),
        "部门年度抽查计划应于每年1月31日前完成（罗政发〔2019〕7号）",
    )
    before = [s.offset for s in lz.reminders["plan"] if s.offset < 0]
    assert [CALENDAR.days_before_due(found.day, -n) for n in before] == [
        day("01-16"),
        day("01-23"),
        day("01-29"),
    ]


def test_the_plan_of_yulin_is_reminded_around_qingming() -> None:
    """Capability C1: YL 2026."""
    yl = load_profile("YL")
    found = plan_due(yl, CALENDAR, year=2026)
    before = [s.offset for s in yl.reminders["plan"] if s.offset < 0]
    assert [CALENDAR.days_before_due(found.day, -n) for n in before] == [
        day("03-31"),
        day("04-08"),
        day("04-14"),
    ]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("{at: T-3, who: [enterprise]}", "不能发给“enterprise”"),
        ("{at: T-3, who: [officer], digest: true}", "今日待办"),
    ],
)
def test_a_reminder_nobody_could_write_is_refused_at_start(tmp_path: Path, step: str, says: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"profile: X\nname: X\nreminders:\n  publicity:\n    - {step}\n", encoding="utf-8")
    with pytest.raises(Problem, match=says):
        load_profile(path)
