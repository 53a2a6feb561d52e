"""What a month costs: nothing spent is forgotten, and the end of the budget is seen before it comes."""

from __future__ import annotations

import datetime as dt

import pytest

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.audit.service import verify
from bot.inspection.calendar import WorkCalendar
from bot.messaging import quotas
from bot.messaging.quotas import Forecast, Ledger, Level
from bot.platforms.base import Capabilities
from bot.platforms.shared import Budget
from tests.fakes.platform import Killed
from tests.messaging.rig import Rig

CALENDAR = WorkCalendar.load()
TODAY = dt.date(2026, 3, 10)


async def test_what_two_processes_spend_is_added_up_by_day(db: Database, clock: ManualClock) -> None:
    one, two = Ledger(clock), Ledger(clock)
    one.spent("dingtalk", Budget.CALLS, 3)
    two.spent("dingtalk", Budget.CALLS)
    two.spent("dingtalk", Budget.PUSHES, 7)
    for ledger in (one, two, one):
        await ledger.flush(db)
    clock.advance(days=1)
    one.spent("dingtalk", Budget.CALLS, 5)
    await one.flush(db)
    days = db.read_now(quotas.month_of, platform="dingtalk", budget=Budget.CALLS, today=TODAY)
    assert days == {TODAY: 4, TODAY + dt.timedelta(days=1): 5}


async def test_what_could_not_be_written_is_kept(sqlite_db: Database, clock: ManualClock) -> None:
    ledger = Ledger(clock)
    ledger.spent("dingtalk", Budget.CALLS, -1)  # refused by the table
    with pytest.raises(Exception, match="ck_quota_spend"):
        await ledger.flush(sqlite_db)
    ledger.spent("dingtalk", Budget.CALLS, 5)
    assert await ledger.flush(sqlite_db) == 1
    days = sqlite_db.read_now(quotas.month_of, platform="dingtalk", budget=Budget.CALLS, today=TODAY)
    assert days == {TODAY: 4}


@pytest.mark.parametrize(
    ("spent", "month_end", "limit", "level"),
    [
        (100, 90_000, 0, Level.FINE),  # nobody said how much there is
        (100, 4_000, 5_000, Level.FINE),
        (2_400, 5_100, 5_000, Level.FINE),  # early in the month a fast week says little
        (2_500, 5_100, 5_000, Level.LOW),
        (4_000, 4_100, 5_000, Level.LOW),
        (5_000, 5_000, 5_000, Level.GONE),
    ],
)
def test_the_level_follows_what_is_spent_and_forecast(
    spent: int, month_end: int, limit: int, level: Level
) -> None:
    assert Forecast(spent, month_end, limit).level is level


def test_the_forecast_goes_by_working_days() -> None:
    """2026-03-02 to 03-10 are seven working days at 200; fifteen are left after the tenth."""
    days = {dt.date(2026, 3, d): 200 for d in (2, 3, 4, 5, 6, 9, 10)}
    seen = quotas.forecast(days, today=TODAY, limit=5_000, calendar=CALENDAR)
    left = sum(CALENDAR.is_workday(dt.date(2026, 3, d)) for d in range(11, 32))
    assert (seen.spent, seen.month_end) == (1_400, 1_400 + 200 * left)
    before = {dt.date(2026, 2, 27): 900, **days}
    assert quotas.forecast(before, today=TODAY, limit=0, calendar=CALENDAR).spent == 1_400


def test_a_limit_is_set_lifted_and_given_back_and_each_is_in_the_audit_chain(
    db: Database, clock: ManualClock
) -> None:
    for count, seen in ((20, {("person", 60): 20}), (0, {("person", 60): 0}), (None, {})):
        db.write_now(
            quotas.set_limit, platform="wecom", scope="person", seconds=60, count=count, now=clock.now()
        )
        assert db.read_now(quotas.limits_set).get("wecom", {}) == seen
    report = db.read_now(verify)
    assert (report.entries, report.broken_at) == (3, None)


async def test_what_a_batch_cost_stands_in_the_ledger_with_its_outcomes(rig: Rig) -> None:
    """No tick is needed in between: a process that is killed after a batch has nothing left to forget."""
    person = rig.person("wecom:u1")
    rig.promise(person)
    rig.delivery.ledger.spent("wecom", Budget.CALLS, 2)
    await rig.until_quiet()
    days = rig.db.read_now(quotas.month_of, platform="wecom", budget=Budget.CALLS, today=TODAY)
    assert sum(days.values()) == 2
    with rig.delivery.ledger.taken() as left:
        assert not left


def test_what_could_not_be_written_stays_counted(clock: ManualClock) -> None:
    ledger = Ledger(clock)
    ledger.spent("wecom", Budget.CALLS, 2)
    with pytest.raises(OSError, match="disk full"), ledger.taken():
        raise OSError("disk full")
    with ledger.taken() as spent:
        assert list(spent.values()) == [2]


async def test_a_try_that_a_kill_broke_off_counts_as_the_call_it_may_have_cost(rig: Rig) -> None:
    rig.wecom.capabilities = Capabilities(budgets=((Budget.CALLS, 100),))
    rig.promise(rig.person("wecom:u1"))
    rig.wecom.then(Killed())
    with pytest.raises(Killed):
        await rig.delivery.run_once()
    rig.clock.advance(minutes=2)
    rig.delivery = rig.make_delivery()
    await rig.until_quiet()
    days = rig.db.read_now(quotas.month_of, platform="wecom", budget=Budget.CALLS, today=TODAY)
    assert sum(days.values()) == 1
