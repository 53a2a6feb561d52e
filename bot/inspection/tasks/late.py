"""补登记: a visit made without a network is registered afterwards, within the profile's days and with a reason (C16,
field guide 7.4). Pure."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from bot.core.clock import CHINA, china, china_day
from bot.core.errors import Problem
from bot.core.words import says_something

_MINUTE = dt.timedelta(minutes=1)
_WORDS = re.compile(
    r"(?P<number>\d{3,4})\D*?\s+(?:(?P<year>20\d\d)[-年./])?(?P<month>\d{1,2})[-月./](?P<day>\d{1,2})日?\s*"
    r"(?P<hour>\d{1,2})[:：点时](?P<minute>\d{1,2})?分?[\s，,。]*(?P<reason>.*)",
    re.DOTALL,
)
_ASK = "请这样写：补登记 编号末四位 日期 时间 原因。例如：补登记 0012 3月10日 14:30 地下车库没有信号"


@dataclass(frozen=True, slots=True)
class Late:
    """Which visit, by the end of its number, when somebody really was there, and why it is said only now."""

    number: str
    happened_at: dt.datetime
    reason: str


def check_late(
    happened_at: dt.datetime | None, reason: str, *, now: dt.datetime, not_before: dt.datetime, days: int
) -> dt.datetime:
    """The moment of presence, if it may still be registered; raises ``late_reason``, ``late_time`` or ``late_limit``.

    *not_before* is when the task was dispatched: nobody inspected before that.
    """
    if not says_something(reason):
        raise Problem("late_reason", "补登记要写明原因。", late_reason="请写明原因")
    if happened_at is None:
        raise Problem("late_time", "补登记要写明当时的检查时间。", happened_at="请填写检查时间")
    if happened_at > now + _MINUTE or happened_at < not_before - _MINUTE:
        raise Problem(
            "late_time",
            "检查时间要在任务派发之后、现在之前。",
            happened_at=f"{china(happened_at):%m-%d %H:%M}",
        )
    last = china_day(happened_at) + dt.timedelta(days=days)
    if china_day(now) > last:
        text = f"补登记要在检查后 {days} 日内办理，这次最迟是 {last:%m月%d日}。请向任务发起科室说明。"
        raise Problem("late_limit", text, happened_at="已超过期限")
    return happened_at


def read_late(words: str, *, now: dt.datetime) -> Late:
    """What somebody typed after 补登记. Raises ``late_words`` with an example."""
    plain = words.translate(str.maketrans("０１２３４５６７８９：", "0123456789:"))
    found = _WORDS.search(plain)
    if found is None:
        raise Problem("late_words", _ASK)
    today = china_day(now)
    try:
        day = dt.date(int(found["year"] or today.year), int(found["month"]), int(found["day"]))
        clock = dt.time(int(found["hour"]), int(found["minute"] or 0))
    except ValueError as error:
        raise Problem("late_words", f"没有这个时间。{_ASK}") from error
    if not found["year"] and day > today:  # in January one speaks of last December
        day = day.replace(year=day.year - 1)
    return Late(found["number"], dt.datetime.combine(day, clock, CHINA), found["reason"].strip())
