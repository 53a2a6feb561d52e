"""The simulated DingTalk as its sheet describes it, asked without our adapter."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.simulator.acts import NotDelivered
from bot.simulator.faults import Fault
from bot.simulator.people import SimPerson, World
from tests.platforms.dingtalk.rig import CLIENT_ID, CLIENT_SECRET, Rig, dingtalk
from tests.simulator.dingtalk_caller import CREATE, OPEN, SEND, UPDATE, Caller, card, private, text

CREDENTIALS = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
CALLBACKS = [{"type": "CALLBACK", "topic": "/v1.0/card/instances/callback"}]


async def test_a_ticket_works_once_and_only_for_the_right_credentials(caller: Caller) -> None:
    status, refusal = await caller.call("POST", OPEN, {"clientId": CLIENT_ID, "clientSecret": "guess"})
    assert (status, refusal["code"]) == (401, "invalidClientIdOrSecret")
    _, given = await caller.call("POST", OPEN, {**CREDENTIALS, "subscriptions": CALLBACKS})
    session, ticket = caller.rig.session, {"ticket": given["ticket"]}
    async with session.ws_connect(given["endpoint"], params=ticket) as socket:
        assert json.loads(await socket.receive_str())["headers"]["topic"] == "ping"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(given["endpoint"], params=ticket)


async def test_a_press_that_nobody_acknowledges_is_repeated_and_then_given_up() -> None:
    async with dingtalk(card_patience=0.05, tries=3) as rig:
        caller = Caller(rig)
        await caller.call("POST", CREATE, card())
        _, given = await caller.call("POST", OPEN, {**CREDENTIALS, "subscriptions": CALLBACKS})
        async with rig.session.ws_connect(given["endpoint"], params={"ticket": given["ticket"]}) as socket:
            with pytest.raises(NotDelivered):
                await rig.server.press("u1001", rig.chat()[0].id, "ok")
            frames = [json.loads(await socket.receive_str()) for _ in range(4)]
    presses = [frame for frame in frames if frame["type"] == "CALLBACK"]
    assert len(presses) == 3
    assert len({frame["headers"]["messageId"] for frame in presses}) == 1


async def test_a_topic_without_subscription_is_never_pushed() -> None:
    async with dingtalk(robot_patience=0.05, tries=1) as rig:
        _, given = await Caller(rig).call("POST", OPEN, {**CREDENTIALS, "subscriptions": CALLBACKS})
        async with rig.session.ws_connect(given["endpoint"], params={"ticket": given["ticket"]}):
            with pytest.raises(NotDelivered):
                await rig.server.say("u1001", "有人吗")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cardTemplateId": "unknown.schema"}, "param.templateNotExist"),
        ({"openSpaceId": "dtv1.card//ROOM.u1001"}, "param.openSpaceIdInvalid"),
        ({"outTrackId": "x" * 101}, "InvalidParameter"),
        ({"cardData": {"cardParamMap": {"done": True}}}, "InvalidParameter"),
        ({"cardData": {"cardParamMap": {"body": "长" * 342}}}, "InvalidParameter"),
        ({"imRobotOpenDeliverModel": {"robotCode": "other"}}, "invalidParameter.robotCode.auth"),
    ],
)
async def test_a_card_that_is_wrong_is_refused(caller: Caller, changes: dict[str, Any], code: str) -> None:
    assert await caller.code("POST", CREATE, card(**changes)) == code
    assert caller.rig.chat() == []


async def test_a_card_id_is_used_once_and_an_unknown_person_gets_no_card(caller: Caller) -> None:
    assert (await caller.call("POST", CREATE, card()))[0] == 200
    assert await caller.code("POST", CREATE, card()) == "param.cardAlreadyExist"
    status, answer = await caller.call("POST", CREATE, card("card-2", "stranger"))
    assert status == 200
    assert answer["result"]["deliverResults"][0]["success"] is False
    assert await caller.code("POST", CREATE, card("card-2", "stranger")) == "param.cardAlreadyExist"


async def test_an_update_replaces_everything_unless_it_is_by_key(caller: Caller) -> None:
    await caller.call("POST", CREATE, card())
    closing = {"outTrackId": "card-1", "cardData": {"cardParamMap": {"done": "true", "status": "已接受"}}}
    by_key = {**closing, "cardUpdateOptions": {"updateCardDataByKey": True}}
    await caller.call("PUT", UPDATE, by_key)
    view = caller.rig.server.view(caller.rig.chat()[0])
    assert (view.title, view.closed, view.buttons) == ("任务", "已接受", ())
    await caller.call("PUT", UPDATE, closing)
    assert caller.rig.server.view(caller.rig.chat()[0]).title == ""
    assert await caller.code("PUT", UPDATE, {**closing, "outTrackId": "other"}) == "param.cardNotExist"


async def test_a_token_is_needed_and_can_die(caller: Caller) -> None:
    caller.token = "invented"
    status, refusal = await caller.call("POST", SEND, private(["u1001"]))
    assert (status, refusal["code"]) == (400, "InvalidAuthentication")
    assert await caller.code("GET", "/auth/scopes", access_token="invented") == "40014"
    assert await caller.code("GET", "/gettoken", appkey=CLIENT_ID, appsecret="guess") == "40089"
    caller.token = ""
    assert (await caller.call("POST", SEND, private(["u1001"])))[0] == 200
    caller.rig.clock.advance(seconds=7200)
    assert await caller.code("POST", SEND, private(["u1001"])) == "InvalidAuthentication"


async def test_the_monthly_quota_ends_and_outlives_a_kill(tmp_path: Path) -> None:
    for calls in (["0", "None"], ["None"]):
        world = World(now=lambda: 0.0, journal=tmp_path / "world.jsonl")
        async with dingtalk(world=world, monthly_limit=2) as rig:
            caller = Caller(rig)
            for _ in calls:
                await caller.call("POST", SEND, private(["u1001"]))
            refused = await caller.code("POST", SEND, private(["u1001"]))
    assert refused == "Forbidden.AccessDenied.ApiCountLimitForOrg"


async def test_cards_and_reply_addresses_outlive_a_kill(tmp_path: Path) -> None:
    journal = tmp_path / "world.jsonl"
    world = World(now=lambda: 0.0, journal=journal)
    world.add_person(SimPerson("dingtalk", "u1001", "检查员"))
    async with dingtalk(world=world) as rig:
        await rig.connect()
        await Caller(rig).call("POST", CREATE, card())
        await rig.server.say("u1001", "任务")
        (event,) = await rig.inbox.wait_for(1)
    session = event.reply_token.partition("?session=")[2]
    async with dingtalk(world=World(now=lambda: 0.0, journal=journal)) as rig:
        caller = Caller(rig)
        assert await caller.code("POST", CREATE, card()) == "param.cardAlreadyExist"
        closing = {"outTrackId": "card-1", "cardData": {"cardParamMap": {"done": "true", "status": "已接受"}}}
        await caller.call("PUT", UPDATE, closing)
        assert rig.server.view(rig.chat()[0]).closed == "已接受"
        _, answer = await caller.call("POST", "/robot/sendBySession", text("收到"), session=session)
        assert answer["errcode"] == 0
    async with dingtalk(world=World(now=lambda: 0.0, journal=journal)) as rig:
        assert [bubble.kind for bubble in rig.chat()] == ["card", "text", "text"]
        assert rig.chat()[0].closed == "已接受"


async def test_a_delayed_push_comes_all_the_same(rig: Rig) -> None:
    await rig.connect()
    rig.faults.script = [Fault.DELAYED]
    await rig.server.say("u1001", "任务")
    assert len(await rig.inbox.wait_for(1)) == 1


async def test_only_a_card_with_callbacks_can_be_pressed(caller: Caller) -> None:
    await caller.call("POST", SEND, private(["u1001"]))
    await caller.call("POST", CREATE, card(callbackType=""))
    for bubble in caller.rig.chat():
        with pytest.raises(NotDelivered):
            await caller.rig.server.press("u1001", bubble.id, "ok")


async def test_what_is_said_before_anybody_listens_waits_for_the_connection(rig: Rig) -> None:
    saying = asyncio.create_task(rig.server.say("u1001", "早"))
    await asyncio.sleep(0)
    await rig.connect()
    await saying
    (event,) = await rig.inbox.wait_for(1)
    assert (event.text, event.reply_token) == ("早", "")


async def test_a_phone_shows_what_its_owner_sent_and_survives_a_spoilt_card(rig: Rig) -> None:
    await rig.connect()
    await rig.server.say("u1001", "你好")
    await rig.server.send_photo("u1001", b"\xff\xd8\xff\xe0", "image/jpeg")
    spoilt = {"cardParamMap": {"title": "任务", "buttons": "not json", "facts": "3"}}
    await Caller(rig).call("POST", CREATE, card(cardData=spoilt))
    said, photo, broken = [rig.server.view(bubble) for bubble in rig.chat()]
    assert said.body == "你好"
    assert photo.image in rig.world.media
    assert (broken.title, broken.buttons, broken.facts) == ("任务", (), ())
