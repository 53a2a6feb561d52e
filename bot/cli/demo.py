"""``suicha demo``: a county's round in a minute, on simulated WeCom and DingTalk, with people who act by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def demo(  # noqa: PLR0917 - typer passes every option by name
    once: Annotated[bool, typer.Option("--once", help="演完即退出；所有约定都成立时退出码为 0。")] = False,
    faults: Annotated[float, typer.Option(min=0, max=60, help="每一百次调用中故意出错的次数。")] = 0,
    database_url: Annotated[str, typer.Option(help="数据库地址；默认在演示文件夹中新建 SQLite。")] = "",
    folder: Annotated[Path, typer.Option(help="演示文件夹；没演完的会接着演。")] = Path("demo-data"),
    port: Annotated[int, typer.Option(help="服务端口。")] = 8080,
    sim_port: Annotated[int, typer.Option(help="模拟的聊天软件端口。")] = 8090,
    objects: Annotated[int, typer.Option(min=1000, help="检查对象户数。")] = 60_000,
    bot: Annotated[
        bool, typer.Option("--bot", help="企业微信只用智能机器人长连接，像没有公网地址的单位。")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出结果。")] = False,
) -> None:
    """演一轮完整的“双随机、一公开”：导入、抽取、派发、检查、审核、公示、整改。

    例：suicha demo
        suicha demo --once --faults 10
        suicha demo --once --database-url postgresql+psycopg://user@/suicha
    """
    import uvloop

    from bot.cli.demo_account import as_json as report_json
    from bot.cli.demo_round import DemoOptions, play
    from bot.core.log import configure_logging

    configure_logging(level="ERROR", json=False)
    options = DemoOptions(
        folder, database_url, faults, port, sim_port, objects, once, quiet=as_json, by_bot=bot
    )
    report = uvloop.run(play(options))
    if as_json:
        typer.echo(json.dumps(report_json(report), ensure_ascii=False))
    raise typer.Exit(1 if report.broken else 0)
