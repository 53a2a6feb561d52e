"""``suicha draw`` and ``suicha verify``: the ceremony from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.inspection.draws.models import Draw

app = typer.Typer(no_args_is_help=True, help="随机抽取：准备、公布指纹、揭示种子、锁定名单、导出核验包。")
Task = Annotated[str, typer.Argument(help="任务编号，或“计划编号/行号”。")]
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]


def _say(as_json: bool, text: str, **facts: object) -> None:
    typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else text)


def _task(session: object, name: str) -> int:
    """Row id of the task called by its number, or of the task that a plan line has."""
    from sqlmodel import Session, select

    from bot.core.errors import Problem
    from bot.inspection.plans.models import Plan, PlanLine
    from bot.inspection.tasks.models import Task as TaskRow

    assert isinstance(session, Session)
    query = select(TaskRow.id).where(TaskRow.number == name)
    if "/" in name:
        plan, _, line = name.rpartition("/")
        number = int(line) if line.isdecimal() and len(line) < 10 else 0
        query = (
            select(TaskRow.id)
            .join(PlanLine, PlanLine.id == TaskRow.plan_line_id)  # type: ignore[arg-type]
            .join(Plan, Plan.id == PlanLine.plan_id)  # type: ignore[arg-type]
            .where(Plan.code == plan, PlanLine.number == number)
            .order_by(Plan.version.desc())  # type: ignore[attr-defined]
        )
    found = session.exec(query).first()
    if found is None:
        raise Problem("not_found", "没有这个任务。", 任务=name)
    return found


@app.command()
def prepare(plan: Annotated[str, typer.Argument(help="计划编号")], as_json: Json = False) -> None:
    """按已公示的年度计划生成任务，并确认“两库”已更新。

    例：suicha draw prepare 4509232026
    """
    from sqlmodel import Session, col, select

    from bot.cli.context import open_context
    from bot.core.errors import Problem
    from bot.inspection.plans.models import Plan, PlanLine, PlanState
    from bot.inspection.tasks.creation import confirm_libraries, create_task

    def run(session: Session) -> list[str]:
        published = session.exec(
            select(Plan).where(Plan.code == plan, Plan.state == PlanState.PUBLISHED)
        ).first()
        if published is None:
            raise Problem("plan_not_published", "没有已公示的这份年度计划。", 计划=plan)
        lines = session.exec(
            select(PlanLine).where(PlanLine.plan_id == published.id).order_by(col(PlanLine.number))
        )
        numbers = []
        for line in lines.all():
            task = create_task(session, plan_line_id=line.id or 0, now=now)
            confirm_libraries(session, task_id=task.id or 0, now=now)
            numbers.append(task.number)
        return numbers

    with open_context() as context:
        now = context.clock.now()
        numbers = context.db.write_now(run)
    _say(as_json, "\n".join(numbers), tasks=numbers)


@app.command()
def commit(task: Task, as_json: Json = False) -> None:
    """冻结名单和规则，公布指纹（抽取前的承诺）。

    例：suicha draw commit 4509232026/1
    """
    from bot.cli.context import MACHINE, open_context
    from bot.inspection.draws.service import commit_draw

    secret = MACHINE.get().secret()
    with open_context() as context:
        draw = context.db.write_now(
            lambda s: commit_draw(s, task_id=_task(s, task), secret=secret,
                                  now=context.clock.now(), profile=context.profile)
        )  # fmt: skip
    words = f"名单 {draw.pool_size} 户，指纹 {draw.pool_sha256}"
    _say(as_json, f"{words}\n规则指纹 {draw.rules_sha256}\n秘密指纹 {draw.secret_sha256}",
         pool=draw.pool_size, pool_sha256=draw.pool_sha256, rules_sha256=draw.rules_sha256,
         secret_sha256=draw.secret_sha256)  # fmt: skip


@app.command()
def reveal(
    task: Task,
    public_value: Annotated[str, typer.Option(help="公开随机值（如有）。")] = "",
    as_json: Json = False,
) -> None:
    """揭示秘密，确定随机种子。

    例：suicha draw reveal 4509232026/1
    """
    from bot.cli.context import open_context
    from bot.inspection.draws.service import reveal_draw

    with open_context() as context:
        draw = context.db.write_now(
            lambda s: reveal_draw(
                s, task_id=_task(s, task), now=context.clock.now(), public_value=public_value
            )
        )
    _say(as_json, f"随机种子 {draw.seed_hex}", seed=draw.seed_hex)


@app.command()
def lock(task: Task, as_json: Json = False) -> None:
    """抽取对象、选派人员、锁定名单并派发；只有一次。

    例：suicha draw lock 4509232026/1
    """
    from bot.cli.context import open_context
    from bot.inspection.draws.service import lock_draw

    with open_context() as context:
        draw = context.db.write_now(
            lambda s: lock_draw(s, task_id=_task(s, task), now=context.clock.now(), profile=context.profile,
                                calendar=context.calendar)
        )  # fmt: skip
    _say(as_json, f"已抽取 {draw.transcript['picks']} 户并派发。", **draw.transcript)


@app.command()
def export(task: Task, folder: Annotated[Path, typer.Argument(help="写到这个文件夹。")]) -> None:
    """导出核验包：任何人都可以据此重算抽取结果。

    例：suicha draw export 4509232026/1 ./bundle
    """
    from bot.cli.context import open_context
    from bot.core.errors import Problem
    from bot.inspection.draws.service import bundle, live_draw

    with open_context() as context:
        files = context.db.read_now(lambda s: bundle(s, _need(live_draw(s, _task(s, task)))))
    if folder.exists() and not folder.is_dir():
        raise Problem("not_a_folder", "这是文件，不是文件夹，请换一个名字。", 文件夹=str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    typer.echo(f"{len(files)} 个文件已写入 {folder}")


def _need(draw: Draw | None) -> Draw:
    from bot.core.errors import Problem

    if draw is None:
        raise Problem("not_committed", "这个任务还没有抽取。")
    return draw


def verify(folder: Annotated[Path, typer.Argument(help="核验包文件夹。")], as_json: Json = False) -> None:
    """重算一次抽取；不一致时指出第一处，退出码为 1。

    例：suicha verify ./bundle
    """
    from bot.core.errors import Problem
    from bot.inspection.draws.verify import verify_bundle

    if not folder.is_dir():
        raise Problem("not_a_folder", "没有这个文件夹。", 文件夹=str(folder))
    files = {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}
    fault = verify_bundle(files)
    _say(
        as_json,
        f"不成立：{fault}" if fault else "核验通过：名单、规则、种子和抽取结果一致。",
        ok=not fault,
        fault=fault,
    )
    raise typer.Exit(1 if fault else 0)
