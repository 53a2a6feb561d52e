"""Is everything ready for the draw (C10, SC-4.1.5): what is missing is named, and passed over only with a reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.private import public_words
from bot.inspection.draws.matching import OfficerFacts
from bot.inspection.people.models import Officer, Person, PersonRole, Role
from bot.inspection.profile import Profile
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import Library, LibraryConfirmation, Task
from bot.inspection.tasks.queries import departments_of, leads_of, reachable

NAMES = {
    "libraries": "两库今日已确认", "items": "事项在清单中", "certificates": "执法证有效", "training": "检查前培训",
    "reachable": "人人收得到通知", "staff": "执法人员够用",
}  # fmt: skip
NEVER_WAIVED = frozenset({"items", "staff"})


@dataclass(frozen=True, slots=True)
class Check:
    """One point: ready when ``missing`` is empty, or when somebody gave a reason."""

    key: str
    missing: str = ""  # in words (zh-CN)
    waived: str = ""  # the reason

    @property
    def name(self) -> str:
        return NAMES[self.key]

    @property
    def passes(self) -> bool:
        return not self.missing or bool(self.waived)


def readiness(
    session: Session, task: Task, *, officers: Sequence[OfficerFacts], staff: Mapping[str, int], wanted: int,
    profile: Profile, now: dt.datetime, waived: Mapping[str, str], witnesses: Sequence[int] = (),
) -> list[Check]:  # fmt: skip
    """Every check of the task as things stand. *staff*: officers of each department who may be drawn at all."""
    found = {
        "libraries": _libraries(session, task, profile, now),
        "items": _items(session, task),
        "certificates": _certificates(task, officers),
        "training": _training(officers) if profile.visit.training_gate else "",
        "reachable": _reachable(session, task, witnesses),
        "staff": _staff(staff, wanted),
    }
    return [Check(key, missing, waived.get(key, "")) for key, missing in found.items()]


def require_ready(checks: Sequence[Check]) -> None:
    """Raises Problem ``not_ready`` naming every point that is neither ready nor waived."""
    open_ = {check.name: check.missing for check in checks if not check.passes}
    if open_:
        raise Problem("not_ready", "抽取前的检查没有通过；可以写明理由放行。", **open_)


def check_waiver(key: str, reason: str) -> str:
    """The reason as it will be published. Raises Problem ``waiver_invalid``."""
    reason = reason.strip()
    if key not in NAMES or key in NEVER_WAIVED:
        known = "、".join(k for k in NAMES if k not in NEVER_WAIVED)
        raise Problem("waiver_invalid", "这一项不能放行。", 项目=key, 可放行=known)
    if not reason:
        raise Problem("waiver_invalid", "放行必须写明理由。", 项目=key)
    return public_words(reason[:200])


def _libraries(session: Session, task: Task, profile: Profile, now: dt.datetime) -> str:
    """Both libraries were said to be up to date today (YL-3.3.b)."""
    if not profile.draw.library_confirm_before_draw:
        return ""
    query = select(LibraryConfirmation.library, LibraryConfirmation.at)
    rows = session.exec(query.where(LibraryConfirmation.task_id == task.id)).all()
    today = {library for library, at in rows if china_day(at) == china_day(now)}
    words = {Library.OBJECTS: "检查对象名录库", Library.OFFICERS: "执法检查人员名录库"}
    return "、".join(f"{words[one]}今天未确认" for one in Library if one not in today)


def _items(session: Session, task: Task) -> str:
    gone = session.exec(select(Item.name).where(col(Item.id).in_(task.item_ids), ~col(Item.active)))
    return "、".join(f"{name}已停用" for name in gone)


def _certificates(task: Task, officers: Sequence[OfficerFacts]) -> str:
    """Officers of the departments whose certificate does not last; they are not drawn."""
    short = sum(1 for o in officers if o.valid_to < task.window_end)
    return f"{short} 人的执法证在检查期内到期，不参加抽取" if short else ""


def _training(officers: Sequence[OfficerFacts]) -> str:
    untrained = sum(1 for officer in officers if officer.gate)
    return f"{untrained} 人没有有效的检查前培训，不参加抽取" if untrained else ""


def _reachable(session: Session, task: Task, witnesses: Sequence[int]) -> str:
    """Officers, leads and witnesses have a living chat account; enterprises get paper."""
    departments = departments_of(task)
    query = (
        select(Officer.person_id)
        .join(Person, col(Person.id) == Officer.person_id)
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .where(
            PersonRole.role == Role.OFFICER, col(Person.active), col(Officer.available),
            col(Person.department_id).in_(departments), col(Officer.valid_to) >= task.window_end,
        )
    )  # fmt: skip
    groups = (
        ("执法人员", set(session.exec(query))),
        ("负责人", {lead for one in departments for lead in leads_of(session, one)}),
        ("见证人", set(witnesses)),
    )
    alive = reachable(session, set().union(*(people for _, people in groups)))
    return "、".join(
        f"{name} {len(people - alive)} 人没有聊天账号" for name, people in groups if people - alive
    )


def _staff(staff: Mapping[str, int], wanted: int) -> str:
    return "、".join(f"{code} 可选 {n} 人，至少要 {wanted} 人" for code, n in staff.items() if n < wanted)
