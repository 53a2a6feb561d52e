"""HTTP mode: the simulated service posts to the real routes, over real sockets."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr, ValidationError

from bot.core.config import Settings
from bot.core.config_dingtalk import DingTalkSettings
from bot.core.db import Database
from bot.core.keys import CLOCK, DB, SETTINGS
from bot.messaging.lost import LostEvents
from bot.platforms.base import Button, CardRef, InboundKind, OutboundMessage
from bot.platforms.dingtalk.crypto import Envelope, robot_sign
from bot.simulator.acts import NotDelivered
from bot.simulator.dingtalk_setup import HookPlan
from bot.simulator.faults import Fault
from handlers.web import dingtalk_hooks
from handlers.web.hooks import DISPATCHER
from tests.platforms.dingtalk.rig import CLIENT_ID, CLIENT_SECRET, CORP_ID, Rig, dingtalk, until
from tests.platforms.dingtalk.samples import PAYLOADS
from tests.platforms.refusals import bad_seals

PATH = "h" * 24
KEY = "tokensAndKeysAreForTestsOnly0123456789abcdA"
HTTP = {
    "stream": False,
    "hook_path": PATH,
    "event_token": "tok3n",
    "event_aes_key": KEY,
    "card_secret": "press" * 4,
}
CARD = OutboundMessage(
    "检查任务", "幸福超市", buttons=(Button("接受", action="accept:7"),), card_id="visit-7"
)


class Taker:
    """Stands for the dispatcher; ``broken`` makes it fail as a full disk does."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.broken = rig, False

    async def take(self, event: Any) -> bool:
        if self.broken:
            raise OSError("the disk is full")
        await self.rig.inbox.store(event)
        return True


@dataclass
class Site:
    rig: Rig
    url: str
    taker: Taker
    settings: DingTalkSettings
    db: Database
    plan: HookPlan

    async def post(self, part: str, body: Any, *, secret: str = PATH, **options: Any) -> tuple[int, Any]:
        url = f"{self.url}/hooks/dingtalk/{secret}/{part}"
        data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        async with self.rig.session.post(url, data=data, **options) as answer:
            return answer.status, await answer.json(content_type=None) if answer.status == 200 else None

    def signed(self, *, at: float | None = None, secret: str = CLIENT_SECRET) -> dict[str, str]:
        timestamp = str(int((at or self.rig.clock.now().timestamp()) * 1000))
        return {"timestamp": timestamp, "sign": robot_sign(secret, timestamp)}


@asynccontextmanager
async def site(
    db: Database, *, receive_id: str = CLIENT_ID, resend_after: float = 0.05, **changes: Any
) -> AsyncIterator[Site]:
    async with dingtalk(settings={**HTTP, **changes}, resend_after=resend_after) as rig:
        app = web.Application()
        settings = Settings(_env_file=None, dingtalk=rig.settings)  # type: ignore[call-arg]
        app[SETTINGS], app[DB], app[CLOCK] = settings, db, rig.clock
        taker = Taker(rig)
        app[DISPATCHER] = taker  # type: ignore[misc]
        app[dingtalk_hooks.DINGTALK] = rig.platform
        dingtalk_hooks.add_routes(app)
        async with TestServer(app) as listening:
            base = str(listening.make_url("")).rstrip("/")
            hooks = f"{base}/hooks/dingtalk/{PATH}"
            plan = HookPlan(f"{hooks}/robot", f"{hooks}/events", "tok3n", KEY, receive_id)
            rig.server.hooks.save(plan)
            rig.platform._hooks_url = hooks
            yield Site(rig, base, taker, rig.settings, db, plan)


@pytest.fixture
async def http(sqlite_db: Database) -> AsyncIterator[Site]:
    async with site(sqlite_db) as running:
        yield running


async def test_a_question_arrives_and_is_answered_through_its_conversation(http: Site) -> None:
    await http.rig.platform.send("u1001", OutboundMessage("提醒", "明天"))
    await http.rig.server.say("u1001", "今天的任务")
    (event,) = await http.rig.inbox.wait_for(1)
    assert (event.kind, event.text, event.user_id) == (InboundKind.TEXT, "今天的任务", "u1001")
    await http.rig.platform.reply(event, OutboundMessage("任务", "一家"))
    assert len(http.rig.chat()) == 3


async def test_saving_the_address_and_an_event_are_answered_sealed(http: Site) -> None:
    await http.rig.server.hooks.save_address()
    await http.rig.server.directory_event("user_leave_org", ["u1002"])
    (event,) = await http.rig.inbox.wait_for(1)
    assert (event.kind, event.raw["user_ids"]) == (InboundKind.CONTACT, ["u1002"])


