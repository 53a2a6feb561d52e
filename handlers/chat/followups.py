"""登记处理、已整改、复查合格、仍需整改、重新公示: what becomes of a problem, in chat."""

from __future__ import annotations

import datetime as dt
import re

from sqlmodel import Session

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.calendar import Calendar
from bot.inspection.checklists.evidence import Stored
from bot.inspection.deadlines.shown import day_words
from bot.inspection.followups.crime import propose
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.rules import NAMES, ORDER_WORKDAYS, Handling, read_handling
from bot.inspection.followups.service import (
    add_photo,
    close,
    get_follow_up,
    handle,
    order,
    reject_correction,
    report_correction,
    require_handler,
    require_reporter,
)
from bot.inspection.publication.service import publish_again
from bot.messaging.media import kept_files
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()
S = FollowUpState
_HOW = (
    "请回复处理方式和说明，例如：\n- 责令改正 5日内张贴公示栏\n- 立案 文号或案由\n- 移送 接收部门\n- 涉嫌犯罪 事实和依据\n"
    "- 不予处罚 理由\n- 列入异常 文号\n- 办结 说明\n回复“取消”则不登记。"
)
_SAY = "请回复整改情况，也可以先发照片。回复“取消”则不报告。"
_NOTE = "请回复复查情况，例如：已现场复查，问题改正。"


@router.action("handle_followup")
async def ask_handling(ctx: Context) -> Reply:
    return await _ask(ctx, "handling", _HOW, waits=(S.OPEN,))


@router.talk("handling")
async def take_handling(ctx: Context) -> Reply:
    said = read_handling(ctx.words)
    if said is None:
        return Reply(_HOW)
    if said[0] is Handling.CRIME:
        await ctx.db.write(_propose_and_close, ctx, note=said[1])
        return Reply("已报单位负责人和法制机构，三日内决定是否移送。")
    found = await ctx.db.write(_handle_and_close, ctx, handling=said[0], note=said[1])
    due = (
        f"，期限 {day_words(ctx.calendar, found.due_on)}" if found.state == S.ORDERED and found.due_on else ""
    )
    return Reply(f"已登记：{NAMES[S(found.state)]}{due}。")


@router.action("report_correction")
async def ask_report(ctx: Context) -> Reply:
    """The enterprise: words and photos in the talk that opens."""
    return Reply(await ctx.db.write(_open_report, ctx))


@router.talk("correction")
async def take_report(ctx: Context) -> Reply:
    await ctx.db.write(_report_and_close, ctx)
    return Reply("已报告整改，等待检查人员复查。")


@router.photo("correction")
async def take_photo(ctx: Context) -> Reply:
    for stored in kept_files(ctx.event):
        await ctx.db.write(_add_photo, ctx, stored=stored)
    return Reply("照片已收到。请再回复一句整改情况。")


@router.action("close_followup")
async def press_close(ctx: Context) -> Reply:
    """复查合格. After a report the press is the note; without one the handler says what was seen."""
    found = await ctx.db.read(get_follow_up, ctx.subject_id)
    if found.state != S.RECHECK_DUE:
        return await _ask(ctx, "closing", _NOTE, waits=tuple(s for s in S if s is not S.CLOSED))
    await ctx.db.write(
        close, follow_up_id=ctx.subject_id, person_id=ctx.person_id, note="复查合格", now=ctx.clock.now()
    )
    return Reply()  # the card says it


@router.talk("closing")
async def take_closing(ctx: Context) -> Reply:
    await ctx.db.write(_close_and_close, ctx)
    return Reply("已办结。")


@router.action("reject_correction")
async def press_reject(ctx: Context) -> Reply:
    found = await ctx.db.write(
        reject_correction,
        follow_up_id=ctx.subject_id,
        person_id=ctx.person_id,
        now=ctx.clock.now(),
        calendar=ctx.calendar,
    )
    due = day_words(ctx.calendar, found.due_on) if found.due_on else ""
    return Reply(f"已退回企业继续整改，期限 {due}。" if due else "")


