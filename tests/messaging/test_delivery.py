"""Journey 2: every notice ends in a named state, survives a killed process, and is repeated at most once."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.service import verify
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice, NoticeState, Priority
from bot.inspection.notices.service import withdraw
from bot.messaging import outbox
from bot.messaging.compose import BROKE
from bot.messaging.routes import NO_ADDRESS
from bot.platforms.base import Capabilities, ErrorClass, PlatformError
from tests.conftest import INFO
from tests.fakes.platform import FakePlatform, Killed, arrived
from tests.messaging.rig import Rig

SAFE = Capabilities(per_minute=None)
UNSAFE = Capabilities(resend_is_safe=False, plain_resend_is_safe=False, per_minute=None)


def error(cls: ErrorClass, *, after: float = 0.0, advice: str = "") -> PlatformError:
    return PlatformError("code", "detail", cls=cls, retry_after=after, advice=advice)


async def test_a_notice_is_sent_once_and_its_attempt_is_kept(rig: Rig) -> None:
    notice = rig.promise(rig.person("wecom:u1"))
    await rig.until_quiet()
    await rig.until_quiet()
    assert [(user, m.body) for user, m in rig.wecom.shown] == [("u1", "您好 \\*王\\*")]
    row = rig.notice(notice)
    assert (row.state, row.done_at, row.lease_by, row.platform) == (
        NoticeState.SENT,
        rig.clock.now(),
        "",
        "wecom",
    )
    [attempt] = rig.attempts(notice)
    assert (attempt.n, attempt.outcome, attempt.ref, attempt.repeated) == (1, "sent", "msg-1", False)
    assert rig.db.read_now(verify).broken_at is None


async def test_a_notice_nobody_needs_any_more_is_skipped_with_the_slices_reason(rig: Rig) -> None:
    notice = rig.promise(rig.person("wecom:u1"))
    rig.truth["told"] = lambda *_: Skip("已答复")
    await rig.until_quiet()
    assert (rig.notice(notice).state, rig.notice(notice).detail) == (NoticeState.SKIPPED, "已答复")
    assert rig.wecom.calls == 0
    assert rig.attempts(notice) == []


async def test_somebody_without_an_account_is_a_named_failure(rig: Rig) -> None:
    notice = rig.promise(rig.person())
    await rig.until_quiet()
    assert (rig.notice(notice).state, rig.notice(notice).detail) == (NoticeState.FAILED, NO_ADDRESS)


async def test_an_account_on_a_service_that_is_not_set_up_is_no_address(rig: Rig) -> None:
    notice = rig.promise(rig.person("dingtalk:d1"))
    await rig.until_quiet()
    assert rig.notice(notice).detail == NO_ADDRESS


async def test_a_busy_service_is_tried_again_later_and_later(rig: Rig) -> None:
    notice = rig.promise(rig.person("wecom:u1"))
    rig.wecom.then(*[error(ErrorClass.RETRY)] * 3)
    waits = []
    for _ in range(3):
        await rig.until_quiet()
        row = rig.notice(notice)
        assert row.state == NoticeState.QUEUED
        waits.append((row.not_before - rig.clock.now()).total_seconds())
        assert await rig.delivery.run_once() == 0  # not a moment earlier
        rig.clock.move_to(row.not_before)
    await rig.until_quiet()
    assert waits == sorted(waits)
    assert waits[0] < waits[2]
    assert [a.outcome for a in rig.attempts(notice)] == ["retry", "retry", "retry", "sent"]
    assert len(rig.wecom.shown) == 1
    assert not rig.wecom.shown[0][1].body.startswith("（可能重复）")


@pytest.mark.parametrize(
    ("cls", "seconds", "state"),
    [
        (ErrorClass.QUOTA, 60, NoticeState.QUEUED),
        (ErrorClass.QUOTA, 21600, NoticeState.HELD),
        (ErrorClass.TOKEN, 60, NoticeState.QUEUED),
        (ErrorClass.CHANNEL, 300, NoticeState.HELD),
    ],
)
async def test_the_time_a_service_names_is_kept(
    rig: Rig, cls: ErrorClass, seconds: float, state: NoticeState
) -> None:
    notice = rig.promise(rig.person("wecom:u1"))
    rig.wecom.then(error(cls, after=seconds))
    await rig.until_quiet()
    assert (rig.notice(notice).not_before - rig.clock.now()).total_seconds() == seconds
    assert rig.notice(notice).state == state


@pytest.mark.parametrize("cls", [ErrorClass.BUG, ErrorClass.CARD])
async def test_a_refused_message_fails_for_good_with_the_advice(rig: Rig, cls: ErrorClass) -> None:
    notice = rig.promise(rig.person("wecom:u1"))
    rig.wecom.then(error(cls, advice="内容超长"))
    await rig.until_quiet()
    assert (rig.notice(notice).state, rig.notice(notice).detail) == (NoticeState.FAILED, "内容超长")
    assert rig.attempts(notice)[0].code == "code"


# -- accounts --------------------------------------------------------------


async def test_an_unreachable_account_falls_to_the_next_and_then_fails_by_name(
    db: Database, clock: ManualClock, folder: Path
) -> None:
    rig = Rig(db, clock, folder, FakePlatform("wecom"), FakePlatform("dingtalk"))
    person = rig.person("dingtalk:d1", "wecom:u1")
    first = rig.promise(person)
    rig.platforms["wecom"].then(error(ErrorClass.RECIPIENT, advice="不在可见范围"))
    await rig.until_quiet()
    assert rig.notice(first).state == NoticeState.SENT
    assert [user for user, _ in rig.platforms["dingtalk"].shown] == ["d1"]
    assert [(a.platform, a.outcome) for a in rig.attempts(first)] == [
        ("wecom", "failed"),
        ("dingtalk", "sent"),
    ]
    assert rig.account("u1").dead_reason == "不在可见范围"

    second = rig.promise(person)
    rig.platforms["dingtalk"].then(error(ErrorClass.RECIPIENT, advice="已离职"))
    await rig.until_quiet()
    row = rig.notice(second)
    assert (row.state, row.detail) == (NoticeState.FAILED, "没有可用的联系方式：已离职；不在可见范围")
    assert rig.platforms["wecom"].calls == 1  # a dead account is not tried again


async def test_a_card_for_the_next_account_is_a_new_card(rig: Rig) -> None:
    """Bug: the second account got the first one's card, so updates went to somebody who has left."""
    notice = rig.promise(rig.person("wecom:gone", "wecom:here"), "card")
    rig.wecom.then(error(ErrorClass.RECIPIENT))
    await rig.until_quiet()
    card = rig.card(notice)
    assert (card.user_id, card.card_id) == ("here", rig.wecom.shown[0][1].card_id)
    assert rig.notice(notice).card_id == card.card_id


