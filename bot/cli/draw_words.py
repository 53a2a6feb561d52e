"""How the draw's commands speak."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from bot.inspection.draws.models import Draw
    from bot.inspection.draws.preparation import Standing

_STATES = {
    "PREPARED": "已准备，还没有公布承诺。", "COMMITTED": "承诺已公布。", "REVEALED": "种子已揭示。", "LOCKED": "名单已锁定。",
    "VOID": "本轮已作废。",
}  # fmt: skip


def say(as_json: bool, text: str, **facts: object) -> None:
    typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else text)


def state_words(draw: Draw) -> str:
    words = f"第 {draw.round} 轮：{_STATES[draw.state]}"
    if draw.void_asked_by is not None and draw.state != "VOID":
        words += f"已申请作废，等另一人决定；理由：{draw.void_ground}"
    for name, missing in draw.outlook.get("open", {}).items() if draw.state == "PREPARED" else ():
        words += f"\n未就绪：{name}，{missing}"
    return words


def say_standing(seen: Standing, *, as_json: bool) -> None:
    """The preview as a table, or as JSON with the exact chance of one object of each stratum."""
    preview = seen.preview
    if as_json:
        say(
            True, "", pool=preview.pool, take=preview.total, excluded=dict(preview.excluded), scale=preview.scale,
            mode=seen.mode, ready=seen.ready,
            strata={
                s.klass: {"size": s.size, "take": s.take, "exact": str(s.exact), "rounded_up": s.rounded_up,
                          "probability": f"{s.take}/{s.size}" if s.size else "0", "rule": s.rule.as_dict()}
                for s in preview.strata
            },
            checks={c.key: {"missing": c.missing, "waived": c.waived} for c in seen.checks},
        )  # fmt: skip
        return
    typer.echo(f"名单 {preview.pool} 户，拟抽 {preview.total} 户（按{preview.scale}）")
    for reason, many in preview.excluded.items():
        typer.echo(f"  不抽：{reason} {many} 户")
    for s in preview.strata:
        if s.size:
            more = "，向上取整" if s.rounded_up else ""
            raised = f"，{s.rule.uplift}" if s.rule.uplift else ""
            typer.echo(f"  {s.klass}：{s.size} 户抽 {s.take} 户，每户概率 {s.take}/{s.size}{more}{raised}")
    if preview.problem:
        typer.echo(f"  {preview.problem}")
    for check in seen.checks:
        state = (
            "就绪"
            if not check.missing
            else f"已放行（{check.waived}）"
            if check.waived
            else f"未就绪：{check.missing}"
        )
        typer.echo(f"{check.name}：{state}")
