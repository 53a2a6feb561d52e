"""The robot that an enterprise added to its own group is its contact's account."""

from __future__ import annotations

import pytest
from sqlmodel import select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.seal import Seal
from bot.inspection.people.models import Account, EnterpriseRobot, Role
from bot.inspection.people.robots import robot_url, set_robot
from tests.fakes.builders import make_person

SEAL = Seal("a secret of sixteen characters", "robots of enterprises")
URL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=secret-1"


def test_a_contact_has_one_robot_and_a_new_one_takes_its_place(db: Database, clock: ManualClock) -> None:
    code = db.write_now(lambda s: make_person(s, role=Role.ENTERPRISE).code)
    for url in (URL, URL + "2"):
        db.write_now(set_robot, code=code, url=url, seal=SEAL, now=clock.now())
    (account,) = db.read_now(lambda s: list(s.exec(select(Account))))
    assert account.platform == "wecom-robot"
    assert db.read_now(robot_url, account.user_id, seal=SEAL) == URL + "2"
    assert db.read_now(robot_url, "gone", seal=SEAL) == ""
    (row,) = db.read_now(lambda s: list(s.exec(select(EnterpriseRobot))))
    assert "secret-1" not in repr(row)
    assert db.read_now(robot_url, account.user_id, seal=Seal("another secret", "robots of enterprises")) == ""


def test_an_officer_has_no_robot(db: Database, clock: ManualClock) -> None:
    code = db.write_now(lambda s: make_person(s, role=Role.OFFICER).code)
    with pytest.raises(Problem) as refused:
        db.write_now(set_robot, code=code, url=URL, seal=SEAL, now=clock.now())
    assert refused.value.key == "person_unknown"