# -- unknown outcomes ------------------------------------------------------


@pytest.mark.parametrize("kind", ["told", "card"])
async def test_an_unknown_outcome_on_a_safe_service_is_sent_again_to_the_byte(rig: Rig, kind: str) -> None:
    """Bug: links were signed anew on each try, so the service saw another message and showed both."""
    rig.wecom.capabilities = SAFE
    notice = rig.promise(rig.person("wecom:u1"), kind)
    rig.wecom.then(*[arrived(error(ErrorClass.UNKNOWN))] * 3)
    for _ in range(4):
        await rig.until_quiet()
        rig.clock.advance(minutes=10)
    assert [a.outcome for a in rig.attempts(notice)] == ["unknown", "unknown", "unknown", "sent"]
    assert not any(a.repeated for a in rig.attempts(notice))
    assert len(rig.wecom.shown) == 4
    assert len({repr(message) for _, message in rig.wecom.shown}) == 1


@pytest.mark.parametrize("kind", ["told", "card"])
async def test_an_unknown_outcome_on_an_unsafe_service_is_repeated_once_and_marked(
    rig: Rig, kind: str
) -> None:
    rig.wecom.capabilities = UNSAFE
    notice = rig.promise(rig.person("wecom:u1"), kind)
    rig.wecom.then(*[arrived(error(ErrorClass.UNKNOWN))] * 5)
    for _ in range(6):
        await rig.until_quiet()
        rig.clock.advance(minutes=10)
    first, second = rig.wecom.bodies()
    assert second == f"（可能重复）{first}"
    row = rig.notice(notice)
    assert (row.state, row.detail) == (NoticeState.FAILED, "两次发送结果均不明")
    assert [a.repeated for a in rig.attempts(notice)] == [False, True]


async def test_an_unsafe_repetition_that_gets_through_ends_it(rig: Rig) -> None:
    rig.wecom.capabilities = UNSAFE
    notice = rig.promise(rig.person("wecom:u1"))
    rig.wecom.then(error(ErrorClass.UNKNOWN), error(ErrorClass.RETRY))
    for _ in range(4):
        await rig.until_quiet()
        rig.clock.advance(minutes=10)
    assert [(a.outcome, a.repeated) for a in rig.attempts(notice)] == [
        ("unknown", False),
        ("retry", True),
        ("sent", True),
    ]
    assert len(rig.wecom.shown) == 1


