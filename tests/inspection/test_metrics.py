"""M1 to M6 as requirements 4.3 defines them, and what the coordinator sees."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from bot.core.clock import ManualClock, china_day
from bot.core.db import Database
from bot.inspection.metrics.chart import columns, stacked
from bot.inspection.metrics.counts import metrics
from bot.inspection.metrics.formulas import (
    DEFINITIONS,
    Count,
    Share,
    Verdict,
    judge,
    percent,
    shares,
    uses_credit_class,
)
from bot.inspection.metrics.funnel import Funnel, days_of, funnels_of, task_rows
from bot.inspection.metrics.overview import late_visits, overview, task_visits
from bot.inspection.metrics.waiting import count_waiting, deliveries, undelivered, who_waits
from bot.inspection.profile import load_profile
from tests.handlers.campaign import campaign, people

ZJ = {"m1": 80, "m2": 15, "m3": 100, "m4a": 100, "m4b": 100, "m5": 80, "m6": 100}


@pytest.fixture
def running(db: Database, clock: ManualClock) -> Database:
    """A database with one campaign under way."""
    db.write_now(people, now=clock.now())
    db.write_now(campaign, now=clock.now())
    return db


def test_the_example_of_capability_c29() -> None:
    counts = {
        "m1": Count(33, 40), "m2": Count(3, 20), "m3": Count(118, 120), "m4a": Count(199, 200),
        "m4b": Count(198, 200), "m5": Count(33, 40), "m6": Count(14, 15),
    }  # fmt: skip

    found = shares(counts, {key: Decimal(value) for key, value in ZJ.items()})

    assert [(share.text, str(share.verdict)) for share in found] == [
        ("82.5%", "PASS"), ("15.0%", "PASS"), ("98.3%", "FAIL"), ("99.5%", "FAIL"),
        ("99.0%", "FAIL"), ("82.5%", "PASS"), ("93.3%", "FAIL"),
    ]  # fmt: skip
    assert [share.definition.code for share in found] == ["M1", "M2", "M3", "M4a", "M4b", "M5", "M6"]


def test_a_share_is_cut_and_never_rounded_up() -> None:
    assert percent(1999, 2000) == "99.9%"
    assert percent(2, 3) == "66.6%"
    assert percent(0, 7) == "0.0%"
    assert percent(7, 7) == "100.0%"


def test_nothing_of_nothing_is_a_dash_and_no_success() -> None:
    assert percent(0, 0) == "—"
    assert judge(0, 0, Decimal(100)) is Verdict.EMPTY


def test_a_profile_without_a_target_gives_no_verdict() -> None:
    assert judge(1, 2, None) is Verdict.NO_TARGET
    assert Share(DEFINITIONS["m1"], Count(1, 2), None).target_text == "—"


def test_targets_are_shown_as_the_documents_say_them() -> None:
    assert Share(DEFINITIONS["m1"], Count(1, 2), Decimal(80)).target_text == "80%以上"
    assert Share(DEFINITIONS["m3"], Count(1, 2), Decimal(100)).target_text == "100%"
    assert Share(DEFINITIONS["m2"], Count(1, 2), Decimal("12.50")).target_text == "12.5%以上"


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_hundred_percent_is_shown_only_when_all_are_done(done: int, of: int) -> None:
    done = min(done, of)

    assert (percent(done, of) == "100.0%") == (done == of)
    assert (judge(done, of, Decimal(100)) is Verdict.PASS) == (done == of)


def test_a_draw_used_the_class_only_when_the_ratios_differ() -> None:
    assert uses_credit_class({"A": 1, "B": 5})
    assert uses_credit_class({"A": {"ratio": 1}, "D": {"ratio": 20}})
    assert not uses_credit_class({"A": 5, "B": 5})
    assert not uses_credit_class({"B": 5})
    assert not uses_credit_class({"全部": 3})


def test_the_metrics_of_a_campaign(running: Database) -> None:
    found = running.read_now(metrics, year=2026, profile=load_profile("ZJ"))

    figures = {
        share.definition.code: (share.count.done, share.count.of, str(share.verdict)) for share in found
    }
    assert figures == {
        "M1": (3, 4, "FAIL"),  # the fifth item is no longer in use
        "M2": (1, 1, "PASS"),
        "M3": (9, 10, "FAIL"),
        "M4a": (10, 20, "FAIL"),
        "M4b": (5, 20, "FAIL"),
        "M5": (2, 2, "PASS"),
        "M6": (1, 2, "FAIL"),
    }
    missing = {share.definition.code: share.count.missing for share in found}
    assert missing["M1"] == ("抽查事项4",)
    assert missing["M3"] == ("吴丽",)
    assert missing["M6"] == ("HX-1019-2",)


def test_another_year_has_nothing_and_says_so(running: Database) -> None:
    found = running.read_now(metrics, year=2025, profile=load_profile("ZJ"))

    assert [share.text for share in found if share.definition.code in ("M2", "M4a", "M5", "M6")] == ["—"] * 4


def test_every_stage_of_the_funnel_holds_the_later_ones(running: Database, clock: ManualClock) -> None:
    funnel = running.read_now(funnels_of, [1], now=clock.now())[1]

    assert funnel == Funnel(
        drawn=20,
        told=19,
        accepted=15,
        inspected=11,
        submitted=10,
        approved=7,
        published=5,
        in_review=3,
        late=3,
    )
    numbers = [many for _, many in funnel.stages]
    assert numbers == sorted(numbers, reverse=True)


def test_a_task_without_visits_has_an_empty_funnel(running: Database, clock: ManualClock) -> None:
    assert running.read_now(funnels_of, [1, 99], now=clock.now())[99] == Funnel()


def test_who_has_not_answered_is_named_with_what_was_tried(running: Database) -> None:
    waiting = running.read_now(who_waits)

    assert running.read_now(count_waiting) == len(waiting) == 10
    assert [w.since for w in waiting] == sorted(w.since for w in waiting)
    by_name = {w.name: w for w in waiting}
    assert by_name["王建国"].tries[0].text == "已送达 1 条，已读 1 条"
    assert by_name["周涛"].tries[0].text == "发送失败 1 条（企业微信里没有这个成员）"
    assert not by_name["陈静"].reachable
    assert by_name["王建国"].reachable
    assert by_name["王建国"].department == "市场监督管理局"


def test_only_tasks_under_way_have_people_who_wait(running: Database) -> None:
    running.write_now(lambda session: session.execute(text("UPDATE task SET state = 'SUSPENDED'")))

    assert running.read_now(who_waits) == []
    assert running.read_now(count_waiting) == 0


def test_the_first_page_counts_everything_and_lists_a_little(running: Database, clock: ManualClock) -> None:
    page = running.read_now(overview, now=clock.now(), names=2)

    assert (page.waiting_count, len(page.waiting)) == (10, 2)
    assert (page.late_count, len(page.late)) == (3, 2)
    assert page.publish_late_count == 2
    assert page.in_review_count == 3
    assert page.undelivered_count == 2
    assert (page.follow_ups.open, page.follow_ups.late) == (2, 1)
    assert [task.name for task in page.tasks] == ["特种设备使用单位抽查"]


def test_late_visits_name_their_officers_and_the_days(running: Database, clock: ManualClock) -> None:
    rows = running.read_now(late_visits, today=china_day(clock.now()))

    assert [row.days_late for row in rows] == [2, 2, 2]
    assert rows[0].officers == ("赵敏", "黄磊")
    assert rows[0].state_name == "待接收"


def test_visits_of_a_task_are_filtered_and_paged(running: Database, clock: ManualClock) -> None:
    today = china_day(clock.now())

    def find(**values: object) -> list[int]:
        rows = running.read_now(lambda session: task_visits(session, task_id=1, today=today, **values))  # type: ignore[arg-type]
        return [row.id for row in rows]

    assert find(state="IN_REVIEW") == [1010, 1011, 1012]
    assert find(late=True) == [1003, 1004, 1008]
    assert find(limit=2, offset=2) == [1002, 1003]
    assert find(words="霞山港务") == [1002, 1007, 1012, 1017]
    assert find(words="-020") == [1019]
    assert find(words="%") == []


def test_messages_that_did_not_arrive_have_a_name_and_a_reason(running: Database) -> None:
    rows = running.read_now(undelivered)

    assert [(row.name, row.state_name, row.detail) for row in rows] == [
        ("吴丽", "待发送", ""),
        ("周涛", "发送失败", "企业微信里没有这个成员"),
    ]


def test_deliveries_are_counted_by_platform_and_forgotten_after_a_day(
    running: Database, clock: ManualClock
) -> None:
    found = {row.platform: row for row in running.read_now(deliveries, now=clock.now())}
    assert {name: row.tried for name, row in found.items()} == {"dingtalk": 4, "wecom": 6}
    assert found["dingtalk"].retry == 1
    assert found["wecom"].failed == 1

    clock.advance(days=2)
    assert running.read_now(deliveries, now=clock.now()) == []


def test_days_are_chinese_days(running: Database, clock: ManualClock) -> None:
    late_evening = dt.datetime(2026, 3, 9, 16, 30, tzinfo=dt.UTC)  # 00:30 on the 10th in China

    def move(session: Session) -> None:
        session.execute(text("UPDATE visit SET accepted_at = NULL, submitted_at = NULL, published_at = NULL"))
        session.execute(
            text("UPDATE visit SET accepted_at = :at WHERE id < 1004"),
            {"at": late_evening.replace(tzinfo=None) if running.is_sqlite else late_evening},
        )

    running.write_now(move)
    days = running.read_now(days_of, task_id=1, now=clock.now(), days=3)

    assert [(row.day.day, row.accepted) for row in days] == [(8, 0), (9, 0), (10, 4)]


def test_tasks_are_listed_newest_first(running: Database, clock: ManualClock) -> None:
    running.write_now(campaign, now=clock.now(), task_id=2, name="加油站抽查")

    rows = running.read_now(task_rows, now=clock.now())

    assert [row.name for row in rows] == ["加油站抽查", "特种设备使用单位抽查"]
    assert rows[0].funnel == rows[1].funnel


def test_the_pieces_of_a_bar_fill_it() -> None:
    pieces = stacked(Funnel(drawn=20, accepted=15, submitted=10, published=5))

    assert [(piece.stage, piece.many) for piece in pieces] == [
        ("published", 5), ("submitted", 5), ("accepted", 5), ("waiting", 5),
    ]  # fmt: skip
    assert sum(piece.width for piece in pieces) == pytest.approx(100)
    assert stacked(Funnel()) == ()


def test_the_tallest_column_fills_the_chart_and_no_data_draws_nothing() -> None:
    days = columns([("8", (1, 0)), ("9", (4, 2))], [("a", "甲"), ("b", "乙")], height=100)

    assert [bar.height for bar in days[1].bars] == [100, 50]
    assert all(bar.height == 0 for day in columns([("8", (0,))], [("a", "甲")]) for bar in day.bars)
