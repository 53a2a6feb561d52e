"""``suicha training``: sittings of the training before a check, and their attendance codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import datetime as dt

    from sqlmodel import Session

    from bot.inspection.people.quiz import Question

app = typer.Typer(
    no_args_is_help=True, help="检查前培训：安排、查看、签到码。签到表也可用 suicha import trainings 导入。"
)
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]


@app.command()
def plan(
    *,
    name: Annotated[str, typer.Argument(metavar="名称", help="培训名称，与签到表上的一致。")],
    at: Annotated[str, typer.Option("--at", help="开始时间，例如 2026-03-12 14:00。")],
    until: Annotated[str, typer.Option("--until", help="结束时间，例如 2026-03-12 16:30。")],
    valid_to: Annotated[str, typer.Option("--valid-to", help="有效期止，例如 2026-12-31。")],
    place: Annotated[str, typer.Option("--place", help="地点。")] = "",
    department: Annotated[str, typer.Option("--department", help="只给这个部门；默认所有部门。")] = "",
    quiz: Annotated[
        Path | None,
        typer.Option("--quiz", metavar="文件", help="测验题目（CSV 或 Excel）：题目、A、B……、答案。"),
    ] = None,
    pass_mark: Annotated[int, typer.Option("--pass", min=1, max=100, help="测验合格分。")] = 80,
    as_json: Json = False,
) -> None:
    """安排一场培训：已抽中而未培训的人员会收到邀请。签到码只显示这一次，请在现场公布。

    例：suicha training plan 双随机业务培训 --at "2026-03-12 14:00" --until "2026-03-12 16:30" --valid-to 2026-12-31
    --quiz 题目.xlsx --pass 80
    """
    from bot.cli.context import open_context
    from bot.cli.finding import china_date, china_moment

    hours = {"starts_at": china_moment(at, "--at"), "ends_at": china_moment(until, "--until")}
    last = china_date(valid_to, "--valid-to")
    with open_context() as context:
        questions = _questions(quiz, max_bytes=context.settings.max_import) if quiz else []
        made = context.db.write_now(
            _open, name=name, place=place, valid_to=last, department=department, now=context.clock.now(),
            quiz=questions, pass_percent=pass_mark if questions else None, **hours
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False))
    else:
        typer.echo(f"已安排第 {made['id']} 场培训，邀请 {made['invited']} 人。签到码：{made['code']}")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """列出各场培训和已签到人数。

    例：suicha training list
    """
    from bot.cli.context import open_context

    with open_context() as context:
        found = context.db.read_now(_listed)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        typer.echo(
            f"{one['id']}. {one['name']}：{one['at']}，{one['place'] or '地点未定'}，已签到 {one['attended']} 人"
            + (f"，测验合格 {one['passed']} 人" if one["passed"] is not None else "")
        )
    if not found:
        typer.echo("还没有安排培训。")


@app.command()
def code(number: Annotated[int, typer.Argument(metavar="编号", help="培训编号，见 training list。")]) -> None:
    """换一个签到码，原来的作废。

    例：suicha training code 1
    """
    from bot.cli.context import open_context
    from bot.inspection.people.training_sessions import renew_code

    with open_context() as context:
        fresh = context.db.write_now(renew_code, training_id=number, now=context.clock.now())
    typer.echo(f"新的签到码：{fresh}")


def _open(
    session: Session, *, name: str, place: str, starts_at: dt.datetime, ends_at: dt.datetime, valid_to: dt.date,
    department: str, now: dt.datetime, quiz: list[Question], pass_percent: int | None,
) -> dict[str, Any]:  # fmt: skip
    from bot.cli.finding import department_of
    from bot.inspection.tasks.training import open_session

    planned, secret, invited = open_session(
        session, name=name, place=place, starts_at=starts_at, ends_at=ends_at, valid_to=valid_to, now=now,
        quiz=quiz, pass_percent=pass_percent,
        department_id=department_of(session, department) if department else None,
    )  # fmt: skip
    return {"id": planned.id, "name": planned.name, "code": secret, "invited": invited}


def _questions(path: Path, *, max_bytes: int) -> list[Question]:
    """Every row of the sheet. Raises ``quiz_rows`` naming each row that is wrong."""
    from bot.core.errors import Problem
    from bot.inspection.people.quiz import MOST, QUIZ, question_of
    from bot.inspection.registry.sheets import open_sheet

    sheet = open_sheet(path, max_bytes=max_bytes)
    binding, found, wrong = QUIZ.bind(sheet.headers), [], {}
    for number, cells in sheet.rows:
        values, faults = binding.parse(cells)
        if faults:
            wrong[f"第{number}行"] = "；".join(f"{f.header}：{f.reason}" for f in faults)
        else:
            found.append(question_of(values))
    if wrong or not 1 <= len(found) <= MOST:
        raise Problem("quiz_rows", f"测验题目没有采用，应有 1 至 {MOST} 题，逐行正确。", **wrong)
    return found


def _listed(session: Session) -> list[dict[str, Any]]:
    from sqlmodel import col, func, select

    from bot.core.clock import china
    from bot.inspection.people.models import Training, TrainingSession

    passed = func.count(col(Training.id)).filter(~col(Training.quiz_due))
    query = (
        select(TrainingSession, func.count(col(Training.id)), passed)
        .join(Training, col(Training.session) == TrainingSession.name, isouter=True)
        .group_by(col(TrainingSession.id))
        .order_by(col(TrainingSession.starts_at))
    )
    return [
        {"id": one.id, "name": one.name, "place": one.place, "at": f"{china(one.starts_at):%Y-%m-%d %H:%M}",
         "attended": attended, "passed": passed if one.quiz else None}
        for one, attended, passed in session.exec(query)
    ]  # fmt: skip
