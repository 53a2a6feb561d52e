"""The directory of a chat service against the people library: who is bound, who is new, who left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.service import verify
from bot.inspection.people.directory import Act, Entry, Known, compare, count, too_many_leave
from bot.inspection.people.models import Account, Person
from bot.inspection.people.syncing import leave, preview, rename, sync
from tests.fakes.builders import make_account, make_department, make_person

WANG = Entry("u1", "王检查", "13800000001", "市场监管局")
LI = Entry("u2", "李检查", "13800000002", "市场监管局")


def acts(entries: list[Entry], known: list[Known], *, whole: bool = True) -> list[tuple[Act, str]]:
    return [(change.act, change.entry.user_id) for change in compare(entries, known, whole=whole)]


def test_a_mobile_number_binds_and_a_name_alone_never_does() -> None:
    assert acts([WANG], [Known(1, "王检查", "13800000001")]) == [(Act.BIND, "u1")]
    assert acts([WANG], [Known(1, "王检查", "13900000009")]) == [(Act.CREATE, "u1")]
    assert acts([Entry("u1", "王检查")], [Known(1, "王检查", "")]) == [(Act.UNCLEAR, "u1")]
    assert acts([Entry("u1", "李新来")], [Known(1, "王检查", "")]) == [(Act.CREATE, "u1")]


def test_a_number_of_two_people_or_of_another_account_is_left_to_a_human() -> None:
    twins = [Known(1, "王", "13800000001"), Known(2, "王二", "13800000001")]
    assert acts([WANG], twins) == [(Act.UNCLEAR, "u1")]
    taken = [Known(1, "王", "13800000001", user_id="other")]
    assert (Act.UNCLEAR, "u1") in acts([WANG], taken, whole=False)


def test_what_is_the_same_changes_nothing_and_a_new_name_is_taken_over() -> None:
    known = [Known(1, "王检查", "13800000001", user_id="u1")]
    assert acts([WANG, WANG], known) == []
    assert acts([Entry("u1", "王改名", "13800000001")], known) == [(Act.CHANGE, "u1")]
    assert acts([Entry("u1", "", "")], known) == []  # what the app may not read erases nothing


def test_only_a_whole_directory_says_that_somebody_left() -> None:
    known = [Known(1, "王检查", "", user_id="u1"), Known(2, "李", "", user_id="u2", blocked=True)]
    assert acts([], known, whole=False) == []
    assert acts([], known) == [(Act.LEAVE, "u1")]
    assert acts([Entry("u2", "李")], known) == [(Act.BACK, "u2"), (Act.LEAVE, "u1")]


def test_a_directory_that_lost_a_third_is_not_believed() -> None:
    known = [Known(n, f"人{n}", "", user_id=f"u{n}") for n in range(20)]
    few = compare([Entry(f"u{n}", f"人{n}") for n in range(14)], known, whole=True)
    many = compare([Entry(f"u{n}", f"人{n}") for n in range(13)], known, whole=True)
    assert (too_many_leave(few, known), too_many_leave(many, known)) == (False, True)
    assert count(many)["leave"] == 7


people = st.lists(
    st.builds(
        Entry, st.sampled_from("abcdef"), st.sampled_from(["王", "李", ""]), st.sampled_from(["1", "2", ""])
    ),
    max_size=8,
)


@given(people, st.lists(st.sampled_from("abcdef"), unique=True))
def test_every_account_and_every_entry_has_at_most_one_end(entries: list[Entry], accounts: list[str]) -> None:
    known = [Known(number, "王", "", user_id=one) for number, one in enumerate(accounts)]
    known += [Known(100, "李", "1"), Known(101, "赵", "2")]
    changes = compare(entries, known, whole=True)
    ends = [(change.act, change.entry.user_id) for change in changes if change.act is not Act.BACK]
    assert len(ends) == len(set(ends))
    bound = [change.person_id for change in changes if change.act is Act.BIND]
    assert len(bound) == len(set(bound))  # nobody is bound twice


def library(session: Session) -> None:
    make_department(session, name="市场监管局")
    make_person(session, name="王检查", mobile="13800000001")
    gone = make_person(session, name="赵检查", mobile="13800000003")
    make_account(session, gone.id or 0, user_id="u3", platform="dingtalk")


def account(session: Session, user_id: str) -> tuple[str, bool, bool]:
    query = select(Person, Account).where(
        Account.user_id == user_id, Account.platform == "dingtalk", col(Person.id) == Account.person_id
    )
    person, found = session.exec(query).one()
    return person.name, found.dead_since is None, person.active


def test_a_sync_binds_creates_and_blocks_and_the_second_one_changes_nothing(
    db: Database, clock: ManualClock
) -> None:
    db.write_now(library)
    entries = [WANG, LI]
    looked = db.read_now(preview, platform="dingtalk", entries=entries)
    assert [change.act for change in looked] == [Act.BIND, Act.CREATE, Act.LEAVE]
    assert (
        db.read_now(lambda session: len(session.exec(select(Account)).all())) == 1
    )  # a look changes nothing
    done = db.write_now(sync, platform="dingtalk", entries=entries, now=clock.now())
    assert [change.act for change in done] == [change.act for change in looked]
    assert db.read_now(account, "u1") == ("王检查", True, True)
    assert db.read_now(account, "u2") == ("李检查", True, True)
    assert db.read_now(account, "u3") == ("赵检查", False, False)
    assert db.write_now(sync, platform="dingtalk", entries=entries, now=clock.now()) == []
    back = db.write_now(sync, platform="dingtalk", entries=[*entries, Entry("u3", "赵检查")], now=clock.now())
    assert [change.act for change in back] == [Act.BACK]
    assert db.read_now(account, "u3") == ("赵检查", True, True)
    assert db.read_now(verify).broken_at is None


def test_who_still_has_another_account_stays_active(db: Database, clock: ManualClock) -> None:
    def two(session: Session) -> None:
        person = make_person(session, name="王检查", account="w1")
        make_account(session, person.id or 0, user_id="d1", platform="dingtalk")

    db.write_now(two)
    assert db.write_now(leave, platform="dingtalk", user_ids=["d1", "never"], now=clock.now()) == 1
    assert db.write_now(leave, platform="dingtalk", user_ids=["d1"], now=clock.now()) == 0
    assert db.read_now(account, "d1") == ("王检查", False, True)


@pytest.mark.parametrize(("entries", "key"), [([], "directory_empty"), ([WANG], "too_many_leave")])
def test_a_directory_that_cannot_be_right_changes_nothing(
    db: Database, clock: ManualClock, entries: list[Entry], key: str
) -> None:
    def many(session: Session) -> None:
        for number in range(12):
            make_person(session, account=f"x{number}", platform="dingtalk")

    db.write_now(many)
    with pytest.raises(Problem) as caught:
        db.write_now(sync, platform="dingtalk", entries=entries, now=clock.now())
    assert caught.value.key == key
    assert (
        db.read_now(lambda s: len(s.exec(select(Account).where(col(Account.dead_since).is_not(None))).all()))
        == 0
    )
    if entries:
        forced = db.write_now(sync, platform="dingtalk", entries=entries, now=clock.now(), force=True)
        assert count(forced)["leave"] == 12


def test_an_account_that_was_renamed_keeps_its_person_and_takes_nobodys(
    db: Database, clock: ManualClock
) -> None:
    def prepare(session: Session) -> None:
        for user_id in ("a", "b"):
            make_account(session, make_person(session).id or 0, platform="wecom", user_id=user_id)

    db.write_now(prepare)

    def told(old: str, new: str) -> bool:
        return db.write_now(rename, platform="wecom", old=old, new=new, now=clock.now())

    assert [told("a", "b"), told("a", "c"), told("a", "c")] == [False, True, False]
    assert db.read_now(lambda s: sorted(account.user_id for account in s.exec(select(Account)))) == ["b", "c"]
