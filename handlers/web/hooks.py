"""Callbacks of the platforms over HTTP: read, verify, store, answer. The work happens afterwards."""

from __future__ import annotations

from aiohttp import web

from bot.core.log import log
from bot.messaging.dispatch import Dispatcher
from bot.platforms.wecom.app import WeComPlatform
from bot.platforms.wecom.crypto import CallbackError

DISPATCHER = web.AppKey("dispatcher", Dispatcher)
WECOM = web.AppKey("wecom", WeComPlatform)
_MAX_BODY = 1024 * 1024  # callbacks are small (sheet 1.10)

routes = web.RouteTableDef()


@routes.get("/hooks/wecom")
async def verify_wecom(request: web.Request) -> web.Response:
    """URL verification: the decrypted digits, nothing else, inside one second."""
    if "echostr" not in request.query:
        return web.Response(
            text="suicha wecom callback"
        )  # lets an operator see that no proxy page answers here
    try:
        return web.Response(body=request.app[WECOM].answer_echo(request.query), content_type="text/plain")
    except CallbackError as error:
        log.warning("callback_refused", platform="wecom", reason=type(error).__name__)
        return web.Response(status=error.status)


@routes.post("/hooks/wecom")
async def from_wecom(request: web.Request) -> web.Response:
    """One encrypted event. 200 means that it is stored; anything else makes the platform send it again."""
    if (request.content_length or 0) > _MAX_BODY:
        return web.Response(status=413)
    try:
        event = request.app[WECOM].read_callback(request.query, await request.read())
    except CallbackError as error:
        log.warning("callback_refused", platform="wecom", reason=type(error).__name__)
        return web.Response(status=error.status)
    await request.app[DISPATCHER].take(event)
    return web.Response()
