"""Robot messages of the simulated DingTalk: private, in a group, and by the group's custom robot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.platforms.dingtalk.crypto import robot_sign
from bot.simulator.dingtalk_robot import GROUP
from bot.simulator.people import World
from tests.platforms.dingtalk.rig import CLIENT_ID, ROBOT_SECRET, ROBOT_TOKEN, Rig, dingtalk
from tests.simulator.dingtalk_caller import SEND, Caller, private, text

TASK = {"title": "任务", "text": "### 任务"}
BUTTON = {"title": "接收", "actionURL": "https://x.example/a"}
SINGLE = {"singleTitle": "打开", "singleURL": "https://x.example/a"}


async def test_a_private_message_names_whom_it_could_not_reach(caller: Caller) -> None:
    _, sent = await caller.call("POST", SEND, private(["u1001", "stranger"]))
    assert sent["invalidStaffIdList"] == ["stranger"]
    query = {"processQueryKey": sent["processQueryKey"], "robotCode": CLIENT_ID}
    _, before = await caller.call("GET", "/v1.0/robot/oToMessages/readStatus", **query)
    await caller.rig.server.open_chat("u1001")
    _, after = await caller.call("GET", "/v1.0/robot/oToMessages/readStatus", **query)
    rows = [row for answer in (before, after) for row in answer["messageReadInfoList"]]
    assert [(row["userId"], row["readStatus"]) for row in rows] == [("u1001", "UNREAD"), ("u1001", "READ")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"userIds": []}, "invalidParameter.userIds.empty"),
        ({"userIds": ["u1001"] * 21}, "invalidParameter.userIds.overMax"),
        ({"robotCode": ""}, "invalidParameter.robotCode.auth"),
        ({"msgKey": "sampleFeed"}, "invalidParameter.msgKey.invalid"),
        ({"msgParam": {"content": "好"}}, "invalidParameter.msgParam.invalid"),
        ({"msgParam": '{"content":3}'}, "invalidParameter.msgParam.invalid"),
        ({"msgParam": '{"title":"好"}'}, "invalidParameter.msgParam.invalid"),
        ({"msgParam": json.dumps({"content": "x" * 15_000})}, "invalidParameter.msgParam.tooLong"),
    ],
)
async def test_a_private_message_that_is_wrong_is_refused(
    caller: Caller, changes: dict[str, Any], code: str
) -> None:
    assert await caller.code("POST", SEND, {**private(["u1001"]), **changes}) == code


async def test_a_group_message_needs_an_open_conversation_id(caller: Caller) -> None:
    path, body = "/v1.0/robot/groupMessages/send", private([])
    refused = await caller.code("POST", path, {**body, "openConversationId": "chat1"})
    assert refused == "invalid.openConversationId"
    await caller.call("POST", path, {**body, "openConversationId": "cidAbC+xyz="})
    assert len(caller.rig.chat("cidAbC+xyz=")) == 1


class Group:
    """Posts to the custom robot's webhook."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    async def post(self, body: Any, *, secret: str = ROBOT_SECRET, token: str = ROBOT_TOKEN) -> int:
        timestamp = str(int(self.rig.world.now() * 1000))
        query = {"access_token": token, "timestamp": timestamp, "sign": robot_sign(secret, timestamp)}
        async with self.rig.session.post(f"{self.rig.base}/robot/send", params=query, json=body) as answer:
            return int((await answer.json())["errcode"])


async def test_the_group_robot_checks_token_signature_type_and_size(rig: Rig) -> None:
    group = Group(rig)
    assert await group.post(text("通报")) == 0
    assert await group.post(text("通报"), token="other") == 300001
    assert await group.post(text("通报"), secret="SECother") == 310000
    assert await group.post({"msgtype": "video"}) == 400105
    assert await group.post({"msgtype": "markdown", "markdown": {"title": "只有标题"}}) == 40035
    assert await group.post(text("x" * 20_000)) == 460101
    assert await group.post([]) == 40035


async def test_the_group_robot_wants_its_keyword() -> None:
    async with dingtalk(robot_keyword="检查") as rig:
        assert await Group(rig).post(text("今天休息")) == 310000
        assert await Group(rig).post(text("检查通报")) == 0


async def test_a_repeat_with_the_same_uuid_is_shown_once_even_after_a_kill(tmp_path: Path) -> None:
    for _ in range(2):
        world = World(now=lambda: 0.0, journal=tmp_path / "world.jsonl")
        async with dingtalk(world=world) as rig:
            assert await Group(rig).post(text("通报", msgUuid="u-1")) == 0
            assert len(rig.chat(GROUP)) == 1


async def test_a_group_robot_that_speaks_too_fast_is_silent_for_ten_minutes(rig: Rig) -> None:
    group = Group(rig)
    assert {await group.post(text("通报")) for _ in range(20)} == {0}
    assert await group.post(text("通报")) == 130101
    rig.clock.advance(minutes=9)
    assert await group.post(text("通报")) == 410100
    rig.clock.advance(minutes=1)
    assert await group.post(text("通报")) == 0


@pytest.mark.parametrize(
    ("body", "title", "buttons"),
    [
        (text("你好"), "", []),
        ({"msgtype": "link", "link": {"title": "通知书", "text": "请确认"}}, "通知书", []),
        ({"msgtype": "actionCard", "actionCard": {**TASK, "btns": [BUTTON]}}, "任务", ["接收"]),
        ({"msgtype": "actionCard", "actionCard": {**TASK, **SINGLE}}, "任务", ["打开"]),
    ],
)
async def test_a_phone_shows_every_kind_of_group_message(
    rig: Rig, body: dict[str, Any], title: str, buttons: list[str]
) -> None:
    await Group(rig).post(body)
    view = rig.server.view(rig.chat(GROUP)[0])
    assert view.title == title
    assert [button.text for button in view.buttons] == buttons
