"""``suicha checklist``: what officers are asked, written in Excel or YAML, by version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.inspection.checklists.definition import Checklist
    from bot.inspection.checklists.xlsform import Read

app = typer.Typer(help="检查表：导入、列出、导出、撤下。", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]
Code = Annotated[str, typer.Argument(help="检查表编号，例如 CL-2。")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="XLSForm 工作簿（.xlsx）或 YAML 文件。")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入。")] = False,
    as_json: Json = False,
) -> None:
    """导入一张检查表；有错时逐条指出工作表、行和列，什么都不写入。

    例：suicha checklist import 冷库检查.xlsx --dry-run
    """
    from bot.cli.context import open_context
    from bot.inspection.checklists.pinning import publish_checklist

    read = _read(file)
    checklist, same = read.checklist, False
    if checklist is not None and not dry_run:
        with open_context() as context:
            stored = context.db.write_now(publish_checklist, checklist=checklist, now=context.clock.now())
            same = stored.sha256 == checklist.sha256()
    if as_json:
        typer.echo(json.dumps(_as_dict(read, dry_run=dry_run), ensure_ascii=False))
    else:
        _say(read, dry_run=dry_run, stored=same)
    raise typer.Exit(0 if checklist else 1)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """列出已发布的检查表、使用它的任务数，以及随程序附带的检查表。"""
    from bot.cli.context import open_context
    from bot.inspection.checklists.definition import all_checklists
    from bot.inspection.checklists.pinning import published

    with open_context() as context:
        rows = context.db.read_now(published)
    known = {version.code for version, _ in rows}
    shown = [
        {
            "code": v.code, "version": v.version, "name": v.name, "questions": len(v.definition["questions"]), "tasks": tasks,
            "withdrawn": v.withdrawn_at.isoformat() if v.withdrawn_at else "", "sha256": v.sha256,
        }
        for v, tasks in rows
    ]  # fmt: skip
    shown += [
        {"code": c.code, "version": c.version, "name": c.name, "questions": len(c.questions), "tasks": 0, "withdrawn": "",
         "sha256": c.sha256()}
        for c in all_checklists() if c.code not in known
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    for row in shown:
        state = "已撤下" if row["withdrawn"] else "在用" if row["code"] in known else "随附，尚未用过"
        typer.echo(
            f"{row['code']} 第{row['version']}版  {row['name']}  {row['questions']} 题  {row['tasks']} 个任务  {state}"
        )


@app.command()
def withdraw(
    code: Code,
    version: Annotated[int, typer.Argument(help="版本号。")],
    reason: Annotated[str, typer.Option("--reason", help="撤下的理由。")],
) -> None:
    """撤下一个版本：新任务不再使用；已经派发的检查照常填完。

    例：suicha checklist withdraw CL-2 1 --reason 依据已修订
    """
    from bot.cli.context import open_context
    from bot.inspection.checklists.pinning import withdraw_checklist

    with open_context() as context:
        context.db.write_now(
            withdraw_checklist, code=code, version=version, reason=reason, now=context.clock.now()
        )
    typer.echo(f"已撤下 {code} 第{version}版。")


@app.command()
def export(
    code: Code, file: Annotated[Path, typer.Argument(help="写到哪个文件（.xlsx 或 .yaml）。")]
) -> None:
    """把检查表写成 XLSForm 工作簿或 YAML，改好后换一个版本号再导入。

    例：suicha checklist export CL-2 餐饮.xlsx
    """
    import yaml

    from bot.core.errors import Problem
    from bot.inspection.checklists.xlsform_write import write_xlsform

    checklist = _find(code)
    try:
        if file.suffix.lower() == ".xlsx":
            write_xlsform(checklist, file)
        else:
            text = yaml.safe_dump(checklist.definition(), allow_unicode=True, sort_keys=False)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem("file_place", "文件写不进去。", 文件=str(file), 原因=str(error.strerror)) from error
    typer.echo(f"已写入 {file}：{checklist.name}，{len(checklist.questions)} 题。")


def _read(file: Path) -> Read:
    """Read the file by what it is."""
    from bot.inspection.checklists.definition import read_checklist
    from bot.inspection.checklists.xlsform import Read, read_xlsform

    if file.suffix.lower() in {".xlsx", ".xlsm", ".xls"}:
        return read_xlsform(file)
    return Read(checklist=read_checklist(file))


def _find(code: str) -> Checklist:
    """The newest published version, else the shipped one."""
    from bot.cli.context import open_context
    from bot.inspection.checklists.definition import load_checklist, parse_checklist
    from bot.inspection.checklists.pinning import latest_checklist

    with open_context() as context:
        stored = context.db.read_now(latest_checklist, code)
    return parse_checklist(stored.definition) if stored else load_checklist(code)


def _as_dict(read: Read, *, dry_run: bool) -> dict[str, object]:
    checklist = read.checklist
    return {
        "ok": checklist is not None,
        "dry_run": dry_run,
        "code": checklist.code if checklist else "",
        "version": checklist.version if checklist else 0,
        "questions": len(checklist.questions) if checklist else 0,
        "sha256": checklist.sha256() if checklist else "",
        "faults": [
            {"sheet": f.sheet, "row": f.row, "column": f.column, "reason": f.reason} for f in read.faults
        ],
        "notes": read.notes,
    }


def _say(read: Read, *, dry_run: bool, stored: bool) -> None:
    for note in read.notes:
        typer.echo(note)
    for fault in read.faults:
        typer.echo(str(fault))
    if read.checklist is None:
        typer.echo(f"有 {len(read.faults)} 处错误，未写入。")
        return
    done = "检查完毕，未写入" if dry_run else "已发布" if stored else "未写入"
    typer.echo(
        f"{done}：{read.checklist.code} 第{read.checklist.version}版，{len(read.checklist.questions)} 题。"
    )
