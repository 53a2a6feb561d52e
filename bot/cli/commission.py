"""``suicha commission``: order an institution's report, take it in, adopt it, or mark it as false (C20)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.core.errors import Problem

if TYPE_CHECKING:
    from sqlmodel import Session

app = typer.Typer(help="委托专业机构：委托、收报告、采用、认定虚假。", no_args_is_help=True)
_BY = Annotated[str, typer.Option("--by", help="办理人的人员编号。")]
_NUMBER = Annotated[str, typer.Argument(help="委托编号。")]
_DAY = "%Y-%m-%d"


@app.command()
def order(  # noqa: PLR0917 - a command's options
    visit: Annotated[str, typer.Argument(help="检查编号。")],
    item: Annotated[str, typer.Option("--item", help="事项编号。")],
    institution: Annotated[str, typer.Option("--institution", help="机构名称。")],
    qualification: Annotated[str, typer.Option("--qualification", help="资质证号。")],
    valid_to: Annotated[dt.datetime, typer.Option("--valid-to", formats=[_DAY], help="资质有效期止。")],
    task: Annotated[str, typer.Option("--task", help="委托内容。")],
    due: Annotated[dt.datetime, typer.Option("--due", formats=[_DAY], help="报告期限。")],
    by: _BY,
    contact: Annotated[str, typer.Option("--contact", help="机构联系人的人员编号。")] = "",
) -> None:
    """委托机构就一个检查事项出具报告；资质在期限前到期的不能委托。

    例：suicha commission order 450900…-0012 --item SP-3 --institution 云溪检测中心 --qualification CMA2026 --valid-to 2027-01-01
    --task 餐具检测 --due 2026-04-20 --by P001
    """
    from bot.cli.context import open_context
    from bot.inspection.commissions import service

    with open_context() as context:
        visit_id, item_id = context.db.read_now(_visit_and_item, visit, item)
        made = context.db.write_now(
            service.order, visit_id=visit_id, item_id=item_id, institution=institution,
            qualification_no=qualification, qualification_valid_to=valid_to.date(), task=task, due_on=due.date(),
            by=context.db.read_now(_person, by), now=context.clock.now(),
            contact_id=context.db.read_now(_person, contact) if contact else None,
        )  # fmt: skip
    typer.echo(f"已委托，编号 {made.number}")


@app.command()
def report(
    number: _NUMBER,
    file: Annotated[Path, typer.Argument(help="报告的 PDF 文件。", exists=True, dir_okay=False)],
    conclusion: Annotated[str, typer.Option("--conclusion", help="报告结论。")],
    by: _BY,
) -> None:
    """收下机构的报告，作为这次检查的证据保存。"""
    from bot.cli.context import open_context
    from bot.inspection.checklists.evidence import open_store
    from bot.inspection.commissions import service

    with open_context() as context:
        stored = open_store(context.settings).put(file.read_bytes())
        context.db.write_now(
            service.report, commission_id=context.db.read_now(_commission, number), stored=stored,
            conclusion=conclusion, by=context.db.read_now(_person, by), now=context.clock.now(),
        )  # fmt: skip
    typer.echo("已收下，等待采用")


@app.command()
def adopt(number: _NUMBER, by: _BY) -> None:
    """采用报告。"""
    from bot.cli.context import open_context
    from bot.inspection.commissions import service

    with open_context() as context:
        context.db.write_now(service.adopt, commission_id=context.db.read_now(_commission, number),
                             by=context.db.read_now(_person, by), now=context.clock.now())  # fmt: skip
    typer.echo("已采用")


@app.command("mark-false")
def mark_false(
    number: _NUMBER, ground: Annotated[str, typer.Option("--ground", help="依据。")], by: _BY
) -> None:
    """认定报告虚假，列出采用过它的每一件检查结果。"""
    from bot.cli.context import open_context
    from bot.inspection.commissions import service

    with open_context() as context:
        adopted = context.db.write_now(
            service.mark_false, commission_id=context.db.read_now(_commission, number), ground=ground,
            by=context.db.read_now(_person, by), now=context.clock.now(),
        )  # fmt: skip
        lines = context.db.read_now(_lines, [(a.visit_id, a.item_id) for a in adopted])
    for line in lines:
        typer.echo(line)
    typer.echo(f"采用过这份报告的结果 {len(lines)} 件，每件已记免责事实 JZ-29.6")


def _lines(session: Session, adopted: list[tuple[int, int]]) -> list[str]:
    from bot.inspection.registry.models import Item
    from bot.inspection.tasks.queries import get_visit

    return [
        f"{get_visit(session, visit).number}  {session.get_one(Item, item).name}" for visit, item in adopted
    ]


def _visit_and_item(session: Session, number: str, code: str) -> tuple[int, int]:
    from sqlmodel import select

    from bot.inspection.registry.models import Item
    from bot.inspection.tasks.models import Task, Visit

    visit = session.exec(select(Visit).where(Visit.number == number)).first()
    if visit is None or visit.id is None:
        raise Problem("not_found", "没有这次检查。", 检查=number)
    for item in session.get_one(Task, visit.task_id).item_ids:
        if session.get_one(Item, item).code == code:
            return visit.id, item
    raise Problem("not_found", "这次检查没有这个事项。", 事项=code)


def _commission(session: Session, number: str) -> int:
    from sqlmodel import select

    from bot.inspection.commissions.models import Commission

    found = session.exec(select(Commission.id).where(Commission.number == number)).first()
    if found is None:
        raise Problem("not_found", "没有这份委托。", 委托=number)
    return found


def _person(session: Session, code: str) -> int:
    from sqlmodel import select

    from bot.inspection.people.models import Person

    found = session.exec(select(Person.id).where(Person.code == code)).first()
    if found is None:
        raise Problem("not_found", "没有这个人员。", 人员=code)
    return found
