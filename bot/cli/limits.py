"""``suicha limits``: how fast may be sent and what the month has cost, changeable while the service runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.core.errors import Problem

if TYPE_CHECKING:
    import datetime as dt

    from sqlmodel import Session

    from bot.inspection.calendar import WorkCalendar

app = typer.Typer(
    help="发送限额：查看、修改（运行中即时生效），以及本月额度的使用和预测。", no_args_is_help=True
)
_PLATFORMS = ("wecom", "dingtalk", "email", "sms")


@app.command("show")
def show() -> None:
    """列出改过的限额和本月额度。

    例：suicha limits show
    """
    from bot.cli.context import open_context

    with open_context() as context:
        lines = context.db.read_now(_lines, now=context.clock.now(), calendar=context.calendar)
    for line in lines:
        typer.echo(line)


@app.command("set")
def set_(
    platform: Annotated[str, typer.Argument(help="wecom、dingtalk、email 或 sms。")],
    scope: Annotated[
        str, typer.Argument(help="person、conversation、robot、app、corp，或每月额度 calls、pushes。")
    ],
    count: Annotated[int, typer.Argument(min=-1, help="最多多少条；0 不限，-1 恢复平台自己的限额。")],
    seconds: Annotated[int, typer.Option(min=0, help="多少秒之内；每月额度不写。")] = 0,
) -> None:
    """修改一项限额，正在运行的服务从下一批起遵守。

    例：suicha limits set dingtalk calls 200000 · suicha limits set wecom person 20 --seconds 60
    """
    from bot.cli.context import open_context
    from bot.messaging.quotas import set_limit

    check(platform, scope, seconds)
    with open_context() as context:
        context.db.write_now(
            set_limit, platform=platform, scope=scope, seconds=seconds, count=None if count < 0 else count,
            now=context.clock.now(),
        )  # fmt: skip
    typer.echo("已修改。")


def check(platform: str, scope: str, seconds: int) -> None:
    """Raise ``Problem`` ``limit_unknown`` naming what is wrong."""
    from bot.platforms.base import Scope
    from bot.platforms.shared import Budget

    if platform not in _PLATFORMS:
        raise Problem("limit_unknown", "没有这个平台。", 平台=platform, 可用="、".join(_PLATFORMS))
    if scope not in [*Scope, *Budget]:
        raise Problem("limit_unknown", "没有这种限额。", 限额=scope, 可用="、".join([*Scope, *Budget]))
    if (scope in list(Scope)) != (seconds > 0):
        raise Problem("limit_unknown", "person 等限额要写 --seconds，每月额度不写。", 限额=scope)


def _lines(session: Session, *, now: dt.datetime, calendar: WorkCalendar) -> list[str]:
    from bot.core.clock import china_day
    from bot.messaging.quotas import forecast, limits_set, month_of
    from bot.platforms.shared import Budget

    today = china_day(now)
    found = limits_set(session)
    lines = [
        f"{platform} {scope}：{count or '不限'}" + (f"（{seconds} 秒内）" if seconds else "（每月）")
        for platform, limits in sorted(found.items())
        for (scope, seconds), count in sorted(limits.items())
    ]
    for platform in _PLATFORMS:
        for budget in Budget:
            days = month_of(session, platform=platform, budget=budget, today=today)
            if days:
                seen = forecast(
                    days,
                    today=today,
                    limit=found.get(platform, {}).get((budget.value, 0), 0),
                    calendar=calendar,
                )
                lines.append(
                    f"{platform} {budget} 本月已用 {seen.spent}，按现在的速度月底约 {seen.month_end}"
                )
    return lines or ["没有改过限额，本月还没有用量。"]
