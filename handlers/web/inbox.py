"""网页收件箱: everything a person was told lately, with its buttons as links; it costs no platform's quota."""

from __future__ import annotations

import datetime as dt

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.keys import CLOCK, DB, LINKS
from bot.inspection.notices.message import Skip
from bot.inspection.notices.models import Notice, NoticeState
from bot.messaging.compose import Composer
from bot.messaging.saying import content_of
from bot.platforms.base import Capabilities, OutboundMessage
from bot.platforms.plain import plain
from handlers.web.form_link import require_device
from handlers.web.pages import render

routes = web.RouteTableDef()
COMPOSER = web.AppKey("composer", Composer)
_AGE = dt.timedelta(days=60)
_LATELY = dt.timedelta(days=30)
_SHOWN = 50
_NOT_HERE = (
    "reply",
    "digest",
    "form_code",
)  # a code belongs to the person's own chat: who holds this link is unproven
_READABLE = (NoticeState.SENT, NoticeState.MERGED, NoticeState.FAILED)
_PAGE = Capabilities(cards=False, card_updates=False)


@routes.get("/inbox/{token}")
async def inbox(request: web.Request) -> web.Response:
    """The person's messages, newest first, in a browser of theirs; what is no longer needed says so."""
    [person] = request.app[LINKS].open("inbox", request.match_info["token"], max_age=_AGE)
    await require_device(request, person)
    messages = await request.app[DB].read(
        _messages, person=person, composer=request.app[COMPOSER], now=request.app[CLOCK].now()
    )
    return render(request, "inbox.html.j2", messages=messages, plain=plain)


def _messages(
    session: Session, *, person: int, composer: Composer, now: dt.datetime
) -> list[tuple[dt.datetime, OutboundMessage]]:
    query = (
        select(Notice)
        .where(
            Notice.recipient_id == person, col(Notice.state).in_(_READABLE), Notice.created_at > now - _LATELY,
            col(Notice.kind).not_in(_NOT_HERE),
        )
        .order_by(col(Notice.id).desc())
        .limit(_SHOWN)
    )  # fmt: skip
    found = []
    for notice in session.exec(query):
        content = content_of(composer.kinds, session, notice, now)
        if isinstance(content, Skip):
            continue
        message = composer.renderer.message(
            notice.kind, content, subject=notice.subject, generation=notice.generation, person_id=person,
            capabilities=_PAGE,
        )  # fmt: skip
        found.append((notice.created_at, message))
    return found
