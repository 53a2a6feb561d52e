"""An officer of the demo who fills the checklist in chat, question by question."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.cli.demo_chance import chance
from bot.cli.demo_officer import picture

_BAD_IS_YES = re.compile("存在来源不明|标价之外|虚假折价|低价招徕|经营异常名录|绝对化用语")
_REPLY = re.compile(
    r"\d 是|请回复|请直接回复|请发送|请填写|请写明|认定为|提交|答完了|全部答完|没有|第.+项|先放着"
)
_LATER = re.compile(r"没有填好|签到后才能|没有等您签名|没有看懂")
_PATIENCE = 3
_HEAD = re.compile(r"^[#*\s]*随查[*\s]*\n")
_WAIT = 40  # looks at the phone, 25 ms apart, before it goes back into the pocket
_SAY = (
    (re.compile("照片"), ""), (re.compile("说明|什么情况"), "现场发现该项不符合要求"), (re.compile("认定"), "1"),
    (re.compile("日期"), "2026年12月1日"), (re.compile("温度|℃|数字"), "4"),
)  # fmt: skip


@dataclass(slots=True)
class Talk:
    name: str  # of the object
    person: dict[str, Any]
    where: str
    card: str
    since: float  # when they arrived, in simulated time
    begun: bool = False
    last: str = ""  # the newest message answered
    silent: int = 0  # looks at the phone without an answer
    refused: bool = False


@dataclass(slots=True)
class Chatter:
    """``talks`` by the card they began on; ``work`` takes each as far as the service answers."""

    base: str
    http: aiohttp.ClientSession
    talks: dict[str, Talk] = field(default_factory=dict)
    submitted: int = 0

    def arrive(self, name: str, person: dict[str, Any], where: str, card: str, *, now: float) -> None:
        self.talks.setdefault(card, Talk(name, person, where, card, now))

    async def work(self, now: float) -> int:
        ready: dict[str, Talk] = {}  # a person talks about one visit at a time, and ends it first
        for talk in self.talks.values():
            if talk.since < now and (talk.begun or talk.where not in ready):
                ready[talk.where] = talk
        return sum(await asyncio.gather(*(self._go_on(talk) for talk in ready.values())))

    async def _go_on(self, talk: Talk) -> int:
        if not talk.begun and not await self._begin(talk):
            return 0
        moved = 0
        while (message := await self._reply(talk)) is not None:
            talk.last = message["id"]
            talk.silent, moved = 0, 1
            if "已提交审核" in message["view"]["body"] or "已经提交" in message["view"]["body"]:
                del self.talks[talk.card]
                self.submitted += 1
                return 1
            await self._say(talk.name, talk, message["view"]["body"])
            if not talk.begun:
                break
        talk.silent += 1
        talk.begun = talk.silent < _PATIENCE  # an answer that got lost: press the card's button again
        return moved

    async def _begin(self, talk: Talk) -> bool:
        messages = await self._messages(talk)
        for message in messages:
            if message["id"] != talk.card:
                continue
            if message["view"]["closed"]:  # it was handed in: the words that said so got lost
                del self.talks[talk.card]
                self.submitted += 1
                return False
            for button in message["view"]["buttons"]:
                if button["text"] == "逐项问答":
                    talk.last = messages[-1]["id"]
                    await self._post(f"{talk.where}/press", {"message": talk.card, "key": button["key"]})
                    talk.begun = True
        return talk.begun

    async def _reply(self, talk: Talk) -> dict[str, Any] | None:
        """The newest thing the service said in this talk, if it says anything soon."""
        for _ in range(_WAIT):
            fresh = [m for m in await self._messages(talk, after=talk.last) if _is_reply(m)]
            if fresh:
                return fresh[-1]
            await asyncio.sleep(0.025)
        return None

    async def _say(self, name: str, talk: Talk, body: str) -> None:
        body = _HEAD.sub("", body)
        if _LATER.search(
            body
        ):  # the other department is not ready, or the talk is over: look at the card later
            talk.begun = talk.refused = False
        elif "请回复“未发现问题”" in body:
            await self._post(f"{talk.where}/say", {"text": "未发现问题"})
        elif "全部答完" in body and not talk.refused:
            talk.refused = True
            await self._post(f"{talk.where}/say", {"text": "拒签 负责人外出，现场员工不愿代签"})
        elif "回复“签名”" in body:
            await self._post(f"{talk.where}/say", {"text": "签名"})
        elif "回复“提交”" in body:
            await self._post(f"{talk.where}/say", {"text": "提交"})
        else:
            await self._answer(name, talk, body.rsplit("\n\n", 1)[-1])

    async def _answer(self, name: str, talk: Talk, asked: str) -> None:
        if asked.startswith("**"):
            words = "否" if _BAD_IS_YES.search(asked) else "是"
        else:
            words = next((say for pattern, say in _SAY if pattern.search(asked)), "是")
        if words:
            await self._post(f"{talk.where}/say", {"text": words})
            return
        photo, head = picture(name + asked), {"Content-Type": "image/jpeg"}
        async with self.http.post(f"{self.base}{talk.where}/photo", data=photo, headers=head) as response:
            await response.read()

    async def _messages(self, talk: Talk, *, after: str = "") -> list[dict[str, Any]]:
        async with self.http.get(f"{self.base}{talk.where}/messages?after={after}") as response:
            found: list[dict[str, Any]] = await response.json()
            return found

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with self.http.post(self.base + path, json=body) as response:
            await response.read()


def _is_reply(message: dict[str, Any]) -> bool:
    """Words of the service in the talk, not one of its cards."""
    view = message["view"]
    return not message["mine"] and not view["closed"] and not any(b["key"] for b in view["buttons"]) and bool(
        _REPLY.search(view["body"]))  # fmt: skip


def prefers_chat(name: str) -> bool:
    """One officer in five fills the checklist in chat."""
    return chance("chat", name) < 0.2
