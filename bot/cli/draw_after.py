"""``suicha draw void``, ``replace``, ``more``: a redraw that two people decide, and changes by the next ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.draw import By, Ground, Json, Task, app, write
from bot.cli.draw_words import say, state_words

if TYPE_CHECKING:
    from sqlmodel import Session

    from bot.inspection.draws.models import Draw


@app.command()
def replace(
    task: Task,
    code: Annotated[str, typer.Argument(metavar="检查对象", help="不符合条件的检查对象代码。")],
    *,
    ground: Ground = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """抽中的对象不符合条件：由同一层的下一张票替换，写明理由。

    例：suicha draw replace 4509232026/1 91440800MA00000001 --ground 已注销 --by GL001
    """
    from bot.cli.draw_tasks import require_person, task_id
    from bot.inspection.draws.more_objects import replace_object

    visit = write(
        lambda s, c: replace_object(s, task_id=task_id(s, task), code=code, ground=ground, by=require_person(s, by),
                                    now=c.clock.now(), profile=c.profile, calendar=c.calendar)
    )  # fmt: skip
    say(as_json, f"已由下一张票替换，检查编号 {visit.number}", number=visit.number)


@app.command()
def more(
    task: Task,
    stratum: Annotated[str, typer.Argument(metavar="分层")],
    count: Annotated[int, typer.Argument(metavar="户数", min=1)],
    *,
    ground: Ground = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """增加一层的户数：依次取下一张票，已抽中的不变。

    例：suicha draw more 4509232026/1 B 3 --ground 提高比例 --by GL001
    """
    from bot.cli.draw_tasks import require_person, task_id
    from bot.inspection.draws.more_objects import draw_more

    visits = write(
        lambda s, c: draw_more(s, task_id=task_id(s, task), stratum=stratum, count=count, ground=ground,
                               by=require_person(s, by), now=c.clock.now(), profile=c.profile, calendar=c.calendar)
    )  # fmt: skip
    numbers = [visit.number for visit in visits]
    say(as_json, f"已增加 {len(numbers)} 户：{'、'.join(numbers)}", numbers=numbers)


@app.command()
def void(
    task: Task,
    *,
    ground: Ground = "",
    by: By = "",
    approve: Annotated[bool, typer.Option("--approve", help="由另一人批准作废。")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="由另一人不同意作废。")] = False,
    as_json: Json = False,
) -> None:
    """申请作废重抽（写明理由），再由另一人批准；作废的一轮仍然公开。

    例：suicha draw void 4509232026/1 --ground 名单导入有误 --by GL001
    例：suicha draw void 4509232026/1 --approve --by GL002
    """
    from bot.cli.draw_tasks import require_person, task_id
    from bot.inspection.draws.queries import require_draw
    from bot.inspection.draws.voiding import ask_void, decide_void

    def run(session: Session, context: Any) -> Draw:
        who, now, key = require_person(session, by), context.clock.now(), task_id(session, task)
        if approve or refuse:
            draw = require_draw(session, key)
            return decide_void(session, draw_id=draw.id or 0, approved=approve, by=who, now=now)
        return ask_void(session, task_id=key, ground=ground, by=who, now=now)

    draw = write(run)
    say(as_json, state_words(draw), state=draw.state, ground=draw.void_ground)
