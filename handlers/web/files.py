"""Evidence behind signed links, each look in the audit chain; and the public check of a record sheet."""

from __future__ import annotations

import asyncio
import datetime as dt

from aiohttp import web

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, LINKS
from bot.inspection.checklists.evidence import PDF
from bot.inspection.checklists.models import EarlierSheet
from bot.inspection.checklists.service import RECORD
from bot.inspection.results.closing import record_by_code
from bot.inspection.results.looking import look_at
from handlers.web.form_link import require_device
from handlers.web.keys import EVIDENCE
from handlers.web.pages import render

routes = web.RouteTableDef()
_KEPT = dt.timedelta(days=90)


@routes.get("/file/{token}")
async def file(request: web.Request) -> web.Response:
    """A piece of evidence, for those who may see it, in a browser of theirs."""
    value = request.app[LINKS].open("file", request.match_info["token"], max_age=_KEPT)
    match value:
        case [int(person_id), str(sha256)]:
            await require_device(request, person_id)
            evidence = await request.app[DB].write(
                look_at, person_id=person_id, sha256=sha256, now=request.app[CLOCK].now()
            )
        case _:
            raise Problem("link_broken", "链接不完整或已失效，请回到聊天窗口重新打开。")
    name = f'inline; filename="{sha256[:16]}.{evidence.media_type.rpartition("/")[2]}"'
    return web.Response(
        body=await asyncio.to_thread(request.app[EVIDENCE].read, sha256),
        content_type=evidence.media_type,
        headers={"Content-Disposition": name},
    )


@routes.get("/record/{verify_code:[0-9A-Z]{26}}")
async def verify(request: web.Request) -> web.Response:
    """What the QR on a record sheet opens: number, object, day and fingerprint, no person."""
    sheet, facts = await request.app[DB].read(record_by_code, request.match_info["verify_code"])
    later = sheet.replaced_at if isinstance(sheet, EarlierSheet) else None
    return render(
        request,
        "form/verify.html.j2",
        number=facts.visit.visit.number,
        object=facts.visit.object.name,
        followed=later is not None,
        day=china_day(sheet.closed_at).isoformat(),
        sha256=sheet.pdf_sha256,
        earlier=[
            e.sha256
            for e in facts.evidence
            if e.question == RECORD
            and e.media_type == PDF
            and e.at >= sheet.closed_at
            and (later is None or e.at < later)
            and e.sha256 != sheet.pdf_sha256
        ],
    )
