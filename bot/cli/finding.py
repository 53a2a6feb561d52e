"""What people type on the command line for a department, a person or a moment, each refused in words."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from bot.core.clock import CHINA
from bot.core.errors import Problem

if TYPE_CHECKING:
    from sqlmodel import Session


def china_moment(words: str, name: str) -> dt.datetime:
    """``2026-03-12 14:00`` on a Chinese wall clock. Raises ``moment_invalid`` naming the option *name*."""
    try:
        return dt.datetime.strptime(words.strip(), "%Y-%m-%d %H:%M").replace(tzinfo=CHINA)
    except ValueError:
        raise Problem("moment_invalid", "时间应写成 2026-03-12 14:00 的样子。", **{name: words}) from None


def china_date(words: str, name: str) -> dt.date:
    """``2026-03-12``. Raises ``moment_invalid`` naming the option *name*."""
    try:
        return dt.date.fromisoformat(words.strip())
    except ValueError:
        raise Problem("moment_invalid", "日期应写成 2026-03-12 的样子。", **{name: words}) from None


def department_of(session: Session, words: str) -> int:
    """By code or by name. Raises ``department_unknown``."""
    from bot.inspection.people.departments import department_ids

    found = department_ids(session).get(words.strip())
    if found is None:
        raise Problem("department_unknown", "没有这个部门，请先导入部门。", 部门=words)
    return found


def person_of(session: Session, code: str) -> int:
    """By the person's code. Raises ``person_unknown``."""
    from sqlmodel import col, select

    from bot.inspection.people.models import Person

    found = session.exec(select(Person.id).where(Person.code == code.strip(), col(Person.active))).first()
    if found is None:
        raise Problem("person_unknown", "名录库里没有这个在职人员。", 人员编号=code)
    return found


def object_of(session: Session, code: str) -> int:
    """By credit code or register number. Raises ``object_unknown``."""
    from sqlmodel import select

    from bot.inspection.registry.models import InspectionObject

    found = session.exec(select(InspectionObject.id).where(InspectionObject.code == code.strip())).first()
    if found is None:
        raise Problem("object_unknown", "名录库里没有这个检查对象。", 代码=code)
    return found
