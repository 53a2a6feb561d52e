"""抽取记录: every round of every draw, its fingerprints, and the files with which anybody can repeat it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, SETTINGS
from bot.inspection.draws.certificate import certificate_of
from bot.inspection.draws.models import Draw, DrawState
from bot.inspection.draws.public_files import PublicFile, public_file, sizes
from bot.inspection.draws.queries import stored_files
from bot.inspection.draws.sources import words_of
from bot.inspection.people.models import Department
from bot.inspection.registry.models import Item, NoticeMode
from bot.inspection.tasks.models import Task
from handlers.web.caching import cached
from handlers.web.frozen_files import answer, tags
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
        (name, FILES[name], size, sealed and name not in _ALWAYS) for name, size in known["sizes"].items()
    ]
    return show(request, "public/draw.html.j2", known=known, files=files, sealed=sealed, names=FILES)


@routes.get("/public/draws/{task:[^/]+}/{round:[0-9]{1,6}}/{name:[a-z]+[.]jsonl?}")
async def file(request: web.Request) -> web.StreamResponse:
    """A file exactly as it was hashed."""
    name = request.match_info["name"]
    found = await request.app[DB].read(
        _file, request.match_info["task"], int(request.match_info["round"]), name=name, has=tags(request),
        today=china_day(request.app[CLOCK].now()),
    )  # fmt: skip
    return await answer(request, found, name=name)


def held_back(known: dict[str, Any], *, today: Any) -> bool:
    """Names of an unannounced inspection (飞行检查) stay closed until its window is over."""
    return bool(known["unannounced"]) and today <= known["task"].window_end


def _file(
    session: Session, number: str, round_: int, *, name: str, has: frozenset[str], today: dt.date
) -> PublicFile:
    draw, task = _round(session, number, round_)
    found = public_file(session, draw, name, has=has)
    if found is None:
        raise Problem("not_found", "没有这个文件。")
    if name not in _ALWAYS and _is_unannounced(session, task) and today <= task.window_end:
        text = f"本任务含不事先告知的事项，名单在检查期限（{task.window_end}）结束后公开。"
        raise Problem("forbidden", text)
    return found


def _sources(draw: Draw) -> list[tuple[str, str]]:
    """Each source in words, and what it said."""
    said = {value["place"]: value["value"] or "启用备用来源" for value in draw.values}
    return [(words_of(source), said.get(place, "")) for place, source in enumerate(draw.sources, 1)]


def _certificate(session: Session, number: str, round_: int, *, public_url: str) -> bytes:
    return certificate_of(session, _round(session, number, round_)[0], public_url=public_url)


def _list(session: Session) -> list[dict[str, Any]]:
    found = session.exec(
        select(Draw, Task)
        .join(Task, col(Task.id) == Draw.task_id)
        .where(Draw.state != DrawState.PREPARED)
        .order_by(col(Draw.committed_at).desc(), col(Draw.id).desc())
        .limit(_LISTED)
    ).all()
    return [{"draw": draw, "task": task, "state": STATES[DrawState(draw.state)]} for draw, task in found]


def _round(session: Session, number: str, round_: int) -> tuple[Draw, Task]:
    found = session.exec(
        select(Draw, Task)
        .join(Task, col(Task.id) == Draw.task_id)
        .where(Task.number == number, Draw.round == round_, Draw.state != DrawState.PREPARED)
    ).first()
    if found is None:
        raise Problem("not_found", "没有找到这次抽取。")
    return found[0], found[1]


def _is_unannounced(session: Session, task: Task) -> bool:
    modes = session.exec(select(Item.notice_mode).where(col(Item.id).in_(task.item_ids)))
    return NoticeMode.UNANNOUNCED in set(modes)


def _one(session: Session, number: str, round_: int) -> dict[str, Any]:
    draw, task = _round(session, number, round_)
    rules = json.loads(stored_files(session, draw, ("rules.json",)).get("rules.json", b"{}"))
    return {
        "draw": draw,
        "task": task,
        "state": STATES[DrawState(draw.state)],
        "department": session.get_one(Department, task.lead_department_id).name,
        "sizes": sizes(session, draw),
        "picks": draw.transcript.get("picks", 0),
        "hashes": {k: v for k, v in draw.transcript.items() if k.endswith(("_jsonl", "_json"))},
        "rules": rules,
        "sources": _sources(draw),
        "modes": MODES,
        "sealed": draw.state == DrawState.COMMITTED or not draw.seed_hex,
        "unannounced": _is_unannounced(session, task),
    }
