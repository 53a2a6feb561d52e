"""结果公示、抽查计划、事项清单: what anybody may read (C39). Published rows only, never a visit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.keys import DB
from bot.inspection.checklists.outcomes import CLEAN
from bot.inspection.people.models import Department
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.publication.models import Publication
from bot.inspection.publication.queries import Filter, Found, counts, search, versions
from bot.inspection.registry.models import Item, ItemClass
from bot.inspection.results.labels import LABELS
from handlers.web import public_data, public_draws
from handlers.web.keys import PROFILE
from handlers.web.public_page import show

pages = web.RouteTableDef()
_LONGEST = 100  # characters of a search
_BAR = 300  # width of the longest bar in the chart
_CLEAN = LABELS[CLEAN].published
_PROBLEMS = frozenset(label.published for label in LABELS.values() if label.is_problem)


@pages.get("/public")
async def results(request: web.Request) -> web.Response:
    """Newest first, 50 at a time; by code, name, task or result."""
    wanted = wanted_in(request)
    before = request.query.get("before", "")[:26]
    found, shares = await request.app[DB].read(_overview, wanted, before)
    return show(
        request,
        "public/results.html.j2",
        wanted=asdict(wanted),
        rows=[row(public) for public in found.rows],
        bars=bars(shares),
        total=sum(n for _, n in shares),
        older=_address(wanted, before=found.older) if found.older else "",
        newest=_address(wanted) if before else "",
        query=urlencode(_query(wanted)),
    )


@pages.get("/public/results/{id:[0-9A-HJKMNP-TV-Z]{26}}")
async def result(request: web.Request) -> web.Response:
    """The newest version under the permanent address, and those before it; ``?version=`` shows one."""
    found = await request.app[DB].read(versions, request.match_info["id"])
    asked = request.query.get("version", "")
    shown = next((public for public in found if str(public.version) == asked), found[0])
    return show(
        request,
        "public/result.html.j2",
        public=shown,
        newest=found[0],
        permanent=found[-1].id,
        versions=found,
        findings=[(detail, tone(detail["raninsCheckResName"])) for detail in shown.body["details"]],
        channels=_channels(request, shown),
    )


@pages.get("/public/plans")
async def plans(request: web.Request) -> web.Response:
    """Published plans with every version; drafts are not there."""
    return show(request, "public/plans.html.j2", plans=await request.app[DB].read(_plans))


@pages.get("/public/items")
async def items(request: web.Request) -> web.Response:
    """The item list (随机抽查事项清单) in force."""
    return show(request, "public/items.html.j2", fields=await request.app[DB].read(_items), KEY=ItemClass.KEY)


def wanted_in(request: web.Request) -> Filter:
    query = request.query
    return Filter(
        text=query.get("q", "").strip()[:_LONGEST],
        task=query.get("task", "").strip()[:40],
        result=query.get("result", "").strip()[:60],
    )


def row(public: Publication) -> dict[str, Any]:
    """One line of the list."""
    labels = dict.fromkeys(detail["raninsCheckResName"] for detail in public.body["details"])
    return {
        "id": public.id,
        "name": public.object_name,
        "code": public.object_code,
        "task": public.body["raninsTaskName"],
        "authority": public.body["insAuth"],
        "day": public.body["insDate"],
        "labels": [(label, tone(label)) for label in labels],
        "version": public.version,
    }


def tone(label: str) -> str:
    """The colour class of a published label."""
    if label == _CLEAN:
        return "clean"
    return "found" if label in _PROBLEMS else "old"


def bars(shares: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """The chart: one bar per label, as long as its share of the most frequent."""
    most = max((n for _, n in shares), default=0)
    return [
        {
            "label": label or "—",
            "count": n,
            "width": max(3, round(_BAR * n / most)),
            "y": 46 * place,
            "tone": tone(label),
        }
        for place, (label, n) in enumerate(shares)
    ]


def _overview(session: Session, wanted: Filter, before: str) -> tuple[Found, list[tuple[str, int]]]:
    return search(session, wanted, before=before), counts(session, wanted)


def _query(wanted: Filter, **more: str) -> dict[str, str]:
    named = {"q": wanted.text, "task": wanted.task, "result": wanted.result, **more}
    return {name: value for name, value in named.items() if value}


def _address(wanted: Filter, **more: str) -> str:
    query = urlencode(_query(wanted, **more))
    return f"/public?{query}" if query else "/public"


def _channels(request: web.Request, public: Publication) -> list[tuple[str, str]]:
    names = request.app[PROFILE].channel_names
    states = {"PENDING": "待导出", "ENTERED": "已录入", "PUBLISHED": "已公示"}
    return [(names.get(name, name), states.get(state, state)) for name, state in public.channels.items()]


def _plans(session: Session) -> list[dict[str, Any]]:
    public = (PlanState.PUBLISHED, PlanState.SUPERSEDED)
    found = session.exec(
        select(Plan)
        .where(col(Plan.state).in_(public), col(Plan.published_at).is_not(None))
        .order_by(col(Plan.year).desc(), col(Plan.code), col(Plan.version).desc())
    ).all()
    departments = dict(session.exec(select(Department.id, Department.name)).all())
    names = dict(session.exec(select(Item.id, Item.name)).all())
    return [
        {
            "plan": plan,
            "department": departments.get(plan.department_id, ""),
            "newest": plan.state == PlanState.PUBLISHED,
            "lines": [
                {
                    "line": line,
                    "items": [names.get(item, "") for item in line.item_ids],
                    "departments": [
                        departments.get(d, "") for d in (line.lead_department_id, *line.joint_department_ids)
                    ],
                    "ratios": [
                        f"{stratum} 类 {_percent(rule)}" for stratum, rule in sorted(line.ratios.items())
                    ],
                }
                for line in session.exec(
                    select(PlanLine).where(PlanLine.plan_id == plan.id).order_by(col(PlanLine.number))
                )
            ],
        }
        for plan in found
    ]


def _percent(rule: Any) -> str:
    ratio = rule.get("ratio", "") if isinstance(rule, dict) else rule
    return f"{ratio}%"


def _items(session: Session) -> dict[str, list[dict[str, Any]]]:
    """Active items by field, the newest version of each."""
    newest: dict[str, Item] = {}
    for item in session.exec(select(Item).where(col(Item.active)).order_by(col(Item.version))):
        newest[item.code] = item
    departments = dict(session.exec(select(Department.id, Department.name)).all())
    fields: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in sorted(newest.values(), key=lambda i: (i.field, i.code)):
        fields[item.field or "未分领域"].append(
            {"item": item, "department": departments.get(item.department_id, "")}
        )
    return fields


routes = [*pages, *public_data.routes, *public_draws.routes]
