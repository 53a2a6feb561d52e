"""Evidence behind signed links, each look in the audit chain; and the public check of a record sheet."""

from __future__ import annotations

import asyncio
import datetime as dt

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, LINKS
from bot.inspection.audit.service import record
from bot.inspection.checklists.evidence import PDF
from bot.inspection.checklists.models import EarlierSheet, Evidence
from bot.inspection.checklists.service import RECORD
from bot.inspection.people.models import EnterpriseContact, Role
from bot.inspection.results.closing import record_by_code
from bot.inspection.tasks.queries import people_with_role, visit_facts
from bot.inspection.tasks.service import subject_of
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


def look_at(session: Session, *, person_id: int, sha256: str, now: dt.datetime) -> Evidence:
    """The evidence, if this person may see it: its officers, the department's reviewers and leads,
    coordinators, and the enterprise's contacts for its own sheet. Every look is noted. Raises ``forbidden``.
    """
    links = list(session.exec(select(Evidence).where(Evidence.sha256 == sha256).order_by(col(Evidence.id))))
    if not links:
        raise Problem("not_found", "没有找到这个文件。")
    for evidence in links:
        if _may_see(session, evidence, person_id):
            record(
                session,
                "evidence.seen",
                subject_of(evidence.visit_id),
                now=now,
                actor=person_id,
                sha256=sha256,
            )
            return evidence
    raise Problem("forbidden", "您不能查看这个文件。")


def _may_see(session: Session, evidence: Evidence, person_id: int) -> bool:
    facts = visit_facts(session, evidence.visit_id)
    if facts.officer(person_id) is not None:
        return True
    if session.get(EnterpriseContact, (person_id, facts.object.id)) is not None:
        return evidence.media_type == "application/pdf" and evidence.question == "visit:record"
    department = facts.task.lead_department_id
    inside = [
        *people_with_role(session, Role.REVIEWER, department_id=department),
        *people_with_role(session, Role.LEAD, department_id=department),
        *people_with_role(session, Role.COORDINATOR),
    ]
    return person_id in inside
