"""收到、稍后提醒、申请延期、请假: how an officer answers what chases them, and what the lead decides."""

from __future__ import annotations

import datetime as dt
import re

from sqlmodel import Session

from bot.core.cells import day as read_day
from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.deadlines.chase import acknowledge, snooze
from bot.inspection.deadlines.models import Deadline, ReminderClock
from bot.inspection.deadlines.shown import due_words
from bot.inspection.draws.leave import ask_leave, decide_leave
from bot.inspection.followups.extensions import ask_extension, decide_extension
from bot.inspection.profile.schedule import shown_moment
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()
_DAY = r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}月\d{1,2}日"
_DAYS = re.compile(rf"(?P<first>{_DAY})(?:\s*(?:至|到|—|~|-)\s*(?P<last>{_DAY}))?\s*[，,：:]?\s*(?P<rest>.*)")
_LEAVE = "请回复起止日期和事由，例如：3月16日至3月18日 培训。回复“取消”则不申请。"
_EXTEND = "请回复延至哪一天和理由，例如：4月10日 企业停业检修。回复“取消”则不申请。"
_LATER = "请回复稍后办理的原因，例如：企业负责人明天才回来。回复“取消”则不推迟。"


@router.action("got_it")
async def got_it(ctx: Context) -> Reply:
    hush = await ctx.db.write(
        acknowledge, deadline_id=ctx.subject_id, person_id=ctx.person_id, now=ctx.clock.now(), profile=ctx.profile,
        calendar=ctx.calendar,
    )  # fmt: skip
    return Reply(f"已记下。{shown_moment(hush.until)} 前不再提醒您；同行人员各自确认。")


@router.action("snooze")
async def ask_snooze(ctx: Context) -> Reply:
    return await _ask(ctx, "snooze", _LATER)


@router.talk("snooze")
async def take_snooze(ctx: Context) -> Reply:
    hush = await ctx.db.write(_snooze_and_close, ctx)
    return Reply(f"好的，{shown_moment(hush)} 再提醒您。")


def _snooze_and_close(session: Session, ctx: Context) -> dt.datetime:
    hush = snooze(
        session, deadline_id=ctx.talk["deadline"], person_id=ctx.person_id, reason=ctx.words, now=ctx.clock.now(),
        profile=ctx.profile, calendar=ctx.calendar,
    )  # fmt: skip
    close_talk(session, ctx.talk_key)
    return hush.until


@router.action("ask_extension")
async def begin_extension(ctx: Context) -> Reply:
    return await _ask(ctx, "extension", _EXTEND)


@router.talk("extension")
async def take_extension(ctx: Context) -> Reply:
    said = days_in(ctx.words, today=china_day(ctx.clock.now()))
    if said is None or not said[2]:
        return Reply(_EXTEND)
    await ctx.db.write(_extend_and_close, ctx, until=said[0], reason=said[2])
    return Reply("已提交延期申请，负责人决定后会通知您；决定之前仍按原期限提醒。")


def _extend_and_close(session: Session, ctx: Context, *, until: dt.date, reason: str) -> None:
    ask_extension(
        session, deadline_id=ctx.talk["deadline"], person_id=ctx.person_id, until=until, reason=reason,
        now=ctx.clock.now(),
    )  # fmt: skip
    close_talk(session, ctx.talk_key)


async def _ask(ctx: Context, topic: str, words: str) -> Reply:
    return Reply(await ctx.db.write(_open, ctx, topic=topic, words=words))


def _open(session: Session, ctx: Context, *, topic: str, words: str) -> str:
    deadline = session.get(Deadline, ctx.subject_id)
    if deadline is None or deadline.closed_at is not None:
        raise Problem("not_found", "这件事已经办结，不会再提醒。")
    open_talk(session, ctx.talk_key, topic=topic, now=ctx.clock.now(), deadline=deadline.id)
    due = session.get_one(ReminderClock, deadline.clock_id).due_on
    return f"现在的期限是 {due_words(deadline, due)}。{words}" if due and topic == "extension" else words


@router.action("grant_extension")
async def grant_extension(ctx: Context) -> Reply:
    return await _decide_extension(ctx, granted=True)


@router.action("refuse_extension")
async def refuse_extension(ctx: Context) -> Reply:
    return await _decide_extension(ctx, granted=False)


async def _decide_extension(ctx: Context, *, granted: bool) -> Reply:
    await ctx.db.write(
        decide_extension, extension_id=ctx.subject_id, by=ctx.person_id, granted=granted, now=ctx.clock.now()
    )
    return Reply()  # the card says it


@router.command("请假")
async def leave(ctx: Context) -> Reply:
    """With days and reason, or asked for them."""
    if ctx.words:
        return await _leave(ctx)
    await ctx.db.write(open_talk, ctx.talk_key, topic="leave", now=ctx.clock.now())
    return Reply(_LEAVE)


@router.talk("leave")
async def take_leave(ctx: Context) -> Reply:
    return await _leave(ctx)


async def _leave(ctx: Context) -> Reply:
    said = days_in(ctx.words, today=china_day(ctx.clock.now()))
    if said is None or not said[2]:
        return Reply(_LEAVE)
    await ctx.db.write(_leave_and_close, ctx, first=said[0], last=said[1], reason=said[2])
    return Reply("已提交请假申请，负责人决定后会通知您；决定之前任务仍由您负责。")


def _leave_and_close(session: Session, ctx: Context, *, first: dt.date, last: dt.date, reason: str) -> None:
    ask_leave(session, person_id=ctx.person_id, first=first, last=last, reason=reason, now=ctx.clock.now())
    close_talk(session, ctx.talk_key)


@router.action("grant_leave")
async def grant_leave(ctx: Context) -> Reply:
    return await _decide_leave(ctx, granted=True)


@router.action("refuse_leave")
async def refuse_leave(ctx: Context) -> Reply:
    return await _decide_leave(ctx, granted=False)


async def _decide_leave(ctx: Context, *, granted: bool) -> Reply:
    await ctx.db.write(
        decide_leave, leave_id=ctx.subject_id, by=ctx.person_id, granted=granted, now=ctx.clock.now()
    )
    return Reply()  # the card says how many were handed over


def days_in(words: str, *, today: dt.date) -> tuple[dt.date, dt.date, str] | None:
    """First day, last day and the rest of *words*; a day without its year is the next one to come. None when there is
    no day. Raises Problem ``day_unknown`` for a day no calendar has."""
    match = _DAYS.match(words.strip())
    if match is None:
        return None
    first = _day(match["first"], today)
    last = _day(match["last"], first) if match["last"] else first
    return first, last, match["rest"].strip()


def _day(words: str, after: dt.date) -> dt.date:
    try:
        if words[:4].isdecimal():
            return read_day(words)
        month, day = map(int, re.findall(r"\d+", words))
        found = dt.date(after.year, month, day)
        return found if found >= after else found.replace(year=after.year + 1)
    except ValueError:
        raise Problem("day_unknown", f"没有“{words}”这一天。") from None
