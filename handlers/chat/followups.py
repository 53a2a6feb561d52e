"""登记处理、已整改、复查合格、仍需整改、重新公示: what becomes of a problem, in chat."""

from __future__ import annotations

from sqlmodel import Session

from bot.core.errors import Problem
from bot.inspection.checklists.evidence import Stored
from bot.inspection.deadlines.shown import day_words
from bot.inspection.followups.handling import record_handling
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.rules import NAMES, Handling, handlings, read_handling
from bot.inspection.followups.service import (
    add_photo,
    close,
    get_follow_up,
    reject_correction,
    report_correction,
    require_handler,
    require_no_crime,
    require_reporter,
)
from bot.inspection.publication.service import publish_again
from bot.messaging.media import kept_files
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()
S = FollowUpState
_EXAMPLES = {
    Handling.ORDER: "5日内张贴公示栏", Handling.CASE: "文号或案由", Handling.TRANSFER: "接收部门",
    Handling.CRIME: "事实和依据", Handling.NO_PENALTY: "理由", Handling.LISTED: "文号",
    Handling.CLOSE: "说明，有处罚决定的写文号和结果",
}  # fmt: skip
_SAY = "请回复整改情况，也可以先发照片。回复“取消”则不报告。"
_NOTE = "请回复复查情况，例如：已现场复查，问题改正。"


@router.action("handle_followup")
async def ask_handling(ctx: Context) -> Reply:
    return Reply(await ctx.db.write(_open_handling, ctx))


@router.talk("handling")
async def take_handling(ctx: Context) -> Reply:
    said = read_handling(ctx.words)
    if said is None:
        found = await ctx.db.read(get_follow_up, ctx.talk["follow_up"])
        return Reply(_how(found))
    found = await ctx.db.write(_handle_and_close, ctx, handling=said[0], note=said[1])
    if said[0] is Handling.CRIME:
        return Reply("已报单位负责人和法制机构，三日内决定是否移送。")
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
        return Reply(await ctx.db.write(_open, ctx, topic="closing", words=_NOTE))
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


def _how(found: FollowUp) -> str:
    """Which handlings the follow-up can take as it is now, and how to say them."""
    now = "" if found.state == S.OPEN else f"现在是“{NAMES[S(found.state)]}”。"
    ways = [f"- {handling} {_EXAMPLES[handling]}" for handling in handlings(found.state)]
    return "\n".join([f"{now}请回复处理方式和说明，例如：", *ways, "回复“取消”则不登记。"])


def _open_handling(session: Session, ctx: Context) -> str:
    return _open(session, ctx, topic="handling", words=_how(get_follow_up(session, ctx.subject_id)))


def _open(session: Session, ctx: Context, *, topic: str, words: str) -> str:
    found = get_follow_up(session, ctx.subject_id)
    require_handler(session, found, ctx.person_id)
    if found.state == S.CLOSED:
        return f"这项后续处置已是“{NAMES[S.CLOSED]}”。"
    require_no_crime(session, found)
    open_talk(session, ctx.talk_key, topic=topic, now=ctx.clock.now(), follow_up=found.id)
    return words


def _open_report(session: Session, ctx: Context) -> str:
    found = get_follow_up(session, ctx.subject_id)
    require_reporter(session, found, ctx.person_id)
    if found.state not in (S.ORDERED, S.RECHECK_DUE):
        raise Problem("wrong_state", f"这项要求已是“{NAMES[S(found.state)]}”，不用再报告。")
    open_talk(session, ctx.talk_key, topic="correction", now=ctx.clock.now(), follow_up=found.id)
    return _SAY


def _handle_and_close(session: Session, ctx: Context, *, handling: Handling, note: str) -> FollowUp:
    found = record_handling(
        session, follow_up_id=ctx.talk["follow_up"], person_id=ctx.person_id, handling=handling, note=note,
        now=ctx.clock.now(), profile=ctx.profile, calendar=ctx.calendar,
    )  # fmt: skip
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
