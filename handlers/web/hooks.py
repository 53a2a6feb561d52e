"""Callbacks of the platforms over HTTP: read, verify, store, answer. The work happens afterwards.

Each app and each bot has an address and keys of its own; one address for two would mix up their keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

from aiohttp import web

from bot.core.log import log
from bot.messaging.dispatch import Dispatcher
from bot.platforms.base import InboundEvent
from bot.platforms.wecom.crypto import CallbackError

Hook = TypeVar("Hook")
MAX_BODY = 1024 * 1024  # callbacks are small (sheet 1.10)


class Callbacks(Protocol):
    """One app whose callbacks come by HTTP."""

    def read_callback(self, query: Mapping[str, str], body: bytes) -> InboundEvent: ...

    def answer_echo(self, query: Mapping[str, str]) -> bytes: ...


class BotCallbacks(Protocol):
    """A smart bot whose callbacks come by HTTP: an answer may stand in the response."""

    async def hear_callback(self, query: Mapping[str, str], body: bytes) -> bytes: ...

    def answer_echo(self, query: Mapping[str, str]) -> bytes: ...


DISPATCHER = web.AppKey("dispatcher", Dispatcher)
WECOM = web.AppKey("wecom", dict[str, Callbacks])  # by the platform's name
WECOM_BOTS = web.AppKey("wecom_bots", dict[str, BotCallbacks])


async def verify_wecom(request: web.Request) -> web.Response:
    """URL verification: the decrypted digits, nothing else, inside one second."""
    return _echo(request, _one(request, request.app[WECOM]))


async def from_wecom(request: web.Request) -> web.Response:
    """One encrypted event. 200 means that it is stored; anything else makes the platform send it again."""
    app = _one(request, request.app[WECOM])
    try:
        event = app.read_callback(request.query, await read_body(request))
    except CallbackError as error:
        return _refused(error)
    await request.app[DISPATCHER].take(event)
    return web.Response()


async def verify_wecom_bot(request: web.Request) -> web.Response:
    """As for an app."""
    return _echo(request, _one(request, request.app[WECOM_BOTS]))


async def from_wecom_bot(request: web.Request) -> web.Response:
    """One encrypted message; the answer stands in the response when it is ready in time."""
    bot = _one(request, request.app[WECOM_BOTS])
    try:
        answer = await bot.hear_callback(request.query, await read_body(request))
    except CallbackError as error:
        return _refused(error)
    return web.Response(body=answer, content_type="application/json" if answer else "text/plain")


async def read_body(request: web.Request) -> bytes:
    """The body, at most 1 MiB of it, whatever its header says. Raises 413."""
    if (request.content_length or 0) > MAX_BODY:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY, request.content_length or 0)
    # nearly every callback comes with its header in one packet
    body = request.content.read_nowait() if request.content.is_eof() else b""
    while not request.content.at_eof():
        body += await request.content.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(MAX_BODY, len(body))
    return body


def _one(request: web.Request, hooks: dict[str, Hook]) -> Hook:
    name = request.match_info.get("name", "")
    hook = hooks.get(f"wecom-{name}" if name else "wecom")
    if hook is None:
        raise web.HTTPNotFound
    return hook


def _echo(request: web.Request, hook: Callbacks | BotCallbacks) -> web.Response:
    if "echostr" not in request.query:  # lets an operator see that no proxy page answers here
        return web.Response(text="suicha wecom callback")
    try:
        return web.Response(body=hook.answer_echo(request.query), content_type="text/plain")
    except CallbackError as error:
        return _refused(error)


def _refused(error: CallbackError) -> web.Response:
    log.warning("callback_refused", platform="wecom", code=error.code, reason=type(error).__name__)
    return web.Response(status=error.status)


routes = [  # both methods of an address one after the other: they share its resource
    web.route("GET", "/hooks/wecom", verify_wecom),
    web.route("POST", "/hooks/wecom", from_wecom),
    web.route("GET", "/hooks/wecom/{name}", verify_wecom),
    web.route("POST", "/hooks/wecom/{name}", from_wecom),
    web.route("GET", "/hooks/wecom-bot", verify_wecom_bot),
    web.route("POST", "/hooks/wecom-bot", from_wecom_bot),
    web.route("GET", "/hooks/wecom-bot/{name}", verify_wecom_bot),
    web.route("POST", "/hooks/wecom-bot/{name}", from_wecom_bot),
]
