"""亮证: what an officer holds out at the door, and what is needed to get there (C13, C16)."""

from __future__ import annotations

from aiohttp import web
from markupsafe import Markup
from sqlmodel import Session

from bot.core.keys import DB, SETTINGS
from bot.core.typeset import qr
from bot.inspection.checklists.queries import FormFacts
from bot.inspection.tasks.codes import Credential, code_of, credentials, spoken
from bot.inspection.tasks.models import EnterpriseNotice
from bot.inspection.tasks.queries import map_link
from bot.inspection.tasks.serving import MATERIALS, serve_on_paper
from handlers.notice_paper import issued_notice
from handlers.web import form_view
from handlers.web.form_link import open_link, see_other
from handlers.web.keys import EVIDENCE
from handlers.web.pages import render

routes = web.RouteTableDef()
_DELIVERIES = {
    "PENDING": "尚未送达", "CHAT": "已在线送达", "AT_CHECK_IN": "签到时送达", "NOT_DELIVERED": "须当面送达",
    "PAPER": "已当面送达",
}  # fmt: skip


@routes.get("/form/{token}/show")
async def show(request: web.Request) -> web.Response:
    """Certificates, task number and code, large; the way there and the notice below."""
    link = await open_link(request)
    code = await request.app[DB].write(
        code_of, visit_id=link.visit_id, person_id=link.person_id, now=link.now
    )
    people, notice = await request.app[DB].read(_shown, link.facts)
    return render(
        request, "form/show.html.j2", head=form_view.head(link.facts, link.person_id), base=link.base,
        people=people, code=spoken(code), qr=Markup(qr(f"{request.app[SETTINGS].public_url}/visit/{code}")),  # noqa: S704 - our own SVG
        map=map_link(link.facts.visit.object), materials=MATERIALS, notice=notice,
        delivery=_DELIVERIES.get(notice.delivery, "") if notice else "", open=link.facts.is_open,
        task=link.facts.visit.task,
    )  # fmt: skip


@routes.get("/form/{token}/notice.pdf")
async def notice_pdf(request: web.Request) -> web.Response:
    """行政检查通知书 to print and take along."""
    link = await open_link(request)
    issued, body = await issued_notice(
        request.app[DB], request.app[EVIDENCE], visit_id=link.visit_id, now=link.now,
        public_url=request.app[SETTINGS].public_url,
    )  # fmt: skip
    name = f'inline; filename="notice-{link.facts.visit.visit.number}-{issued.version}.pdf"'
    return web.Response(body=body, content_type="application/pdf", headers={"Content-Disposition": name})


@routes.post("/form/{token}/served")
async def served(request: web.Request) -> web.Response:
    """已当面送达."""
    link = await open_link(request)
    await request.app[DB].write(
        serve_on_paper, visit_id=link.visit_id, person_id=link.person_id, now=link.now
    )
    return see_other(f"{link.base}/show")


def _shown(session: Session, facts: FormFacts) -> tuple[list[Credential], EnterpriseNotice | None]:
    return credentials(session, facts.visit), session.get(EnterpriseNotice, facts.visit.visit.id)
