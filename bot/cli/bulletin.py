"""``suicha bulletin``: bulletins from the figures, and supervision orders."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

app = typer.Typer(no_args_is_help=True, help="通报和督办：起草、查看、批准印发、单独督办。")
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
        context.db.write_now(draft_bulletin, period=period, year=int(period[:4]), now=context.clock.now())
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
    by: Annotated[str, typer.Option("--by", help="批准人编号（联席办人员）。")],
    as_json: Json = False,
) -> None:
    """批准印发：发给各成员单位，低于目标的部门同时收到督办单。

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


@app.command()
def order(
    department: Annotated[str, typer.Argument(metavar="部门", help="部门编号或名称。")],
    finding: Annotated[str, typer.Option("--finding", help="发现的问题。")],
    due: Annotated[str, typer.Option("--due", help="期限，例如 2026-04-16。")],
) -> None:
    """不等通报，单独督办一个部门。

    例：suicha bulletin order 市场监管局 --finding 三户超期未查 --due 2026-04-16
    """
    from bot.cli.context import open_context
    from bot.cli.finding import china_date, department_of
    from bot.inspection.metrics.supervision import order_department

    due_on = china_date(due, "--due")
    with open_context() as context:
        number = context.db.write_now(
            lambda s: order_department(s, department_id=department_of(s, department), finding=finding, due_on=due_on,
                                       now=context.clock.now()).number
        )  # fmt: skip
    typer.echo(f"已发出督办单 {number}。")


def _find(session: Session, period: str) -> int:
    from sqlmodel import select

    from bot.core.errors import Problem
    from bot.inspection.metrics.models import Bulletin

    found = session.exec(select(Bulletin.id).where(Bulletin.period == period)).first()
    if found is None:
        raise Problem("bulletin_unknown", "没有这一期通报。", 期间=period)
    return found


def _shown(session: Session, *, period: str) -> dict[str, Any]:
    from bot.inspection.metrics.bulletins import rows_of
    from bot.inspection.metrics.models import Bulletin

    bulletin = session.get_one(Bulletin, _find(session, period))
    rows = [row.as_dict() | {"text": row.text} for row in rows_of(bulletin)]
    return {"period": period, "issued": bulletin.issued_at is not None, "rows": rows}


def _say(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    typer.echo(f"{shown['period']} 通报，{'已印发' if shown['issued'] else '草稿'}")
    for row in shown["rows"]:
        typer.echo(f"{row['department']}：{row['text']}")
