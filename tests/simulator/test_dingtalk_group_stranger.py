"""``dingtalkchatbot``, which knows nothing of us, against the simulated group robot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from dingtalkchatbot.chatbot import ActionCard, CardItem, DingtalkChatbot

from bot.simulator.dingtalk_robot import GROUP
from tests.platforms.dingtalk.rig import ROBOT_SECRET, ROBOT_TOKEN, Rig, dingtalk

PAGE = "https://suicha.example.gov.cn/t/7"


class Stranger:
    """Calls the library, which blocks, in a thread; its own signature, its own JSON."""

    def __init__(self, rig: Rig, *, secret: str = ROBOT_SECRET) -> None:
        self._url = f"{rig.base}/robot/send?access_token={ROBOT_TOKEN}"
        self._secret = secret

    async def send(self, method: str, *args: Any, **options: Any) -> dict[str, Any]:
        def call() -> dict[str, Any]:
            robot = DingtalkChatbot(self._url, secret=self._secret)
            answer: dict[str, Any] = getattr(robot, method)(*args, **options)
            return answer

        return await asyncio.to_thread(call)


@pytest.fixture
def wall_clock(rig: Rig) -> Rig:
    """The library signs with the machine's clock, so the service's must agree."""
    import time  # noqa: PLC0415

    rig.world.now = time.time
    return rig


async def test_every_kind_of_message_is_accepted_and_shown(wall_clock: Rig) -> None:
    stranger = Stranger(wall_clock)
    assert (await stranger.send("send_text", "检查通报", at_mobiles=["13800000001"]))["errcode"] == 0
    await stranger.send("send_markdown", title="周报", text="#### 周报\n完成七成")
    await stranger.send("send_link", title="通知书", text="请确认", message_url=PAGE)
    card = ActionCard(title="任务", text="### 任务", btns=[CardItem(title="打开", url=PAGE)])
    await stranger.send("send_action_card", card)
    views = [wall_clock.server.view(bubble) for bubble in wall_clock.chat(GROUP)]
    assert [view.title for view in views] == ["", "周报", "通知书", "任务"]
    assert [button.url for button in views[3].buttons] == [PAGE]


async def test_its_wrong_signature_is_refused_as_by_the_real_service(wall_clock: Rig) -> None:
    answer = await Stranger(wall_clock, secret="SECother").send("send_text", "检查通报")
    assert answer["errcode"] == 310000
    assert wall_clock.chat(GROUP) == []


async def test_too_many_in_a_minute_are_answered_with_ten_minutes_of_silence(wall_clock: Rig) -> None:
    stranger = Stranger(wall_clock)
    codes = [(await stranger.send("send_text", f"第{number}条"))["errcode"] for number in range(21)]
    assert codes == [0] * 20 + [130101]
    assert (await stranger.send("send_text", "再来"))["errcode"] == 410100


async def test_the_keyword_guard_refuses_it_too() -> None:
    async with dingtalk(robot_keyword="检查", robot_secret="") as rig:
        stranger = Stranger(rig, secret="")
        assert (await stranger.send("send_text", "今天休息"))["errcode"] == 310000
        assert (await stranger.send("send_text", "检查通报"))["errcode"] == 0
