"""``suicha result``: a result that must not be public, or no longer (C22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

app = typer.Typer(no_args_is_help=True, help="检查结果：申请不予公示、撤回公示，由另一人决定。")
Number = Annotated[str, typer.Argument(metavar="编号", help="检查编号。")]
By = Annotated[str, typer.Option("--by", metavar="人员编号", help="由谁操作。")]
Ground = Annotated[str, typer.Option("--ground", metavar="理由", help="依据和理由；会公开，不写个人信息。")]
Approve = Annotated[bool, typer.Option("--approve", help="由另一人同意。")]
Refuse = Annotated[bool, typer.Option("--refuse", help="由另一人不同意。")]


@app.command("keep-back")
def keep_back(
    number: Number, *, by: By, ground: Ground = "", approve: Approve = False, refuse: Refuse = False
) -> None:
    """申请不予公示（写明理由），再由另一人决定；决定之前不公示。

    例：suicha result keep-back 450900202603100001-0012 --ground 涉及商业秘密 --by P001
    例：suicha result keep-back 450900202603100001-0012 --approve --by GL001
    """
    _act(number, published=False, by=by, ground=ground, approve=approve, refuse=refuse)


@app.command()
def withdraw(
    number: Number, *, by: By, ground: Ground = "", approve: Approve = False, refuse: Refuse = False
) -> None:
    """申请撤回公示（写明理由），再由另一人决定；撤回后只公开抬头和理由。

    例：suicha result withdraw 450900202603100001-0012 --ground 检查对象登记错误 --by P001
    例：suicha result withdraw 450900202603100001-0012 --approve --by GL001
    """
    _act(number, published=True, by=by, ground=ground, approve=approve, refuse=refuse)


def _act(number: str, *, published: bool, by: str, ground: str, approve: bool, refuse: bool) -> None:
    from bot.cli.context import open_context
    from bot.core.errors import Problem

    if approve and refuse:
        raise Problem("choice_invalid", "--approve 和 --refuse 只能写一个。")
    with open_context() as context:
        said = context.db.write_now(
            _run, context, number=number, published=published, by=by, ground=ground,
            granted=approve if approve or refuse else None,
        )  # fmt: skip
    typer.echo(said)


def _run(
    session: Session,
    context: Any,
    *,
    number: str,
    published: bool,
    by: str,
    ground: str,
    granted: bool | None,
) -> str:
    from bot.cli.finding import person_of
    from bot.core.errors import Problem
    from bot.inspection.publication.withholding import (
        ASKABLE,
        ask_withholding,
        decide_withholding,
        open_request,
    )
    from bot.inspection.tasks.queries import visit_ending

    visit_id, who, now = (
        visit_ending(session, number, ASKABLE).id or 0,
        person_of(session, by),
        context.clock.now(),
    )
    what = "撤回公示" if published else "不予公示"
    if granted is None:
        ask_withholding(session, visit_id=visit_id, published=published, ground=ground, by=who, now=now)
        return f"已申请{what}，等另一人决定"
    asked = open_request(session, visit_id)
    if asked is None or asked.published != published:
        raise Problem("not_found", f"没有等待决定的{what}申请。", 检查编号=number)
    decide_withholding(session, withholding_id=asked.id or 0, granted=granted, by=who, now=now)
    return f"已同意{what}" if granted else f"未同意{what}"
