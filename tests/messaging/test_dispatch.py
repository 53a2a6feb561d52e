"""Journey 1 after the answer: stored once, handled once, answered politely, finished after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.audit.service import verify
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import InboxEvent, InboxState, Notice
from bot.inspection.people.models import Department
from bot.messaging import dispatch, inbox
from bot.messaging.dispatch import SORRY, UNKNOWN_BUTTON
from bot.messaging.people import bury
from bot.messaging.router import Context, Handler, Reply
from bot.messaging.talks import open_talk
from bot.platforms.base import ErrorClass, InboundEvent, InboundKind, PlatformError
from tests.fakes.platform import FakePlatform
from tests.messaging.rig import Rig


def note(session: Session, word: str) -> None:
    """An effect one can count."""
    session.add(
        Department(
            code=f"{word}-{session.exec(select(func.count()).select_from(Department)).one()}", name=word
        )
    )


def effects(rig: Rig) -> list[str]:
    return rig.db.read_now(lambda s: list(s.exec(select(Department.name).order_by(col(Department.id)))))


def rows(rig: Rig) -> list[InboxEvent]:
    return rig.db.read_now(lambda s: list(s.exec(select(InboxEvent).order_by(col(InboxEvent.id)))))


def saying(answer: str = "") -> Handler:
    """A handler that notes the words it got, once per call."""

    async def handle(ctx: Context) -> Reply:
        await ctx.db.write(note, ctx.words or (ctx.action.verb if ctx.action else "-"))
        return Reply(answer)

    return handle


def breaking(times: int, answer: str = "好了") -> tuple[Handler, list[int]]:
    """A handler that breaks *times* times, and the count of its calls."""
    calls = [0]

    async def handle(_ctx: Context) -> Reply:
        calls[0] += 1
        if calls[0] <= times:
            raise RuntimeError("bug")
        return Reply(answer)

    return handle, calls


async def take(rig: Rig, *events: InboundEvent) -> list[bool]:
    taken = [await rig.dispatcher.take(event) for event in events]
    await rig.dispatcher.settle()
    return taken


async def later(rig: Rig, seconds: float) -> None:
    rig.clock.advance(seconds=seconds)
    await rig.dispatcher.sweep()
    await rig.dispatcher.settle()


async def test_an_event_delivered_three_times_has_one_effect_and_one_answer(rig: Rig) -> None:
    rig.person("wecom:u1")
    rig.router.fallback = saying("收到")
    event = rig.event("你好")
    assert await take(rig, event, event, event) == [True, False, False]
    await rig.until_quiet()
    assert effects(rig) == ["你好"]
    assert [m.body for _, m in rig.wecom.replied] == ["收到"]
    assert [r.state for r in rows(rig)] == [InboxState.DONE]


async def test_three_deliveries_at_once_have_one_effect(rig: Rig) -> None:
    rig.person("wecom:u1")
    rig.router.fallback = saying()
    event = rig.event("你好")
    assert sorted(await asyncio.gather(*(rig.dispatcher.take(event) for _ in range(3)))) == [
        False,
        False,
        True,
    ]
    await rig.dispatcher.settle()
    assert effects(rig) == ["你好"]


async def test_of_events_kept_together_each_gets_its_own_row_and_a_known_one_none(rig: Rig) -> None:
    def keep(*words: str) -> Awaitable[list[int | None]]:
        events = [structs.replace(rig.event(word), event_id=word) for word in words]
        return rig.db.write_first(lambda driver: inbox.keep(driver, events, now=rig.clock.now()))

    first = await keep("甲", "乙")
    assert await keep("甲", "乙") == [None, None]
    mixed = await keep("丙", "甲", "丁", "丙", "乙")
    assert [row is None for row in mixed] == [False, True, False, True, True]
    stored = {row.id: row.event_id for row in rows(rig)}
    assert stored == dict(zip([*first, mixed[0], mixed[2]], "甲乙丙丁", strict=True))


async def test_the_same_id_on_another_service_is_another_event(rig: Rig) -> None:
    rig.platforms["dingtalk"] = FakePlatform("dingtalk")
    rig.person("wecom:u1", "dingtalk:u1")
    rig.router.fallback = saying()
    assert await take(
        rig, rig.event("a", event_id="x"), rig.event("b", event_id="x", platform="dingtalk")
    ) == [True, True]
    assert sorted(effects(rig)) == ["a", "b"]


async def test_it_is_stored_before_take_returns(rig: Rig) -> None:
    rig.router.fallback = saying()
    await rig.dispatcher.take(rig.event("你好"))
    assert len(rows(rig)) == 1
    await rig.dispatcher.settle()


async def test_a_problem_becomes_the_reply_and_the_event_is_done(rig: Rig) -> None:
    rig.person("wecom:u1")

    async def refuse(_ctx: Context) -> Reply:
        raise Problem("forbidden", "您不是这次检查的执法检查人员。")

    rig.router.fallback = refuse
    await take(rig, rig.event("你好"))
    await rig.until_quiet()
    assert [m.body for _, m in rig.wecom.replied] == ["您不是这次检查的执法检查人员。"]
    assert rows(rig)[0].state == InboxState.DONE
    entry = rig.db.read_now(
        lambda s: s.exec(select(AuditEntry).where(AuditEntry.action == "chat.handled")).one()
    )
    assert entry.data == {"what": "text", "outcome": "refused: forbidden"}
    assert rig.db.read_now(verify).broken_at is None


async def test_a_handler_that_breaks_is_tried_again(rig: Rig) -> None:
    rig.person("wecom:u1")
    rig.router.fallback, calls = breaking(2)
    await take(rig, rig.event("你好"))
    assert rows(rig)[0].state == InboxState.NEW
    await later(rig, 1)
    assert calls == [1]  # not at once
    await later(rig, 60)
    await later(rig, 60)
    await rig.until_quiet()
    assert calls == [3]
    assert [m.body for _, m in rig.wecom.replied] == ["好了"]
    assert rows(rig)[0].error == "RuntimeError: bug"


async def test_a_handler_that_always_breaks_is_given_up_with_one_polite_sentence(rig: Rig) -> None:
    rig.person("wecom:u1")
    rig.router.fallback, calls = breaking(99)
    await take(rig, rig.event("你好"))
    for _ in range(10):
        await later(rig, 600)
    assert calls == [inbox.TRIES]
    assert rows(rig)[0].state == InboxState.FAILED
    assert [m.body for _, m in rig.wecom.replied] == [SORRY]


async def test_an_event_nobody_can_read_any_more_is_given_up(rig: Rig) -> None:
    """Bug: what an older version had stored was claimed again every minute for ever."""
    await take(rig, rig.event("你好", user=""))

    def spoil(session: Session) -> None:
        row = session.exec(select(InboxEvent)).one()
        row.body, row.state = {"kind": "hologram"}, InboxState.NEW

    rig.db.write_now(spoil)
    for _ in range(10):
        await later(rig, 600)
    assert rows(rig)[0].state == InboxState.FAILED


async def test_what_a_crash_left_after_storing_is_finished_by_the_sweep(rig: Rig) -> None:
    rig.person("wecom:u1")
    rig.router.fallback = saying("收到")
    rig.db.write_now(inbox.store, rig.event("你好"), now=rig.clock.now())  # stored, answered, and then killed
    await later(rig, 0)
    await rig.until_quiet()
    assert effects(rig) == ["你好"]
    assert len(rig.wecom.replied) == 1


async def test_what_a_crash_left_in_the_middle_of_handling_is_finished_after_its_lease(rig: Rig) -> None:
    rig.person("wecom:u1")
    rig.router.fallback = saying("收到")
    row = rig.db.write_now(inbox.store, rig.event("你好"), now=rig.clock.now())
    assert row is not None
    assert rig.db.write_now(inbox.claim, row, now=rig.clock.now()) is not None
    await later(rig, 1)
    assert effects(rig) == []
    await later(rig, inbox.LEASE.total_seconds())
    assert effects(rig) == ["你好"]


async def test_two_processes_that_sweep_at_once_handle_it_once(rig: Rig) -> None:
    rig.person("wecom:u1")
    rig.router.fallback = saying()
    for n in range(10):
        rig.db.write_now(inbox.store, rig.event(f"{n}"), now=rig.clock.now())
    other = rig.make_dispatcher()
    await asyncio.gather(rig.dispatcher.sweep(), other.sweep())
    await asyncio.gather(rig.dispatcher.settle(), other.settle())
    assert sorted(effects(rig)) == [str(n) for n in range(10)]


async def test_the_events_of_one_account_are_handled_in_order_one_at_a_time(rig: Rig) -> None:
    """Bug: the third was let in while the second ran, because the lock was forgotten between them."""
    rig.person("wecom:u1")
    rig.person("wecom:u2")
    order: list[str] = []
    inside: dict[str, int] = {}

    async def slow(ctx: Context) -> Reply:
        user = ctx.event.user_id
        inside[user] = inside.get(user, 0) + 1
        assert inside[user] == 1
        for _ in range(5):
            await asyncio.sleep(0)
        order.append(f"{user}{ctx.words}")
        inside[user] -= 1
        return Reply()

    rig.router.fallback = slow
    for n in range(8):
        await rig.dispatcher.take(rig.event(str(n), user="u1"))
        await rig.dispatcher.take(rig.event(str(n), user="u2"))
    await rig.dispatcher.settle()
    assert [o for o in order if o.startswith("u1")] == [f"u1{n}" for n in range(8)]
    assert [o for o in order if o.startswith("u2")] == [f"u2{n}" for n in range(8)]
    assert {r.state for r in rows(rig)} == {InboxState.DONE}


async def test_a_sweep_keeps_the_order_of_an_account_too(rig: Rig) -> None:
    rig.person("wecom:u1")
    rig.router.fallback = saying()
    for n in range(6):
        rig.db.write_now(inbox.store, rig.event(str(n)), now=rig.clock.now())
    await later(rig, 0)
    assert effects(rig) == [str(n) for n in range(6)]


# -- where it goes ---------------------------------------------------------


async def test_an_unknown_account_gets_the_binding_talk_and_nothing_else(rig: Rig) -> None:
    seen: list[str] = []

    async def binding(ctx: Context) -> Reply:
        seen.append(f"{ctx.person_id}{ctx.words}")
        return Reply("请绑定")

    rig.router.talks["binding"] = binding
    rig.router.fallback = saying()
    rig.router.actions["accept"] = saying()
    await take(
        rig,
        rig.event("绑定 ABCD2345", user="stranger"),
        rig.event(user="stranger", kind=InboundKind.BUTTON, action="accept|visit:1|1"),
    )
    assert seen == ["0绑定 ABCD2345", "0"]
    assert [m.body for _, m in rig.wecom.replied] == ["请绑定"] * 2
    assert effects(rig) == []


async def test_who_was_bound_by_the_first_message_is_known_in_the_second(rig: Rig) -> None:
    async def binding(_ctx: Context) -> Reply:
        await asyncio.to_thread(rig.person, "wecom:newcomer")
        return Reply("绑定成功")

    rig.router.talks["binding"] = binding
    rig.router.fallback = saying()
    await take(rig, rig.event("码", user="newcomer"), rig.event("待办", user="newcomer"))
    assert effects(rig) == ["待办"]


async def test_each_kind_finds_its_handler(small: Rig) -> None:
    rig = small
    rig.person("wecom:u1")
    seen: list[str] = []

    def named(name: str) -> Callable[[Context], Awaitable[Reply]]:
        async def handle(ctx: Context) -> Reply:
            seen.append(f"{name}:{ctx.words}{ctx.action.subject if ctx.action else ''}")
            return Reply()

        return handle

    router = rig.router
    router.actions["accept"] = named("accept")
    router.command("待办", "待办任务")(named("to_do"))
    router.talk("reason")(named("reason"))
    router.photo("")(named("photo"))
    router.photo("place")(named("place"))
    router.fallback = named("fallback")
    await take(
        rig,
        rig.event(kind=InboundKind.BUTTON, action="accept|visit:17|2"),
        rig.event("待办任务 今天"),
        rig.event("待办"),
        rig.event("天气"),
        rig.event(kind=InboundKind.IMAGE, media_id="m"),
        rig.event(kind=InboundKind.LOCATION),
        rig.event(kind=InboundKind.ENTER),
        rig.event(kind=InboundKind.CONTACT),
        rig.event(kind=InboundKind.OTHER),
        rig.event("x", user=""),
    )
    assert seen == ["accept:visit:17", "to_do:今天", "to_do:", "fallback:天气", "photo:", "place:"]
    rig.db.write_now(open_talk, "wecom:u1", topic="reason", now=rig.clock.now())
    await take(rig, rig.event("待办事项太多"), rig.event("待办"))
    assert seen[-2:] == ["reason:待办事项太多", "to_do:"]  # only the bare command interrupts a talk
    rig.clock.advance(hours=25)
    await take(rig, rig.event("因为"))
    assert seen[-1] == "fallback:因为"  # a talk of yesterday is forgotten


@pytest.mark.parametrize(
    "action",
    [
        "",
        "accept",
        "accept|visit|1",
        "accept|visit:x|1",
        "a|b:1|1|1",
        "drop table|v:1|1",
        "accept|visit:99999999999999999999999|1",
    ],
)
async def test_a_button_we_did_not_make_is_answered_in_words(small: Rig, action: str) -> None:
    small.person("wecom:u1")
    small.router.actions["accept"] = saying()
    await take(small, small.event(kind=InboundKind.BUTTON, action=action))
    await small.until_quiet()
    [(_, message)] = small.wecom.replied
    assert message.body in (UNKNOWN_BUTTON, "这张卡片的按钮已不再使用，请打开最新的卡片。")
    assert effects(small) == []


# -- the answer ------------------------------------------------------------


async def test_a_reply_goes_back_to_where_the_question_came_from(rig: Rig) -> None:
    """Bug: somebody with two accounts who asked on DingTalk was answered on WeCom."""
    rig.platforms["dingtalk"] = FakePlatform("dingtalk")
    rig.person("wecom:u1", "dingtalk:d1")
    rig.router.fallback = saying("在这里")
    await take(
        rig, rig.event("你好", platform="dingtalk", user="d1", reply_token="hook", conversation="group")
    )
    await rig.until_quiet()
    [(event, _)] = rig.platforms["dingtalk"].replied
    assert (event.user_id, event.reply_token, event.conversation) == ("d1", "hook", "group")
    assert rig.wecom.calls == 0


async def test_a_reply_whose_account_died_meanwhile_is_sent_to_the_next_one_without_the_old_token(
    rig: Rig,
) -> None:
    rig.platforms["dingtalk"] = FakePlatform("dingtalk")
    rig.person("wecom:u1", "dingtalk:d1")
    rig.router.fallback = saying("在这里")
    rig.platforms["dingtalk"].then(PlatformError("x", cls=ErrorClass.RECIPIENT))
    await take(rig, rig.event("你好", platform="dingtalk", user="d1", reply_token="hook"))
    await rig.until_quiet()
    assert rig.wecom.bodies() == ["在这里"]
    assert rig.wecom.replied == []


async def test_who_speaks_can_be_reached_again(rig: Rig) -> None:
    """Bug: somebody whose account had once been refused got no answer to what they wrote."""
    rig.person("wecom:u1")
    rig.db.write_now(bury, platform="wecom", user_id="u1", reason="不在可见范围", now=rig.clock.now())
    rig.router.fallback = saying("在")
    await take(rig, rig.event("你好"))
    await rig.until_quiet()
    assert [m.body for _, m in rig.wecom.replied] == ["在"]
    assert rig.account("u1").dead_since is None


async def test_an_answer_is_promised_with_the_handling_and_sent_after_a_crash(rig: Rig) -> None:
    rig.person("wecom:u1")
    rig.router.fallback = saying("收到")
    await take(rig, rig.event("你好"))
    queued = rig.db.read_now(lambda s: s.exec(select(Notice).where(Notice.kind == "reply")).one())
    assert (queued.state, queued.statutory) == ("queued", True)  # also at night
    await rig.make_delivery().run_once()
    assert len(rig.wecom.replied) == 1


async def test_a_reply_of_unknown_outcome_is_repeated_once_and_marked(rig: Rig) -> None:
    rig.person("wecom:u1")
    rig.router.fallback = saying("收到")
    rig.wecom.then(PlatformError("x", cls=ErrorClass.UNKNOWN))
    await take(rig, rig.event("你好"))
    await rig.until_quiet()
    rig.clock.advance(minutes=5)
    await rig.until_quiet()
    assert [m.body for _, m in rig.wecom.replied] == ["（可能重复）收到"]


async def test_a_press_refreshes_the_card_it_sat_on_with_the_token_it_brought(rig: Rig) -> None:
    notice = rig.promise(rig.person("wecom:u1"), "card")
    await rig.until_quiet()
    rig.router.actions["accept"] = saying()
    rig.truth["card"] = lambda *_: Content({"state": "已接收"})
    await take(
        rig,
        rig.event(
            kind=InboundKind.BUTTON,
            action="accept|visit:1|1",
            card_id=rig.notice(notice).card_id,
            card_token="fresh",
        ),
    )
    [(ref, _)] = rig.wecom.updated
    assert ref.card_token == "fresh"
    assert rig.notice(notice).state == "sent"


async def test_an_event_of_a_service_that_is_gone_does_not_break_the_sweep(small: Rig) -> None:
    small.person("dingtalk:d1")
    small.router.fallback = saying()
    small.db.write_now(
        inbox.store, small.event("你好", platform="dingtalk", user="d1"), now=small.clock.now()
    )
    for _ in range(8):
        await later(small, 600)
    assert rows(small)[0].state == InboxState.FAILED


@pytest.mark.postgres
async def test_many_events_of_many_people_at_once_on_postgresql(
    postgres_db: Database, clock: ManualClock, folder: Path
) -> None:
    db = postgres_db
    rig = Rig(db, clock, folder)
    for n in range(10):
        rig.person(f"wecom:u{n}")
    rig.router.fallback = saying_uniquely()
    await asyncio.gather(
        *(rig.dispatcher.take(rig.event(f"{k}", user=f"u{n}")) for n in range(10) for k in range(10))
    )
    await rig.dispatcher.settle()
    assert {r.state for r in rows(rig)} == {InboxState.DONE}
    assert rig.db.read_now(verify).entries == 100
    assert rig.db.read_now(verify).broken_at is None


def saying_uniquely() -> Handler:
    async def handle(_ctx: Context) -> Reply:
        return Reply("好")

    return handle


async def test_in_a_storm_of_callbacks_handlers_come_one_after_the_other_and_nothing_is_left(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "_WITHIN", 3600.0)  # these callbacks are a storm, however slow the machine
    monkeypatch.setattr(dispatch, "_BREATH", 0.0)
    inside, most, handled = 0, 0, []

    async def handle(ctx: Context) -> Reply:
        nonlocal inside, most
        inside, most = inside + 1, max(most, inside + 1)
        await ctx.db.write(note, ctx.words)
        handled.append(ctx.words)
        inside -= 1
        return Reply()

    rig.router.command("办理")(handle)
    people = [rig.person(f"wecom:u{n}") for n in range(3)]
    events = [rig.event(f"办理 {n:02}", user=f"u{n % len(people)}") for n in range(40)]
    assert await asyncio.gather(*(rig.dispatcher.take(event) for event in events)) == [True] * 40
    assert len(handled) < 40  # the platform is answered first
    await rig.dispatcher.settle()
    assert handled == [f"{n:02}" for n in range(40)]
    assert most == 1
    assert {row.state for row in rows(rig)} == {InboxState.DONE}


async def test_who_is_stopped_in_a_storm_finishes_what_runs_and_leaves_the_rest_to_the_sweep(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: the service ended only when every stored event was handled, minutes after it was told to stop."""
    monkeypatch.setattr(inbox, "_WITHIN", 3600.0)
    monkeypatch.setattr(dispatch, "_BREATH", 0.0)
    begun, go, handled = asyncio.Event(), asyncio.Event(), []

    async def handle(ctx: Context) -> Reply:
        begun.set()
        await go.wait()
        handled.append(ctx.words)
        return Reply()

    rig.router.command("办理")(handle)
    rig.person("wecom:u1")
    await asyncio.gather(*(rig.dispatcher.take(rig.event(f"办理 {n:02}")) for n in range(40)))
    await asyncio.wait_for(begun.wait(), 20)
    stopping = asyncio.create_task(rig.dispatcher.stop())
    await asyncio.sleep(0)
    go.set()
    await stopping
    left = [row.state for row in rows(rig)].count(InboxState.NEW)
    assert len(handled) + left == 40
    assert left
    again = rig.make_dispatcher()
    assert await again.sweep() == left
    await again.settle()
    assert sorted(handled) == [f"{n:02}" for n in range(40)]


async def test_when_the_storm_is_over_handlers_run_together_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "_WITHIN", 3600.0)
    monkeypatch.setattr(dispatch, "_BREATH", 0.0)
    met, first = asyncio.Event(), asyncio.Event()
    together: set[str] = set()

    async def handle(ctx: Context) -> Reply:
        if ctx.words == "00":
            first.set()
            monkeypatch.setattr(inbox, "_WITHIN", 0.0)
            return Reply()
        together.add(ctx.words)
        if len(together) == 4:
            met.set()
        await met.wait()
        return Reply()

    rig.router.command("办理")(handle)
    for n in range(40):
        rig.person(f"wecom:u{n}")
    await asyncio.gather(*(rig.dispatcher.take(rig.event(f"办理 {n:02}", user=f"u{n}")) for n in range(40)))
    await asyncio.wait_for(met.wait(), 20)
    await rig.dispatcher.settle()
    assert first.is_set()
    assert {row.state for row in rows(rig)} == {InboxState.DONE}
