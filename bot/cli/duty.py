"""``suicha duty``: the register of what each department owes by the year."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="责任清单：各部门每年应报送的计划和结果，按期提醒直到报送。")
Year = Annotated[int, typer.Argument(metavar="年度", min=2015, max=2099)]
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]


@app.command("open")
def open_(year: Year) -> None:
    """按地方配置建立一年的责任清单；再次运行只补新增的部门。

    例：suicha duty open 2026
    """
    from bot.cli.context import open_context
    from bot.inspection.plans.register import open_year

    with open_context() as context:
        new = context.db.write_now(
            open_year, year=year, now=context.clock.now(), profile=context.profile, calendar=context.calendar
        )
    typer.echo(f"新增 {new} 项。")


@app.command("list")
def list_(year: Year, as_json: Json = False) -> None:
    """列出一年的责任清单和报送情况。

    例：suicha duty list 2026
    """
    from bot.cli.context import open_context
    from bot.inspection.plans.models import DutyKind
    from bot.inspection.plans.register import NAMES, duties_of

    with open_context() as context:
        rows = [
            {"id": entry.id, "name": NAMES[DutyKind(entry.kind)], "department": name, "due": entry.due_on.isoformat(),
             "filed": entry.filed_at is not None, "evidence": entry.evidence}
            for entry, name in context.db.read_now(duties_of, year=year)
        ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        state = f"已报送（{row['evidence']}）" if row["filed"] else "未报送"
        typer.echo(f"{row['id']}. {row['department']} {row['name']}，期限 {row['due']}，{state}")
    if not rows:
        typer.echo("还没有建立，请先运行 suicha duty open。")


@app.command()
def file(
    number: Annotated[int, typer.Argument(metavar="编号", help="见 duty list。")],
    evidence: Annotated[str, typer.Option("--evidence", help="文号、计划编号或网址。")],
) -> None:
    """登记已报送。

    例：suicha duty file 3 --evidence 罗市监〔2026〕2号
    """
    from bot.cli.context import open_context
    from bot.inspection.plans.register import file_duty

    with open_context() as context:
        context.db.write_now(file_duty, duty_id=number, evidence=evidence, now=context.clock.now())
    typer.echo("已登记报送。")
