"""The reviewer's page: answers, photos, record sheet and quality signs, and the decision (C21, C32)."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.clock import china
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, LINKS
from bot.inspection.checklists.answers import is_bad
from bot.inspection.checklists.exif import Sign
from bot.inspection.checklists.models import Evidence
from bot.inspection.checklists.queries import FormFacts, form_facts
from bot.inspection.checklists.times import by_section, in_words
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.rules import NAMES as FOLLOW_UP_NAMES
from bot.inspection.followups.service import of_visit
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.results.judgement import Judgement, judge
from bot.inspection.results.labels import label_of
from bot.inspection.results.models import ItemResult, Review
from bot.inspection.results.quality import Flag, Trace, flags, sign_words
from bot.inspection.results.service import (
    Decision,
    is_of_departments,
    item_results,
    require_reviewer,
    review_visit,
)
from bot.inspection.results.signing import Signer, signers
from bot.inspection.results.traces import trace
from bot.inspection.tasks.models import VisitState
from bot.inspection.tasks.states import NAMES
from handlers.web.form_link import require_device, require_same_origin, see_other
from handlers.web.keys import EVIDENCE
from handlers.web.numbers import path_key
from handlers.web.pages import read_form, render
from handlers.web.thumbnails import small_picture

routes = web.RouteTableDef()
_KEPT = dt.timedelta(days=90)
_READERS = {Role.REVIEWER, Role.COORDINATOR, Role.LEAD}


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything the page shows; ``may_decide`` when this person may and nobody has."""

    facts: FormFacts
    judged: Judgement
    results: list[ItemResult]
    reviews: list[Review]
    follow_ups: list[FollowUp]
    trace: Trace
    signatures: list[Signer]
    may_decide: bool

    @property
    def signs(self) -> tuple[str, ...]:
        return sign_words(self.trace)


@routes.get("/review/{token}")
async def page(request: web.Request) -> web.Response:
    person_id, visit_id = _opened(request)
    await require_device(request, person_id)
    seen = await request.app[DB].read(look, visit_id=visit_id, person_id=person_id)
    links = request.app[LINKS]
    sheet = seen.facts.record
    return render(
        request,
        "enterprise/review.html.j2",
        base=request.path,
        visit=seen.facts.visit,
        state=NAMES[VisitState(seen.facts.visit.visit.state)],
        seen=seen,
        asks_reason=Flag.LOW_YIELD in flags(seen.trace),
        results=_results(seen),
        answers=_answers(seen),
        others=[e for e in seen.facts.evidence if e.question.startswith(("followup:", "visit:outcome"))],
        pdf=links.sign("file", [person_id, sheet.pdf_sha256]) if sheet and sheet.pdf_sha256 else "",
        check_ins=[
            (seen_name(seen, c.person_id), china(c.present_at), c.late_reason) for c in seen.facts.check_ins
        ],
        follow_ups=[(f, FOLLOW_UP_NAMES[FollowUpState(f.state)]) for f in seen.follow_ups],
        scores=[(score.name, score.words) for score in seen.judged.scores],
        times=_times(seen.facts),
        sign=lambda sha256: links.sign("file", [person_id, sha256]),
        sign_text=lambda code: Sign(code).text,
    )


@routes.post("/review/{token}")
async def decide(request: web.Request) -> web.Response:
    """通过 or 退回 from the page; the same service as the card's buttons."""
    person_id, visit_id = _opened(request)
    require_same_origin(request)
    await require_device(request, person_id)
    sent = await read_form(request)
    wanted = {"approve": Decision.APPROVED, "return": Decision.RETURNED}.get(str(sent.get("decision", "")))
    if wanted is None:
        raise Problem("form_broken", "没有读懂发来的内容，请刷新页面再试。")
    await request.app[DB].write(
        review_visit,
        visit_id=visit_id,
        reviewer_id=person_id,
        decision=wanted,
        reason=str(sent.get("reason", ""))[:500],
        now=request.app[CLOCK].now(),
    )
    return see_other(request.path)


