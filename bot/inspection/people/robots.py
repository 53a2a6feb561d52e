"""Robots of enterprises: a contact's own group is where their notices go."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.core.ids import new_id
from bot.core.seal import Seal
from bot.inspection.audit.service import record
from bot.inspection.people.models import Account, EnterpriseRobot, Person, PersonRole, Role

PLATFORM = "wecom-robot"


def set_robot(session: Session, *, code: str, url: str, seal: Seal, now: dt.datetime) -> str:
    """Give the contact with this *code* the robot of their group, instead of an earlier one; their name.

    *url* has been checked. ``Problem`` ``person_unknown`` for who is no contact of an enterprise.
    """
    person = session.exec(select(Person).where(Person.code == code, col(Person.active))).one_or_none()
    role = None if person is None else session.get(PersonRole, (person.id, Role.ENTERPRISE))
    if person is None or role is None:
        raise Problem("person_unknown", f"没有编号为 {code} 的企业联络员。")
    old = session.exec(select(EnterpriseRobot).where(EnterpriseRobot.person_id == person.id)).one_or_none()
    if old is not None:
        for account in session.exec(
            select(Account).where(Account.platform == PLATFORM, Account.user_id == old.id)
        ):
            session.delete(account)
        session.delete(old)
        session.flush()
    robot = EnterpriseRobot(
        id=new_id(now.timestamp()), person_id=person.id or 0, sealed_url=seal.close(url), added_at=now
    )
    session.add(robot)
    session.add(Account(platform=PLATFORM, user_id=robot.id, person_id=person.id or 0, bound_at=now))
    record(session, "robot.added", f"person:{person.id}", now=now)
    return person.name


def robot_url(session: Session, robot_id: str, *, seal: Seal) -> str:
    """Where the robot is posted to; empty when it is gone."""
    robot = session.get(EnterpriseRobot, robot_id)
    return "" if robot is None else seal.open(robot.sealed_url)
