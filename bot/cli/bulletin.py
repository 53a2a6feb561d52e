"""``suicha bulletin``: bulletins from the figures, let out by a person."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

app = typer.Typer(no_args_is_help=True, help="通报：起草、查看、发布。")
Period = Annotated[str, typer.Argument(metavar="期间", help="截止月份，例如 2026-03。")]
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]


@app.command()
def draft(period: Period, as_json: Json = False) -> None:
    """按现在的数据起草通报；每期首个工作日会自动起草。同一期只起草一次。

    例：suicha bulletin draft 2026-03
    """
    from bot.cli.context import open_context
    from bot.core.errors import Problem
    from bot.inspection.metrics.bulletins import draft_bulletin

    if re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", period) is None:
        raise Problem("period_invalid", "期间应写成 2026-03 的样子。", 期间=period)
    with open_context() as context:
        context.db.write_now(draft_bulletin, period=period, now=context.clock.now())
        shown = context.db.read_now(_shown, period=period)
    _say(shown, as_json=as_json)


@app.command()
def show(period: Period, as_json: Json = False) -> None:
    """查看一期通报。

    例：suicha bulletin show 2026-03
    """
    from bot.cli.context import open_context

    with open_context() as context:
        shown = context.db.read_now(_shown, period=period)
    _say(shown, as_json=as_json)


@app.command()
def issue(
    period: Period,
    by: Annotated[str, typer.Option("--by", help="发布人编号（联席办人员）。")],
    as_json: Json = False,
) -> None:
    """发布：发给各部门负责人，低于目标的部门同时收到督办。

    例：suicha bulletin issue 2026-03 --by C001
    """
    from bot.cli.context import open_context
    from bot.cli.finding import person_of
    from bot.inspection.metrics.bulletins import issue_bulletin

    with open_context() as context:
        context.db.write_now(
            lambda s: issue_bulletin(s, bulletin_id=_find(s, period), by=person_of(s, by), now=context.clock.now(),
                                     profile=context.profile, calendar=context.calendar)
        )  # fmt: skip
        shown = context.db.read_now(_shown, period=period)
    _say(shown, as_json=as_json)


def _find(session: Session, period: str) -> int:
    from sqlmodel import select

    from bot.core.errors import Problem
    from bot.inspection.metrics.models import Bulletin

    found = session.exec(select(Bulletin.id).where(Bulletin.period == period)).first()
    if found is None:
        raise Problem("bulletin_unknown", "没有这一期通报。", 期间=period)
    return found


def _shown(session: Session, *, period: str) -> dict[str, Any]:
    from bot.inspection.deadlines.shown import calendar_of, mark
    from bot.inspection.metrics.bulletins import open_orders
    from bot.inspection.metrics.models import Bulletin, BulletinState
    from bot.inspection.people.models import Department

    found = session.get_one(Bulletin, _find(session, period))
    orders = [
        {"department": session.get_one(Department, order.department_id).name, "finding": order.finding,
         "due": order.due_on.isoformat(), "provisional": bool(mark(calendar_of(session), order.due_on)), "state": order.state}
        for order in open_orders(session)
    ]  # fmt: skip
    return {
        "period": period,
        "issued": found.state == BulletinState.ISSUED,
        "rows": found.rows,
        "orders": orders,
    }


def _say(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    typer.echo(f"{shown['period']} 通报，{'已发布' if shown['issued'] else '草稿'}")
    for row in shown["rows"]:
        typer.echo(
            f"{row['name']}：计划 {row['lines']} 条，任务 {row['tasks']} 个（联合 {row['joint']}），"
            f"完成 {row['finished']}/{row['drawn']}，公示 {row['published']}/{row['drawn']}，"
            f"超期 {row['overdue']}，问题处理 {row['handled']}/{row['problems']}"
        )
    for order in shown["orders"]:
        due = order["due"] + ("（暂定）" if order["provisional"] else "")
        typer.echo(f"督办未办结：{order['department']}，{order['finding']}，期限 {due}")