# -- killed processes ------------------------------------------------------


async def test_what_a_killed_process_claimed_is_taken_over_when_its_lease_runs_out(rig: Rig) -> None:
    notices = [rig.promise(rig.person(f"wecom:u{n}")) for n in range(3)]
    dead = rig.db.write_now(outbox.claim, worker="dead", now=rig.clock.now(), quiet=False)
    assert len(dead) == 3
    assert await rig.delivery.run_once() == 0  # leased
    rig.clock.advance(seconds=outbox.LEASE.total_seconds() + 1)
    await rig.until_quiet()
    assert [rig.notice(n).state for n in notices] == [NoticeState.SENT] * 3
    assert [len(rig.attempts(n)) for n in notices] == [1, 1, 1]
    assert not any(a.repeated for n in notices for a in rig.attempts(n))  # it died before anything left


@pytest.mark.parametrize(("able", "marked"), [(SAFE, False), (UNSAFE, True)])
async def test_a_process_killed_while_sending_leaves_an_unknown_outcome(
    rig: Rig, able: Capabilities, marked: bool
) -> None:
    rig.wecom.capabilities = able
    notice = rig.promise(rig.person("wecom:u1"))
    rig.wecom.then(Killed())
    with pytest.raises(Killed):
        await rig.delivery.run_once()
    assert rig.notice(notice).state == NoticeState.SENDING
    assert rig.attempts(notice)[0].outcome == "sending"  # noted before the request left
    rig.clock.advance(seconds=outbox.LEASE.total_seconds() + 1)
    await rig.make_delivery().run_once()
    assert rig.notice(notice).state == NoticeState.SENT
    assert [(a.outcome, a.repeated) for a in rig.attempts(notice)] == [("unknown", False), ("sent", marked)]
    assert (rig.notice(notice).attempts, rig.notice(notice).platform) == (2, "wecom")
    assert rig.wecom.bodies()[-1].startswith("（可能重复）") is marked


async def test_a_process_that_dies_again_and_again_repeats_at_most_once(rig: Rig) -> None:
    rig.wecom.capabilities = UNSAFE
    notice = rig.promise(rig.person("wecom:u1"))
    rig.wecom.then(Killed(), Killed(), Killed())
    for _ in range(2):
        with pytest.raises(Killed):
            await rig.make_delivery().run_once()
        rig.clock.advance(seconds=outbox.LEASE.total_seconds() + 1)
    await rig.make_delivery().run_once()
    assert rig.wecom.calls == 2
    assert rig.notice(notice).detail == "两次发送结果均不明"


async def test_an_interrupted_notice_that_is_useless_by_now_expires_and_says_so(rig: Rig) -> None:
    """Bug: it was sent after its time."""
    notice = rig.promise(rig.person("wecom:u1"), expires_at=rig.clock.now() + dt.timedelta(seconds=30))
    rig.wecom.then(Killed())
    with pytest.raises(Killed):
        await rig.delivery.run_once()
    rig.clock.advance(minutes=5)
    await rig.until_quiet()
    row = rig.notice(notice)
    assert (row.state, row.detail) == (NoticeState.EXPIRED, "发送中断，结果不明；已过时效，不再发送")
    assert rig.attempts(notice)[0].outcome == "unknown"
    assert rig.wecom.calls == 1


async def test_a_slow_process_does_not_undo_what_its_successor_did(rig: Rig) -> None:
    """Bug: whoever settled last wrote the outcome over the other's attempt and freed the other's lease."""
    rig.wecom.capabilities = SAFE
    notice = rig.promise(rig.person("wecom:u1"))
    rig.wecom.gate = asyncio.Event()
    rig.wecom.then(error(ErrorClass.BUG))
    slow = asyncio.create_task(rig.delivery.run_once())
    await _until(lambda: rig.wecom.calls == 1)
    gate, rig.wecom.gate = rig.wecom.gate, None
    rig.wecom.script.clear()
    rig.clock.advance(seconds=outbox.LEASE.total_seconds() + 1)
    assert await rig.make_delivery().run_once() == 1
    assert rig.notice(notice).state == NoticeState.SENT
    rig.wecom.then(error(ErrorClass.BUG))
    gate.set()
    await slow
    assert rig.notice(notice).state == NoticeState.SENT
    assert [(a.n, a.outcome) for a in rig.attempts(notice)] == [(1, "failed"), (2, "sent")]


async def _until(condition: object) -> None:
    assert callable(condition)
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("never happened")


