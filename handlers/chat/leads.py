"""What a department's lead decides in chat: recusal, 催办, 谁没收到."""

from __future__ import annotations

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.draws.replacement import decide_recusal
from bot.inspection.notices.fate import fate
from bot.inspection.notices.models import Notice, NoticeState
from bot.inspection.notices.service import touch_cards
from bot.inspection.people.models import Person, PersonRole, Role
from bot.inspection.tasks.creation import confirm_libraries
from bot.inspection.tasks.models import Task, TaskState
from bot.inspection.tasks.queries import leads_of
from bot.inspection.tasks.reminders import unanswered
from bot.inspection.tasks.service import remind_all
from bot.messaging.router import Context, Reply, Router
from handlers.web.console_words import KINDS

router = Router()
_LISTED = 15


@router.action("grant_recusal")
async def grant(ctx: Context) -> Reply:
    return await _decide(ctx, granted=True)


@router.action("deny_recusal")
async def deny(ctx: Context) -> Reply:
    return await _decide(ctx, granted=False)


async def _decide(ctx: Context, *, granted: bool) -> Reply:
    await ctx.db.write(
        decide_recusal, officer_id=ctx.subject_id, granted=granted, by=ctx.person_id, now=ctx.clock.now()
    )
    return Reply()  # the card says who follows


@router.action("remind_all")
async def press_remind_all(ctx: Context) -> Reply:
    new = await ctx.db.write(_remind, task_id=ctx.subject_id, ctx=ctx)
    return Reply(f"已催办 {new} 人次。" if new else "一小时内已经催办过。")


def _remind(session: Session, *, task_id: int, ctx: Context) -> int:
    task = session.get(Task, task_id)
    if task is None or ctx.person_id not in leads_of(session, task.lead_department_id):
        raise Problem("forbidden", "只有检查部门负责人可以催办。")
    return remind_all(session, task_id=task_id, now=ctx.clock.now(), actor=ctx.person_id)


@router.action("confirm_libraries")
async def press_confirm(ctx: Context) -> Reply:
    """两库确认 by a keeper of the libraries or a lead."""
    await ctx.db.write(_confirm, task_id=ctx.subject_id, ctx=ctx)
    return Reply()  # the card says it


def _confirm(session: Session, *, task_id: int, ctx: Context) -> None:
    task = session.get(Task, task_id)
    roles = set(session.exec(select(PersonRole.role).where(PersonRole.person_id == ctx.person_id)))
    if task is None or not roles & {Role.ADMIN, Role.COORDINATOR}:
        raise Problem("forbidden", "两库由名录库管理员确认。")
    confirm_libraries(session, task_id=task_id, now=ctx.clock.now(), actor=ctx.person_id)
    touch_cards(session, f"task:{task_id}", now=ctx.clock.now())


@router.command("谁没收到", "谁没接收", "未接收")
async def who_has_not(ctx: Context) -> Reply:
    """Names and reasons, for a lead or the coordinator."""
    lines = await ctx.db.read(_waiting_lines, person_id=ctx.person_id)
    return Reply("\n".join(lines[:_LISTED]) or "所有任务均已接收。", title="谁没收到")


def _waiting_lines(session: Session, *, person_id: int) -> list[str]:
    roles = set(session.exec(select(PersonRole.role).where(PersonRole.person_id == person_id)))
    if not roles & {Role.LEAD, Role.COORDINATOR}:
        raise Problem("forbidden", "只有负责人和联席办可以查询。")
    department = None if Role.COORDINATOR in roles else session.get_one(Person, person_id).department_id
    if department is None and Role.COORDINATOR not in roles:
        raise Problem("forbidden", "名录库里没有您的部门，请联系管理员。")
    query = select(Task).where(col(Task.state).in_([TaskState.DISPATCHED, TaskState.IN_PROGRESS]))
    if Role.COORDINATOR not in roles:
        query = query.where(Task.lead_department_id == department)
    lines = [line for task in session.exec(query) for line in _lines_of(session, task)]
    return lines + _undelivered_lines(session, department)


def _undelivered_lines(session: Session, department: int | None) -> list[str]:
    """What did not reach people of the department (None: of all) beside the tasks: newest first."""
    query = (
        select(Notice, Person.name)
        .join(Person, col(Person.id) == col(Notice.recipient_id))
        .where(Notice.state == NoticeState.FAILED, Notice.kind != "assignment")
        .order_by(col(Notice.id).desc())
        .limit(_LISTED)
    )
    if department is not None:
        query = query.where(Person.department_id == department)
    return [f"- {name}：{KINDS.get(one.kind, one.kind)}{fate(one)}" for one, name in session.exec(query)]


def _lines_of(session: Session, task: Task) -> list[str]:
    lines = []
    for visit, person in unanswered(session, task.id or 0)[:_LISTED]:
        notice = session.exec(
            select(Notice).where(Notice.kind == "assignment", Notice.subject == f"visit:{visit}",
                                 Notice.recipient_id == person)
        ).first()  # fmt: skip
        lines.append(f"- {session.get_one(Person, person).name}：{fate(notice)}")
    return lines
