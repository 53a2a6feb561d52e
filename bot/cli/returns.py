"""``suicha returns``: draw return visits of a finished task and see what they found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

app = typer.Typer(no_args_is_help=True, help="随机抽查回访：抽取、查看结果。")
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]
TaskNumber = Annotated[str, typer.Argument(metavar="任务编号", help="抽查任务编号。")]


@app.command()
def draw(
    task: TaskNumber,
    percent: Annotated[str, typer.Option("--percent", help="抽取百分比，不足一户按一户。")] = "5",
    as_json: Json = False,
) -> None:
    """从已完成的检查中抽取回访对象，由没有参加过原检查的人员回访。抽取过程留痕，可以复算。

    例：suicha returns draw 450900202603100001 --percent 5
    """
    from bot.cli.context import open_context
    from bot.core.secret import fresh_secret
    from bot.inspection.followups.returns import draw_returns

    secret = fresh_secret()
    with open_context() as context:
        context.db.write_now(
            lambda s: draw_returns(s, task_id=_task(s, task), percent=percent, secret=secret, now=context.clock.now(),
                                   profile=context.profile, calendar=context.calendar)
        )  # fmt: skip
        shown = context.db.read_now(_shown, task=task)
    _say(shown, as_json=as_json)


@app.command()
def show(task: TaskNumber, as_json: Json = False) -> None:
    """查看一个任务的回访和结果是否一致。

    例：suicha returns show 450900202603100001
    """
    from bot.cli.context import open_context

    with open_context() as context:
        shown = context.db.read_now(_shown, task=task)
    _say(shown, as_json=as_json)


def _task(session: Session, number: str) -> int:
    from sqlmodel import select

    from bot.core.errors import Problem
    from bot.inspection.tasks.models import Task

    found = session.exec(select(Task.id).where(Task.number == number)).first()
    if found is None:
        raise Problem("task_unknown", "没有这个任务。", 任务=number)
    return found


def _shown(session: Session, *, task: str) -> list[dict[str, Any]]:
    from sqlmodel import col, select

    from bot.inspection.deadlines.shown import calendar_of, mark
    from bot.inspection.followups.return_messages import NAMES
    from bot.inspection.followups.return_models import Finding, ReturnSample, ReturnVisit
    from bot.inspection.followups.returns import officers_of
    from bot.inspection.people.models import Person
    from bot.inspection.tasks.models import Visit

    query = (
        select(ReturnVisit, Visit.number)
        .join(ReturnSample, col(ReturnSample.id) == ReturnVisit.sample_id)
        .join(Visit, col(Visit.id) == ReturnVisit.visit_id)
        .where(ReturnSample.task_id == _task(session, task))
        .order_by(col(ReturnVisit.id))
    )
    return [
        {"visit": number, "officers": [session.get_one(Person, p).name for p in officers_of(session, found.id or 0)],
         "due": found.due_on.isoformat(), "provisional": bool(mark(calendar_of(session), found.due_on)),
         "finding": NAMES[Finding(found.finding)] if found.finding else "",
         "differs": found.differs}
        for found, number in session.exec(query)
    ]  # fmt: skip


def _say(shown: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    for one in shown:
        result = one["finding"] or f"待回访，最迟 {one['due']}{'（暂定）' if one['provisional'] else ''}"
        mark = "（与原检查不一致）" if one["differs"] else ""
        typer.echo(f"{one['visit']}：{'、'.join(one['officers'])}，{result}{mark}")
    if not shown:
        typer.echo("这个任务还没有回访。")
