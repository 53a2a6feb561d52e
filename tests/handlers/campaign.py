"""A made-up campaign in full swing: every state of a visit, every fate of a message."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.inspection.audit.service import record
from bot.inspection.draws.models import Draw, DrawState
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.notices.models import Attempt, Notice, NoticeState
from bot.inspection.people.models import Account, Department, Officer, Person, PersonRole, Role
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.tasks.models import OfficerState, Task, TaskState, Visit, VisitOfficer, VisitState

COORDINATOR, LEAD, PLAIN = 1, 2, 3
FIRST_OFFICER = 10
_OFFICERS = ("王建国", "李秀英", "张伟", "刘芳", "陈静", "杨洋", "赵敏", "黄磊", "周涛", "吴丽")
_OBJECTS = ("海田冷链有限公司", "赤坎百货商场", "霞山港务加油站", "廉江电梯维保中心", "雷州糖业股份有限公司")
_DISTRICTS = ("赤坎区", "霞山区", "廉江市", "雷州市", "坡头区")
# how many visits are in which state: one campaign of 20
_STATES = (
    [VisitState.ASSIGNED] * 5 + [VisitState.ACCEPTED] * 3 + [VisitState.ON_SITE, VisitState.RECORDED]
    + [VisitState.IN_REVIEW] * 3 + [VisitState.APPROVED] * 2 + [VisitState.PUBLISHED] * 5
)  # fmt: skip
_ORDER = list(VisitState)


def people(session: Session, *, now: dt.datetime) -> None:
    """A coordinator (1), a lead (2), somebody without a role (3) and ten officers (10 to 19)."""
    session.add(Department(id=1, code="SJJ", name="市场监督管理局"))
    session.add(Department(id=2, code="YJJ", name="应急管理局"))
    session.flush()
    session.add(Person(id=COORDINATOR, code="C001", name="何协调", department_id=1))
    session.add(Person(id=LEAD, code="L001", name="林科长", department_id=1))
    session.add(Person(id=PLAIN, code="X001", name="路人甲", department_id=1))
    for n, name in enumerate(_OFFICERS):
        session.add(Person(id=FIRST_OFFICER + n, code=f"P{n:03}", name=name, department_id=1 + n % 2))
    session.flush()
    session.add(PersonRole(person_id=COORDINATOR, role=Role.COORDINATOR))
    session.add(PersonRole(person_id=LEAD, role=Role.LEAD))
    for n in range(len(_OFFICERS)):
        person = FIRST_OFFICER + n
        session.add(PersonRole(person_id=person, role=Role.OFFICER))
        if n != 9:  # the last one is qualified and not in the library
            session.add(
                Officer(
                    person_id=person, certificate_no=f"粤{n:06}", valid_from=dt.date(2024, 1, 1),
                    valid_to=dt.date(2028, 1, 1),
                )
            )  # fmt: skip
        if n != 4:  # one cannot be reached
            session.add(Account(platform="wecom", user_id=f"u{n}", person_id=person, bound_at=now))
    session.flush()


def campaign(
    session: Session, *, now: dt.datetime, task_id: int = 1, name: str = "特种设备使用单位抽查"
) -> None:
    """One task of 20 visits, whose last day is three days from *now*; needs :func:`people`."""
    today = now.date()
    end = today + dt.timedelta(days=3)
    first = task_id * 1000
    if task_id == 1:
        _plan(session, now=now)
    session.add(
        Task(
            id=task_id, number=f"4408002026{task_id:04}", name=name, plan_line_id=1, lead_department_id=1,
            state=TaskState.IN_PROGRESS, item_ids=[1, 2], window_start=today - dt.timedelta(days=20),
            window_end=end, created_at=now, dispatched_at=now - dt.timedelta(days=9),
        )
    )  # fmt: skip
    session.flush()
    session.add(
        Draw(
            id=task_id, task_id=task_id, state=DrawState.LOCKED, pool_size=1200, pool_sha256="a1" * 32,
            rules_sha256="b2" * 32, secret_sha256="c3" * 32, secret_hex="d4" * 32, seed_hex="e5" * 32,
            public_value="2026-03-01 福彩 3D 472", committed_at=now, revealed_at=now, locked_at=now,
        )
    )  # fmt: skip
    for n, state in enumerate(_STATES):
        _visit(session, first + n, task_id=task_id, n=n, state=state, now=now, end=end)
    session.flush()
    _notices(session, first, now=now)
    record(session, "task.dispatched", f"task:{task_id}", now=now, actor=COORDINATOR, visits=len(_STATES))


def _plan(session: Session, *, now: dt.datetime) -> None:
    for n in range(1, 6):
        session.add(
            Item(
                id=n,
                code=f"IT-{n}",
                name=f"抽查事项{n}",
                klass="KEY",
                basis="法第一条",
                active=n != 5,
                department_id=1,
            )
        )
    session.add(
        Plan(
            id=1, code="JH-2026", year=now.year, name="年度抽查计划", department_id=1,
            state=PlanState.PUBLISHED, created_at=now,
        )
    )  # fmt: skip
    session.flush()
    session.add(
        PlanLine(
            id=1, plan_id=1, number=1, name="特种设备", item_ids=[1, 2, 3], lead_department_id=1,
            joint_department_ids=[2], ratios={"A": 1, "B": 3, "C": 10, "D": 20},
            window_start=now.date() - dt.timedelta(days=20), window_end=now.date() + dt.timedelta(days=3),
        )
    )  # fmt: skip
    session.flush()


def _visit(
    session: Session,
    visit_id: int,
    *,
    task_id: int,
    n: int,
    state: VisitState,
    now: dt.datetime,
    end: dt.date,
) -> None:
    reached = _ORDER.index(state)
    day = dt.timedelta(days=1)
    session.add(
        InspectionObject(
            id=visit_id, code=f"91440800MA{visit_id:08}", name=f"{_OBJECTS[n % 5]}{n // 5 + 1}店",
            district=_DISTRICTS[n % 5], updated_at=now,
        )
    )  # fmt: skip
    session.flush()
    session.add(
        Visit(
            id=visit_id, number=f"4408002026{task_id:04}-{n + 1:03}", task_id=task_id, object_id=visit_id,
            state=state, stratum="B", ticket=f"{n:064x}", rank=n + 1, planned_on=end,
            due_on=now.date() - 2 * day if n in (3, 4, 8) else end,  # three of them are late
            accepted_at=now - (1 + n % 7) * day if reached >= 1 else None,
            submitted_at=now - (n % 5) * day if reached >= 4 else None,
            published_at=now - (n % 3) * day if state is VisitState.PUBLISHED else None,
            publish_due=now.date() - day if state is VisitState.APPROVED else None,
            outcome="R04" if n == 19 else "",
        )
    )  # fmt: skip
    session.flush()
    for k in range(2):
        person = FIRST_OFFICER + (n * 2 + k) % len(_OFFICERS)
        session.add(
            VisitOfficer(
                visit_id=visit_id, person_id=person, leader=k == 0, ticket=f"{k:064x}",
                state=OfficerState.ASSIGNED if state == VisitState.ASSIGNED else OfficerState.ACCEPTED,
                assigned_at=now - dt.timedelta(days=3, hours=n),
            )
        )  # fmt: skip
    if n == 19:
        session.add(
            FollowUp(
                number=f"HX-{visit_id}", visit_id=visit_id, item_id=1, state=FollowUpState.ORDERED,
                problem="未公示价格", due_on=now.date() - day, handler_id=LEAD, opened_at=now, handled_at=now,
            )
        )  # fmt: skip
        session.add(
            FollowUp(
                number=f"HX-{visit_id}-2", visit_id=visit_id, item_id=2, problem="消防通道堵塞",
                handler_id=LEAD, opened_at=now,
            )
        )  # fmt: skip


def _notices(session: Session, first: int, *, now: dt.datetime) -> None:
    """To the ten officers of the five visits not accepted: eight got it, one failed, one is retried."""
    fates = [NoticeState.SENT] * 8 + [NoticeState.FAILED, NoticeState.QUEUED]
    for n, state in enumerate(fates):
        failed = state is NoticeState.FAILED
        notice = Notice(
            kind="assignment", subject=f"visit:{first + n // 2}", recipient_id=FIRST_OFFICER + n,
            state=state, not_before=now, created_at=now - dt.timedelta(days=3), attempts=1, platform="wecom",
            detail="企业微信里没有这个成员" if failed else "",
            done_at=None if state is NoticeState.QUEUED else now,
            read_at=now if n < 3 else None,
        )  # fmt: skip
        session.add(notice)
        session.flush()
        outcome = {NoticeState.SENT: "sent", NoticeState.FAILED: "failed"}.get(state, "retry")
        session.add(
            Attempt(
                notice_id=notice.id or 0, n=1, platform="wecom" if n % 3 else "dingtalk",
                at=now - dt.timedelta(hours=2), outcome=outcome,
            )
        )  # fmt: skip
