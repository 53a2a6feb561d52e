"""The inspection form on a phone: check in, answer, and (without a script too) save. Journey 5."""

from __future__ import annotations

import datetime as dt
from typing import Any

from aiohttp import web

from bot.core.clock import CHINA
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB
from bot.core.words import said
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.keeping import add_evidence
from bot.inspection.checklists.service import (
    OUTCOME,
    open_form,
    save_draft,
    tell_training_missing,
)
from bot.inspection.results.judgement import attempts, judge
from bot.inspection.results.reviewers import return_reason
from bot.inspection.tasks.service import check_in
from handlers.web import form_api, form_device, form_record, form_show, form_sign, form_view
from handlers.web.form_link import Opened, open_link, see_other
from handlers.web.keys import PROFILE
from handlers.web.pages import packed, render
from handlers.web.uploads import number, parts

pages = web.RouteTableDef()
_PARTS = ("", "note", "reading", "verdict")


@pages.get("/form/{token}")
async def form(request: web.Request) -> web.Response:
    """The page that fits the moment: check in, wait for the partner, fill, sign or receipt."""
    link = await open_link(request)
    if not link.facts.is_open:
        return see_other(f"{link.base}/receipt")
    if link.facts.on_site and not link.facts.checked_in(link.person_id):
        return _check_in_page(request, link, "")
    try:
        await _open(request, link)
    except Problem as problem:
        if problem.key == "officers_missing":
            return _check_in_page(request, link, problem.text)
        raise
    if link.facts.form is None:  # made just now
        link = await open_link(request)
    if link.facts.sheet_stands:
        return see_other(f"{link.base}/review")
    return await _fill_page(request, link, {})


@pages.post("/form/{token}/check-in")
async def arrive(request: web.Request) -> web.Response:
    """现场签到, with the phone's position where it gave one."""
    link = await open_link(request)
    sent = {name: value async for name, value in parts(request) if isinstance(value, str)}
    await request.app[DB].write(
        check_in,
        visit_id=link.visit_id,
        person_id=link.person_id,
        now=link.now,
        profile=request.app[PROFILE],
        latitude=number(sent.get("lat", "")),
        longitude=number(sent.get("lon", "")),
        late_reason=said(sent.get("late_reason", ""), 200),
        happened_at=_moment(sent.get("happened_at", "")),
    )
    return see_other(link.base)


@pages.post("/form/{token}")
async def save(request: web.Request) -> web.Response:
    """The whole form without a script: answers and files; ``action`` is save or submit."""
    link = await open_link(request)
    sent: dict[str, str] = {}
    async for name, part in parts(request):
        if isinstance(part, Stored):
            await request.app[DB].write(
                add_evidence,
                form_id=link.form_id,
                person_id=link.person_id,
                question=name.removesuffix(".file"),
                stored=part,
                now=request.app[CLOCK].now(),
            )
        else:
            sent[name] = f"{sent[name]}、{part}" if name in sent and part else part
    await request.app[DB].write(
        save_draft,
        form_id=link.form_id,
        person_id=link.person_id,
        changes=_changes(link, sent),
        base_version=int(number(sent.get("base_version", "")) or 0),
    )
    return see_other(f"{link.base}/review" if sent.get("action") == "submit" else link.base)


def _moment(text: str) -> dt.datetime | None:
    """What a field for day and time sends, as China's time; None where it is empty."""
    if not text:
        return None
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=CHINA)
    except ValueError as error:
        raise Problem("late_time", "没有读懂检查时间，请重新选择。", happened_at="请填写检查时间") from error


async def _open(request: web.Request, link: Opened) -> None:
    try:
        await request.app[DB].write(
            open_form,
            visit_id=link.visit_id,
            person_id=link.person_id,
            now=link.now,
            profile=request.app[PROFILE],
        )
    except Problem as problem:
        if problem.key == "training_missing":
            await request.app[DB].write(
                tell_training_missing, visit_id=link.visit_id, person_id=link.person_id, now=link.now
            )
        raise


def _check_in_page(request: web.Request, link: Opened, why: str) -> web.Response:
    return render(
        request,
        "form/check_in.html.j2",
        head=form_view.head(link.facts, link.person_id),
        base=link.base,
        people=form_view.presence(link.facts),
        here=link.facts.checked_in(link.person_id),
        why=why,
    )


async def _fill_page(request: web.Request, link: Opened, errors: dict[str, str]) -> web.Response:
    facts, least = link.facts, request.app[PROFILE].visit.contact_attempts_min
    if "check" in request.query:
        errors = judge(facts, attempts_min=least).errors
    returned = ""
    if facts.returned:
        returned = await request.app[DB].read(return_reason, visit_id=link.visit_id)
    page = render(
        request,
        "form/fill.html.j2",
        head=form_view.head(facts, link.person_id),
        base=link.base,
        form_id=link.form_id,
        version=facts.form.draft_version if facts.form else 0,
        fields=errors,
        sections=form_view.sections(facts, link.person_id, errors),
        returned=returned,
        attempts_min=least,
        outcome=form_view.outcome(facts, link.person_id, errors, attempts(facts)),
        status=422 if errors else 200,
    )
    return packed(page)


def _changes(link: Opened, sent: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the fields say, by question: a part that was not sent stays as it is (a browser sends no unchecked
    radio), and an empty one does not erase what the partner wrote meanwhile."""
    draft = link.facts.form.draft if link.facts.form else {}
    changes: dict[str, dict[str, Any]] = {}
    for name, value in sent.items():
        key, _, part = name.partition(".")
        if ":" in key and part in _PARTS:
            changes.setdefault(key, {})[part or "value"] = value.strip()
    if "clear-outcome" in sent:
        changes[OUTCOME] = {}
    return {
        key: {**draft.get(key, {}), **change} if change else {}
        for key, change in changes.items()
        if any(change.values()) or draft.get(key, {}).get("by", link.person_id) == link.person_id
    }


# worker.js is no token
routes = [
    *form_api.routes,
    *form_device.routes,
    *pages,
    *form_record.routes,
    *form_sign.routes,
    *form_show.routes,
]
