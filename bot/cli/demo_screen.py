"""What the demo shows in the terminal: how far it is, its account, and where to look afterwards."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.cli.demo_account import Report
from bot.cli.demo_data import YEAR
from bot.cli.demo_stage import Stage


def progress_on(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console,
    )  # fmt: skip


def show(console: Console, report: Report, stage: Stage, seconds: float) -> None:
    table = Table(title=f"云溪县 {YEAR} 年“双随机、一公开”一轮，用时 {seconds:.0f} 秒", min_width=56)
    for head in ("", "合计", "企业微信", "钉钉"):
        table.add_column(head, justify="left" if not head else "right")
    for what, total, by in report.rows:
        table.add_row(what, str(total), str(by.get("wecom", 0)), str(by.get("dingtalk", 0)))
    console.print(table)
    if stage.faults.happened:
        console.print(
            "故意的故障：" + "，".join(f"{k} {n}" for k, n in sorted(stage.faults.happened.items()))
        )
    for line in report.broken[:20]:
        console.print(f"[red]不成立：{line}")
    console.print(
        f"结果指纹 {report.fingerprint}，" + ("[red]有约定不成立" if report.broken else "[green]全部约定成立")
    )


async def stay(console: Console, stage: Stage) -> None:
    console.print(
        f"\n聊天页面（可以扮演任何人）  {stage.simulator.base_url}/\n"
        f"公示页面                    {stage.settings.public_url}/public\n"
        f"管理页面                    {await _console_link(stage)}\n按 Ctrl+C 结束。",
        soft_wrap=True,  # a wrapped link cannot be pressed or copied
    )
    await stage.run_on()


async def _console_link(stage: Stage) -> str:
    from bot.cli.console import make_link

    return await stage.service.db.write(make_link, settings=stage.settings, now=stage.clock.now())
