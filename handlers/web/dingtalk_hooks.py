"""DingTalk over HTTP: verify, remember, store, answer; the work happens afterwards. Sheet: sections 2, 5.4 and 6."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from aiohttp import web

from bot.core.keys import CLOCK, DB, SETTINGS
from bot.core.log import log
from bot.messaging import replays
from bot.platforms.dingtalk.app import DingTalkPlatform
from bot.platforms.dingtalk.hooks import HookError, Posted
from handlers.web.hooks import DISPATCHER, read_body

DINGTALK = web.AppKey("dingtalk", DingTalkPlatform)


def add_routes(app: web.Application) -> None:
    """The addresses that the settings provide for; a missing secret means no route."""
    dingtalk = app[SETTINGS].dingtalk
    if dingtalk is None or dingtalk.hook_path is None:
        return
    app.router.add_post("/hooks/dingtalk/{secret}/robot", robot)
    if dingtalk.card_secret is not None:
        app.router.add_post("/hooks/dingtalk/{secret}/cards", card)
    if dingtalk.event_token is not None:
        app.router.add_post("/hooks/dingtalk/{secret}/events", event)


async def robot(request: web.Request) -> web.StreamResponse:
    """What somebody said to the robot. The empty message says that no answer comes this way."""
    posted = await _read(request, lambda body: request.app[DINGTALK].hooks.robot(request.headers, body))
    return await _stored(request, posted, {"msgtype": "empty"}) if isinstance(posted, Posted) else posted


async def card(request: web.Request) -> web.StreamResponse:
    """A press. No change is answered: the card is updated from the truth, and only after this answer left."""
    dingtalk = request.app[DINGTALK]
    posted = await _read(request, lambda body: dingtalk.hooks.card(request.headers, body))
    if not isinstance(posted, Posted):
        return posted
    with dingtalk.callbacks.answering(posted.event.card_id if posted.event else ""):
        answer = await _stored(request, posted, {})
        await answer.prepare(request)
        await answer.write_eof()
    return answer


async def event(request: web.Request) -> web.StreamResponse:
    """An encrypted event of the organisation, answered by the sealed ``success``."""
    posted = await _read(request, lambda body: request.app[DINGTALK].hooks.event(request.query, body))
    return await _stored(request, posted, posted.answer) if isinstance(posted, Posted) else posted


async def _read(request: web.Request, read: Callable[[bytes], Posted]) -> Posted | web.Response:
    settings = request.app[SETTINGS].dingtalk
    assert settings is not None
    assert settings.hook_path is not None
    given, wanted = request.match_info["secret"].encode(), settings.hook_path.get_secret_value().encode()
    if not hmac.compare_digest(given, wanted):
        return web.Response(status=404)
    body = await read_body(request)
    try:
        return read(body)
    except HookError as error:
        log.warning("callback_refused", platform="dingtalk", reason=str(error))
        return web.Response(status=error.status)


async def _stored(request: web.Request, posted: Posted, answer: object) -> web.Response:
    """Keep the event, then answer. A signature that is used again for something else is refused."""
    db, now = request.app[DB], request.app[CLOCK].now()
    if posted.signature and not await db.write(
        replays.admit, signature=posted.signature, body=posted.body, now=now
    ):
        log.warning("callback_refused", platform="dingtalk", reason="replay")
        return web.Response(status=403)
    if posted.event is not None:
        request.app[DINGTALK].pushed()
        await request.app[DISPATCHER].take(posted.event)
    return web.json_response(answer)
