"""``suicha migrate``: bring the database to the version of this program."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def migrate(
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出。")] = False,
) -> None:
    """建立或升级数据库；可以重复运行，多个进程同时运行也安全。升级前请先备份。

    例：suicha migrate
    """
    from bot.cli.settings import read_settings
    from bot.core.db import open_database
    from bot.migrations import migrate as bring_to_head

    database = open_database(read_settings().database_url)
    try:
        before, after = bring_to_head(database)
    finally:
        database.close()
    if as_json:
        typer.echo(json.dumps({"from": before, "to": after}))
    elif before == after:
        typer.echo(f"数据库已是最新版本 {after}。")
    else:
        typer.echo(f"数据库已从 {before or '空'} 升级到 {after}。")
