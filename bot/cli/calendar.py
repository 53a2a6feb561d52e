"""``suicha calendar``: the working calendar, year by year."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bot.inspection.deadlines.calendar_years import Imported

app = typer.Typer(no_args_is_help=True, help="工作日历：导入国务院办公厅每年的节假日安排，查看各年依据。")
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="文件", help="YAML，或一天一行的 CSV、.xlsx（列：日期、安排、节日）。")
    ],
    *,
    notice: Annotated[str, typer.Option("--notice", help="通知文号；CSV、.xlsx 必填。")] = "",
    title: Annotated[str, typer.Option("--title", help="通知标题。")] = "",
    region: Annotated[str, typer.Option("--region", help="只是本地区另加的节日（例如广西）时写地区。")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入。")] = False,
    as_json: Json = False,
) -> None:
    """导入一年的节假日和调休。暂定的期限随即重新计算；有一行不对就整个不导入，逐行说明。

    例：suicha calendar import 2027.csv --notice 国办发明电〔2026〕7号
    例：suicha calendar import 2027.yaml --dry-run
    """
    from bot.cli.context import open_context
    from bot.inspection.deadlines.calendar_rows import read_calendar
    from bot.inspection.deadlines.calendar_years import import_year

    with open_context() as context:
        read = read_calendar(
            file, notice=notice, title=title, region=region, max_bytes=context.settings.max_import
        )
        if read.table is None:
            _refuse(read.faults, as_json=as_json)
            return
        done = context.db.write_now(
            import_year, table=read.table, source=file.name, now=context.clock.now(),
            calendar=context.calendar, dry_run=dry_run,
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(done) | {"dry_run": dry_run}, ensure_ascii=False))
    else:
        _say(done, dry_run=dry_run)


def _say(done: Imported, *, dry_run: bool) -> None:
    days = f"{done.year} 年放假 {done.days_off} 天、调休上班 {done.days_worked} 天"
    if not done.version:
        typer.echo(f"{days}，与已有的相同，没有变化。")
    elif dry_run:
        typer.echo(f"检查完毕，未写入：{days}，将成为第 {done.version} 版。")
    else:
        typer.echo(f"已导入：{days}，第 {done.version} 版。{done.recounted} 项期限的提醒日重新计算。")


@app.command()
def show(as_json: Json = False) -> None:
    """列出各年的依据和工作日数。

    例：suicha calendar show
    """
    from bot.cli.context import open_context

    with open_context() as context:
        years = [_year(context.calendar, year) for year in context.calendar.years]
    if as_json:
        typer.echo(json.dumps(years, ensure_ascii=False))
        return
    for year in years:
        typer.echo(f"{year['year']} 年：{year['workdays']} 个工作日，{year['source']}")
    typer.echo("其他年份的节假日安排尚未公布，涉及的期限均为暂定。")


def _refuse(faults: list[tuple[int, Any]], *, as_json: bool) -> None:
    """Say what is wrong row by row, and leave with 1."""
    rows = [{"row": n, "header": f.header, "value": f.value, "reason": f.reason} for n, f in faults]
    if as_json:
        typer.echo(json.dumps({"rejects": rows}, ensure_ascii=False))
    else:
        typer.echo(f"没有导入：{len(rows)} 行有误。")
        for row in rows:
            typer.echo(f"第{row['row']}行 {row['header']}“{row['value']}”：{row['reason']}")
    raise typer.Exit(1)


def _year(calendar: Any, year: int) -> dict[str, Any]:
    return {"year": year, "workdays": calendar.workdays_of(year), "source": calendar.source(year)}
