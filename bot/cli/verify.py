"""``suicha verify``: repeat a draw from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.draw_words import say


def verify(
    folder: Annotated[Path, typer.Argument(help="核验包文件夹。")],
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出。")] = False,
) -> None:
    """重算一次抽取；不一致时指出第一处，退出码为 1。

    例：suicha verify ./bundle
    """
    from bot.core.errors import Problem
    from bot.inspection.draws.verify import taken_on_trust, verify_bundle

    if not folder.is_dir():
        raise Problem("not_a_folder", "没有这个文件夹。", 文件夹=str(folder))
    files = {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}
    fault = verify_bundle(files)
    changes = "、之后的变动" if "changes.jsonl" in files else ""
    sealed = "，封存文件也与公布的指纹相符" if "sealed.jsonl" in files else ""
    text = (
        f"不成立：{fault}"
        if fault
        else f"核验通过：名单、规则、种子、抽取结果、人员选派{changes}一致{sealed}。"
    )
    notes = [] if fault else taken_on_trust(files)
    say(as_json, "\n".join([text, *notes]), ok=not fault, fault=fault, not_checked=notes)
    raise typer.Exit(1 if fault else 0)