@pytest.mark.postgres
async def test_two_processes_share_the_work_without_a_double(
    postgres_db: Database, clock: ManualClock, folder: Path
) -> None:
    one, two = postgres_db, Database(str(postgres_db.url.render_as_string(hide_password=False)), info=INFO)
    rig = Rig(one, clock, folder)
    rig.wecom.capabilities = SAFE
    people = [rig.person(f"wecom:u{n}") for n in range(20)]
    notices = [rig.promise(person, priority=Priority.ASSIGNMENT) for person in people for _ in range(15)]
    first, second = rig.make_delivery(db=one), rig.make_delivery(db=two)

    async def work(delivery: object) -> int:
        done = 0
        while found := await delivery.run_once():  # type: ignore[attr-defined]
            done += found
        return done

    shares = await asyncio.gather(work(first), work(second))
    assert sum(shares) == len(notices)
    assert len(rig.wecom.shown) == len(notices)
    assert {rig.notice(n).state for n in notices} == {NoticeState.SENT}
    assert one.read_now(verify).broken_at is None
    two.close()


# -- when not --------------------------------------------------------------


async def test_quiet_hours_hold_all_but_the_statutory_and_the_urgent(rig: Rig) -> None:
    rig.clock.move_to(dt.datetime(2026, 3, 10, 22, 0, tzinfo=CHINA))
    person = rig.person("wecom:u1")
    plain = rig.promise(person)
    statutory = rig.promise(person, statutory=True)
    urgent = rig.promise(person, priority=Priority.URGENT)
    await rig.until_quiet()
    assert [rig.notice(n).state for n in (plain, statutory, urgent)] == ["held", "sent", "sent"]
    assert (rig.notice(plain).detail, rig.notice(plain).not_before.hour) == (
        "免打扰时段",
        0,
    )  # 08:00 in China
    rig.clock.move_to(dt.datetime(2026, 3, 11, 7, 59, tzinfo=CHINA))
    await rig.until_quiet()
    assert rig.notice(plain).state == "held"
    rig.clock.move_to(dt.datetime(2026, 3, 11, 8, 0, tzinfo=CHINA))
    await rig.until_quiet()
    assert rig.notice(plain).state == "sent"


async def test_days_of_rest_are_quiet_and_make_up_days_are_not(small: Rig) -> None:
    notice = small.promise(small.person("wecom:u1"))
    small.clock.move_to(dt.datetime(2026, 10, 4, 10, 0, tzinfo=CHINA))  # National Day
    await small.until_quiet()
    assert small.notice(notice).state == "held"
    small.clock.move_to(dt.datetime(2026, 10, 10, 10, 0, tzinfo=CHINA))  # a Saturday people work on
    await small.until_quiet()
    assert small.notice(notice).state == "sent"


async def test_one_person_gets_no_more_in_a_minute_than_the_service_shows(rig: Rig) -> None:
    rig.wecom.capabilities = Capabilities(per_minute=3)
    person, other = rig.person("wecom:u1"), rig.person("wecom:u2")
    notices = [rig.promise(person) for _ in range(7)]
    rig.promise(other)
    await rig.until_quiet()
    assert len(rig.wecom.to("u1")) == 3
    assert len(rig.wecom.to("u2")) == 1
    assert {rig.notice(n).detail for n in notices if rig.notice(n).state == "queued"} == {"发送频率已满"}
    for _ in range(2):
        rig.clock.advance(seconds=60)
        await rig.until_quiet()
    assert len(rig.wecom.to("u1")) == 7
    assert {len(rig.attempts(n)) for n in notices} == {1}


async def test_what_is_useless_by_now_expires_unsent(rig: Rig) -> None:
    notice = rig.promise(rig.person("wecom:u1"), expires_at=rig.clock.now() + dt.timedelta(hours=1))
    rig.clock.advance(hours=1)
    await rig.until_quiet()
    assert (rig.notice(notice).state, rig.wecom.calls) == (NoticeState.EXPIRED, 0)


async def test_what_was_withdrawn_is_not_sent(rig: Rig) -> None:
    notice = rig.promise(rig.person("wecom:u1"), subject="visit:9")
    rig.db.write_now(withdraw, "visit:9", reason="已改派", now=rig.clock.now())
    await rig.until_quiet()
    assert (rig.notice(notice).state, rig.notice(notice).detail) == (NoticeState.WITHDRAWN, "已改派")
    assert rig.wecom.calls == 0


async def test_nothing_leaves_before_its_time(rig: Rig) -> None:
    notice = rig.promise(rig.person("wecom:u1"), not_before=rig.clock.now() + dt.timedelta(hours=2))
    await rig.until_quiet()
    assert rig.notice(notice).state == "queued"
    rig.clock.advance(hours=2)
    await rig.until_quiet()
    assert rig.notice(notice).state == "sent"


