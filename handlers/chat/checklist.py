"""逐项问答: the checklist in chat, one question at a time, into the same draft as the page."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from sqlmodel import Session

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.checklists.answers import AnswerValue, Missing, show_answer
from bot.inspection.checklists.chat import ChatCommand, ChatProblem, command_in, complete_chat_answer
from bot.inspection.checklists.conclusions import NOTHING_FOUND, conclusion_key
from bot.inspection.checklists.definition import QuestionType
from bot.inspection.checklists.evidence import open_store
from bot.inspection.checklists.queries import FormFacts, form_facts, open_visits
from bot.inspection.checklists.service import open_form, save_draft, tell_training_missing
from bot.inspection.checklists.values import plain
from bot.inspection.results.closing import Closing
from bot.inspection.results.submit import submit_visit
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk
from handlers.chat.checklist_place import (
    HELP,
    Place,
    ask,
    ask_part,
    before,
    count,
    find_place,
    first_open,
    last_place,
    left,
    overview,
    to_conclude,
    turn,
)
from handlers.record_sheet import close_sheet

router = Router()
_LISTED = 8
_END = "全部答完了。请被检查单位打开签字页签字；没有人签字的，回复“拒签 原因”。之后两名执法人员签名（回复“签名”），再回复“提交”。"


@router.action("ask_by_chat")
async def start_from_card(ctx: Context) -> Reply:
    return await _start(ctx, ctx.subject_id)


@router.command("逐项问答", "逐项")
async def start_by_words(ctx: Context) -> Reply:
    """With a number (or its end) that visit; without one the only open visit."""
    found = await ctx.db.read(open_visits, person_id=ctx.person_id)
    wanted = [v for v in found if v[1].endswith(ctx.words)] if ctx.words else found
    if len(wanted) == 1:
        return await _start(ctx, wanted[0][0])
    if not found:
        return Reply("您现在没有可以填写的检查。")
    listed = "\n".join(f"- 逐项 {number}" for _, number in found[:_LISTED])
    return Reply(f"要填哪一个？请回复其中一行：\n{listed}")


@router.talk("checklist")
async def answer(ctx: Context) -> Reply:
    """One message: an answer, the missing part of one, or a word such as 上一项 or 提交."""
    words = ctx.words
    if words.startswith("逐项"):
        rest = words.removeprefix("逐项问答").removeprefix("逐项").strip()
        return await start_by_words(replace(ctx, words=rest))
    if words.startswith("拒签"):
        return await _refuse_signature(ctx, words.removeprefix("拒签").strip(" ，,：:"))
    return await (_submit(ctx) if words == "提交" else _answer(ctx))


async def _answer(ctx: Context) -> Reply:
    facts = await facts_of(ctx)
    place = find_place(facts, ctx.person_id, ctx.talk["at"])
    if place is None:
        return await _at_the_end(ctx, facts)
    part = place.lacking[0] if place.lacking else Missing.VALUE
    free = part is Missing.NOTE or place.question.type is QuestionType.TEXT
    meant = turn(facts, ctx.person_id, place, ctx.words, free=free)
    if meant.ask_back:
        return Reply(meant.ask_back)
    if meant.place.key != place.key:
        place, part = meant.place, Missing.VALUE
        if not meant.words:
            return await _go(ctx, facts, place, "")
    return await _take(ctx, facts, place, part, meant.words)


async def _at_the_end(ctx: Context, facts: FormFacts) -> Reply:
    """Everything is answered: a conclusion, a look back, or a correction by number."""
    if plain(ctx.words).strip(" 。.！!") == NOTHING_FOUND:
        return await _conclude(ctx, facts)
    last = last_place(facts, ctx.person_id)
    if last is None:
        return ending(ctx, facts)
    command = command_in(ctx.words)
    if command is ChatCommand.BACK:
        return await _go(ctx, facts, last, "")
    if command is not None and command is not ChatCommand.SKIP:
        return await _obey(ctx, facts, last, command)
    meant = turn(facts, ctx.person_id, last, ctx.words, free=False)
    if meant.ask_back or meant.words == ctx.words:
        return Reply(meant.ask_back) if meant.ask_back else ending(ctx, facts)
    if not meant.words:
        return await _go(ctx, facts, meant.place, "")
    return await _take(ctx, facts, meant.place, Missing.VALUE, meant.words)


async def _take(ctx: Context, facts: FormFacts, place: Place, part: Missing, words: str) -> Reply:
    """*words* as the *part* of an answer that *place* lacks, or as a command."""
    today = china_day(ctx.clock.now())
    result = complete_chat_answer(place.question, place.answer, part, words, photos=place.photos, today=today)
    if isinstance(result, ChatProblem):
        return Reply(result.text)
    if isinstance(result, ChatCommand):
        return await _obey(ctx, facts, place, result)
    return await keep(ctx, place, result.answer)


async def _start(ctx: Context, visit_id: int) -> Reply:
    try:
        form = await ctx.db.write(
            open_form, visit_id=visit_id, person_id=ctx.person_id, now=ctx.clock.now(), profile=ctx.profile
        )
    except Problem as problem:
        if problem.key == "training_missing":
            await ctx.db.write(
                tell_training_missing, visit_id=visit_id, person_id=ctx.person_id, now=ctx.clock.now()
            )
        raise
    facts = await ctx.db.read(form_facts, visit_id)
    if not facts.is_open:
        return Reply("这次检查的结果已经提交。")
    talk = {"visit": visit_id, "form": form.id, "at": "", "skipped": []}
    done, asked = count(facts, ctx.person_id)
    name = facts.visit.object.name
    intro = f"{name}，共 {asked} 项，已答 {done} 项。随时可以说：上一项、撤回、跳过、查看、暂停。"
    return await go_on(replace(ctx, talk=talk), facts, said=intro)


async def keep(ctx: Context, place: Place, given: AnswerValue) -> Reply:
    """Save the answer of one question and ask on."""
    await _save(ctx, place.key, given)
    facts = await facts_of(ctx)
    here = find_place(facts, ctx.person_id, place.key)
    said = f"第{place.question.number}项：{show_answer(place.question, given)}。" if given.value else ""
    return await go_on(ctx, facts, said=said, here=here)


async def _save(ctx: Context, key: str, given: AnswerValue) -> None:
    form_id = ctx.talk["form"]
    changes = {key: given.to_dict()}
    await ctx.db.write(save_draft, form_id=form_id, person_id=ctx.person_id, changes=changes, base_version=0)


async def go_on(ctx: Context, facts: FormFacts, *, said: str = "", here: Place | None = None) -> Reply:
    """Ask for what *here* still lacks, else for the next question; remember where we are."""
    if here is not None and here.answer.value and here.lacking:
        if here.key != ctx.talk["at"]:
            talk = {**ctx.talk, "at": here.key}
            await ctx.db.write(_remember, ctx.talk_key, now=ctx.clock.now(), talk=talk)
        return Reply(f"{said}{ask_part(here)}")
    place = first_open(facts, ctx.person_id, ctx.talk["skipped"])
    return await _go(ctx, facts, place, said)


async def _go(ctx: Context, facts: FormFacts, place: Place | None, said: str) -> Reply:
    talk = {**ctx.talk, "at": place.key if place else ""}
    await ctx.db.write(_remember, ctx.talk_key, now=ctx.clock.now(), talk=talk)
    if place is None:
        return ending(ctx, facts, said)
    return Reply(f"{said}\n\n{ask(place)}".strip())


async def _obey(ctx: Context, facts: FormFacts, place: Place, command: ChatCommand) -> Reply:
    if command is ChatCommand.PAUSE:
        await ctx.db.write(close_talk, ctx.talk_key)
        return Reply("已暂存，同伴和网页上都能看到。回复“逐项”继续。")
    if command is ChatCommand.SHOW:
        return Reply(overview(facts, ctx.person_id) + f"\n\n{ask(place)}")
    if command in {ChatCommand.LEFT, ChatCommand.HELP}:
        said = left(facts, ctx.person_id) if command is ChatCommand.LEFT else HELP
        return Reply(f"{said}\n\n{ask(place)}")
    if command is ChatCommand.SKIP:
        talk = {**ctx.talk, "skipped": [*ctx.talk["skipped"], place.key]}
        return await go_on(replace(ctx, talk=talk), facts, said="先放着，最后再问。")
    undo_here = command is ChatCommand.UNDO and bool(place.answer.value)
    target = place if undo_here else before(facts, ctx.person_id, place)
    if target is None:
        return Reply(f"这是第一项。\n\n{ask(place)}")
    if command is ChatCommand.UNDO:
        await _save(ctx, target.key, AnswerValue())
        target = Place(target.checklist, target.question, AnswerValue(), target.photos)
    return await _go(ctx, facts, target, "已撤回。" if command is ChatCommand.UNDO else "")


async def _refuse_signature(ctx: Context, reason: str) -> Reply:
    await close_sheet(
        ctx.db,
        open_store(ctx.settings),
        form_id=ctx.talk["form"],
        person_id=ctx.person_id,
        closing=Closing(refusal_code="OTHER", refusal_text=reason),
        shown=None,
        now=ctx.clock.now(),
        profile=ctx.profile,
        public_url=ctx.settings.public_url,
    )
    return Reply(
        "已按未签字关闭记录表。请核对后回复“签名”；同伴也签名后，回复“提交”。",
        links=(("看记录表", _page(ctx, "/review")),),
    )


async def _submit(ctx: Context) -> Reply:
    try:
        receipt = await ctx.db.write(
            submit_visit,
            form_id=ctx.talk["form"],
            person_id=ctx.person_id,
            now=ctx.clock.now(),
            profile=ctx.profile,
            calendar=ctx.calendar,
        )
    except Problem as problem:
        if problem.key not in ("form_incomplete", "officers_unsigned"):
            raise
        faults = [f"- {why}" for why in list(problem.fields.values())[:_LISTED]]
        page = (("打开签字页", _page(ctx, "/review")),)
        return Reply("\n".join([problem.text, *faults]), links=page)
    await ctx.db.write(close_talk, ctx.talk_key)
    text = f"已提交审核：{receipt.object}，{receipt.result}。编号 {receipt.number}。"
    return Reply(text, title="已提交", links=(("看回执", _page(ctx, "/receipt")),))


def ending(ctx: Context, facts: FormFacts, said: str = "") -> Reply:
    """Nothing lacks an answer any more: what comes next."""
    clean = to_conclude(facts, ctx.person_id)
    if clean:
        names = "、".join(item.name for item in clean)
        return Reply(
            f"{said}\n\n都答完了，没有不合格项（{names}）。确实如此，请回复“{NOTHING_FOUND}”。".strip()
        )
    return Reply(f"{said}\n\n{_END}".strip(), links=(("打开签字页", _page(ctx, "/review")),))


async def _conclude(ctx: Context, facts: FormFacts) -> Reply:
    """未发现问题, said by the officer and by nobody else."""
    clean = to_conclude(facts, ctx.person_id)
    changes = {conclusion_key(item.id): {"value": NOTHING_FOUND} for item in clean}
    await ctx.db.write(
        save_draft, form_id=ctx.talk["form"], person_id=ctx.person_id, changes=changes, base_version=0
    )
    return ending(ctx, await facts_of(ctx), f"结论：{NOTHING_FOUND}。" if clean else "")


async def facts_of(ctx: Context) -> FormFacts:
    """The form this talk is about, as it is now."""
    return await ctx.db.read(form_facts, ctx.talk["visit"])


def _page(ctx: Context, page: str) -> str:
    return f"/form/{ctx.links.sign('form', [ctx.person_id, ctx.talk['visit']])}{page}"


def _remember(session: Session, key: str, *, now: dt.datetime, talk: dict[str, Any]) -> None:
    open_talk(session, key, topic="checklist", now=now, **talk)