@routes.get("/review/{token}/photo/{id:[0-9]+}")
async def photo(request: web.Request) -> web.Response:
    """A small picture of a piece of evidence of this visit."""
    person_id, visit_id = _opened(request)
    await require_device(request, person_id)
    seen = await request.app[DB].read(look, visit_id=visit_id, person_id=person_id)
    wanted = path_key(request, "id")
    evidence = next((e for e in seen.facts.evidence if e.id == wanted), None)
    if evidence is None or not evidence.media_type.startswith("image/"):
        raise Problem("not_found", "没有找到这张照片。")
    store = request.app[EVIDENCE]
    body = await asyncio.to_thread(lambda: small_picture(store.read(evidence.sha256)))
    return web.Response(
        body=body, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"}
    )


def look(session: Session, *, visit_id: int, person_id: int) -> Seen:
    """What this person may see of the visit. Raises ``forbidden`` for strangers."""
    facts = form_facts(session, visit_id)
    roles = set(session.exec(select(PersonRole.role).where(PersonRole.person_id == person_id)))
    inside = Role.COORDINATOR in roles or (
        bool(roles & _READERS) and is_of_departments(session, visit_id, person_id)
    )
    if facts.visit.officer(person_id) is None and not inside:
        raise Problem("forbidden", "您不能查看这次检查的结果。")
    return Seen(
        facts=facts,
        judged=judge(facts, attempts_min=0),
        results=item_results(session, visit_id),
        reviews=list(
            session.exec(select(Review).where(Review.visit_id == visit_id).order_by(col(Review.round)))
        ),
        follow_ups=of_visit(session, visit_id),
        trace=trace(session, facts.visit),
        signatures=signers(session, facts),
        may_decide=facts.visit.visit.state == VisitState.IN_REVIEW
        and _may_decide(session, visit_id, person_id),
    )


def seen_name(seen: Seen, person_id: int) -> str:
    return next((p.name for p, _ in seen.facts.visit.officers if p.id == person_id), "已改派人员")


def _may_decide(session: Session, visit_id: int, person_id: int) -> bool:
    try:
        require_reviewer(session, visit_id, person_id)
    except Problem:
        return False
    return True


def _results(seen: Seen) -> list[dict[str, Any]]:
    names = {item.id: item.name for item in seen.facts.visit.items}
    return [
        {
            "item": names.get(result.item_id, "—"),
            "labels": [label_of(code) for code in result.codes],
            "clean": result.codes == ["R01"],
            "problem": result.problem,
        }
        for result in seen.results
    ]


def _times(facts: FormFacts) -> list[tuple[str, str]]:
    """How long each section was in view, as the form's pages counted it."""
    names = {version.code: version.name for _, version in facts.checklists}
    rows = []
    for section, seconds in by_section(facts.form.times if facts.form else {}).items():
        code, _, part = section.partition(":")
        name = part or section
        label = name if names.get(code) in (name, None) or len(names) == 1 else f"{names[code]} · {name}"
        rows.append((label, in_words(seconds)))
    return rows


def _answers(seen: Seen) -> list[dict[str, Any]]:
    photos: dict[str, list[Evidence]] = {}
    for evidence in seen.facts.evidence:
        if evidence.media_type.startswith("image/"):
            photos.setdefault(evidence.question, []).append(evidence)
    return [
        {
            "key": given.question.key,
            "text": given.question.text,
            "shown": given.shown,
            "note": given.answer.note,
            "off": is_bad(given.question, given.answer),
            "photos": photos.get(given.key, []),
            "section": given.section,
        }
        for given in seen.judged.given
    ]


def _opened(request: web.Request) -> tuple[int, int]:
    value = request.app[LINKS].open("review", request.match_info["token"], max_age=_KEPT)
    match value:
        case [int(person_id), int(visit_id)]:
            return person_id, visit_id
    raise Problem("link_broken", "链接不完整或已失效，请回到聊天窗口重新打开。")