async def test_the_urgent_go_first(small: Rig) -> None:
    person = small.person("wecom:u1")
    for priority in (Priority.DIGEST, Priority.URGENT, Priority.REMINDER, Priority.ASSIGNMENT):
        small.promise(person, priority=priority)
    claimed = small.db.write_now(outbox.claim, worker="w", now=small.clock.now(), quiet=False, limit=3)
    assert [small.notice(n).priority for n in claimed] == [
        Priority.URGENT,
        Priority.ASSIGNMENT,
        Priority.REMINDER,
    ]


# -- what breaks -----------------------------------------------------------


@pytest.mark.parametrize("broken", [ValueError("bug"), Problem("not_found", "没有找到"), KeyError("x")])
async def test_one_notice_that_cannot_be_said_does_not_stop_the_others(rig: Rig, broken: Exception) -> None:
    """Bug: it made the whole batch fail, again after every lease, and nobody was told anything any more."""
    person = rig.person("wecom:u1")
    bad, good = rig.promise(person, "card"), rig.promise(person)

    def raising(*_: object) -> Content:
        raise broken

    rig.truth["card"] = raising
    await rig.until_quiet()
    assert (rig.notice(bad).state, rig.notice(bad).detail) == (NoticeState.FAILED, BROKE)
    assert rig.notice(good).state == NoticeState.SENT


async def test_a_template_that_misses_a_value_and_an_unknown_kind_are_named_failures(rig: Rig) -> None:
    person = rig.person("wecom:u1")
    rig.truth["told"] = lambda *_: Content({})
    bad, unknown, good = rig.promise(person), rig.promise(person, "nonsense"), rig.promise(person, "card")
    await rig.until_quiet()
    assert [rig.notice(n).state for n in (bad, unknown, good)] == ["failed", "failed", "sent"]
    assert rig.attempts(bad) == []


async def test_a_platform_that_breaks_is_a_failure_of_that_notice_only(rig: Rig) -> None:
    person = rig.person("wecom:u1")
    notices = [rig.promise(person) for _ in range(2)]
    rig.wecom.then(TypeError("bug in the adapter"))
    await rig.until_quiet()
    assert sorted(rig.notice(n).state for n in notices) == ["failed", "sent"]


async def test_an_exploding_wake_up_neither_undoes_the_commit_nor_stops_the_writer(rig: Rig) -> None:
    """Bug: an exception in a callback ended SQLite's only writer thread, and every later write hung."""

    def explode() -> None:
        raise RuntimeError("loop is closed")

    rig.db.after_commit.append(explode)
    person = rig.person("wecom:u1")
    notice = rig.promise(person)
    await rig.until_quiet()
    assert rig.notice(notice).state == "sent"


async def test_the_worker_wakes_when_something_is_promised_and_finishes_what_it_began(rig: Rig) -> None:
    person = rig.person("wecom:u1")
    delivery = rig.make_delivery()
    worker = asyncio.create_task(delivery.run())
    await asyncio.sleep(0)
    rig.wecom.gate = asyncio.Event()
    notice = await asyncio.to_thread(rig.promise, person)
    await _until(lambda: rig.wecom.calls == 1)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    rig.wecom.gate.set()
    await delivery.finish()
    assert rig.notice(notice).state == "sent"


@pytest.mark.parametrize("steps", range(3))
async def test_a_worker_that_is_stopped_as_it_is_woken_stops(rig: Rig, steps: int) -> None:
    """Bug: the cancellation was lost, and the service never ended at SIGTERM."""
    delivery = rig.make_delivery()
    worker = asyncio.create_task(delivery.run())
    for _ in range(20):
        await asyncio.sleep(0.01)  # it has looked, found nothing and waits
    delivery._wake.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    worker.cancel()
    await asyncio.wait({worker}, timeout=5)
    assert worker.cancelled()


def _waiting(rig: Rig) -> int:
    return rig.db.read_now(outbox.count_due, now=rig.clock.now(), quiet=False)


async def test_the_count_of_what_is_due_comes_to_zero(rig: Rig) -> None:
    person = rig.person("wecom:u1")
    rig.promise(person, "card")
    failed = rig.promise(person, "card")
    assert _waiting(rig) == 2
    rig.wecom.then(None, error(ErrorClass.BUG))
    await rig.until_quiet()
    assert rig.notice(failed).state == NoticeState.FAILED or rig.wecom.calls == 2
    assert _waiting(rig) == 0
    assert isinstance(rig.notice(failed), Notice)
