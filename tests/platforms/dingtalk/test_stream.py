from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from bot.platforms.base import InboundEvent
from bot.platforms.dingtalk import connection, stream
from bot.platforms.dingtalk.stream import pause_before
from bot.simulator.acts import NotDelivered
from bot.simulator.faults import Fault
from tests.platforms.dingtalk.rig import Rig, dingtalk, until


def test_the_pause_between_attempts_doubles_up_to_a_minute_and_is_spread() -> None:
    pauses = [pause_before(attempt, jitter=1.0) for attempt in range(1000)]
    assert pauses[:3] == [1.0, 2.0, 4.0]
    assert max(pauses) == 60.0
    assert all(one <= next_one for one, next_one in pairwise(pauses))
    assert pause_before(3, jitter=0.0) == pause_before(3, jitter=1.0) / 2


async def test_nothing_is_acknowledged_before_it_is_stored(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    started, stored = asyncio.Event(), asyncio.Event()

    async def store(_event: InboundEvent) -> None:
        started.set()
        await stored.wait()

    monkeypatch.setattr(rig.platform.stream, "_on_event", store)
    await rig.connect()
    saying = asyncio.create_task(rig.server.say("u1001", "任务"))
    await started.wait()
    assert not saying.done()
    stored.set()
    await saying


async def test_what_could_not_be_stored_comes_again(rig: Rig) -> None:
    await rig.connect()
    rig.inbox.refuse = 2
    await rig.server.say("u1001", "任务")
    rig.inbox.refuse = 1
    await rig.server.directory_event("user_add_org", ["u1003"])
    said, joined = await rig.inbox.wait_for(2)
    assert (said.text, joined.raw["type"]) == ("任务", "user_add_org")


async def test_a_push_that_is_never_stored_is_given_up_by_the_service_in_the_end(rig: Rig) -> None:
    await rig.connect()
    rig.inbox.refuse = 99
    with pytest.raises(NotDelivered):
        await rig.server.say("u1001", "任务")


async def test_a_repeated_push_keeps_its_id(rig: Rig) -> None:
    await rig.connect()
    rig.faults.script = [Fault.TWICE]
    await rig.server.say("u1001", "任务")
    first, second = await rig.inbox.wait_for(2)
    assert first == second
    assert first.event_id


async def test_an_announced_disconnect_loses_nothing_and_brings_a_new_connection(rig: Rig) -> None:
    await rig.connect()
    said = [asyncio.create_task(rig.server.say("u1001", f"第{number}句")) for number in range(40)]
    await rig.inbox.wait_for(1)
    await rig.server.disconnect_all()
    said += [asyncio.create_task(rig.server.say("u1002", f"第{number}句")) for number in range(40)]
    await asyncio.gather(*said)
    assert len({event.event_id for event in await rig.inbox.wait_for(80)}) == 80
    await until(lambda: len(rig.server.stream._sockets) == 1)  # the old one was closed by us
    assert rig.server.stream.connections == 1


async def test_a_dropped_socket_is_replaced(rig: Rig) -> None:
    await rig.connect()
    await rig.server.stream.drop_all()
    await rig.server.say("u1001", "还在吗")
    assert (await rig.inbox.wait_for(1))[0].text == "还在吗"


async def test_a_silent_socket_counts_as_dead() -> None:
    async with dingtalk(settings={"idle_after": 0.2}, ping_every=60.0) as rig:
        await rig.connect()
        (silent,) = rig.server.stream._sockets
        await until(lambda: silent not in rig.server.stream._sockets and rig.server.stream.connections == 1)


async def test_pings_keep_a_quiet_night_alive() -> None:
    async with dingtalk(settings={"idle_after": 0.5}, ping_every=0.1) as rig:
        await rig.connect()
        sockets, echoes = list(rig.server.stream._sockets), 0

        def heard(_text: str) -> None:
            nonlocal echoes
            echoes += 1

        rig.server.stream._heard = heard  # type: ignore[method-assign]
        await until(lambda: echoes >= 10)  # twice as long as the watchdog waits
        assert rig.server.stream._sockets == sockets


async def test_strange_frames_do_not_end_a_connection(rig: Rig) -> None:
    await rig.connect()
    (socket,) = rig.server.stream._sockets
    await socket.web.send_str("not json")
    await rig.server.stream._send(socket, {"type": "SYSTEM", "headers": {"topic": "KEEPALIVE"}})
    await rig.server.stream._send(socket, {"type": "CALLBACK", "headers": {"topic": "/new"}, "data": "{}"})
    await rig.server.stream._send(socket, {"type": "EVENT", "headers": {"topic": "*"}, "data": "{}"})
    await rig.server.say("u1001", "任务")
    assert [event.text for event in await rig.inbox.wait_for(1)] == ["任务"]


async def test_a_gateway_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "FIRST_PAUSE", 0.01)
    async with dingtalk() as rig:
        rig.faults.script = [Fault.SERVER_ERROR, Fault.BUSY, Fault.RESET]
        await rig.connect()
        assert rig.faults.happened.total() == 3


async def test_wrong_credentials_are_asked_about_slowly_and_stop_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with dingtalk(settings={"client_secret": "wrong"}) as rig:
        await rig.platform.start()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await rig.platform.stream.connected.wait()
        await rig.platform.close()
        assert rig.server.stream.connections == 0


async def test_closing_lets_a_push_in_hand_be_stored_and_acknowledged(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def store(event: InboundEvent) -> None:
        started.set()
        await go.wait()
        await rig.inbox.store(event)

    monkeypatch.setattr(rig.platform.stream, "_on_event", store)
    await rig.connect()
    saying = asyncio.create_task(rig.server.say("u1001", "任务"))
    await started.wait()
    closing = asyncio.create_task(rig.platform.close())
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(saying, closing)
    assert len(rig.inbox.events) == 1


async def test_without_stream_no_connection_is_opened() -> None:
    async with dingtalk(settings={"stream": False, "hook_path": "h" * 20, "card_template": ""}) as rig:
        await rig.platform.start()
        await rig.platform.close()
        assert not rig.platform.stream.connected.is_set()


async def test_a_push_that_cannot_be_stored_does_not_hold_up_the_closing_for_ever(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = asyncio.Event()

    async def hang(_event: InboundEvent) -> None:
        started.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(connection, "FINISH", 0.05)
    monkeypatch.setattr(rig.platform.stream, "_on_event", hang)
    await rig.connect()
    saying = asyncio.create_task(rig.server.say("u1001", "任务"))
    await started.wait()
    await rig.platform.close()
    saying.cancel()
    await asyncio.gather(saying, return_exceptions=True)


async def test_starting_twice_opens_one_connection(rig: Rig) -> None:
    await rig.connect()
    await rig.platform.start()
    await rig.server.say("u1001", "任务")
    assert rig.server.stream.connections == 1