async def test_the_receive_id_is_a_setting_and_another_one_is_refused(sqlite_db: Database) -> None:
    async with site(sqlite_db, receive_id=CORP_ID, event_receive_id=CORP_ID) as legacy:
        await legacy.rig.server.hooks.save_address()
    async with site(sqlite_db, receive_id=CORP_ID) as wrong:
        with pytest.raises(NotDelivered):
            await wrong.rig.server.hooks.save_address()


async def test_a_press_comes_to_the_registered_address_and_the_card_changes_only_afterwards(
    http: Site,
) -> None:
    await http.rig.platform.start()
    await until(lambda: any(key.startswith("dingtalk/route/") for key in http.rig.world.facts))
    await http.rig.platform.send("u1001", CARD)
    (bubble,) = http.rig.chat()
    store, updating = http.taker.rig.inbox.store, []

    async def store_and_update(event: Any) -> None:
        updating.append(asyncio.create_task(http.rig.platform.update(CardRef("u1001", "visit-7"), CARD)))
        await asyncio.sleep(0.05)  # time enough for an update that would not wait
        await store(event)

    http.rig.inbox.store = store_and_update  # type: ignore[method-assign]
    await http.rig.server.press("u1001", bubble.id, "accept:7")
    (event,) = http.rig.inbox.events
    assert (event.action, event.card_id, event.user_id) == ("accept:7", "visit-7", "u1001")
    await updating[0]
    assert http.rig.server._cards.updated_inside == []
    assert http.rig.chat()[0].versions == 2


async def test_what_could_not_be_stored_is_posted_again_with_the_same_id(http: Site) -> None:
    http.taker.broken = True
    with pytest.raises(NotDelivered):
        await http.rig.server.say("u1001", "任务")
    http.taker.broken = False
    http.rig.faults.script = [Fault.TWICE]
    await http.rig.server.say("u1001", "任务")
    first, second = http.rig.inbox.events
    assert first.event_id == second.event_id


@pytest.mark.parametrize("part", ["robot", "cards"])
async def test_a_stranger_is_refused_and_learns_nothing(http: Site, part: str) -> None:
    now = http.rig.clock.now().timestamp()
    message = PAYLOADS["text"]
    assert (await http.post(part, message))[0] == 403
    assert (await http.post(part, message, headers=http.signed(secret="other")))[0] == 403
    assert (await http.post(part, message, headers={"timestamp": "x", "sign": "y"}))[0] == 403
    assert (await http.post(part, message, secret="g" * 24, headers=http.signed()))[0] == 404
    if part == "robot":
        assert (await http.post(part, message, headers=http.signed(at=now - 3601)))[0] == 403
        assert (await http.post(part, message, headers=http.signed(at=now + 3601)))[0] == 403
        assert (await http.post(part, b"[1", headers=http.signed()))[0] == 400
        assert (await http.post(part, b"\xff\xfe", headers=http.signed()))[0] == 400
        assert (await http.post(part, b"x" * 1_100_000, headers=http.signed()))[0] == 413
    assert http.rig.inbox.events == []


@pytest.mark.parametrize("body", [{}, {"encrypt": 3}, {"encrypt": "AAAA"}, [], {"encrypt": ""}])
async def test_an_event_that_was_not_sealed_for_us_is_refused(http: Site, body: Any) -> None:
    status, _ = await http.post(
        "events", body, params={"msg_signature": "0" * 40, "timestamp": "1", "nonce": "n"}
    )
    assert status in (400, 403)


