"""The npm client ``dingtalk-stream``, which knows nothing of us, against the simulated DingTalk.

``make node-stranger`` installs it and runs this file; the other tests need no Node, so they do not collect it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.platforms.dingtalk.rig import CLIENT_ID, CLIENT_SECRET, Rig, dingtalk
from tests.simulator.test_dingtalk_stranger import CARD

DRIVER = Path(__file__).with_suffix(".mjs")
MODULES = Path(os.environ.get("NODE_STRANGERS", ".venv/node/node_modules")).resolve()
PATIENCE = 20.0


class Stranger:
    """The client's process; what it heard comes line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def heard(self, kind: str) -> dict[str, Any]:
        """The next thing of that kind."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := await self._process.stdout.readline():
                told: dict[str, Any] = json.loads(line)
                if told["kind"] == kind:
                    return told
        raise AssertionError("the client ended")


@asynccontextmanager
async def stranger(rig: Rig) -> AsyncIterator[Stranger]:
    process = await asyncio.create_subprocess_exec(
        "node", str(DRIVER), str(MODULES), rig.base, CLIENT_ID, CLIENT_SECRET, stdout=asyncio.subprocess.PIPE
    )
    try:
        client = Stranger(process)
        await client.heard("connected")
        yield client
    finally:
        process.kill()
        await process.wait()


async def test_the_npm_client_hears_a_message_an_event_and_a_press_and_its_answer_changes_the_card() -> None:
    async with dingtalk(robot_patience=10.0, card_patience=10.0) as rig, stranger(rig) as client:
        await rig.server.say("u1001", "今天的任务")
        assert await client.heard("robot") == {"kind": "robot", "who": "u1001", "text": "今天的任务"}
        await rig.server.directory_event("user_leave_org", ["u1002"])
        event = await client.heard("event")
        assert (event["name"], event["data"]["userId"]) == ("user_leave_org", ["u1002"])
        await rig.platform.send("u1001", CARD)
        card = rig.chat()[-1]
        await rig.server.press("u1001", card.id, "accept:7")
        pressed = await client.heard("card")
        assert (pressed["who"], pressed["card"]) == ("u1001", "visit-7")
        assert pressed["content"]["cardPrivateData"]["actionIds"] == ["accept:7"]
        assert rig.server.view(rig.chat()[-1]).closed == "已接受"


async def test_the_npm_client_comes_back_after_a_disconnect() -> None:
    async with dingtalk(robot_patience=10.0, tries=20) as rig, stranger(rig) as client:
        await rig.server.disconnect_all(linger=0.0)
        await rig.server.say("u1001", "还在吗")
        assert (await client.heard("robot"))["text"] == "还在吗"
