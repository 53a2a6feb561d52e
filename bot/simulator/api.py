"""The JSON person API: how the demo's people and the tests read their chats and act in them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from bot.simulator.people import SimMessage, SimPerson, World
from bot.simulator.phone import CannotDo, Phones

LONGEST_WAIT = 10.0  # seconds a long poll is held

Doing = Callable[[SimPerson, web.Request], Awaitable[None]]


def person_json(phones: Phones, person: SimPerson) -> dict[str, Any]:
    return {
        "platform": person.platform,
        "user_id": person.user_id,
        "name": person.name,
        "role": person.role,
        "department": person.department,
        "unread": phones.unread(person),
    }


def message_json(phones: Phones, message: SimMessage) -> dict[str, Any]:
    view = phones.view(message)
    return {
        "id": message.id,
        "kind": message.kind,
        "at": message.at,
        "mine": message.mine,
        "read": message.read,
        "recalled": message.recalled,
        "versions": message.versions,
        "pressed": message.pressed,
        "view": msgspec.to_builtins(view) | {"image": phones.picture(view)},
    }


class PersonApi:
    """Handlers over :class:`Phones`. ``quit`` lets waiting long polls go when the server stops."""

    def __init__(self, phones: Phones) -> None:
        self._phones = phones
        self._quitting = False

    @property
    def _world(self) -> World:
        return self._phones.world

    def routes(self) -> list[web.RouteDef]:
        chat = "/people/{platform}/{user_id}"
        return [
            web.get("/people", self.people),
            web.get(f"{chat}/messages", self.messages),
            web.post(f"{chat}/press", self._act(self.press)),
            web.post(f"{chat}/say", self._act(self.say)),
            web.post(f"{chat}/photo", self._act(self.photo)),
            web.post(f"{chat}/place", self._act(self.place)),
            web.post(f"{chat}/open", self._act(self.open)),
            web.post(f"{chat}/read", self._act(self.read)),
            web.get("/changes", self.changes),
        ]

    def quit(self) -> None:
        self._quitting = True
        self._world.changed.set()

    async def people(self, _request: web.Request) -> web.Response:
        return web.json_response([person_json(self._phones, p) for p in self._phones.people()])

    async def messages(self, request: web.Request) -> web.Response:
        try:
            found = self._phones.messages(self.whose(request), request.query.get("after", ""))
        except CannotDo as no:
            return _refusal(no)
        return web.json_response([message_json(self._phones, m) for m in found])

    async def changes(self, request: web.Request) -> web.Response:
        """Answer when the world's count of changes is not ``since`` any more, at the latest after 10 s."""
        since = request.query.get("since", "")
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST_WAIT
        while str(self._world.revision) == since and not self._quitting and loop.time() < end:
            self._world.changed.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._world.changed.wait()
            except TimeoutError:
                break
        return web.json_response({"n": self._world.revision})

    # -- acts ---------------------------------------------------------------------------------------------

    def whose(self, request: web.Request) -> SimPerson:
        return self._phones.person(request.match_info["platform"], request.match_info["user_id"])

    async def press(self, person: SimPerson, request: web.Request) -> None:
        message, key = await _fields(request, message=str, key=str)
        await self._phones.press(person, message, key, await _selected(request))

    async def say(self, person: SimPerson, request: web.Request) -> None:
        (text,) = await _fields(request, text=str)
        await self._phones.say(person, text)

    async def photo(self, person: SimPerson, request: web.Request) -> None:
        await self._phones.send_photo(person, *await read_photo(request))

    async def place(self, person: SimPerson, request: web.Request) -> None:
        latitude, longitude, label = await _fields(request, latitude=float, longitude=float, label=str)
        await self._phones.send_place(person, latitude, longitude, label)

    async def open(self, person: SimPerson, _request: web.Request) -> None:
        await self._phones.open_chat(person)

    async def read(self, person: SimPerson, request: web.Request) -> None:
        """All, or with ``{"until": message id}`` what had been seen when that message was the last."""
        until = await _fields(request, until=str) if b'"until"' in await request.read() else [""]
        self._phones.read_all(person, until[0])

    def _act(self, do: Doing) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            try:
                await do(self.whose(request), request)
            except CannotDo as no:
                return _refusal(no)
            return web.json_response({"ok": True})

        return handler


async def read_photo(request: web.Request) -> tuple[bytes, str]:
    """The photo in a multipart form (first file) or in a raw body, with its type."""
    if not request.content_type.startswith("multipart/"):
        return await request.read(), request.content_type
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read(), value.content_type
    raise CannotDo(400, "没有照片。")


def _refusal(no: CannotDo) -> web.Response:
    return web.json_response({"ok": False, "error": str(no)}, status=no.status)


async def _fields(request: web.Request, **wanted: type) -> list[Any]:
    """The wanted fields of the JSON body, in order and converted; raise CannotDo(400)."""
    try:
        data = json.loads(await request.read())
        return [convert(data[name]) for name, convert in wanted.items()]
    except (KeyError, ValueError, TypeError) as wrong:
        raise CannotDo(400, "这个请求的内容不对，需要：" + "、".join(wanted)) from wrong


async def _selected(request: web.Request) -> dict[str, list[str]]:
    """What was chosen on a card, by question; raise CannotDo(400)."""
    selected = json.loads(await request.read()).get("selected") or {}
    if not isinstance(selected, dict) or not all(isinstance(options, list) for options in selected.values()):
        raise CannotDo(400, "选择的内容不对。")
    return {str(question): [str(option) for option in options] for question, options in selected.items()}
