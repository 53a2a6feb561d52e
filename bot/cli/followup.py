"""``suicha followup``: what waits after problems were found, and what became of each (C23)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

    from bot.cli.context import CliContext
    from bot.inspection.followups.models import FollowUp

app = typer.Typer(
    no_args_is_help=True, help="后续处置：查看未办结的问题，登记立案、移送、涉嫌犯罪、办结等处理。"
)
Number = Annotated[str, typer.Argument(metavar="编号", help="后续处置编号，见 followup list。")]
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, help="最多列出多少项。")] = 200,
    as_json: Json = False,
) -> None:
    """列出未办结的后续处置，先到期的在前。

    例：suicha followup list --limit 20
    """
    from bot.cli.context import open_context

    with open_context() as context:
        rows = context.db.read_now(_open, limit=limit)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        typer.echo(_line(row))
    if not rows:
        typer.echo("没有未办结的后续处置。")


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """查看一项后续处置：问题、现状、已登记的处理和现在可以登记的处理。

    例：suicha followup show 450900202603100001-012-H1
    """
    from bot.cli.context import open_context

    with open_context() as context:
        row = context.db.read_now(_numbered, number)
    _say(row, as_json=as_json)


@app.command()
def handle(
    number: Number,
    what: Annotated[
        str,
        typer.Argument(
            metavar="处理", help="处理方式和说明：责令改正、立案、移送、涉嫌犯罪、不予处罚、列入异常、办结。"
        ),
    ],
    by: Annotated[str, typer.Option("--by", help="登记人的人员编号。")],
    as_json: Json = False,
) -> None:
    """登记一项处理，与在聊天中“登记处理”相同；涉嫌犯罪报单位负责人决定。

    例：suicha followup handle 450900202603100001-012-H1 "立案 山市监立〔2026〕12号" --by ZF001
    """
    from bot.cli.context import open_context

    with open_context() as context:
        row = context.db.write_now(_handle, number=number, what=what, by=by, context=context)
    _say(row, as_json=as_json)


def _handle(session: Session, *, number: str, what: str, by: str, context: CliContext) -> dict[str, Any]:
    from bot.cli.finding import person_of
    from bot.core.errors import Problem
    from bot.inspection.followups.handling import record_handling
    from bot.inspection.followups.queries import by_number
    from bot.inspection.followups.rules import Handling, read_handling

    said = read_handling(what)
    if said is None:
        raise Problem("handling_unknown", f"处理应以这些词开头：{'、'.join(Handling)}。", 处理=what)
    found = record_handling(
        session, follow_up_id=by_number(session, number).id or 0, person_id=person_of(session, by), handling=said[0],
        note=said[1], now=context.clock.now(), profile=context.profile, calendar=context.calendar,
    )  # fmt: skip
    return _row(session, found)


def _open(session: Session, *, limit: int) -> list[dict[str, Any]]:
    from bot.inspection.followups.queries import open_ones

    return [_row(session, found) for found in open_ones(session, limit=limit)]


def _numbered(session: Session, number: str) -> dict[str, Any]:
    from bot.inspection.followups.queries import by_number

    return _row(session, by_number(session, number))


def _row(session: Session, found: FollowUp) -> dict[str, Any]:
    from bot.inspection.followups.models import FollowUpState
    from bot.inspection.followups.queries import crime_words
    from bot.inspection.followups.rules import NAMES, handlings
    from bot.inspection.people.models import Person
    from bot.inspection.tasks.queries import visit_facts

    waits = crime_words(session, found)
    return {
        "number": found.number, "object": visit_facts(session, found.visit_id).object.name,
        "problem": found.problem, "state": waits or NAMES[FollowUpState(found.state)],
        "due": found.due_on.isoformat() if found.due_on else "", "report": found.report, "closing": found.closing_note,
        "handler": session.get_one(Person, found.handler_id).name, "next": [] if waits else handlings(found.state),
    }  # fmt: skip


def _say(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(row, ensure_ascii=False))
        return
    typer.echo(_line(row))
    for words in filter(None, (row["report"], row["closing"])):
        typer.echo(f"  {words}")
    if row["next"]:
        typer.echo(f"  可以登记：{'、'.join(row['next'])}")


def _line(row: dict[str, Any]) -> str:
    due = f"，期限 {row['due']}" if row["due"] else ""
    return f"{row['number']} {row['object']}：{row['state']}{due}，{row['handler']}办理：{row['problem']}"
