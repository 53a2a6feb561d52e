"""``suicha clue``: take in a case clue and send officers at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

    from bot.cli.context import CliContext

app = typer.Typer(
    no_args_is_help=True, help="个案线索：受理即派人核查，不参加随机抽取。成批导入用 suicha import clues。"
)
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]
Number = Annotated[str, typer.Argument(metavar="编号", help="线索编号。")]
Officers = Annotated[
    list[str] | None, typer.Option("--officer", help="承办人员编号，可写多个；默认按工作量选派。")
]


@app.command()
def add(
    *,
    number: Number,
    source: Annotated[
        str, typer.Option("--source", help="投诉举报、转办交办、数据监测、检查中发现、无证无照。")
    ],
    content: Annotated[str, typer.Option("--content", help="线索内容。")],
    object_: Annotated[str, typer.Option("--object", help="检查对象代码；不在名录库的用 --name。")] = "",
    name: Annotated[str, typer.Option("--name", help="对象名称。")] = "",
    address: Annotated[str, typer.Option("--address", help="地址。")] = "",
    industry: Annotated[str, typer.Option("--industry", help="行业。")] = "",
    district: Annotated[str, typer.Option("--district", help="区域。")] = "",
    item: Annotated[str, typer.Option("--item", help="抽查事项编号；默认按行业。")] = "",
    department: Annotated[str, typer.Option("--department", help="承办部门；默认事项的检查主体。")] = "",
    at: Annotated[str, typer.Option("--at", help="受理时间，例如 2026-03-10 10:00；默认现在。")] = "",
    officer: Officers = None,
    as_json: Json = False,
) -> None:
    """受理一条线索：立即生成核查任务，通知承办人员和负责人。同一编号只受理一次。

    例：suicha clue add TS-1 --source 投诉举报 --content 后厨有老鼠 --object 91440800MA4UABC12X
    """
    from bot.cli.context import open_context

    cells = {
        "线索编号": number, "来源": source, "内容": content, "受理时间": at, "对象代码": object_, "对象名称": name,
        "地址": address, "行业": industry, "区域": district, "抽查事项": item, "承办部门": department,
    }  # fmt: skip
    with open_context() as context:
        shown = context.db.write_now(_add, cells=cells, officers=officer or [], context=context)
    _say(shown, as_json=as_json)


@app.command()
def assign(*, number: Number, officer: Officers = None, as_json: Json = False) -> None:
    """给还没有人承办的线索指派人员。

    例：suicha clue assign TS-1 --officer ZF001 --officer ZF002
    """
    from bot.cli.context import open_context

    with open_context() as context:
        shown = context.db.write_now(_assign, number=number, officers=officer or [], context=context)
    _say(shown, as_json=as_json)


@app.command()
def case(
    number: Number,
    case_number: Annotated[str, typer.Argument(metavar="文号", help="立案文号。")],
    as_json: Json = False,
) -> None:
    """登记立案文号：此后按行政处罚程序办理。

    例：suicha clue case TS-1 山市监立〔2026〕12号
    """
    from bot.cli.context import open_context
    from bot.inspection.followups.clues import link_case

    with open_context() as context:
        context.db.write_now(link_case, number=number, case_number=case_number, now=context.clock.now())
        shown = context.db.read_now(_shown, number=number)
    _say(shown, as_json=as_json)


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """查看一条线索和承办情况。

    例：suicha clue show TS-1
    """
    from bot.cli.context import open_context

    with open_context() as context:
        shown = context.db.read_now(_shown, number=number)
    _say(shown, as_json=as_json)


def _add(
    session: Session, *, cells: dict[str, str], officers: list[str], context: CliContext
) -> dict[str, Any]:
    from bot.core.clock import china
    from bot.core.columns import Fault
    from bot.core.errors import Problem
    from bot.inspection.followups.clue_columns import CLUES, resolve
    from bot.inspection.followups.clues import take_in

    now = context.clock.now()
    cells["受理时间"] = cells["受理时间"] or f"{china(now):%Y-%m-%d %H:%M}"
    values, faults = CLUES.bind(list(cells)).parse(cells)
    found = faults[0] if faults else resolve(session, values)
    if isinstance(found, Fault):
        raise Problem(
            "clue_invalid",
            f"{found.header}：{found.reason}。",
            **({found.header: found.value} if found.value else {}),
        )
    take_in(session, clue=found, officers=_people(session, officers), now=now, profile=context.profile,
            calendar=context.calendar)  # fmt: skip
    return _shown(session, number=cells["线索编号"])


def _assign(session: Session, *, number: str, officers: list[str], context: CliContext) -> dict[str, Any]:
    from bot.inspection.followups.clues import assign

    assign(session, number=number, officers=_people(session, officers), now=context.clock.now(),
           profile=context.profile, calendar=context.calendar)  # fmt: skip
    return _shown(session, number=number)


def _people(session: Session, codes: list[str]) -> list[int]:
    from bot.cli.finding import person_of

    return [person_of(session, code) for code in codes]


def _shown(session: Session, *, number: str) -> dict[str, Any]:
    from sqlmodel import select

    from bot.inspection.deadlines.shown import calendar_of, mark
    from bot.inspection.followups.clues import get_clue
    from bot.inspection.tasks.models import Visit, VisitState
    from bot.inspection.tasks.queries import visit_facts
    from bot.inspection.tasks.states import NAMES

    clue = get_clue(session, number)
    shown: dict[str, Any] = {
        "number": clue.number, "state": "待指派", "officers": [], "due": "", "case": clue.case_number,
        "hindrance": clue.hindrance,
    }  # fmt: skip
    if clue.task_id is not None:
        visit = session.exec(select(Visit).where(Visit.task_id == clue.task_id)).one()
        facts = visit_facts(session, visit.id or 0)
        shown |= {"state": NAMES[VisitState(visit.state)], "officers": [p.name for p, _ in facts.officers],
                  "due": visit.due_on.isoformat(), "provisional": bool(mark(calendar_of(session), visit.due_on))}  # fmt: skip
    return shown


def _say(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    who = (
        f"，承办人：{'、'.join(shown['officers'])}，最迟 {shown['due']}{'（暂定）' if shown['provisional'] else ''}"
        if shown["officers"]
        else ""
    )
    typer.echo(f"线索 {shown['number']}：{shown['state']}{who}")
    if shown["hindrance"]:
        typer.secho(shown["hindrance"], fg=typer.colors.YELLOW)
    if shown["case"]:
        typer.echo(f"立案文号：{shown['case']}")
