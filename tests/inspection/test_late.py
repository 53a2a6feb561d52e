"""What an officer types to register a visit afterwards (C16)."""

from __future__ import annotations

import datetime as dt
import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.clock import CHINA
from bot.core.errors import Problem
from bot.inspection.tasks.late import check_late, read_late

NOW = dt.datetime(2026, 3, 12, 9, 30, tzinfo=CHINA)
THERE = dt.datetime(2026, 3, 10, 14, 30, tzinfo=CHINA)


@pytest.mark.parametrize(
    "words",
    [
        "0012 3月10日 14:30 地下车库没有信号",
        "0012 03-10 14:30 地下车库没有信号",
        "0012 2026-03-10 14:30 地下车库没有信号",
        "0012 3.10 14点30分 地下车库没有信号",
        "０012 3月10日14：30，地下车库没有信号",
        "编号0012 3/10 14时30 地下车库没有信号",
    ],
)
def test_people_write_times_in_many_ways(words: str) -> None:
    late = read_late(words, now=NOW)
    assert (late.number, late.happened_at, late.reason) == ("0012", THERE, "地下车库没有信号")


@pytest.mark.parametrize(
    "words", ["", "0012", "0012 昨天下午 没有信号", "0012 2月30日 14:30 没信号", "0012 3月10日 25:00 x"]
)
def test_what_cannot_be_read_is_answered_with_an_example(words: str) -> None:
    with pytest.raises(Problem, match="补登记 0012"):
        read_late(words, now=NOW)


def test_in_january_last_december_is_meant() -> None:
    late = read_late("0012 12月30日 9:00 山区", now=dt.datetime(2027, 1, 4, 9, 0, tzinfo=CHINA))
    assert late.happened_at.year == 2026


@given(
    days=st.integers(0, 30),
    late_by=st.integers(0, 60),
    before=st.integers(-3, 30),
    reason=st.sampled_from(["没信号", "。", ""]),
)
def test_only_what_lies_between_dispatch_and_now_and_within_the_days_is_taken(
    days: int, late_by: int, before: int, reason: str
) -> None:
    happened = NOW - dt.timedelta(days=late_by)
    dispatched = NOW - dt.timedelta(days=late_by + before)
    allowed = late_by <= days and dispatched <= happened and reason == "没信号"
    call = functools.partial(check_late, happened, reason, now=NOW, not_before=dispatched, days=days)
    if allowed:
        assert call() == happened
    else:
        with pytest.raises(Problem) as caught:
            call()
        assert caught.value.fields
