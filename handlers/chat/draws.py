"""The draw in chat: the coordinator leads through it, witnesses say and confirm numbers, two people decide a redraw."""

from __future__ import annotations

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.core.secret import fresh_secret
from bot.inspection.draws.models import Draw, DrawState, DrawWord
from bot.inspection.draws.preparation import choose_sources, standing
from bot.inspection.draws.queries import live_draw
from bot.inspection.draws.service import commit_draw, lock_draw, reveal_draw
from bot.inspection.draws.shortage import tell_shortage
from bot.inspection.draws.source_words import HOW_TO, read_choice
from bot.inspection.draws.sources import words_of
from bot.inspection.draws.values import next_place, take_back_value, type_value
from bot.inspection.draws.voiding import decide_void
from bot.inspection.people.models import Role
from bot.inspection.tasks.models import Task, TaskState
from bot.inspection.tasks.queries import people_with_role
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()
_STATES = {"PREPARED": "已准备", "COMMITTED": "已公布承诺", "REVEALED": "已揭示种子"}
_LISTED = 10


@router.command("抽取", "随机抽取")
async def overview(ctx: Context) -> Reply:
    """What is about to be drawn, and how it would go."""
    lines = await ctx.db.read(_overview, ctx)
    return Reply("\n".join(lines) or "没有等待抽取的任务。", title="随机抽取")


@router.action("commit_draw")
async def commit(ctx: Context) -> Reply:
    await ctx.db.write(_commit, ctx)
    return Reply()  # the card goes on to the next step


@router.action("choose_draw_sources")
async def ask_sources(ctx: Context) -> Reply:
    return Reply(await ctx.db.write(_ask_sources, ctx))


@router.talk("draw_sources")
async def take_sources(ctx: Context) -> Reply:
    draw = await ctx.db.write(_take_sources, ctx)
    chosen = "；".join(words_of(source) for source in draw.sources)
    return Reply(f"已选定。来源：{chosen}。见证人 {len(draw.witness_ids)} 位。公布承诺之前还可以改。")


@router.action("reveal_draw")
async def reveal(ctx: Context) -> Reply:
    await ctx.db.write(_reveal, ctx)
    return Reply()


@router.action("lock_draw")
async def lock(ctx: Context) -> Reply:
    try:
        await ctx.db.write(_lock, ctx)
    except Problem as problem:
        await ctx.db.write(_tell_shortage, ctx, problem=problem)
        raise
    return Reply()


@router.action("type_draw_value")
async def ask_value(ctx: Context) -> Reply:
    return Reply(await ctx.db.write(_ask_value, ctx))


@router.talk("draw_value")
async def take_value(ctx: Context) -> Reply:
    await ctx.db.write(_take_value, ctx)
    return Reply(f"已记下 {ctx.words.strip()}，等另一位见证人确认。")


@router.action("confirm_draw_value")
async def confirm_value(ctx: Context) -> Reply:
    await ctx.db.write(_confirm, ctx)
    return Reply()


@router.action("deny_draw_value")
async def deny_value(_ctx: Context) -> Reply:
    return Reply("没有记录。请当面核对号码；先报的人如果报错，请按“报错了，撤回”后重报。")


@router.action("take_back_draw_value")
async def take_back(ctx: Context) -> Reply:
    await ctx.db.write(_take_back, ctx)
    return Reply("已撤回，请重新报出。")


@router.action("approve_void")
async def approve_void(ctx: Context) -> Reply:
    await ctx.db.write(
        decide_void, draw_id=ctx.subject_id, approved=True, by=ctx.person_id, now=ctx.clock.now()
    )
    return Reply()


@router.action("refuse_void")
async def refuse_void(ctx: Context) -> Reply:
    await ctx.db.write(
        decide_void, draw_id=ctx.subject_id, approved=False, by=ctx.person_id, now=ctx.clock.now()
    )
    return Reply()


def _draw(session: Session, draw_id: int) -> Draw:
    draw = session.get(Draw, draw_id)
    if draw is None:
        raise Problem("not_found", "没有找到这次抽取。")
    return draw


def _for_coordinator(session: Session, ctx: Context) -> Draw:
    if ctx.person_id not in people_with_role(session, Role.COORDINATOR):
        raise Problem("forbidden", "只有联席会议办公室可以主持抽取。")
    return _draw(session, ctx.subject_id)


def _commit(session: Session, ctx: Context) -> None:
    commit_draw(
        session, task_id=_for_coordinator(session, ctx).task_id, secret=fresh_secret(), now=ctx.clock.now(),
        profile=ctx.profile, calendar=ctx.calendar, actor=ctx.person_id,
    )  # fmt: skip


