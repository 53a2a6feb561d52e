"""培训测验: the questions of a training one after the other, answered by letters."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from sqlmodel import Session

from bot.core.clock import china_day
from bot.inspection.people.models import TrainingAttempt, TrainingSession
from bot.inspection.people.quiz import questions_of, read_answer
from bot.inspection.people.quizzes import quiz_due, take_quiz, why_no_quiz
from bot.inspection.people.training_sessions import attendance
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()
_TOPIC = "training_quiz"


@router.command("培训测验", "测验")
async def start(ctx: Context) -> Reply:
    held = await ctx.db.read(quiz_due, ctx.person_id, day=china_day(ctx.clock.now()))
    if held is None:
        return Reply((await ctx.db.read(why_no_quiz, ctx.person_id)).text)
    return await begin(ctx, held, said="")


async def begin(ctx: Context, held: TrainingSession, *, said: str) -> Reply:
    """The first question, after what else there is to say."""
    many = len(held.quiz)
    intro = f"{said}测验共 {many} 题，{held.pass_percent} 分合格。请回复选项字母，“上一题”可以改，“取消”以后再答。"
    return await _ask(replace(ctx, talk={"training": held.id, "answers": []}), held, said=intro)


@router.talk(_TOPIC)
async def answer(ctx: Context) -> Reply:
    today, training = china_day(ctx.clock.now()), ctx.talk["training"]
    held = await ctx.db.read(quiz_due, ctx.person_id, day=today, training_id=training)
    if held is None:
        await ctx.db.write(close_talk, ctx.talk_key)
        return Reply((await ctx.db.read(why_no_quiz, ctx.person_id, training_id=training)).text)
    given, questions = list(ctx.talk["answers"]), questions_of(held.quiz)
    if ctx.words.strip() in {"上一题", "上一项"}:
        return await _ask(replace(ctx, talk={**ctx.talk, "answers": given[:-1]}), held)
    found = read_answer(ctx.words, questions[len(given)])
    if found is None:
        return await _ask(ctx, held, said=_help(len(questions[len(given)].right) > 1))
    told = replace(ctx, talk={**ctx.talk, "answers": [*given, found]})
    return await _ask(told, held) if len(given) + 1 < len(questions) else await _finish(told, held)


async def _ask(ctx: Context, held: TrainingSession, *, said: str = "") -> Reply:
    await ctx.db.write(open_talk, ctx.talk_key, topic=_TOPIC, now=ctx.clock.now(), **ctx.talk)
    questions, done = questions_of(held.quiz), len(ctx.talk["answers"])
    asked = questions[done].shown(done + 1, len(questions))
    return Reply(f"{said}\n\n{asked}" if said else asked)


async def _finish(ctx: Context, held: TrainingSession) -> Reply:
    made, valid_to = await ctx.db.write(_hand_in, ctx, held)
    if made.passed:
        return Reply(f"测验合格（{made.score} 分）。培训记录有效期至 {valid_to:%Y年%m月%d日}。")
    return Reply(f"测验 {made.score} 分，{held.pass_percent} 分合格。请复习后回复“培训测验”再答一次。")


def _hand_in(session: Session, ctx: Context, held: TrainingSession) -> tuple[TrainingAttempt, dt.date]:
    """The attempt counts when the talk is over, and until when the person's training holds: a kill leaves both or none."""
    made = take_quiz(
        session, training_id=ctx.talk["training"], person_id=ctx.person_id, answers=ctx.talk["answers"],
        now=ctx.clock.now(),
    )  # fmt: skip
    close_talk(session, ctx.talk_key)
    return made, attendance(session, ctx.person_id, held.name).valid_to


def _help(several: bool) -> str:
    return (
        "没有看懂。这是多选题，请回复字母，例如 AC。" if several else "没有看懂。请回复一个选项字母，例如 B。"
    )
