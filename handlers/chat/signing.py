"""签名 and 有不同意见: an officer and the record sheet."""

from __future__ import annotations

from sqlmodel import Session

from bot.core.errors import Problem
from bot.inspection.checklists.evidence import open_store
from bot.inspection.checklists.queries import FormFacts, form_facts
from bot.inspection.results.signing import Mark, sheets_to_sign
from bot.inspection.tasks.queries import require_officer
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, open_talk
from handlers.record_sheet import sign_sheet

router = Router()
_LISTED = 8
_ASK = "请直接回复您的不同意见，会写在记录表上您的名字旁边。回复“取消”则不签。"
_COMPLETE = "签名已齐，可以提交审核：打开检查表提交，正在逐项问答的回复“提交”。"
_NOTHING = (
    "现在没有等您签名的记录表。检查表答完，被检查单位签字（没有人签字的回复“拒签 原因”）之后，才能签名。"
)
_WAITING = "已签名。同伴签名后就可以提交审核。"


@router.action("sign_sheet")
async def sign(ctx: Context) -> Reply:
    complete = await _sign(ctx, ctx.subject_id, Mark(way=ctx.event.platform.upper()))
    return Reply(_COMPLETE if complete else "")


@router.command("签名")
async def sign_by_words(ctx: Context) -> Reply:
    """With a number (or its end) that sheet; without one the only sheet that waits."""
    waiting = await ctx.db.read(sheets_to_sign, person_id=ctx.person_id)
    wanted = [v for v in waiting if v[1].endswith(ctx.words)] if ctx.words else waiting
    if len(wanted) == 1:
        complete = await _sign(ctx, wanted[0][0], Mark(way=ctx.event.platform.upper()))
        return Reply(_COMPLETE if complete else _WAITING)
    if not waiting:
        return Reply(_NOTHING)
    listed = "\n".join(f"- 签名 {number}" for _, number in waiting[:_LISTED])
    return Reply(f"要签哪一份？请回复其中一行：\n{listed}")


@router.action("object_sheet")
async def ask_objection(ctx: Context) -> Reply:
    await ctx.db.write(_open, ctx, visit_id=ctx.subject_id)
    return Reply(_ASK)


@router.talk("objection")
async def take_objection(ctx: Context) -> Reply:
    mark = Mark(agrees=False, objection=ctx.words, way=ctx.event.platform.upper())
    complete = await _sign(ctx, ctx.talk["visit"], mark)
    await ctx.db.write(close_talk, ctx.talk_key)
    return Reply(f"已签名，不同意见已写在记录表上，负责人会看到。{_COMPLETE if complete else ''}")


async def _sign(ctx: Context, visit_id: int, mark: Mark) -> bool:
    facts: FormFacts = await ctx.db.read(form_facts, visit_id)
    if facts.form is None:
        raise Problem("record_open", "这次检查还没有记录表。")
    return await sign_sheet(
        ctx.db, open_store(ctx.settings), form_id=facts.form.id,
        person_id=ctx.person_id, mark=mark, now=ctx.clock.now(), profile=ctx.profile,
        public_url=ctx.settings.public_url,
    )  # fmt: skip


def _open(session: Session, ctx: Context, *, visit_id: int) -> None:
    require_officer(session, visit_id, ctx.person_id)
    open_talk(session, ctx.talk_key, topic="objection", now=ctx.clock.now(), visit=visit_id)
