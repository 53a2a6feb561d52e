"""``suicha plan``: the annual plan from file to publication."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

    from bot.inspection.plans.models import Plan

app = typer.Typer(no_args_is_help=True, help="年度抽查计划：导入、批准、公示、查看。")
Code = Annotated[str, typer.Argument(metavar="编号", help="计划编号。")]
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]
_STATES = {"DRAFT": "草稿", "APPROVED": "已批准", "PUBLISHED": "已公示", "SUPERSEDED": "已被新版取代"}


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="文件", help="plan.yaml")],
    ground: Annotated[str, typer.Option("--ground", help="调整理由；计划已批准或公示时必填。")] = "",
    as_json: Json = False,
) -> None:
    """导入计划文件，成为草稿；已有公示版本时成为调整稿。

    例：suicha plan import plan.yaml
    例：suicha plan import plan.yaml --ground 突发性风险
    """
    from bot.cli.context import open_context
    from bot.inspection.plans.document import parse_plan
    from bot.inspection.plans.service import import_plan

    document = parse_plan(_read(file))
    with open_context() as context:
        plan = context.db.write_now(
            import_plan, document=document, now=context.clock.now(), profile=context.profile, ground=ground
        )
        shown = context.db.read_now(_shown, code=plan.code, version=plan.version)
    _say(shown, as_json=as_json)


@app.command()
def approve(code: Code, as_json: Json = False) -> None:
    """批准草稿。

    例：suicha plan approve YX-2026
    """
    from bot.inspection.plans.service import approve_plan

    _move(approve_plan, code, as_json=as_json)


@app.command()
def publish(code: Code, as_json: Json = False) -> None:
    """公示已批准的计划；旧版本保留备查，调整涉及的部门会收到通知。

    例：suicha plan publish YX-2026
    """
    from bot.inspection.tasks.adjustment import publish_and_tell

    _move(publish_and_tell, code, as_json=as_json)


@app.command()
def show(
    code: Code,
    version: Annotated[int | None, typer.Option("--version", help="第几版；默认最新版。")] = None,
    as_json: Json = False,
) -> None:
    """查看计划各条、按现有名录库预计的抽取户数，以及与上一版的差别。

    例：suicha plan show YX-2026 --version 1
    """
    from bot.cli.context import open_context

    with open_context() as context:
        shown = context.db.read_now(_shown, code=code, version=version)
    _say(shown, as_json=as_json)


def _move(service: Any, code: str, *, as_json: bool) -> None:
    from bot.cli.context import open_context

    with open_context() as context:
        plan_id = context.db.read_now(_find, code=code).id
        context.db.write_now(service, plan_id=plan_id, now=context.clock.now())
        shown = context.db.read_now(_shown, code=code, version=None)
    _say(shown, as_json=as_json)


def _read(file: Path) -> str:
    from bot.core.errors import Problem
    from bot.inspection.plans.document import MAX_BYTES

    try:
        if file.stat().st_size > 4 * MAX_BYTES:
            raise Problem("plan_document", "计划文件太大", 文件=file.name)
        return file.read_text(encoding="utf-8-sig")
    except OSError:
        raise Problem("plan_document", "打不开计划文件", 文件=file.name) from None
    except UnicodeDecodeError:
        raise Problem("plan_document", "计划文件应存为 UTF-8", 文件=file.name) from None


def _find(session: Session, *, code: str, version: int | None = None) -> Plan:
    from bot.core.errors import Problem
    from bot.inspection.plans.service import find_plan

    plan = find_plan(session, code, version=version)
    if plan is None:
        raise Problem("plan_unknown", "没有这份计划", 编号=code)
    return plan


def _shown(session: Session, *, code: str, version: int | None) -> dict[str, Any]:
    """The plan, its lines with the takes expected now, and its changes, as plain values."""
    from bot.inspection.plans.library import line_preview
    from bot.inspection.plans.service import plan_changes, plan_lines

    plan = _find(session, code=code, version=version)
    lines = []
    for line in plan_lines(session, plan.id or 0):
        seen = line_preview(session, line)
        lines.append(
            {
                "number": line.number, "name": line.name, "start": line.window_start.isoformat(),
                "end": line.window_end.isoformat(), "pool": seen.pool, "take": seen.total,
                "scale": seen.scale,
                "strata": {s.klass: {"size": s.size, "take": s.take} for s in seen.strata},
            }
        )  # fmt: skip
    changes = [
        {"number": c.number, "name": c.name, "change": c.change.value, "fields": list(c.fields)}
        for c in plan_changes(session, plan_id=plan.id or 0)
    ]
    return {
        "code": plan.code, "version": plan.version, "name": plan.name, "year": plan.year, "state": plan.state,
        "ground": plan.ground, "lines": lines, "changes": changes,
    }  # fmt: skip


def _say(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    typer.echo(f"{shown['name']}（{shown['code']} 第{shown['version']}版，{_STATES[shown['state']]}）")
    if shown["ground"]:
        typer.echo(f"调整理由：{shown['ground']}")
    for line in shown["lines"]:
        strata = "，".join(f"{klass} {s['take']}/{s['size']}" for klass, s in line["strata"].items())
        when = f"{line['start']} 至 {line['end']}"
        typer.echo(f"{line['number']}. {line['name']}：{when}")
        typer.echo(f"   预计抽取 {line['take']}/{line['pool']} 户（按{line['scale']}：{strata}）")
    words = {"ADDED": "新增", "REMOVED": "取消", "CHANGED": "变更"}
    for change in shown["changes"]:
        fields = f"（{'、'.join(change['fields'])}）" if change["fields"] else ""
        typer.echo(f"与上一版相比，{words[change['change']]}第{change['number']}条{change['name']}{fields}")
