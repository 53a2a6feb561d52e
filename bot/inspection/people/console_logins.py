"""Who may look into the coordinator's console: one link, one session, and the roles of this very moment."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.audit.service import may_fail, record
from bot.inspection.people.models import ConsoleLogin, Person, PersonRole, Role

MAY_SEE = frozenset({Role.COORDINATOR, Role.LEAD})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody in the console. Leads see, coordinators also act."""

    person_id: int
    name: str
    may_act: bool


def viewer(session: Session, *, person_id: int) -> Viewer | None:
    """The person as the console knows them now; None for everybody else and for people who left."""
    person = session.get(Person, person_id)
    if person is None or not person.active:
        return None
    roles = set(session.exec(select(PersonRole.role).where(PersonRole.person_id == person_id)))
    if not roles & MAY_SEE:
        return None
    return Viewer(person_id, person.name, Role.COORDINATOR in roles)


def enter(
    session: Session, *, person_id: int, link_sha256: str, session_sha256: str, now: dt.datetime
) -> Viewer:
    """Use a link up and open a session. Raises Problem ``forbidden`` or ``link_used``."""
    who = viewer(session, person_id=person_id)
    if who is None:
        raise Problem("forbidden", "只有统筹人员和部门负责人可以进入管理页面。")
    row = ConsoleLogin(
        link_sha256=link_sha256, session_sha256=session_sha256, person_id=person_id, used_at=now
    )
    try:
        with may_fail(session):
            session.add(row)
    except IntegrityError as error:
        raise Problem("link_used", "这个链接已经用过了，请在聊天窗口发送“控制台”重新获取。") from error
    record(session, "console.entered", f"person:{person_id}", now=now, actor=person_id)
    return who


def open_session(session: Session, *, session_sha256: str) -> Viewer | None:
    """The viewer of a session that was not ended; None otherwise."""
    query = select(ConsoleLogin.person_id).where(
        ConsoleLogin.session_sha256 == session_sha256, col(ConsoleLogin.ended_at).is_(None)
    )
    person_id = session.exec(query).first()
    return None if person_id is None else viewer(session, person_id=person_id)


def leave(session: Session, *, session_sha256: str, now: dt.datetime) -> None:
    """End a session for good, wherever its cookie may be."""
    query = select(ConsoleLogin).where(ConsoleLogin.session_sha256 == session_sha256)
    login = session.exec(query).first()
    if login is not None and login.ended_at is None:
        login.ended_at = now
        session.add(login)
