"""待审: the queue in chat, several at once; 更正: a result that was approved already."""

from __future__ import annotations

import re

from sqlmodel import Session

from bot.inspection.calendar import Calendar
from bot.inspection.deadlines.shown import day_words
from bot.inspection.publication.corrections import correct
from bot.inspection.registry.models import Item
from bot.inspection.results.correction import DECIDED, correct_result
from bot.inspection.results.labels import LABELS, label_of
from bot.inspection.results.queue import Entry, pass_many, review_queue
from bot.inspection.results.queue_words import read_wish
from bot.inspection.results.service import Decision, item_results, require_reviewer, review_visit
from bot.inspection.tasks.models import VisitState
from bot.inspection.tasks.queries import get_visit, visit_ending
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk

router = Router()
_LISTED = 10
_HOW = "回复“通过 1、3”一起通过，“退回 2 理由”退回一件；有 ⚠ 的请打开逐件看。回复“取消”结束。"
_CORRECT_HOW = (
    "请回复：事项号 结果 理由。例如：1 发现问题已责令改正 复核照片发现过期原料。"
    "已公示的，理由随公示公开，不要写个人信息。回复“取消”则不更正。"
)


@router.command("待审", "审核队列", "待审核")
async def show(ctx: Context) -> Reply:
    entries, total = await ctx.db.write(_list, ctx)
    if not entries:
        return Reply("没有等您审核的检查结果。")
    lines = [_line(n, one, ctx.calendar) for n, one in enumerate(entries, start=1)]
    more = f"\n另有 {total - len(entries)} 件，打开队列查看。" if total > len(entries) else ""
    page = f"/reviews/{ctx.links.sign('reviews', [ctx.person_id])}"
    return Reply(
        "\n".join(lines) + more + f"\n\n{_HOW}", title=f"待审核 {total} 件", links=(("打开审核队列", page),)
    )


@router.talk("review_queue")
async def decide(ctx: Context) -> Reply:
    """Several pass, or one goes back; what is not understood changes nothing."""
    wish = read_wish(ctx.words)
    listed: list[int] = ctx.talk["visits"]
    if wish is None or max(wish.places) > len(listed):
        return Reply(f"没有看懂，什么也没有改。{_HOW}")
    chosen = [listed[place - 1] for place in wish.places]
    if wish.passes:
        done = await ctx.db.write(pass_many, visit_ids=chosen, reviewer_id=ctx.person_id, now=ctx.clock.now())
        left = [f"- {one.number or one.visit_id}：{one.why}" for one in done if one.why]
        return Reply("\n".join([f"已通过 {len(done) - len(left)} 件。", *left]))
    for visit_id in chosen:
        await ctx.db.write(review_visit, visit_id=visit_id, reviewer_id=ctx.person_id, decision=Decision.RETURNED,
                           reason=wish.reason, now=ctx.clock.now())  # fmt: skip
    return Reply(f"已退回 {len(chosen)} 件，检查人员会收到理由：{wish.reason}")


@router.command("更正")
async def ask_correction(ctx: Context) -> Reply:
    """更正 and the end of a number: what stands now, and how to say what it should be."""
    if not re.fullmatch(r"[\d-]{3,}", ctx.words):
        return Reply("请这样写：更正 编号末几位。例如：更正 0012")
    return Reply(await ctx.db.write(_open_correction, ctx))


@router.talk("result_correction")
async def take_correction(ctx: Context) -> Reply:
    found = re.match(r"(\d+)[\s、.．]+(\S+)\s+(.+)", ctx.words.strip(), re.DOTALL)
    code = _code(found[2]) if found else ""
    items: list[int] = ctx.talk["items"]
    if found is None or not code or not 1 <= int(found[1]) <= len(items):
        return Reply(f"没有看懂，什么也没有改。{_CORRECT_HOW}")
    await ctx.db.write(_correct, ctx, item=items[int(found[1]) - 1], code=code, reason=found[3])
    return Reply(f"已更正为“{label_of(code)}”，原结果保留，检查人员会收到理由。")


def _list(session: Session, ctx: Context) -> tuple[list[Entry], int]:
    entries, total = review_queue(session, person_id=ctx.person_id, limit=_LISTED)
    if entries:
        open_talk(
            session,
            ctx.talk_key,
            topic="review_queue",
            now=ctx.clock.now(),
            visits=[e.visit_id for e in entries],
        )
    return entries, total


def _line(place: int, one: Entry, calendar: Calendar) -> str:
    due = f"，{day_words(calendar, one.due)} 前公示" if one.due else ""
    signs = "".join(f"\n   ⚠ {sign}" for sign in one.signs[:3])
    return f"{place}. {one.object}：{one.result}{due}{signs}"


def _open_correction(session: Session, ctx: Context) -> str:
    visit = visit_ending(session, ctx.words, DECIDED)
    require_reviewer(session, visit.id or 0, ctx.person_id)
    results = item_results(session, visit.id or 0)
    open_talk(session, ctx.talk_key, topic="result_correction", now=ctx.clock.now(), visit=visit.id,
              items=[result.item_id for result in results])  # fmt: skip
    lines = [
        f"{n}. {session.get_one(Item, r.item_id).name}：{'；'.join(label_of(c) for c in r.codes)}"
        for n, r in enumerate(results, start=1)
    ]
    return "\n".join([f"{visit.number} 现在的结果：", *lines, "", _CORRECT_HOW])


def _correct(session: Session, ctx: Context, *, item: int, code: str, reason: str) -> None:
    """Published results change together with their public record."""
    visit_id: int = ctx.talk["visit"]
    now = ctx.clock.now()
    if get_visit(session, visit_id).state == VisitState.PUBLISHED:
        correct(session, visit_id=visit_id, codes={item: [code]}, ground=reason, by=ctx.person_id, now=now,
                profile=ctx.profile)  # fmt: skip
    else:
        correct_result(
            session, visit_id=visit_id, codes={item: [code]}, reason=reason, by=ctx.person_id, now=now
        )
    close_talk(session, ctx.talk_key)


def _code(words: str) -> str:
    """The result code of a label or of the code itself; empty for anything else."""
    wanted = words.strip('“”"').upper()
    return next((code.value for code, label in LABELS.items() if wanted in (code.value, label.published)), "")
