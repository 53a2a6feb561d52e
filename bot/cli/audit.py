"""``suicha audit``: verify, read and export the chain of what was done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

    from bot.inspection.audit.models import AuditEntry

app = typer.Typer(no_args_is_help=True, help="全程留痕：核验、查看、导出操作记录。")
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]
_CHUNK = 2000


@app.command()
def verify(as_json: Json = False) -> None:
    """逐条重算指纹；有改动时退出码为 1，并指出第一条对不上的记录。

    例：suicha audit verify
    """
    from bot.cli.context import open_context
    from bot.inspection.audit.service import verify as check_chain

    with open_context() as context:
        report = context.db.read_now(check_chain)
    if as_json:
        facts = {"entries": report.entries, "head": report.head, "broken_at": report.broken_at}
        typer.echo(json.dumps(facts | {"reason": report.reason}, ensure_ascii=False))
    elif report.broken_at is None:
        typer.echo(f"核验通过：{report.entries} 条记录首尾相接。最后一条的指纹 {report.head}")
    else:
        typer.secho(
            f"核验不通过：从第 {report.broken_at} 条开始对不上（{report.reason}）。", err=True, fg="red"
        )
    if report.broken_at is not None:
        raise typer.Exit(1)


@app.command()
def tail(
    number: Annotated[int, typer.Option("-n", min=1, max=10_000, help="最近多少条。")] = 20,
    as_json: Json = False,
) -> None:
    """显示最近的操作记录，新的在后。

    例：suicha audit tail -n 50
    """
    from bot.cli.context import open_context

    with open_context() as context:
        entries = context.db.read_now(_latest, number=number)
    for entry in entries:
        facts = _facts(entry)
        typer.echo(
            json.dumps(facts, ensure_ascii=False)
            if as_json
            else f"{entry.seq:>8}  {facts['at']}  {entry.actor[:8]:<8}  {entry.action:<24}  {entry.subject}"
        )


@app.command()
def export(
    target: Annotated[Path, typer.Argument(help="写入的文件（JSONL，每行一条，含指纹）。")],
    as_json: Json = False,
) -> None:
    """导出全部记录，供离线核验和归档；已有的文件不会被覆盖。

    例：suicha audit export audit-2026.jsonl
    """
    from bot.cli.context import open_context
    from bot.core.errors import Problem

    if target.exists():
        raise Problem("file_exists", "文件已存在，请换一个名字。", 文件=str(target))
    if not target.parent.is_dir():
        raise Problem("folder_missing", "没有这个文件夹，请先建立。", 文件夹=str(target.parent))
    partial = target.with_name(f".{target.name}.part")
    try:
        with open_context() as context:
            many = context.db.read_now(_write_all, target=partial)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    typer.echo(
        json.dumps({"entries": many, "file": str(target)}) if as_json else f"已导出 {many} 条到 {target}"
    )


def _latest(session: Session, *, number: int) -> list[AuditEntry]:
    from sqlmodel import col, select

    from bot.inspection.audit.models import AuditEntry

    query = select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(number)
    return list(reversed(session.exec(query).all()))


def _write_all(session: Session, *, target: Path) -> int:
    many = 0
    with target.open("w", encoding="utf-8") as file:
        for entry in _all(session):
            file.write(json.dumps(_facts(entry), ensure_ascii=False, sort_keys=True) + "\n")
            many += 1
    return many


def _all(session: Session) -> Iterator[AuditEntry]:
    from sqlmodel import col, select

    from bot.inspection.audit.models import AuditEntry

    last = 0
    query = select(AuditEntry).order_by(col(AuditEntry.seq)).limit(_CHUNK)
    while rows := session.exec(query.where(AuditEntry.seq > last)).all():
        yield from rows
        last = rows[-1].seq
        session.expunge_all()


def _facts(entry: AuditEntry) -> dict[str, Any]:
    """Everything that the hash covers, the moment written as it is hashed."""
    return {
        "seq": entry.seq, "at": entry.at.isoformat(timespec="microseconds"), "actor": entry.actor,
        "action": entry.action, "subject": entry.subject, "data": entry.data, "prev_hash": entry.prev_hash,
        "hash": entry.hash,
    }  # fmt: skip
