"""The enterprise's own page: its notice, record sheet, result, orders and rights (C15, C18, C22, C23).

It names officers and what was not published yet: a forwarded link opens nothing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, LINKS, SETTINGS
from bot.inspection.checklists.models import RecordSheet
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.rules import NAMES
from bot.inspection.followups.service import of_visit
from bot.inspection.people.models import Officer
from bot.inspection.publication.models import Publication
from bot.inspection.publication.queries import versions
from bot.inspection.tasks.notice_paper import DUTY, PROHIBITIONS, RIGHTS
from bot.inspection.tasks.queries import VisitFacts, visit_facts
from bot.inspection.tasks.serving import MATERIALS
from handlers.notice_paper import issued_notice
from handlers.web import review, reviews
from handlers.web.form_link import require_device
from handlers.web.keys import EVIDENCE
from handlers.web.pages import render

pages = web.RouteTableDef()
_KEPT = dt.timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Shown:
    """What one contact may see of one visit."""

    visit: VisitFacts
    method: str
    officers: list[tuple[str, str]]
    sheet: RecordSheet | None
    public: list[Publication]
    orders: list[FollowUp]


@pages.get("/enterprise/{token}")
async def enterprise(request: web.Request) -> web.Response:
    person_id, visit_id = _opened(request)
    await require_device(request, person_id)
    shown = await request.app[DB].read(look, visit_id=visit_id, person_id=person_id)
    sheet = shown.sheet
    pdf = request.app[LINKS].sign("file", [person_id, sheet.pdf_sha256]) if sheet and sheet.pdf_sha256 else ""
    return render(
        request,
        "enterprise/visit.html.j2",
        shown=shown,
        pdf=pdf,
        base=request.path,
        materials=MATERIALS,
        rights=RIGHTS,
        prohibitions=PROHIBITIONS,
        duty=DUTY,
        orders=[(found, NAMES[FollowUpState(found.state)]) for found in shown.orders],
    )


@pages.get("/enterprise/{token}/notice.pdf")
async def notice_pdf(request: web.Request) -> web.Response:
    """行政检查通知书 as a file, the same bytes each time until the team or the day changes."""
    person_id, visit_id = _opened(request)
    await require_device(request, person_id)
    await request.app[DB].read(look, visit_id=visit_id, person_id=person_id)
    issued, body = await issued_notice(
        request.app[DB], request.app[EVIDENCE], visit_id=visit_id, now=request.app[CLOCK].now(),
        public_url=request.app[SETTINGS].public_url,
    )  # fmt: skip
    name = f'inline; filename="notice-{issued.body["number"]}-{issued.version}.pdf"'
    return web.Response(body=body, content_type="application/pdf", headers={"Content-Disposition": name})


def _opened(request: web.Request) -> tuple[int, int]:
    match request.app[LINKS].open("enterprise", request.match_info["token"], max_age=_KEPT):
        case [int(person_id), int(visit_id)]:
            return person_id, visit_id
    raise Problem("link_broken", "链接不完整或已失效，请回到聊天窗口重新打开。")


def look(session: Session, *, visit_id: int, person_id: int) -> Shown:
    """Raises ``forbidden`` for anybody but a contact of the enterprise."""
    visit = visit_facts(session, visit_id)
    if person_id not in visit.contacts:
        raise Problem("forbidden", "您不是这家单位登记的联络员。")
    certificates = {
        officer.person_id: officer.certificate_no
        for officer in session.exec(
            select(Officer).where(col(Officer.person_id).in_([p.id for p, _ in visit.officers]))
        )
    }
    first = session.exec(select(Publication.id).where(Publication.visit_id == visit_id)).first()
    return Shown(
        visit=visit,
        method=visit.method,
        officers=[(p.name, certificates.get(p.id or 0, "—")) for p, _ in visit.officers],
        sheet=session.get(RecordSheet, visit_id),
        public=versions(session, first) if first else [],
        orders=[f for f in of_visit(session, visit_id) if f.order_text],
    )


routes = [*pages, *review.routes, *reviews.routes]
