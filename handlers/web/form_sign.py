"""Officers sign the closed record sheet, each behind their own link (C18)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.core.clock import china
from bot.core.keys import DB, SETTINGS
from bot.inspection.checklists.evidence import Stored
from bot.inspection.results.signing import Mark, Signer, sections_of, signers
from handlers.record_sheet import sign_sheet
from handlers.web.form_link import Opened, open_link, see_other
from handlers.web.keys import EVIDENCE, PROFILE
from handlers.web.pages import wants_json
from handlers.web.uploads import parts

routes = web.RouteTableDef()


@routes.post("/form/{token}/sign")
async def sign(request: web.Request) -> web.Response:
    """核对无误 or 有不同意见, with a drawn signature where there is one; a second press finds the first."""
    link = await open_link(request)
    await sign_sheet(
        request.app[DB], request.app[EVIDENCE], form_id=link.form_id, person_id=link.person_id,
        mark=await _mark(request), now=link.now, profile=request.app[PROFILE],
        public_url=request.app[SETTINGS].public_url,
    )  # fmt: skip
    address = f"{link.base}/review"
    return web.json_response({"next": address}) if wants_json(request) else see_other(address)


async def _mark(request: web.Request) -> Mark:
    texts: dict[str, str] = {}
    ink: Stored | None = None
    async for name, part in parts(request):
        if isinstance(part, str):
            texts[name] = part.strip()
        elif name == "signature":
            ink = part
    objects = texts.get("agrees") == "no"
    return Mark(not objects, texts.get("objection", ""), ink, seen=texts.get("seen", "")[:64])


async def signing(request: web.Request, link: Opened) -> dict[str, Any]:
    """What the page shows of the officers' signatures: who signed, and whether mine or a partner's is missing."""
    people: list[Signer] = await request.app[DB].read(signers, link.facts)
    missing = [who for who in people if who.signature is None]
    return {
        "people": [_row(who) for who in people],
        "mine": any(who.person_id == link.person_id for who in missing) and link.facts.sheet_stands,
        "wait": bool(missing) and link.facts.sheet_stands,
        "sections": sections_of(link.facts, link.person_id),
        "seen": link.facts.record.pdf_sha256 if link.facts.record else "",
    }


def _row(who: Signer) -> dict[str, str]:
    mine = who.signature
    at = china(mine.at).strftime("%m-%d %H:%M") if mine else ""
    return {"name": who.name, "at": at, "objection": mine.objection if mine else ""}
