"""A running simulator with a chat service of a few lines behind it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from bot.simulator.acts import MessageView, NotDelivered, SimButton
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimMessage, SimPerson, World
from bot.simulator.server import Simulator

NOW = 1_795_000_000.0  # 2026-11-18 in China


@dataclass
class TinyServer:
    """Shows ``content`` as it is and notes what people did; refuses to deliver while ``deaf``."""

    name: str
    world: World
    done: list[tuple[Any, ...]] = field(default_factory=list)
    deaf: bool = False

    def app(self) -> web.Application:
        async def ping(_request: web.Request) -> web.Response:
            return web.Response(text=self.name)

        app = web.Application()
        app.router.add_post("/ping", ping)
        return app

    def view(self, message: SimMessage) -> MessageView:
        content = dict(message.content)
        content["buttons"] = tuple(SimButton(**b) for b in content.get("buttons", ()))
        content["facts"] = tuple((k, v) for k, v in content.get("facts", ()))
        return MessageView(**({"title": "", "body": "", "closed": message.closed} | content))

    async def press(self, user_id: str, message_id: str, key: str) -> None:
        self._note("press", user_id, message_id, key)
        self.world.change(message_id, pressed=[*self.world.messages[message_id].pressed, key])

    async def say(self, user_id: str, text: str) -> None:
        self.world.post(self.name, user_id, "text", {"body": text}, mine=True)
        self._note("say", user_id, text)

    async def send_photo(self, user_id: str, body: bytes, media_type: str) -> None:
        media_id = "@photo/" + self.world.next_id("p")
        self.world.media[media_id] = (body, media_type, "photo.jpg")
        self.world.post(self.name, user_id, "image", {"image": media_id}, mine=True)
        self._note("photo", user_id, body, media_type)

    async def send_place(self, user_id: str, latitude: float, longitude: float, label: str) -> None:
        self._note("place", user_id, latitude, longitude, label)

    async def open_chat(self, user_id: str) -> None:
        self._note("open", user_id)

    async def close(self) -> None:
        self.done.append(("close",))

    def _note(self, *what: Any) -> None:
        if self.deaf:
            raise NotDelivered("三次都没有应答")
        self.done.append(what)


class Site:
    """A running simulator with a few people, and a client to look at it."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.world = World(now=lambda: NOW)
        self.wecom = TinyServer("wecom", self.world)
        self.dingtalk = TinyServer("dingtalk", self.world)
        servers = {"wecom": self.wecom, "dingtalk": self.dingtalk}
        self.simulator = Simulator(self.world, FaultPlan(percent=10), servers)
        self.world.add_person(SimPerson("wecom", "lilei", "李雷", role="执法人员", department="市场监管局"))
        self.world.add_person(SimPerson("dingtalk", "H/1", "韩梅梅", role="审核人"))

    def card(self, user_id: str = "lilei", **content: Any) -> SimMessage:
        card = {
            "title": "新任务",
            "body": "请**尽快**",
            "facts": [["对象", "云溪 <店>"]],
            "buttons": [
                {"text": "确认收到", "key": "ack", "style": "primary"},
                {"text": "看看", "url": "https://a.cn/"},
            ],
        }
        return self.world.post("wecom", user_id, "template_card", card | content, card_id="c")

    async def text(self, path: str, status: int = 200) -> str:
        async with self.http.get(self.simulator.base_url + path) as answer:
            assert answer.status == status
            return await answer.text()

    async def json(self, path: str, status: int = 200) -> Any:
        async with self.http.get(self.simulator.base_url + path) as answer:
            assert answer.status == status
            return await answer.json()

    async def act(self, path: str, **request: Any) -> tuple[int, Any]:
        async with self.http.post(self.simulator.base_url + "/people/" + path, **request) as answer:
            return answer.status, await answer.json()

    async def waiting(self, polls: int) -> None:
        """Until so many long polls are held."""
        async with asyncio.timeout(2):
            while len(self.world.changed._waiters) < polls:  # noqa: ASYNC110 - asyncio tells nobody who waits
                await asyncio.sleep(0)

    async def form(self, path: str, **request: Any) -> tuple[int, str]:
        url = self.simulator.base_url + path
        async with self.http.post(url, allow_redirects=False, **request) as answer:
            return answer.status, answer.headers.get("Location", "")
