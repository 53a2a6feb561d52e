"""``suicha approval``: what waits for the head's approval, and the decision (C15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.core.errors import Problem

if TYPE_CHECKING:
    from sqlmodel import Session

app = typer.Typer(help="检查审批：查看待批的检查，同意或不同意。", no_args_is_help=True)
_TASK = Annotated[str, typer.Argument(help="任务编号。")]
_BY = Annotated[str, typer.Option("--by", help="审批人（单位负责人）的人员编号。")]


@app.command("list")
def list_waiting(task: _TASK) -> None:
    """列出任务中待批的检查。"""
    from bot.cli.context import open_context

    with open_context() as context:
        for line in context.db.read_now(_lines, task):
            typer.echo(line)


@app.command()
def grant(task: _TASK, by: _BY) -> None:
    """同意任务中全部待批的检查。"""
    _decide(task, by, granted=True)


@app.command()
def refuse(task: _TASK, by: _BY, reason: Annotated[str, typer.Option("--reason", help="理由。")]) -> None:
    """不同意任务中全部待批的检查。"""
    _decide(task, by, granted=False, reason=reason)


def _decide(task: str, by: str, *, granted: bool, reason: str = "") -> None:
    from bot.cli.context import open_context
    from bot.inspection.tasks.approval import decide_approvals

    with open_context() as context:
        task_id, person_id = context.db.read_now(_ids, task, by)
        done = context.db.write_now(decide_approvals, task_id=task_id, by=person_id, granted=granted, reason=reason,
                                    now=context.clock.now())  # fmt: skip
    typer.echo(f"{'已同意' if granted else '未同意'} {done} 户")


def _lines(session: Session, number: str) -> list[str]:
    from bot.inspection.tasks.approval import waiting_approvals
    from bot.inspection.tasks.queries import visit_facts

    lines = []
    for approval, visit in waiting_approvals(session, _task_id(session, number)):
        facts = visit_facts(session, visit.id or 0)
        urgent = f"  紧急：{approval.urgent_reason}" if approval.urgent else ""
        lines.append(f"{visit.number}  {visit.planned_on}  {facts.object.name}{urgent}")
    return lines or ["没有待批的检查"]


def _ids(session: Session, number: str, code: str) -> tuple[int, int]:
    from sqlmodel import select

    from bot.inspection.people.models import Person

    person = session.exec(select(Person.id).where(Person.code == code)).first()
    if person is None:
        raise Problem("not_found", "没有这个人员。", 人员=code)
    return _task_id(session, number), person


def _task_id(session: Session, number: str) -> int:
    from sqlmodel import select

    from bot.inspection.tasks.models import Task

    found = session.exec(select(Task.id).where(Task.number == number)).first()
    if found is None:
        raise Problem("not_found", "没有这个任务。", 任务=number)
    return found
