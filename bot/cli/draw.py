"""``suicha draw``: the ceremony from the command line. Verification and changes after the lock are beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.draw_words import say, say_standing, state_words

if TYPE_CHECKING:
    from sqlmodel import Session

    from bot.inspection.draws.models import Draw

app = typer.Typer(
    no_args_is_help=True, help="随机抽取：预览、公布承诺、揭示种子、锁定名单、导出核验包、作废重抽。"
)
Task = Annotated[str, typer.Argument(help="任务编号，或“计划编号/行号”。")]
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出。")]
By = Annotated[str, typer.Option("--by", metavar="人员编号", help="由谁操作。")]
Ground = Annotated[
    str, typer.Option("--ground", metavar="理由", help="写明理由；会向社会公开，不写个人信息。")
]


@app.command()
def prepare(
    plan: Annotated[str, typer.Argument(help="计划编号")], by: By = "", as_json: Json = False
) -> None:
    """按已公示的年度计划生成任务，并确认“两库”已更新。

    例：suicha draw prepare 4509232026
    """
    from sqlmodel import col, select

    from bot.cli.draw_tasks import person_id
    from bot.core.errors import Problem
    from bot.inspection.plans.models import Plan, PlanLine, PlanState
    from bot.inspection.tasks.creation import confirm_libraries, create_task
    from bot.inspection.tasks.models import TaskState

    def run(session: Session, context: Any) -> list[str]:
        published = session.exec(
            select(Plan).where(Plan.code == plan, Plan.state == PlanState.PUBLISHED)
        ).first()
        if published is None:
            raise Problem("plan_not_published", "没有已公示的这份年度计划。", 计划=plan)
        lines = session.exec(
            select(PlanLine).where(PlanLine.plan_id == published.id).order_by(col(PlanLine.number))
        )
        actor, now, numbers = person_id(session, by), context.clock.now(), []
        for line in lines.all():
            task = create_task(session, plan_line_id=line.id or 0, now=now, actor=actor)
            if task.state in (TaskState.APPROVED, TaskState.LIBRARIES_CONFIRMED):
                confirm_libraries(session, task_id=task.id or 0, now=now, actor=actor)
            numbers.append(task.number)
        return numbers

    numbers = write(run)
    say(as_json, "\n".join(numbers), tasks=numbers)


@app.command()
def preview(task: Task, as_json: Json = False) -> None:
    """看现在抽取会怎样：名单、排除、各层户数和概率、就绪检查。什么也不改变。

    例：suicha draw preview 4509232026/1
    """
    from bot.cli.context import open_context
    from bot.cli.draw_tasks import task_id
    from bot.inspection.draws.preparation import standing

    with open_context() as context:
        seen = context.db.read_now(
            lambda s: standing(s, task_id=task_id(s, task), profile=context.profile, now=context.clock.now())
        )
    say_standing(seen, as_json=as_json)


@app.command()
def sources(
    task: Task,
    *,
    file: Annotated[Path | None, typer.Argument(metavar="文件", help="来源的 YAML 或 JSON 文件。")] = None,
    witness: Annotated[list[str] | None, typer.Option("--witness", help="见证人的人员编号，可重复。")] = None,
    mode: Annotated[str, typer.Option(help="BOTH、OBJECT_ONLY 或 PERSON_ONLY。")] = "",
    ground: Ground = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """指定公开随机来源和见证人（至少两位）；人数不足时指定只抽取一方。公布承诺前可改。

    例：suicha draw sources 4509232026/1 sources.yaml --witness GL003 --witness GL004
    """
    from bot.cli.draw_tasks import person_id, read_mode, read_sources, task_id
    from bot.inspection.draws.preparation import prepare_draw

    given = read_sources(file)
    side = read_mode(mode)

    def run(session: Session, context: Any) -> Draw:
        return prepare_draw(
            session, task_id=task_id(session, task), sources=given, now=context.clock.now(), profile=context.profile,
            witnesses=[person_id(session, code) or 0 for code in witness or ()], mode=side, mode_reason=ground,
            actor=person_id(session, by),
        )  # fmt: skip

    draw = write(run)
    say(as_json, state_words(draw), state=draw.state, sources=draw.sources)


@app.command()
def waive(
    task: Task,
    check: Annotated[
        str, typer.Argument(metavar="项目", help="libraries、certificates、training 或 reachable。")
    ],
    ground: Ground = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """放行一项没有就绪的检查；理由随抽取公开。

    例：suicha draw waive 4509232026/1 certificates --ground 证件到期的人员不参加抽取
    """
    from bot.cli.draw_tasks import person_id, task_id
    from bot.inspection.draws.preparation import waive_check

    draw = write(
        lambda s, c: waive_check(s, task_id=task_id(s, task), check=check, reason=ground, now=c.clock.now(),
                                 profile=c.profile, actor=person_id(s, by))
    )  # fmt: skip
    say(as_json, state_words(draw), waivers=draw.waivers)


@app.command()
def commit(task: Task, by: By = "", as_json: Json = False) -> None:
    """冻结名单、人员和规则，公布指纹（抽取前的承诺）。

    例：suicha draw commit 4509232026/1
    """
    from bot.cli.draw_tasks import person_id, task_id
    from bot.core.secret import fresh_secret
    from bot.inspection.draws.service import commit_draw

    secret = fresh_secret()
    draw = write(
        lambda s, c: commit_draw(s, task_id=task_id(s, task), secret=secret, now=c.clock.now(), profile=c.profile,
                                 calendar=c.calendar, actor=person_id(s, by))
    )  # fmt: skip
    words = f"名单 {draw.pool_size} 户，指纹 {draw.pool_sha256}"
    say(as_json, f"{words}\n规则指纹 {draw.rules_sha256}\n秘密指纹 {draw.secret_sha256}",
        pool=draw.pool_size, pool_sha256=draw.pool_sha256, rules_sha256=draw.rules_sha256,
        secret_sha256=draw.secret_sha256)  # fmt: skip


@app.command()
def value(
    task: Task,
    *,
    place: Annotated[int, typer.Argument(metavar="第几个来源", min=1)],
    number: Annotated[str, typer.Argument(metavar="数值")] = "",
    by: By = "",
    fallback: Annotated[bool, typer.Option("--fallback", help="原来源迟到，用备用来源。")] = False,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="撤回自己报出、还没有人确认的数值。")
    ] = False,
    as_json: Json = False,
) -> None:
    """见证人报出来源给出的数值；第二位见证人报得一样，就算确认。

    例：suicha draw value 4509232026/1 1 415263 --by GL003
    """
    from bot.cli.draw_tasks import require_person, task_id
    from bot.inspection.draws.values import take_back_value, type_value

    def run(session: Session, context: Any) -> Draw:
        who, now = require_person(session, by), context.clock.now()
        if take_back:
            return take_back_value(session, task_id=task_id(session, task), place=place, by=who, now=now)
        return type_value(
            session,
            task_id=task_id(session, task),
            place=place,
            value=number,
            by=who,
            now=now,
            fallback=fallback,
        )

    draw = write(run)
    confirmed = any(one["place"] == place for one in draw.values)
    say(as_json, "已由两人确认。" if confirmed else "已撤回。" if take_back else "已记下，等另一位见证人确认。",
        confirmed=confirmed, values=draw.values)  # fmt: skip


@app.command()
def reveal(task: Task, by: By = "", as_json: Json = False) -> None:
    """揭示秘密，确定随机种子。

    例：suicha draw reveal 4509232026/1
    """
    from bot.cli.draw_tasks import person_id, task_id
    from bot.inspection.draws.service import reveal_draw

    draw = write(
        lambda s, c: reveal_draw(s, task_id=task_id(s, task), now=c.clock.now(), actor=person_id(s, by))
    )
    say(as_json, f"随机种子 {draw.seed_hex}", seed=draw.seed_hex, public_value=draw.public_value)


@app.command()
def lock(task: Task, by: By = "", as_json: Json = False) -> None:
    """抽取对象、选派人员、锁定名单并派发；只有一次。

    例：suicha draw lock 4509232026/1
    """
    from bot.cli.draw_tasks import person_id, task_id
    from bot.core.errors import Problem
    from bot.inspection.draws.service import lock_draw
    from bot.inspection.draws.shortage import tell_shortage

    try:
        draw = write(
            lambda s, c: lock_draw(s, task_id=task_id(s, task), now=c.clock.now(), profile=c.profile,
                                   calendar=c.calendar, actor=person_id(s, by))
        )  # fmt: skip
    except Problem as problem:
        refused = problem
        write(lambda s, c: tell_shortage(s, task_id=task_id(s, task), problem=refused, now=c.clock.now()))
        raise
    say(as_json, f"已抽取 {draw.transcript['picks']} 户并派发。", **draw.transcript)


@app.command()
def export(
    task: Task,
    folder: Annotated[Path, typer.Argument(help="写到这个文件夹。")],
    round_: Annotated[int, typer.Option("--round", help="第几轮；默认现在有效的一轮。", min=0)] = 0,
    sealed: Annotated[
        bool, typer.Option("--sealed", help="连同封存文件（人员请假、回避、证件日期），供审计，不得公开。")
    ] = False,
) -> None:
    """导出核验包（含可打印的抽取证书）：任何人都可以据此重算抽取结果。

    例：suicha draw export 4509232026/1 ./bundle
    """
    from bot.cli.context import open_context
    from bot.cli.draw_tasks import bundle_files
    from bot.core.errors import Problem

    with open_context() as context:
        files = context.db.read_now(
            bundle_files,
            task=task,
            number=round_,
            sealed=sealed,
            public_url=context.settings.public_url,
        )
    if folder.exists() and not folder.is_dir():
        raise Problem("not_a_folder", "这是文件，不是文件夹，请换一个名字。", 文件夹=str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    typer.echo(f"{len(files)} 个文件已写入 {folder}")


def write(run: Callable[[Session, Any], Any]) -> Any:
    """Run one service in one transaction."""
    from bot.cli.context import open_context

    with open_context() as context:
        return context.db.write_now(lambda session: run(session, context))
