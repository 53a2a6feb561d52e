"""What the form's script calls: save answers, take photos, tell the partner's. All of it may come twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.keeping import add_evidence
from bot.inspection.checklists.queries import FormFacts
from bot.inspection.checklists.service import save_draft
from handlers.web.form_link import open_link
from handlers.web.keys import EVIDENCE
from handlers.web.thumbnails import small_picture
from handlers.web.uploads import number, parts

routes = web.RouteTableDef()
_LARGEST_DRAFT = 512 * 1024  # bytes
_KEEP = {"Cache-Control": "private, max-age=86400"}  # the file behind an id never changes


@routes.post("/form/{token}/draft")
async def draft(request: web.Request) -> web.Response:
    """Merge the answers in ``{"base_version": n, "changes": {key: {...}}}`` and give the state after it."""
    link = await open_link(request)
    changes, base_version = await _changes(request)
    saved = await request.app[DB].write(
        save_draft, form_id=link.form_id, person_id=link.person_id, changes=changes, base_version=base_version
    )
    names = {person.id: person.name for person, _ in link.facts.visit.officers}
    return web.json_response(
        {"version": saved.version, "draft": _named(saved.draft, names), "overwrote": saved.overwrote}
    )


@routes.post("/form/{token}/photo")
async def photo(request: web.Request) -> web.Response:
    """Keep one file of one question; the same file again changes nothing."""
    link = await open_link(request)
    link.form_id  # noqa: B018 - refuse before the upload is read
    texts: dict[str, str] = {}
    stored: Stored | None = None
    async for name, part in parts(request):
        if isinstance(part, Stored):
            stored = part
        else:
            texts[name] = part
    if stored is None:
        raise Problem("file_missing", "没有收到照片，请再拍一次。")
    evidence = await request.app[DB].write(
        add_evidence,
        form_id=link.form_id,
        person_id=link.person_id,
        question=texts.get("question", ""),
        stored=stored,
        now=request.app[CLOCK].now(),
        latitude=number(texts.get("lat", "")),
        longitude=number(texts.get("lon", "")),
    )
    return web.json_response({"id": evidence.id, "sha256": stored.sha256, "size": stored.size})


@routes.get("/form/{token}/state")
async def state(request: web.Request) -> web.Response:
    """The draft as it is now, with who answered what: how one sees the partner's answers."""
    link = await open_link(request)
    return web.json_response(_state(link.facts))


@routes.get("/form/{token}/photo/{id:[0-9]+}")
async def thumbnail(request: web.Request) -> web.Response:
    """A small picture of a piece of evidence of this visit."""
    link = await open_link(request)
    wanted = int(request.match_info["id"])
    evidence = next((e for e in link.facts.evidence if e.id == wanted), None)
    if evidence is None or not evidence.media_type.startswith("image/"):
        raise Problem("not_found", "没有找到这张照片。")
    small = await asyncio.to_thread(lambda: small_picture(request.app[EVIDENCE].read(evidence.sha256)))
    return web.Response(body=small, content_type="image/jpeg", headers=_KEEP)


async def _changes(request: web.Request) -> tuple[dict[str, dict[str, Any]], int]:
    if (request.content_length or 0) > _LARGEST_DRAFT:
        raise Problem("form_broken", "一次发来的内容太多，请刷新页面再试。")
    body = await request.read()
    try:
        sent = json.loads(body)
        changes = {str(key): dict(value) for key, value in sent["changes"].items()}
        return changes, int(sent.get("base_version", 0))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Problem("form_broken", "没有读懂发来的内容，请刷新页面再试。") from error


def _state(facts: FormFacts) -> dict[str, Any]:
    names = {person.id: person.name for person, _ in facts.visit.officers}
    form = facts.form
    closed = not facts.is_open or (facts.record is not None and not facts.returned)
    return {
        "version": form.draft_version if form else 0,
        "draft": _named(form.draft if form else {}, names),
        "photos": facts.photos(),
        "closed": closed,
    }


def _named(draft: dict[str, Any], names: dict[int | None, str]) -> dict[str, Any]:
    return {key: {**answer, "by": names.get(answer.get("by"), "")} for key, answer in draft.items()}
