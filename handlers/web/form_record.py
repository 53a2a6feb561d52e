"""The last steps of the form: look it over, sign or say why not, submit, receipt."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

from aiohttp import web

from bot.core.clock import china
from bot.core.errors import Problem
from bot.core.ids import row_key
from bot.core.keys import CLOCK, DB, SETTINGS
from bot.core.words import said
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.keeping import add_evidence
from bot.inspection.checklists.record import RIGHTS
from bot.inspection.checklists.sections import absent
from bot.inspection.checklists.service import RECORD
from bot.inspection.profile.terms import Demand
from bot.inspection.results.closing import NOT_REQUIRED, REFUSALS, Closing, reopen_record
from bot.inspection.results.judgement import Judgement, judge
from bot.inspection.results.submit import submit_visit
from bot.inspection.results.supplement import Change, changes
from bot.inspection.tasks.models import VisitState
from bot.inspection.tasks.states import NAMES
from handlers.record_sheet import close_sheet
from handlers.web import form_view
from handlers.web.form_link import Opened, open_link, see_other
from handlers.web.form_sign import signing
from handlers.web.keys import CALENDAR, EVIDENCE, PROFILE
from handlers.web.pages import packed, render, wants_json
from handlers.web.uploads import parts

routes = web.RouteTableDef()


@routes.get("/form/{token}/review")
async def review(request: web.Request) -> web.Response:
    """The record sheet in words, to be signed; back to the form while something is missing."""
    link = await open_link(request)
    if not link.facts.is_open:
        return see_other(f"{link.base}/receipt")
    judged = _judge(request, link)
    if judged.errors or link.facts.form is None:
        return see_other(f"{link.base}?check=1")
    corrected = await request.app[DB].read(changes, link.facts, judged)
    return packed(_review_page(request, link, judged, await signing(request, link), corrected))


@routes.post("/form/{token}/close")
async def close(request: web.Request) -> web.Response:
    """Sign, or leave unsigned with a reason; closing twice finds the first."""
    link = await open_link(request)
    address = f"{link.base}/review"
    if not link.facts.sheet_stands:
        await _close(request, link)
    return web.json_response({"next": address}) if wants_json(request) else see_other(address)


async def _close(request: web.Request, link: Opened) -> None:
    closing, shown = await _closing(request, link)
    await close_sheet(
        request.app[DB],
        request.app[EVIDENCE],
        form_id=link.form_id,
        person_id=link.person_id,
        shown=shown,
        closing=closing,
        now=request.app[CLOCK].now(),
        profile=request.app[PROFILE],
        public_url=request.app[SETTINGS].public_url,
    )


@routes.post("/form/{token}/reopen")
async def reopen(request: web.Request) -> web.Response:
    """作废签字: back to the form."""
    link = await open_link(request)
    await request.app[DB].write(reopen_record, form_id=link.form_id, person_id=link.person_id, now=link.now)
    return see_other(link.base)


@routes.post("/form/{token}/submit")
async def submit(request: web.Request) -> web.Response:
    """Hand in; a second time finds the first receipt."""
    link = await open_link(request)
    try:
        await request.app[DB].write(
            submit_visit,
            form_id=link.form_id,
            person_id=link.person_id,
            now=link.now,
            profile=request.app[PROFILE],
            calendar=request.app[CALENDAR],
        )
    except Problem as problem:
        if problem.key != "form_incomplete" or wants_json(request):
            raise
        return see_other(f"{link.base}/review")  # it shows what is missing, or the place to sign
    return see_other(f"{link.base}/receipt")


@routes.get("/form/{token}/receipt")
async def receipt(request: web.Request) -> web.Response:
    """What was handed in, with the fingerprints of its files."""
    link = await open_link(request)
    form = link.facts.form
    if form is None or not form.receipt or link.facts.is_open:
        return see_other(link.base)
    return render(
        request,
        "form/receipt.html.j2",
        head=form_view.head(link.facts, link.person_id),
        base=link.base,
        form_id=form.id,
        receipt=form.receipt,
        due=_due(form.receipt),
        state=NAMES[VisitState(link.facts.visit.visit.state)],
        has_sheet=link.facts.record is not None and bool(link.facts.record.pdf_sha256),
    )


@routes.get("/form/{token}/sheet.pdf")
async def sheet(request: web.Request) -> web.Response:
    """The closed record sheet."""
    link = await open_link(request)
    record = link.facts.record
    if record is None or not record.pdf_sha256:
        raise Problem("not_found", "记录表还没有生成。")
    name = f'inline; filename="{link.facts.visit.visit.number}.pdf"'
    return web.Response(
        body=await asyncio.to_thread(request.app[EVIDENCE].read, record.pdf_sha256),
        content_type="application/pdf",
        headers={"Content-Disposition": name},
    )


async def _closing(request: web.Request, link: Opened) -> tuple[Closing, int | None]:
    """What the signing form sent, and the draft version it showed.

    A file beside a refusal is its recording (field guide 6).
    """
    texts: dict[str, str] = {}
    signature: Stored | None = None
    async for name, part in parts(request):
        if isinstance(part, str):
            texts[name] = part.strip()
        elif name == "signature":
            signature = part
        else:
            await request.app[DB].write(
                add_evidence,
                form_id=link.form_id,
                person_id=link.person_id,
                question=RECORD,
                stored=part,
                kind="FILE",
                now=request.app[CLOCK].now(),
            )
    closing = Closing(
        signed_by=said(texts.get("signed_by", ""), 40),
        signature=signature,
        refusal_code=texts.get("refusal_code", ""),
        refusal_text=said(texts.get("refusal_text", ""), 500),
        witness=said(texts.get("witness", ""), 100),
    )
    return closing, row_key(texts.get("version", ""))


def _judge(request: web.Request, link: Opened) -> Judgement:
    return judge(link.facts, attempts_min=request.app[PROFILE].visit.contact_attempts_min)


def _review_page(
    request: web.Request, link: Opened, judged: Judgement, signing: dict[str, Any], corrected: list[Change]
) -> web.Response:
    facts = link.facts
    refusals = list(REFUSALS.items())
    if request.app[PROFILE].record.signature is not Demand.REQUIRED:
        refusals.append((NOT_REQUIRED, "本地不要求签字"))
    return render(
        request,
        "form/review.html.j2",
        head=form_view.head(facts, link.person_id),
        base=link.base,
        results=_results(judged),
        answers=_answers(judged),
        record=_record(facts.record),
        reopens=facts.sheet_stands,
        corrected=corrected,
        to_sign=facts.record is None or bool(corrected and not facts.sheet_stands),
        evidence=sum(1 for e in facts.evidence if e.question != RECORD),
        version=facts.form.draft_version if facts.form else 0,
        rights=RIGHTS,
        refusals=refusals,
        signing=signing,
        unable=bool(judged.outcome),
        absent=absent(facts, least=request.app[PROFILE].draw.officers_min),
    )


def _due(receipt: dict[str, Any]) -> dt.date | None:
    return dt.date.fromisoformat(receipt["publish_due"]) if receipt.get("publish_due") else None


def _results(judged: Judgement) -> list[dict[str, Any]]:
    return [
        {"name": item.name, "result": item.result, "problem": item.problem, "clean": item.codes == ["R01"]}
        for item in judged.items
    ]


def _answers(judged: Judgement) -> list[dict[str, str]]:
    return [{"label": g.question.label, "value": g.shown, "note": g.answer.note} for g in judged.given]


def _record(record: Any) -> dict[str, str] | None:
    if record is None:
        return None
    refusal = f"{REFUSALS.get(record.refusal_code, '本地不要求签字')}：{record.refusal_text}"
    return {
        "signed_by": record.signed_by,
        "at": china(record.closed_at).strftime("%m-%d %H:%M"),
        "refusal": refusal,
    }