@pytest.mark.parametrize("fault", bad_seals(b"k" * 32, "r", b"m"))
async def test_a_rightly_signed_event_that_is_sealed_wrong_leaves_nothing_and_tells_nothing(
    http: Site, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    box = Envelope("tok3n", KEY, CLIENT_ID)
    encrypt = bad_seals(box._key, CLIENT_ID, b'{"EventType":"user_leave_org","userId":["u1"]}')[fault]
    query = {"msg_signature": box.signature("1", "n", encrypt), "timestamp": "1", "nonce": "n"}
    url = f"{http.url}/hooks/dingtalk/{PATH}/events"
    async with http.rig.session.post(url, params=query, json={"encrypt": encrypt}) as answer:
        assert (answer.status, await answer.read()) == (403, b"")
    assert http.rig.inbox.events == []
    assert not any(secret in caplog.text for secret in (encrypt, KEY, "tok3n", PATH))


async def test_a_body_without_a_length_is_read_no_further_than_the_cap(http: Site) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(50):
            sent += 1
            yield b"x" * (1 << 20)

    url = f"{http.url}/hooks/dingtalk/{PATH}/robot"
    try:
        async with http.rig.session.post(url, data=endless(), headers=http.signed()) as answer:
            status = answer.status
    except (ConnectionError, aiohttp.ClientError):
        status = 413  # the door was shut while we were still pushing
    assert status == 413
    assert sent < 50


async def test_a_captured_signature_carries_no_other_message_later(http: Site) -> None:
    """The body is not signed: only messages of the same moment may share a signature."""
    headers = http.signed()
    assert (await http.post("robot", PAYLOADS["text"], headers=headers))[0] == 200
    assert (await http.post("robot", {**PAYLOADS["text"], "msgId": "twin"}, headers=headers))[0] == 200
    http.rig.clock.advance(seconds=30)
    forged = {**PAYLOADS["text"], "msgId": "forged", "senderStaffId": "u1002"}
    assert (await http.post("robot", forged, headers=headers))[0] == 403
    assert (await http.post("robot", PAYLOADS["text"], headers=headers))[
        0
    ] == 200  # the same again is a repeat
    assert [event.event_id for event in http.rig.inbox.events] == ["msg0Ab==", "twin", "msg0Ab=="]


async def test_events_that_could_not_be_delivered_are_fetched_by_one_process_each_hour(
    sqlite_db: Database,
) -> None:
    async with site(sqlite_db, resend_after=0.0) as http:
        http.rig.server.hooks.save(replace(http.plan, event_url=http.plan.event_url + "-gone"))
        for number in range(205):
            with pytest.raises(NotDelivered):
                await http.rig.server.directory_event("user_leave_org", [f"u{number}"])
        db, platforms = http.db, {"dingtalk": http.rig.platform}
        one, two = (LostEvents(db, http.rig.clock, platforms, http.taker) for _ in range(2))  # type: ignore[arg-type]
        assert sorted([await one.look(), await two.look()]) == [0, 205]
        users = [event.raw["user_ids"] for event in http.rig.inbox.events]
        assert users == [[f"u{number}"] for number in range(205)]
        assert {event.kind for event in http.rig.inbox.events} == {InboundKind.CONTACT}
        with pytest.raises(NotDelivered):
            await http.rig.server.directory_event("user_add_org", ["new"])
        assert await one.look() == 0  # each question costs a call of the month
        http.rig.clock.advance(hours=1)
        assert await two.look() == 1


async def test_lost_events_that_are_never_taken_away_are_read_once_each_time(http: Site) -> None:
    """Whether DingTalk forgets what was fetched is not documented."""
    row = {"call_back_tag": "org_dept_create", "event_time": 1, "org_dept_create": {"deptId": [2]}}

    async def endless(method: str, path: str) -> dict[str, Any]:
        assert (method, path) == ("GET", "/call_back/get_call_back_failed_result")
        return {"failed_list": [row, None, {}, row], "has_more": True}

    http.rig.platform._client.oapi = endless  # type: ignore[assignment,method-assign]
    first, second = await http.rig.platform.lost(), await http.rig.platform.lost()
    assert [event.event_id for event in first] == [event.event_id for event in second]
    assert [event.raw["type"] for event in first] == ["org_dept_create"]


async def test_stream_keeps_nothing_to_fetch(sqlite_db: Database) -> None:
    async with dingtalk() as rig:
        assert await LostEvents(sqlite_db, rig.clock, {"dingtalk": rig.platform}, None).look() == 0  # type: ignore[arg-type]
        assert rig.world.facts.get("dingtalk/calls", 0) == 0


async def test_without_a_secret_there_is_no_route(sqlite_db: Database) -> None:
    async with site(
        sqlite_db, event_token=None, event_aes_key=None, card_secret=None, card_template=""
    ) as bare:
        assert (await bare.post("events", {}))[0] == 404
        assert (await bare.post("cards", {}))[0] == 404
        assert (await bare.post("robot", {}))[0] == 403


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hook_path": None}, "HOOK_PATH"),
        ({"hook_path": "short"}, "16"),
        ({"event_token": None}, "EVENT_AES_KEY"),
        ({"event_aes_key": "short"}, "43"),
        ({"card_secret": None}, "CARD_SECRET"),
        ({"private_by": "work_notice"}, "AGENT_ID"),
    ],
)
def test_half_a_setup_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    known = {"client_id": "k", "client_secret": SecretStr("s"), "card_template": "t.schema", **HTTP}
    with pytest.raises(ValidationError, match=says):
        DingTalkSettings.model_validate({**known, **changes})
