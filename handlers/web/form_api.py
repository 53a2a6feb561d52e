"""What the form's script calls: save answers, take photos, tell the partner's. All of it may come twice."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from aiohttp import web

from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB
from bot.core.words import keepable
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.keeping import add_evidence, take_back
from bot.inspection.checklists.queries import FormFacts, form_facts
from bot.inspection.checklists.service import PARTS, RECORD, Seen, save_draft
from handlers.web.form_link import open_draft, open_link
from handlers.web.form_questions import also, officers, shown_file
from handlers.web.keys import EVIDENCE
from handlers.web.numbers import path_key
from handlers.web.pages import TEMPLATES
from handlers.web.thumbnails import small_picture
from handlers.web.uploads import number, parts

routes = web.RouteTableDef()
STATIC = TEMPLATES / "static"
_LARGEST_DRAFT = 512 * 1024  # bytes
_KEEP = {"Cache-Control": "private, max-age=86400"}  # the file behind an id never changes


@routes.post("/form/{token}/draft")
async def draft(request: web.Request) -> web.Response:
    """Merge the answers in ``{"changes": {key: {...}}}`` and give the state after it.

    ``base`` of a change is the version of the draft it was answered on; older pages send one ``base_version`` for all.
    ``page`` and ``seconds`` say how long that page has shown each section so far.
    """
    link = await open_draft(request)
    sent = await _sent(request)
    saved = await request.app[DB].write(
        save_draft,
        form_id=link.form_id,
        person_id=link.person_id,
        changes=sent.changes,
        base_version=sent.base_version,
        seen=sent.seen,
    )
    return web.json_response(
        {"version": saved.version, "draft": _named(saved.draft, saved.names), "overwrote": saved.overwrote}
    )


@routes.post("/form/{token}/photo")
async def photo(request: web.Request) -> web.Response:
    """Keep one file of one question; the same file again changes nothing."""
    link = await open_draft(request)
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
        kind="SIGNATURE" if texts.get("kind") == "SIGNATURE" else "PHOTO",
        latitude=number(texts.get("lat", "")),
        longitude=number(texts.get("lon", "")),
    )
    return web.json_response({"id": evidence.id, "sha256": stored.sha256, "size": stored.size})


@routes.post("/form/{token}/photo/{id:[0-9]+}/remove")
async def remove(request: web.Request) -> web.Response:
    """移除 a photo that was taken by mistake; once handed in it stays. Gives the state after it."""
    link = await open_link(request)
    await request.app[DB].write(
        take_back,
        form_id=link.form_id,
        person_id=link.person_id,
        evidence_id=path_key(request, "id"),
        now=request.app[CLOCK].now(),
    )
    facts = await request.app[DB].read(form_facts, link.visit_id)
    return web.json_response(_state(facts, link.person_id))


@routes.get("/form/{token}/state")
async def state(request: web.Request) -> web.Response:
    """The draft as it is now, with who answered what: how one sees the partner's answers."""
    link = await open_link(request)
    return web.json_response(_state(link.facts, link.person_id))


@routes.get("/form/{token}/photo/{id:[0-9]+}")
async def thumbnail(request: web.Request) -> web.Response:
    """A small picture of a piece of evidence of this visit."""
    link = await open_link(request)
    wanted = path_key(request, "id")
    evidence = next((e for e in link.facts.evidence if e.id == wanted), None)
    if evidence is None or not evidence.media_type.startswith("image/"):
        raise Problem("not_found", "没有找到这张照片。")
    small = await asyncio.to_thread(lambda: small_picture(request.app[EVIDENCE].read(evidence.sha256)))
    return web.Response(body=small, content_type="image/jpeg", headers=_KEEP)


@routes.get("/form/worker.js")
async def worker(_request: web.Request) -> web.Response:
    """The script that keeps the form on the phone; another version whenever one of its files is another."""
    text = f'const VERSION = "{_version_of_assets()}";\n' + (STATIC / "form-worker.js").read_text(
        encoding="utf-8"
    )
    return web.Response(text=text, content_type="text/javascript", headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=1)
def _version_of_assets() -> str:
    digest = sha256()
    for path in sorted(STATIC.glob("*.*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Sent:
    changes: dict[str, dict[str, Any]]
    base_version: int
    seen: Seen | None


async def _sent(request: web.Request) -> _Sent:
    if (request.content_length or 0) > _LARGEST_DRAFT:
        raise Problem("form_broken", "一次发来的内容太多，请刷新页面再试。")
    body = await request.read()
    try:
        sent = json.loads(body)
        changes = {str(key): dict(value) for key, value in sent["changes"].items()}
        seconds = {keepable(str(key)): value for key, value in dict(sent.get("seconds", {})).items()}
        seen = Seen(keepable(str(sent["page"])), seconds) if sent.get("page") else None
        return _Sent(changes, int(sent.get("base_version", 0)), seen)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise Problem("form_broken", "没有读懂发来的内容，请刷新页面再试。") from error


def _state(facts: FormFacts, person_id: int) -> dict[str, Any]:
    form = facts.form
    closed = not facts.is_open or facts.sheet_stands
    return {
        "version": form.draft_version if form else 0,
        "draft": _named(form.draft if form else {}, officers(facts)),
        "files": [
            {**shown_file(e, person_id), "key": e.question} for e in facts.evidence if e.question != RECORD
        ],
        "closed": closed,
    }


def _named(draft: dict[str, Any], names: dict[int | None, str]) -> dict[str, Any]:
    """The answers with the name of who gave each; what the server remembers for itself stays here."""
    return {
        key: {
            **{part: answer.get(part, "") for part in PARTS},
            "by": names.get(answer.get("by"), ""),
            "also": also(answer, names),
        }
        for key, answer in draft.items()
    }
