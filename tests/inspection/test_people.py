"""Departments, people, officers, contacts, accounts and bind codes (C4)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.metrics.counts import officers_in_library
from bot.inspection.people.models import (
    Account,
    BindCode,
    Department,
    EnterpriseContact,
    Officer,
    Person,
    PersonRole,
)
from bot.inspection.people.service import CODE_LIFETIME, find_person, issue_bind_code, use_bind_code
from tests.inspection.lists import NOW, bring, code, departments, objects, write

OFFICERS = [
    "人员编号",
    "姓名",
    "部门",
    "执法证号",
    "有效期起",
    "有效期止",
    "专业标签",
    "企业微信账号",
    "钉钉账号",
]
PEOPLE = ["人员编号", "姓名", "部门", "角色", "企业微信账号", "状态"]
CONTACTS = ["联系人编号", "姓名", "手机", "企业代码", "职务", "企业微信账号"]


def officer(number: int, **changed: str) -> list[str]:
    row = {
        "人员编号": f"P{number:03d}",
        "姓名": f"检查员{number}",
        "部门": "SCJG",
        "执法证号": f"YX-{number:06d}",
        "有效期起": "2024-01-01",
        "有效期止": "2028-12-31",
        "专业标签": "食品、特种设备",
        "企业微信账号": f"wx{number}",
        "钉钉账号": f"dd{number}",
    } | changed
    return [row[name] for name in OFFICERS]


def test_officers_come_in_with_labels_role_and_accounts_once(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    path = write(tmp_path / "x.csv", OFFICERS, [officer(n) for n in range(120)])
    assert bring(db, "officers", path).new == 120
    again = bring(db, "officers", path, now=NOW + dt.timedelta(days=1))
    assert (again.unchanged, again.changed) == (120, 0)
    found = db.read_now(lambda s: s.exec(select(Officer).where(Officer.certificate_no == "YX-000007")).one())
    assert found.labels == ["食品", "特种设备"]
    person = db.read_now(find_person, "dingtalk", "dd7")
    assert person is not None
    assert person.code == "P007"


@pytest.mark.parametrize(
    ("changed", "column", "reason"),
    [
        ({"执法证号": "证1"}, "执法证号", "4至32位"),
        ({"执法证号": "YX-000001"}, "执法证号", "已属于人员P001"),
        ({"有效期止": "2023-01-01"}, "有效期止", "早于"),
        ({"有效期止": "2026-02-30"}, "有效期止", "没有这一天"),
        ({"部门": "质监局"}, "部门", "没有这个部门"),
        ({"企业微信账号": "wx1"}, "企业微信账号", "已绑定其他人员"),
        ({"钉钉账号": "a b"}, "钉钉账号", "空格"),
        ({"姓名": ""}, "姓名", "未填写"),
    ],
)
def test_an_officer_that_cannot_be_taken_is_named(
    db: Database, tmp_path: Path, changed: dict[str, str], column: str, reason: str
) -> None:
    departments(db, tmp_path)
    report = bring(db, "officers", write(tmp_path / "x.csv", OFFICERS, [officer(1), officer(2, **changed)]))
    assert (report.new, report.rejected) == (1, 1)
    assert (report.rejects[0].row, report.rejects[0].header) == (3, column)
    assert reason in report.rejects[0].reason


def test_c4_those_on_the_certificate_list_but_not_in_the_library_are_named(
    db: Database, tmp_path: Path
) -> None:
    departments(db, tmp_path)
    listed = [[f"P{n:03d}", f"检查员{n}", "SCJG", "执法人员", "", ""] for n in range(120)]
    bring(db, "people", write(tmp_path / "a.csv", PEOPLE, listed))
    bring(db, "officers", write(tmp_path / "b.csv", OFFICERS, [officer(n) for n in range(118)]))
    count = db.read_now(officers_in_library)
    assert (count.done, count.of) == (118, 120)
    assert set(count.missing) == {"检查员118", "检查员119"}


def test_an_account_in_the_sheet_replaces_the_old_one_on_that_platform(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    bring(db, "officers", write(tmp_path / "a.csv", OFFICERS, [officer(1)]))
    report = bring(
        db, "officers", write(tmp_path / "b.csv", OFFICERS, [officer(1, 企业微信账号="neu", 钉钉账号="")])
    )
    assert report.changed == 1
    accounts = db.read_now(lambda s: s.exec(select(Account.platform, Account.user_id)).all())
    assert set(accounts) == {("wecom", "neu"), ("dingtalk", "dd1")}


def test_the_people_sheet_sets_roles_and_leaves_the_officer_role(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    bring(db, "officers", write(tmp_path / "a.csv", OFFICERS, [officer(1)]))
    for roles in ("负责人、审核人", "管理员"):
        bring(
            db,
            "people",
            write(tmp_path / "b.csv", PEOPLE, [["P001", "检查员1", "市场监管局", roles, "", "在职"]]),
        )
    found = db.read_now(lambda s: s.exec(select(PersonRole.role)).all())
    assert set(found) == {"OFFICER", "ADMIN"}


def test_somebody_who_left_is_nobody_in_chat(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    for state in ("在职", "离职"):
        row = ["L1", "李队", "SCJG", "负责人", "lidui", state]
        bring(db, "people", write(tmp_path / "a.csv", PEOPLE, [row]))
    assert db.read_now(find_person, "wecom", "lidui") is None


def test_a_contact_serves_several_enterprises_and_is_never_an_officer(db: Database, tmp_path: Path) -> None:
    departments(db, tmp_path)
    objects(db, tmp_path, {"A": 3})
    bring(db, "officers", write(tmp_path / "a.csv", OFFICERS, [officer(1)]))
    rows = [
        ["C1", "王联络", "13800000000", code(0), "", "wang"],
        ["C1", "王联络", "13800000000", code(1), "负责人", "wang"],
        ["C1", "别人", "13800000000", code(2), "", ""],
        ["P001", "检查员1", "", code(2), "", ""],
        ["C2", "赵", "", code(77), "", ""],
    ]
    path = write(tmp_path / "c.csv", CONTACTS, rows)
    report = bring(db, "contacts", path)
    assert {r.row for r in report.rejects} == {4, 5, 6}
    assert len(db.read_now(lambda s: s.exec(select(EnterpriseContact)).all())) == 2
    assert bring(db, "contacts", path).unchanged == 2


def test_departments_find_their_parent_by_name_or_code_wherever_it_stands(
    db: Database, tmp_path: Path
) -> None:
    rows = [
        ["B", "科", "A"],
        ["A", "局", ""],
        ["C", "队", "科"],
        ["D", "甲", "E"],
        ["E", "乙", "D"],
        ["F", "丙", "无"],
    ]
    path = write(tmp_path / "x.csv", ["编号", "名称", "上级"], rows)
    report = bring(db, "departments", path)
    assert {r.row: r.reason for r in report.rejects} == {
        5: "上级部门绕成了圈",
        6: "上级部门绕成了圈",
        7: "没有这个上级部门",
    }
    found = db.read_now(lambda s: {d.code: d for d in s.exec(select(Department))})
    assert found["B"].parent_id == found["A"].id
    assert found["C"].parent_id == found["B"].id
    assert bring(db, "departments", path).unchanged == 3


def _person(db: Database, name: str) -> int:
    def make(session: Session) -> int:
        person = Person(code=name, name=name)
        session.add(person)
        session.flush()
        return person.id or 0

    return db.write_now(make)


def test_a_bind_code_ties_an_account_once_and_may_be_said_twice(db: Database) -> None:
    person = _person(db, "甲")
    secret = db.write_now(issue_bind_code, person_id=person, now=NOW)
    for _ in range(2):
        said = f" {secret.lower()} "
        assert db.write_now(use_bind_code, platform="wecom", user_id="jia", code=said, now=NOW) == person
    with pytest.raises(Problem, match="已用过"):
        db.write_now(use_bind_code, platform="wecom", user_id="yi", code=secret, now=NOW)
    assert secret not in str(db.read_now(lambda s: s.exec(select(BindCode)).all()))


def test_an_old_or_replaced_or_foreign_code_binds_nobody(db: Database) -> None:
    one, two = _person(db, "甲"), _person(db, "乙")
    first = db.write_now(issue_bind_code, person_id=one, now=NOW)
    second = db.write_now(issue_bind_code, person_id=one, now=NOW)
    with pytest.raises(Problem) as caught:
        db.write_now(use_bind_code, platform="wecom", user_id="jia", code=first, now=NOW)
    assert caught.value.key == "bind_code_wrong"
    with pytest.raises(Problem) as caught:
        db.write_now(use_bind_code, platform="wecom", user_id="jia", code=second, now=NOW + CODE_LIFETIME)
    assert caught.value.key == "bind_code_expired"
    db.write_now(use_bind_code, platform="wecom", user_id="jia", code=second, now=NOW)
    other = db.write_now(issue_bind_code, person_id=two, now=NOW)
    with pytest.raises(Problem) as caught:
        db.write_now(use_bind_code, platform="wecom", user_id="jia", code=other, now=NOW)
    assert caught.value.key == "account_taken"


def test_binding_again_revives_an_account_that_was_given_up(db: Database) -> None:
    person = _person(db, "甲")

    def dead(session: Session) -> None:
        session.add(Account(platform="wecom", user_id="jia", person_id=person, bound_at=NOW, dead_since=NOW))

    db.write_now(dead)
    secret = db.write_now(issue_bind_code, person_id=person, now=NOW)
    db.write_now(use_bind_code, platform="wecom", user_id="jia", code=secret, now=NOW)
    assert db.read_now(lambda s: s.exec(select(col(Account.dead_since))).one()) is None
