"""What is sent besides words: a photo or a position belongs to the question being asked, or to the one its sender names."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

from sqlmodel import Session

from bot.inspection.checklists.answers import AnswerValue, Missing, files_value
from bot.inspection.checklists.chat_places import address
from bot.inspection.checklists.definition import QuestionType
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.keeping import add_evidence
from bot.inspection.checklists.queries import FormFacts, form_facts, open_visits
from bot.inspection.checklists.service import save_draft
from bot.inspection.checklists.values import plain
from bot.messaging.media import kept_files
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, current, open_talk
from handlers.chat.checklist import ending, facts_of, go_on, keep
from handlers.chat.checklist_place import Place, find_place, first_open, places
from handlers.chat.tasks import place as check_in_by_place

router = Router()
_OFFER = "photo_offer"
_SOURCES = {"wecom": "WECOM", "dingtalk": "DINGTALK"}
_YES = {"是", "好", "好的", "对", "归入", "可以", "确认", "yes", "ok", "嗯"}
_NO = {"否", "不", "不是", "不用", "不要", "不归入", "no"}


@router.photo("checklist")
async def photo(ctx: Context) -> Reply:
    """A photo during the talk is evidence of the question that is being asked."""
    place = find_place(await facts_of(ctx), ctx.person_id, ctx.talk["at"])
    if place is None:
        return ending(ctx, await facts_of(ctx))
    await _attach(ctx, ctx.talk["form"], place, kept_files(ctx.event))
    if place.question.wants_files:
        return await keep(ctx, place, AnswerValue(files_value(place.question)))
    facts = await facts_of(ctx)
    again = find_place(facts, ctx.person_id, place.key)
    if again is None or not again.answer.value:
        return Reply(f"照片已归入第{place.question.number}项。请继续回答这一项。")
    return await go_on(ctx, facts, said="照片已保存。", here=again)


@router.photo("place:checklist")
async def position(ctx: Context) -> Reply:
    """A position answers the question that asks for one; beside any other question it checks in, as it does alone."""
    place = find_place(await facts_of(ctx), ctx.person_id, ctx.talk["at"])
    at = (ctx.event.latitude, ctx.event.longitude)
    if place is None or place.question.type is not QuestionType.PLACE or None in at:
        return await check_in_by_place(ctx)
    return await keep(ctx, place, AnswerValue("{:.6f},{:.6f}".format(*at)))


@router.photo("")
async def photo_alone(ctx: Context) -> Reply:
    """A photo outside any talk: kept already, and offered to the open question of the one form being filled.

    A talk about something else goes on: the offer would take its place.
    """
    files = kept_files(ctx.event)
    talk = await ctx.db.read(current, ctx.talk_key, now=ctx.clock.now())
    if talk is not None and talk.topic != _OFFER:
        return Reply("照片没有归入任何检查。请先回复刚才的问题（或回复“取消”），再发照片。")
    facts = await ctx.db.read(_being_filled, person_id=ctx.person_id)
    place = _waiting_for_photo(facts, ctx.person_id) if facts else None
    if facts is None or facts.form is None or place is None:
        return Reply("照片没有归入任何检查。请先打开检查表上传，或回复“逐项”开始逐项填写后再发照片。")
    offer = {"visit": facts.visit.visit.id, "form": facts.form.id, "at": place.key, "files": _plain(files)}
    await ctx.db.write(_offer, ctx.talk_key, now=ctx.clock.now(), talk=offer)
    return Reply(_question(facts, place, len(files)))


@router.photo(_OFFER)
async def one_more(ctx: Context) -> Reply:
    """Photos come one by one: what is said next is about all of them."""
    facts = await facts_of(ctx)
    place = find_place(facts, ctx.person_id, ctx.talk["at"])
    files = [*ctx.talk["files"], *_plain(kept_files(ctx.event))]
    if place is None:
        return await photo_alone(ctx)
    await ctx.db.write(_offer, ctx.talk_key, now=ctx.clock.now(), talk={**ctx.talk, "files": files})
    return Reply(_question(facts, place, len(files)))


@router.talk(_OFFER)
async def where_to(ctx: Context) -> Reply:
    """是, another question's number, or 否."""
    words, facts = plain(ctx.words).strip(" 。.！!"), await facts_of(ctx)
    if words in _NO:
        await ctx.db.write(close_talk, ctx.talk_key)
        return Reply("好的，照片没有归入任何检查。")
    place = find_place(facts, ctx.person_id, ctx.talk["at"]) if words in _YES else _named(ctx, facts, words)
    if place is None:
        return Reply("请回复“是”、题号（例如 第8项），或“否”。")
    await ctx.db.write(
        close_talk, ctx.talk_key
    )  # first: a form that closed meanwhile refuses, and nobody is asked on
    files = [Stored(**one) for one in ctx.talk["files"]]
    await _attach(ctx, ctx.talk["form"], place, files)
    if place.question.wants_files:
        given = {place.key: {"value": files_value(place.question)}}
        await ctx.db.write(
            save_draft, form_id=ctx.talk["form"], person_id=ctx.person_id, changes=given, base_version=0
        )
    return Reply(f"{len(files)} 张照片已归入第{place.question.number}项“{place.question.text}”。")


def _named(ctx: Context, facts: FormFacts, words: str) -> Place | None:
    """The question whose number *words* are."""
    found = address(words)
    key = found.key if found else words.removeprefix("第").removesuffix("项").replace("-", "_")
    code = ctx.talk["at"].partition(":")[0]
    mine = sorted(places(facts, ctx.person_id), key=lambda place: place.checklist.code != code)
    return next((place for place in mine if place.question.key == key), None)


def _waiting_for_photo(facts: FormFacts, person_id: int) -> Place | None:
    """The first question that still lacks a photo, else the first that lacks anything."""
    lacking = (place for place in places(facts, person_id) if Missing.PHOTO in place.lacking)
    pictures = (
        place
        for place in places(facts, person_id)
        if place.question.type is QuestionType.PHOTO and place.lacking
    )
    return next(lacking, None) or next(pictures, None) or first_open(facts, person_id, [])


def _being_filled(session: Session, *, person_id: int) -> FormFacts | None:
    """The one form this officer is filling; None when there is none or more than one."""
    begun = (form_facts(session, visit) for visit, _ in open_visits(session, person_id=person_id, begun=True))
    unsigned = (facts for facts in begun if not facts.sheet_stands)
    first, another = next(unsigned, None), next(unsigned, None)
    return first if another is None else None


def _question(facts: FormFacts, place: Place, count: int) -> str:
    return (
        f"收到 {count} 张照片。要归入“{facts.visit.object.name}”第{place.question.number}项"
        f"“{place.question.text}”吗？回复“是”；归入别的题，回复题号（例如 第8项）；不归入，回复“否”。"
    )


async def _attach(ctx: Context, form_id: str, place: Place, files: list[Stored]) -> None:
    for stored in files:
        await ctx.db.write(
            add_evidence,
            form_id=form_id,
            person_id=ctx.person_id,
            question=place.key,
            stored=stored,
            now=ctx.clock.now(),
            source=_SOURCES.get(ctx.event.platform, "H5"),
        )


def _plain(files: list[Stored]) -> list[dict[str, Any]]:
    return [{name: asdict(file)[name] for name in ("sha256", "size", "media_type")} for file in files]


def _offer(session: Session, key: str, *, now: dt.datetime, talk: dict[str, Any]) -> None:
    open_talk(session, key, topic=_OFFER, now=now, **talk)