@router.action("publish_again")
async def press_publish(ctx: Context) -> Reply:
    """A coordinator after the data was corrected; the guard looks again."""
    await ctx.db.write(
        publish_again,
        visit_id=ctx.subject_id,
        by=ctx.person_id,
        now=ctx.clock.now(),
        profile=ctx.profile,
        calendar=ctx.calendar,
    )
    return Reply("已公示。")


def term_in(words: str, *, now: dt.datetime, calendar: Calendar) -> dt.date:
    """The term in *words* (5日内, 10个工作日内), else ten working days."""
    match = re.search(r"(\d{1,3})\s*个?(工作日|天|日)", words)
    if match is None or int(match[1]) == 0:
        return calendar.add_workdays(china_day(now), ORDER_WORKDAYS)
    if match[2] == "工作日":
        return calendar.add_workdays(china_day(now), int(match[1]))
    return china_day(now) + dt.timedelta(days=int(match[1]))


async def _ask(ctx: Context, topic: str, words: str, *, waits: tuple[FollowUpState, ...]) -> Reply:
    return Reply(await ctx.db.write(_open, ctx, topic=topic, words=words, waits=waits))


def _open(session: Session, ctx: Context, *, topic: str, words: str, waits: tuple[FollowUpState, ...]) -> str:
    found = get_follow_up(session, ctx.subject_id)
    require_handler(session, found, ctx.person_id)
    if found.state not in waits:
        return f"这项后续处置已是“{NAMES[S(found.state)]}”。"
    open_talk(session, ctx.talk_key, topic=topic, now=ctx.clock.now(), follow_up=found.id)
    return words


def _open_report(session: Session, ctx: Context) -> str:
    found = get_follow_up(session, ctx.subject_id)
    require_reporter(session, found, ctx.person_id)
    if found.state not in (S.ORDERED, S.RECHECK_DUE):
        raise Problem("wrong_state", f"这项要求已是“{NAMES[S(found.state)]}”，不用再报告。")
    open_talk(session, ctx.talk_key, topic="correction", now=ctx.clock.now(), follow_up=found.id)
    return _SAY


def _propose_and_close(session: Session, ctx: Context, *, note: str) -> None:
    propose(session, follow_up_id=ctx.talk["follow_up"], person_id=ctx.person_id, note=note, now=ctx.clock.now(),
            profile=ctx.profile)  # fmt: skip
    close_talk(session, ctx.talk_key)


def _handle_and_close(session: Session, ctx: Context, *, handling: Handling, note: str) -> FollowUp:
    number, now = ctx.talk["follow_up"], ctx.clock.now()
    if handling is Handling.ORDER:
        due = term_in(note, now=now, calendar=ctx.calendar)
        found = order(session, follow_up_id=number, person_id=ctx.person_id, text=note, due_on=due, now=now)
    else:
        found = handle(
            session, follow_up_id=number, person_id=ctx.person_id, handling=handling, note=note, now=now
        )
    close_talk(session, ctx.talk_key)
    return found


def _report_and_close(session: Session, ctx: Context) -> None:
    report_correction(
        session,
        follow_up_id=ctx.talk["follow_up"],
        person_id=ctx.person_id,
        text=ctx.words,
        now=ctx.clock.now(),
    )
    close_talk(session, ctx.talk_key)


def _add_photo(session: Session, ctx: Context, *, stored: Stored) -> None:
    add_photo(
        session,
        follow_up_id=ctx.talk["follow_up"],
        person_id=ctx.person_id,
        stored=stored,
        source=ctx.event.platform.upper(),
        now=ctx.clock.now(),
    )


def _close_and_close(session: Session, ctx: Context) -> None:
    close(
        session,
        follow_up_id=ctx.talk["follow_up"],
        person_id=ctx.person_id,
        note=ctx.words,
        now=ctx.clock.now(),
    )
    close_talk(session, ctx.talk_key)
