"""``suicha import``: bring lists in from CSV and Excel files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.cli.context import CliContext
    from bot.inspection.registry.report import Report

app = typer.Typer(
    no_args_is_help=True,
    help="导入各种名单（CSV 或 Excel）。退出码：0 全部导入，1 有行未导入，2 整个文件被拒。",
)
File = Annotated[Path, typer.Argument(metavar="文件", help="CSV（UTF-8 或 GB18030）或 .xlsx 文件。")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="只检查，不写入。")]
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出结果。")]
Rejects = Annotated[
    Path | None, typer.Option("--rejects", metavar="文件", help="未导入的行写到这里；默认写在原文件旁边。")
]
_SHOWN = 20  # rejected rows on the screen; the file has all of them


@app.command()
def departments(file: File, dry_run: DryRun = False, as_json: Json = False, rejects: Rejects = None) -> None:
    """导入部门名单。先导入部门，再导入其他名单。

    例：suicha import departments 部门.xlsx
    """
    _run("departments", file, dry_run=dry_run, as_json=as_json, rejects=rejects)


@app.command()
def items(
    file: File,
    dry_run: DryRun = False,
    as_json: Json = False,
    rejects: Rejects = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="这是完整清单：文件里没有的在用事项一律停用。")
    ] = False,
) -> None:
    """导入抽查事项清单（一单）。内容有变的事项成为新版本。

    例：suicha import items 清单.csv --complete
    """
    after = _retire if complete else None
    _run("items", file, dry_run=dry_run, as_json=as_json, rejects=rejects, after=after)


@app.command()
def objects(file: File, dry_run: DryRun = False, as_json: Json = False, rejects: Rejects = None) -> None:
    """导入检查对象名录（企业、设备等）。再次导入同一文件不会有任何变化。

    例：suicha import objects 企业名录.csv --dry-run
    """
    _run("objects", file, dry_run=dry_run, as_json=as_json, rejects=rejects)


@app.command()
def officers(file: File, dry_run: DryRun = False, as_json: Json = False, rejects: Rejects = None) -> None:
    """导入执法检查人员名录。

    例：suicha import officers 执法人员.xlsx
    """
    _run("officers", file, dry_run=dry_run, as_json=as_json, rejects=rejects)


@app.command()
def people(file: File, dry_run: DryRun = False, as_json: Json = False, rejects: Rejects = None) -> None:
    """导入负责人、审核人、联席办、名录库管理员。

    例：suicha import people 工作人员.csv
    """
    _run("people", file, dry_run=dry_run, as_json=as_json, rejects=rejects)


@app.command()
def contacts(file: File, dry_run: DryRun = False, as_json: Json = False, rejects: Rejects = None) -> None:
    """导入企业联络员。

    例：suicha import contacts 联络员.csv
    """
    _run("contacts", file, dry_run=dry_run, as_json=as_json, rejects=rejects)


@app.command()
def trainings(file: File, dry_run: DryRun = False, as_json: Json = False, rejects: Rejects = None) -> None:
    """导入检查前培训签到表；没有有效培训记录的人员打不开检查表。

    例：suicha import trainings 培训签到.csv
    """
    _run("trainings", file, dry_run=dry_run, as_json=as_json, rejects=rejects)


@app.command()
def clues(file: File, dry_run: DryRun = False, as_json: Json = False, rejects: Rejects = None) -> None:
    """导入个案线索：导入即派人核查。已受理的编号不再变动。

    例：suicha import clues 线索.csv
    """
    _run("clues", file, dry_run=dry_run, as_json=as_json, rejects=rejects)


@app.command()
def warnings(
    batch: Annotated[int, typer.Argument(metavar="批次", help="导入批次，见预警消息。")],
    as_json: Json = False,
) -> None:
    """列出一次导入中信用风险明显上升的对象。

    例：suicha import warnings 7
    """
    from bot.cli.context import open_context
    from bot.inspection.followups.credit import changes
    from bot.inspection.followups.credit_messages import line

    with open_context() as context:
        found = context.db.read_now(changes, batch_id=batch)
    if as_json:
        rows = [
            {"code": c.code, "name": c.name, "before": c.before, "after": c.after, "why": c.why}
            for c in found
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for change in found:
        typer.echo(f"{change.code} {line(change)}")
    if not found:
        typer.echo("这次导入没有预警。")


def _run(
    kind: str,
    file: Path,
    *,
    dry_run: bool,
    as_json: bool,
    rejects: Path | None,
    after: Callable[[CliContext, Path, Report], dict[str, object]] | None = None,
) -> None:
    """Import one file, say what became of it, and leave with the fitting exit code."""
    from bot.cli.context import open_context
    from bot.cli.progress import reading
    from bot.inspection.imports import FOLLOWING, IMPORTERS
    from bot.inspection.registry.imports import run_import

    _require_writable(rejects, file)
    with open_context() as context, reading(file, shown=not as_json) as progress:
        report = run_import(
            context.db, IMPORTERS[kind], file, now=context.clock.now(), max_bytes=context.settings.max_import,
            dry_run=dry_run, rejects=rejects, progress=progress,
        )  # fmt: skip
        if not dry_run and kind in FOLLOWING:
            context.db.write_now(
                FOLLOWING[kind], now=context.clock.now(), profile=context.profile, calendar=context.calendar
            )
        more = after(context, file, report) if after is not None and report.clean else {}
    if as_json:
        typer.echo(json.dumps(report.as_dict() | more, ensure_ascii=False))
    else:
        _say(report, more)
    raise typer.Exit(0 if report.clean else 1)


def _require_writable(rejects: Path | None, file: Path) -> None:
    """Refuse, before anything is stored, a place for the rejected rows that cannot take them."""
    from bot.core.errors import Problem

    if rejects is None:
        return
    if rejects.is_dir() or not rejects.parent.is_dir():
        raise Problem("rejects_place", "--rejects 应是已有文件夹中的一个文件。", 文件=str(rejects))
    if rejects.exists() and file.exists() and rejects.samefile(file):
        raise Problem("rejects_place", "--rejects 不能是要导入的文件本身。", 文件=str(rejects))


def _retire(context: CliContext, file: Path, report: Report) -> dict[str, object]:
    """Take out of use what the complete list no longer has."""
    from bot.inspection.imports import IMPORTERS
    from bot.inspection.registry.items import retire_missing
    from bot.inspection.registry.sheets import open_sheet

    sheet = open_sheet(file, max_bytes=context.settings.max_import)
    binding = IMPORTERS["items"].layout.bind(sheet.headers)
    listed = {binding.parse(cells)[0]["code"] for _, cells in sheet.rows}
    if report.dry_run:
        return {}
    gone = context.db.write_now(retire_missing, listed=listed, now=context.clock.now())
    return {"retired": [item.code for item in gone]}


def _say(report: Report, more: dict[str, object]) -> None:
    head = "检查完毕，未写入。" if report.dry_run else "导入完毕。"
    if report.stopped:
        head = f"中途停止：{report.stopped}。改好后再导入同一文件即可继续。"
    typer.echo(
        f"{head}共 {report.total} 行：新增 {report.new}，变更 {report.changed}，未变 {report.unchanged}，"
        f"未导入 {report.rejected}，重复 {report.duplicates}。"
    )
    if report.unknown_headers:
        typer.echo(f"这些列未使用：{'、'.join(report.unknown_headers)}")
    for code in more.get("retired", []):  # type: ignore[attr-defined]
        typer.echo(f"已停用：{code}")
    for reject in report.rejects[:_SHOWN]:
        column = f"{reject.header}“{reject.value}”：" if reject.header else ""
        typer.echo(f"第{reject.row}行 {column}{reject.reason}")
    if report.rejects_file:
        typer.echo(f"未导入的行和原因见 {report.rejects_file}")
