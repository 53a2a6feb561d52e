"""The public records for machines: JSON, CSV for spreadsheets, and a feed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from aiohttp import web

from bot.core.canonical import canonical
from bot.core.clock import china
from bot.core.errors import Problem
from bot.core.keys import DB, SETTINGS
from bot.inspection.publication.models import Publication
from bot.inspection.publication.queries import Filter, search, versions
from handlers.web.caching import cached

routes = web.RouteTableDef()
A_FILE = 1000  # records; anybody may ask for a file, as often as they like
_ATOM = "http://www.w3.org/2005/Atom"
_COLUMNS = {
    "id": "公示编号",
    "version": "版本",
    "uniscid": "统一社会信用代码",
    "entName": "名称",
    "raninsPlanId": "抽查计划编号",
    "raninsPlaneName": "抽查计划名称",
    "raninsTaskId": "抽查任务编号",
    "raninsTaskName": "抽查任务名称",
    "raninsTypeName": "抽查类型",
    "insAuth": "抽查机关",
    "insDate": "抽查完成日期",
    "seqno": "序号",
    "raninsItemName": "检查事项",
    "raninsCheckResName": "检查结果",
    "handling": "处理情况",
    "handledOn": "处理日期",
    "published_at": "公示时间",
    "sha256": "SHA-256",
}


@routes.get("/public/results.json")
async def as_json(request: web.Request) -> web.Response:
    """50 records and the address of the next 50."""
    found = await request.app[DB].read(search, _wanted(request), before=request.query.get("before", "")[:26])
    answer = {"results": [record(public) for public in found.rows], "older": found.older}
    return cached(request, web.json_response(answer))


@routes.get("/public/results.csv")
async def as_csv(request: web.Request) -> web.Response:
    """The newest records that fit, one line per item; a ``Link`` names the file with the next older ones. Opens in
    spreadsheets and cannot run formulas there."""
    before = request.query.get("before", "")[:26]
    found = await request.app[DB].read(search, _wanted(request), before=before, limit=A_FILE)
    table = lines([list(_COLUMNS.values()), *(cells for public in found.rows for cells in rows(public))])
    response = web.Response(body="\ufeff".encode() + table, content_type="text/csv", charset="utf-8")
    name = f"results-{before}.csv" if before.isalnum() and before.isascii() else "results.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if found.older:
        response.headers["Link"] = f'<{request.rel_url.update_query(before=found.older)}>; rel="next"'
    return cached(request, response)


@routes.get("/public/results/{id:[0-9A-HJKMNP-TV-Z]{26}}/{version:[0-9]{1,6}}.json")
async def as_hashed(request: web.Request) -> web.Response:
    """One version exactly as it was hashed: ``sha256sum`` of this file is its fingerprint."""
    found = await request.app[DB].read(versions, request.match_info["id"])
    public = next((p for p in found if p.version == int(request.match_info["version"])), None)
    if public is None or public.withdrawn:
        raise Problem("not_found", "没有这一版，或已撤回。")
    return cached(request, web.Response(body=canonical(public.body), content_type="application/json"))


@routes.get("/public/feed.atom")
async def feed(request: web.Request) -> web.Response:
    """The newest 50 as a feed."""
    found = await request.app[DB].read(search, Filter())
    body = atom(list(found.rows), base=request.app[SETTINGS].public_url)
    return cached(request, web.Response(body=body, content_type="application/atom+xml", charset="utf-8"))


def record(public: Publication) -> dict[str, Any]:
    """One public record as data."""
    return {
        "id": public.id,
        "version": public.version,
        "publishedAt": public.published_at.isoformat(),
        "sha256": public.sha256,
        "body": public.body,
    }


def rows(public: Publication) -> Iterator[list[str]]:
    """The cells of one record, a row per item."""
    head = {**public.body, "id": public.id, "version": public.version, "sha256": public.sha256}
    head["published_at"] = china(public.published_at).isoformat(timespec="seconds")
    for detail in public.body["details"]:
        values = {**head, **detail}
        yield [str(values.get(name, "")) for name in _COLUMNS]


def lines(table: Any) -> bytes:
    """RFC 4180 with the formula guard."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([[guarded(cell) for cell in cells] for cells in table])
    return out.getvalue().encode()


def guarded(cell: str) -> str:
    """A cell a spreadsheet will not take for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def atom(found: list[Publication], *, base: str) -> bytes:
    """The feed as XML."""
    ET.register_namespace("", _ATOM)
    root = ET.Element(f"{{{_ATOM}}}feed")
    _add(root, "title", "双随机、一公开检查结果公示")
    _add(root, "id", f"{base}/public")
    _add(root, "updated", found[0].published_at.isoformat() if found else "1970-01-01T00:00:00+00:00")
    ET.SubElement(root, f"{{{_ATOM}}}link", href=f"{base}/public/feed.atom", rel="self")
    for public in found:
        entry = ET.SubElement(root, f"{{{_ATOM}}}entry")
        address = f"{base}/public/results/{public.id}"
        _add(entry, "id", address)
        _add(entry, "title", f"{public.object_name}：{public.result}")
        _add(entry, "updated", public.published_at.isoformat())
        ET.SubElement(entry, f"{{{_ATOM}}}link", href=address)
        author = ET.SubElement(entry, f"{{{_ATOM}}}author")
        _add(author, "name", public.body["insAuth"])
        _add(entry, "summary", f"{public.body['raninsTaskName']}，{public.body['insDate']}")
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}{name}").text = "".join(c for c in text if c.isprintable())


def _wanted(request: web.Request) -> Filter:
    query = request.query
    return Filter(query.get("q", "").strip()[:100], query.get("task", "")[:40], query.get("result", "")[:60])
