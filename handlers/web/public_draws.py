"""抽取记录: every round of every draw, its fingerprints, and the files with which anybody can repeat it."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, SETTINGS
from bot.inspection.draws.bundle import bundle
from bot.inspection.draws.certificate import certificate_of
from bot.inspection.draws.models import Draw, DrawState
from bot.inspection.draws.sources import words_of
from bot.inspection.people.models import Department
from bot.inspection.registry.models import Item, NoticeMode
from bot.inspection.tasks.models import Task
from handlers.web.caching import cached
from handlers.web.public_page import show

routes = web.RouteTableDef()
STATES = {
    DrawState.PREPARED: "已准备，尚未公布承诺",
    DrawState.COMMITTED: "已公布指纹，待抽取",
    DrawState.REVEALED: "已揭示种子，待锁定",
    DrawState.LOCKED: "已抽取并锁定",
    DrawState.VOID: "已作废",
}
FILES = {
    "draw.json": "抽取说明（指纹、秘密、来源、种子）",
    "pool.jsonl": "抽取时的检查对象名单",
    "rules.json": "抽取规则",
    "picks.jsonl": "抽取结果",
    "officers.jsonl": "执法人员名录（代号）",
    "visits.jsonl": "人员选派结果（代号）",
    "barred.jsonl": "不能参加的检查（代号，不含日期和原因）",
    "days.jsonl": "检查日期（封存）",
    "changes.jsonl": "锁定之后的变动",
}
MODES = {"BOTH": "对象和人员都随机", "OBJECT_ONLY": "只随机抽取对象", "PERSON_ONLY": "只随机选派人员"}
_ALWAYS = ("draw.json", "rules.json")
_LISTED = 500


@routes.get("/public/draws")
async def draws(request: web.Request) -> web.Response:
    """Every round, newest first."""
    return show(request, "public/draws.html.j2", draws=await request.app[DB].read(_list))


@routes.get("/public/verify")
async def verify(request: web.Request) -> web.Response:
    """Repeat a draw in the browser: files are read there and sent nowhere."""
    return show(request, "public/verify.html.j2")


@routes.get("/public/draws/{task:[^/]+}/{round:[0-9]{1,6}}/certificate.pdf")
async def certificate(request: web.Request) -> web.Response:
    """The certificate to print."""
    number, round_ = request.match_info["task"], int(request.match_info["round"])
    body = await request.app[DB].read(
        _certificate,
        number,
        round_,
        public_url=request.app[SETTINGS].public_url,
    )
    return cached(request, web.Response(body=body, content_type="application/pdf"))


@routes.get("/public/draws/{task:[^/]+}/{round:[0-9]{1,6}}")
async def draw(request: web.Request) -> web.Response:
    """One round: what was fixed before, what was revealed after, and the files."""
    known = await request.app[DB].read(_one, request.match_info["task"], int(request.match_info["round"]))
    sealed = held_back(known, today=china_day(request.app[CLOCK].now()))
    files = [
        (name, FILES[name], len(known["files"][name]), sealed and name not in _ALWAYS)
        for name in FILES
        if name in known["files"]
    ]
    return show(request, "public/draw.html.j2", known=known, files=files, sealed=sealed, names=FILES)


@routes.get("/public/draws/{task:[^/]+}/{round:[0-9]{1,6}}/{name:[a-z]+[.]jsonl?}")
async def file(request: web.Request) -> web.Response:
    """A file exactly as it was hashed."""
    known = await request.app[DB].read(_one, request.match_info["task"], int(request.match_info["round"]))
    name = request.match_info["name"]
    if name not in known["files"]:
        raise Problem("not_found", "没有这个文件。")
    if held_back(known, today=china_day(request.app[CLOCK].now())) and name not in _ALWAYS:
        text = f"本任务含不事先告知的事项，名单在检查期限（{known['task'].window_end}）结束后公开。"
        raise Problem("forbidden", text)
    kind = "application/json" if name.endswith(".json") else "application/x-ndjson"
    answer = web.Response(body=known["files"][name], content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return cached(request, answer)


def held_back(known: dict[str, Any], *, today: Any) -> bool:
    """Names of an unannounced inspection (飞行检查) stay closed until its window is over."""
    return bool(known["unannounced"]) and today <= known["task"].window_end


def _sources(draw: Draw) -> list[tuple[str, str]]:
    """Each source in words, and what it said."""
    said = {value["place"]: value["value"] or "启用备用来源" for value in draw.values}
    return [(words_of(source), said.get(place, "")) for place, source in enumerate(draw.sources, 1)]


def _certificate(session: Session, number: str, round_: int, *, public_url: str) -> bytes:
    return certificate_of(session, _one(session, number, round_)["draw"], public_url=public_url)


def _list(session: Session) -> list[dict[str, Any]]:
    found = session.exec(
        select(Draw, Task)
        .join(Task, col(Task.id) == Draw.task_id)
        .where(Draw.state != DrawState.PREPARED)
        .order_by(col(Draw.committed_at).desc(), col(Draw.id).desc())
        .limit(_LISTED)
    ).all()
    return [{"draw": draw, "task": task, "state": STATES[DrawState(draw.state)]} for draw, task in found]


def _one(session: Session, number: str, round_: int) -> dict[str, Any]:
    found = session.exec(
        select(Draw, Task)
        .join(Task, col(Task.id) == Draw.task_id)
        .where(Task.number == number, Draw.round == round_, Draw.state != DrawState.PREPARED)
    ).first()
    if found is None:
        raise Problem("not_found", "没有找到这次抽取。")
    draw, task = found
    files = bundle(session, draw)
    items = session.exec(select(Item).where(col(Item.id).in_(task.item_ids))).all()
    rules = json.loads(files["rules.json"]) if "rules.json" in files else {}
    return {
        "draw": draw,
        "task": task,
        "state": STATES[DrawState(draw.state)],
        "department": session.get_one(Department, task.lead_department_id).name,
        "files": files,
        "picks": draw.transcript.get("picks", 0),
        "hashes": {k: v for k, v in draw.transcript.items() if k.endswith(("_jsonl", "_json"))},
        "rules": rules,
        "sources": _sources(draw),
        "modes": MODES,
        "sealed": draw.state == DrawState.COMMITTED or not draw.seed_hex,
        "unannounced": any(item.notice_mode == NoticeMode.UNANNOUNCED for item in items),
    }