def _ask_sources(session: Session, ctx: Context) -> str:
    draw = _for_coordinator(session, ctx)
    if draw.state != DrawState.PREPARED:
        raise Problem("already_committed", "抽取承诺已公布，来源和见证人不能再改。")
    open_talk(session, ctx.talk_key, topic="draw_sources", now=ctx.clock.now(), draw=draw.id)
    return HOW_TO


def _take_sources(session: Session, ctx: Context) -> Draw:
    if ctx.person_id not in people_with_role(session, Role.COORDINATOR):
        raise Problem("forbidden", "只有联席会议办公室可以主持抽取。")
    draw = _draw(session, ctx.talk["draw"])
    chosen = choose_sources(
        session, task_id=draw.task_id, choice=read_choice(ctx.words), now=ctx.clock.now(), profile=ctx.profile,
        actor=ctx.person_id,
    )  # fmt: skip
    close_talk(session, ctx.talk_key)
    return chosen


def _reveal(session: Session, ctx: Context) -> None:
    draw = _for_coordinator(session, ctx)
    reveal_draw(session, task_id=draw.task_id, now=ctx.clock.now(), actor=ctx.person_id)


def _lock(session: Session, ctx: Context) -> None:
    lock_draw(
        session, task_id=_for_coordinator(session, ctx).task_id, now=ctx.clock.now(), profile=ctx.profile,
        calendar=ctx.calendar, actor=ctx.person_id,
    )  # fmt: skip


def _tell_shortage(session: Session, ctx: Context, *, problem: Problem) -> None:
    tell_shortage(
        session, task_id=_draw(session, ctx.subject_id).task_id, problem=problem, now=ctx.clock.now()
    )


def _ask_value(session: Session, ctx: Context) -> str:
    draw = _draw(session, ctx.subject_id)
    if ctx.person_id not in draw.witness_ids:
        raise Problem("not_witness", "您不是这次抽取指定的见证人。")
    place = next_place(draw)
    if place is None:
        return "数值已由两人确认，不用再报。"
    open_talk(session, ctx.talk_key, topic="draw_value", now=ctx.clock.now(), draw=draw.id, place=place)
    source = draw.sources[place - 1]
    what = f"{source['digits']} 位数字" if source["kind"] == "witness" else "公布的数值"
    return f"请直接回复{what}。报出后由另一位见证人核对确认。"


def _take_value(session: Session, ctx: Context) -> None:
    draw = _draw(session, ctx.talk["draw"])
    type_value(session, task_id=draw.task_id, place=ctx.talk["place"], value=ctx.words, by=ctx.person_id,
               now=ctx.clock.now())  # fmt: skip
    close_talk(session, ctx.talk_key)


def _confirm(session: Session, ctx: Context) -> None:
    draw, word = _word(session, ctx.subject_id)
    type_value(session, task_id=draw.task_id, place=word.place, value=word.value, fallback=word.fallback,
               by=ctx.person_id, now=ctx.clock.now())  # fmt: skip


def _take_back(session: Session, ctx: Context) -> None:
    draw, word = _word(session, ctx.subject_id)
    take_back_value(session, task_id=draw.task_id, place=word.place, by=ctx.person_id, now=ctx.clock.now())


def _word(session: Session, word_id: int) -> tuple[Draw, DrawWord]:
    word = session.get(DrawWord, word_id)
    if word is None:
        raise Problem("nothing_to_confirm", "这个号码已经撤回，请看最新的卡片。")
    return _draw(session, word.draw_id), word


def _overview(session: Session, ctx: Context) -> list[str]:
    if ctx.person_id not in people_with_role(session, Role.COORDINATOR):
        raise Problem("forbidden", "只有联席会议办公室可以查询抽取。")
    states = (TaskState.APPROVED, TaskState.LIBRARIES_CONFIRMED)
    tasks = session.exec(
        select(Task).where(col(Task.state).in_(states)).order_by(col(Task.id)).limit(_LISTED)
    )
    lines = []
    for task in tasks.all():
        draw = live_draw(session, task.id or 0)
        now = standing(session, task_id=task.id or 0, profile=ctx.profile, now=ctx.clock.now())
        state = _STATES.get(draw.state, draw.state) if draw is not None else "未准备"
        lines.append(f"- **{task.name}**（{state}）：名单 {now.preview.pool} 户，拟抽 {now.preview.total} 户")
        lines += [f"  未就绪：{check.name}，{check.missing}" for check in now.checks if not check.passes]
    return lines
