"""Departments of a chat service's directory and ours: nothing is guessed, nothing is lost, a rename follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.people.directory import Act, Entry
from bot.inspection.people.models import Department, Person
from bot.inspection.people.syncing import sync
from bot.inspection.people.unit_syncing import preview_units, sync_units
from bot.inspection.people.units import KnownPlace, Place, UnitAct, compare_units, parents_first

TREE = (
    Place("1", "云溪县市场监督管理局"),
    Place("2", "执法大队", "1"),
    Place("3", "办公室", "1"),
    Place("4", "办公室", "2"),
)


def acts(db: Database, places: Sequence[Place], *, now: dt.datetime) -> list[tuple[UnitAct, str]]:
    changes = db.write_now(sync_units, platform="wecom", places=places, now=now)
    return [(change.act, change.place.unit_id) for change in changes]


def departments(session: Session) -> dict[str, tuple[str, str]]:
    """Name and the parent's name by code."""
    rows = {one.id: one for one in session.exec(select(Department).order_by(col(Department.id)))}
    return {
        one.code: (one.name, rows[one.parent_id].name if one.parent_id in rows else "")
        for one in rows.values()
    }


def test_a_name_that_is_unique_on_both_sides_is_ours_and_every_other_is_new(
    db: Database, clock: ManualClock
) -> None:
    db.write_now(
        lambda s: s.add_all(
            [Department(code="SJ", name="云溪县市场监督管理局"), Department(code="BGS", name="办公室")]
        )
    )
    assert acts(db, TREE, now=clock.now()) == [
        (UnitAct.BIND, "1"), (UnitAct.CREATE, "2"), (UnitAct.CREATE, "3"), (UnitAct.CREATE, "4"),
    ]  # fmt: skip
    assert acts(db, TREE, now=clock.now()) == []
    assert db.read_now(departments) == {
        "SJ": ("云溪县市场监督管理局", ""), "BGS": ("办公室", ""),
        "wecom-2": ("执法大队", "云溪县市场监督管理局"), "wecom-3": ("办公室", "云溪县市场监督管理局"),
        "wecom-4": ("办公室", "执法大队"),
    }  # fmt: skip


def test_a_rename_a_move_and_an_end_follow_and_come_back(db: Database, clock: ManualClock) -> None:
    acts(db, TREE, now=clock.now())
    changed = (TREE[0], Place("2", "综合执法大队", "1"), Place("3", "办公室", "2"))
    assert acts(db, changed, now=clock.now()) == [
        (UnitAct.RENAME, "2"),
        (UnitAct.MOVE, "3"),
        (UnitAct.GONE, "4"),
    ]
    found = db.read_now(departments)
    assert found["wecom-2"] == ("综合执法大队", "云溪县市场监督管理局")
    assert found["wecom-3"] == ("办公室", "综合执法大队")
    assert "wecom-4" in found  # what was done there stays
    assert acts(db, TREE, now=clock.now()) == [
        (UnitAct.RENAME, "2"),
        (UnitAct.MOVE, "3"),
        (UnitAct.BACK, "4"),
    ]
    audited = db.read_now(lambda s: [entry.action for entry in s.exec(select(AuditEntry))])
    assert {
        "department.create",
        "department.rename",
        "department.move",
        "department.gone",
        "departments.synced",
    } <= set(audited)


def test_what_our_own_list_says_of_a_department_is_kept(db: Database, clock: ManualClock) -> None:
    """Our list renamed it and put it below another: the directory changes neither back."""

    def ours(session: Session) -> None:
        above = Department(code="ZF", name="县政府")
        session.add(above)
        session.flush()
        session.add(Department(code="ZFD", name="执法大队", parent_id=above.id))

    db.write_now(ours)
    acts(db, TREE, now=clock.now())
    db.write_now(
        lambda s: setattr(
            s.exec(select(Department).where(Department.code == "ZFD")).one(), "name", "执法一队"
        )
    )
    acts(db, (TREE[0], Place("2", "执法二队"), *TREE[2:]), now=clock.now())
    assert db.read_now(departments)["ZFD"] == ("执法一队", "县政府")


def test_a_shrunken_directory_changes_nothing_unless_somebody_says_so(
    db: Database, clock: ManualClock
) -> None:
    many = [Place(str(n), f"部门{n}") for n in range(10)]
    acts(db, many, now=clock.now())
    for places, key in (([], "directory_empty"), (many[:6], "too_many_gone")):
        with pytest.raises(Problem) as refused:
            acts(db, places, now=clock.now())
        assert refused.value.key == key
    assert acts(db, many, now=clock.now()) == []
    db.write_now(sync_units, platform="wecom", places=many[:6], now=clock.now(), force=True)
    gone = db.read_now(preview_units, platform="wecom", places=many)
    assert [change.act for change in gone] == [UnitAct.BACK] * 4


def test_who_came_from_the_directory_moves_with_it_and_who_is_on_our_list_does_not(
    db: Database, clock: ManualClock
) -> None:
    db.write_now(lambda s: s.add(Person(code="ZF1", name="王建国", mobile="13800000001")))
    acts(db, TREE, now=clock.now())

    def at(unit: str) -> list[Entry]:
        return [
            Entry("wang", "王建国", "13800000001", unit_id=unit),
            Entry("new", "新来的", "13800000002", unit_id=unit),
        ]

    db.write_now(sync, platform="wecom", entries=at("3"), now=clock.now())
    moved = db.write_now(sync, platform="wecom", entries=at("2"), now=clock.now())
    assert [(change.act, change.entry.user_id) for change in moved] == [(Act.CHANGE, "new")]

    def places(session: Session) -> dict[str, str]:
        names = {one.id: one.code for one in session.exec(select(Department))}
        return {one.name: names.get(one.department_id, "") for one in session.exec(select(Person))}

    assert db.read_now(places) == {"王建国": "", "新来的": "wecom-2"}


ids = st.sampled_from("abcdef")
trees = st.lists(
    st.builds(Place, ids, st.sampled_from(("甲", "乙", "")), st.sampled_from(["", *"abcdefz"])), max_size=8
)


@given(trees)
def test_whoever_is_above_comes_first_whatever_ring_a_directory_has(places: list[Place]) -> None:
    ordered = parents_first(places)
    assert {one.unit_id for one in ordered} == {one.unit_id for one in places}
    assert len(ordered) == len({one.unit_id for one in ordered})
    seen: set[str] = set()
    by_id = {one.unit_id: one for one in places}
    for one in ordered:
        if one.parent_id in by_id and one.parent_id not in seen:  # only in a ring
            walked, at = set(), one
            while at.unit_id not in walked and at.parent_id in by_id:
                walked.add(at.unit_id)
                at = by_id[at.parent_id]
            assert at.unit_id in walked
        seen.add(one.unit_id)


@given(trees, trees)
def test_after_a_comparison_there_is_nothing_left_to_do(before: list[Place], after: list[Place]) -> None:
    known = [
        KnownPlace(one.unit_id, one.name, number, one.parent_id)
        for number, one in enumerate({place.unit_id: place for place in before}.values())
    ]
    living = {one.unit_id: one for one in known}
    for change in compare_units(after, known, {}):
        living[change.place.unit_id] = KnownPlace(
            change.place.unit_id,
            change.place.name,
            0,
            change.place.parent_id,
            gone=change.act is UnitAct.GONE,
        )
    assert compare_units(after, list(living.values()), {}) == []
