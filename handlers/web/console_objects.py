"""The console's page of one inspected object: what the library says of it, and where it is on the map (登记位置)."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.coordinates import Point, System
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB
from bot.inspection.registry.models import InspectionObject, ObjectKind, ObjectStatus
from bot.inspection.registry.places import place_of, read_place
from bot.inspection.registry.placing import place_object
from bot.inspection.registry.words import KINDS, STATUS
from bot.inspection.tasks.queries import map_link
from handlers.web import console_words as words
from handlers.web.numbers import path_key
from handlers.web.pages import read_form, render
from handlers.web.session import Visitor, done, seen

routes = web.RouteTableDef()
_FIELDS = ("longitude", "latitude", "system")
_BECAME = {"set": "已登记位置。", "gone": "已取消登记的位置。", "same": "没有变化。"}  # what a save did


@dataclass(frozen=True, slots=True)
class Page:
    """One object; ``way`` leads there on a map."""

    target: InspectionObject
    kind: str
    status: str
    place: Point | None
    way: str


@routes.get("/console/objects")
@seen
async def find(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """By credit code or register number; a hit is shown at once."""
    code = request.query.get("code", "").strip()[:40]
    found = await request.app[DB].read(_by_code, code=code) if code else None
    if found is not None:
        raise web.HTTPSeeOther(f"/console/objects/{found}")
    return render(
        request, "console/object_find.html.j2", visitor=visitor, here="objects", words=words, code=code
    )


@routes.get("/console/objects/{object_id:[0-9]+}")
@seen
async def look(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """One object, with the form for its place."""
    return await _show(request, visitor)


@routes.post("/console/objects/{object_id:[0-9]+}/place")
@done
async def place(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """登记位置; what cannot be read stays in the form, with the reason beside it."""
    sent = {name: str((await read_form(request)).get(name, ""))[:40] for name in _FIELDS}
    object_id = path_key(request, "object_id")
    try:
        wanted = read_place(sent)
    except Problem as problem:
        return await _show(request, visitor, sent=sent, wrong=problem.fields, status=422)
    changed = await request.app[DB].write(
        place_object, object_id=object_id, place=wanted, now=request.app[CLOCK].now(),
        actor=visitor.viewer.person_id,
    )  # fmt: skip
    became = "same" if not changed else "gone" if wanted is None else "set"
    raise web.HTTPSeeOther(f"/console/objects/{object_id}?placed={became}")


async def _show(
    request: web.Request, visitor: Visitor, *, sent: dict[str, str] | None = None,
    wrong: dict[str, object] | None = None, status: int = 200,
) -> web.StreamResponse:  # fmt: skip
    page = await request.app[DB].read(_page, object_id=path_key(request, "object_id"))
    return render(
        request, "console/object.html.j2", visitor=visitor, here="objects", words=words, page=page, wrong=wrong or {},
        typed=sent or _typed(page.place), systems=list(System), became=_BECAME.get(request.query.get("placed", "")),
        status=status,
    )  # fmt: skip


def _typed(place: Point | None) -> dict[str, str]:
    if place is None:
        return {}
    return {"latitude": f"{place[0]:.6f}", "longitude": f"{place[1]:.6f}", "system": System.WGS84}


def _by_code(session: Session, *, code: str) -> int | None:
    return session.exec(select(InspectionObject.id).where(col(InspectionObject.code) == code)).first()


def _page(session: Session, *, object_id: int) -> Page:
    target = session.get(InspectionObject, object_id)
    if target is None:
        raise Problem("not_found", "没有找到这个检查对象。")
    kind = next((word for word, kind in KINDS.items() if kind is ObjectKind(target.kind)), target.kind)
    status = {ObjectStatus.UNREGISTERED: "未登记（线索）"} | {
        value: word for word, value in reversed(list(STATUS.items()))
    }
    return Page(target, kind, status[ObjectStatus(target.status)], place_of(target), map_link(target))
