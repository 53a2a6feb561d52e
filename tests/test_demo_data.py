"""The demo's sheets are read with the very layouts that an import uses."""

from __future__ import annotations

import csv
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import python_calamine

from bot.cli.demo_data import DemoData, write_demo_files
from bot.cli.demo_words import TOWNS
from bot.core.columns import Fault, Layout
from bot.inspection.draws.matching import Need, OfficerFacts, refusal
from bot.inspection.people.columns import CONTACTS, DEPARTMENTS, OFFICERS, PEOPLE
from bot.inspection.plans.document import Line, parse_plan
from bot.inspection.plans.ratio import base_problem, preview
from bot.inspection.registry.columns import ITEMS, OBJECTS

Values = dict[str, Any]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoData:
    return write_demo_files(tmp_path_factory.mktemp("demo"))


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def sheet_rows(path: Path) -> list[dict[str, str]]:
    header, *rows = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    return [dict(zip(header, row, strict=True)) for row in rows]


def read(layout: Layout, rows: list[dict[str, str]]) -> tuple[list[Values], list[Fault]]:
    """The good rows, and one fault for each bad one; a repeated key is a fault as in an import."""
    binding = layout.bind(list(rows[0]))
    assert binding.unknown == ()
    good: dict[tuple[Any, ...], Values] = {}
    bad: list[Fault] = []
    for row in rows:
        values, faults = binding.parse(row)
        key = tuple(values.get(name) for name in layout.key)
        if faults:
            bad.append(faults[0])
        elif key in good:
            bad.append(Fault("", str(key), "重复"))
        else:
            good[key] = values
    return list(good.values()), bad


@pytest.fixture(scope="module")
def objects(demo: DemoData) -> tuple[list[Values], list[Fault]]:
    return read(OBJECTS, [*csv_rows(demo.objects), *sheet_rows(demo.objects_sheet)])


def test_exactly_the_planted_rows_are_refused(
    demo: DemoData, objects: tuple[list[Values], list[Fault]]
) -> None:
    good, bad = objects
    assert len(good) == demo.good_objects == 62_000
    assert len(bad) == demo.bad_objects == 10
    reasons = Counter(fault.reason for fault in bad)
    assert reasons.pop("重复") == 2
    assert sum(n for reason, n in reasons.items() if "校验码不对" in reason) == 7
    assert sum(n for reason, n in reasons.items() if "只能填" in reason) == 1


def test_both_formats_hold_objects(demo: DemoData) -> None:
    assert len(csv_rows(demo.objects)) == 60_010
    kinds = Counter(row["类型"] for row in sheet_rows(demo.objects_sheet))
    assert sum(kinds.values()) == 2_000
    assert kinds["设备"] == 1_395


def test_credit_classes_have_the_shares_of_a_real_city(objects: tuple[list[Values], list[Fault]]) -> None:
    shares = Counter(row["credit_class"] for row in objects[0])
    for letter, percent in {"A": 65.4, "B": 25.3, "C": 7.7, "D": 1.5}.items():
        assert shares[letter] / len(objects[0]) * 100 == pytest.approx(percent, abs=0.6)


def test_names_are_unique_and_each_lift_has_a_business(objects: tuple[list[Values], list[Fault]]) -> None:
    good, _ = objects
    codes = {row["code"] for row in good}
    assert len({row["name"] for row in good}) == len(good)
    assert all(row["user_unit_code"] in codes for row in good if row["kind"] == "EQUIPMENT")
    labels = {label for row in good for label in row["labels"]}
    assert {"学校食堂", "投诉较多", "网络餐饮"} <= labels


def test_the_other_sheets_have_no_fault(demo: DemoData, objects: tuple[list[Values], list[Fault]]) -> None:
    known = {row["code"] for row in objects[0]}
    departments, faults = read(DEPARTMENTS, csv_rows(demo.departments))
    codes = {row["code"] for row in departments}
    items, item_faults = read(ITEMS, csv_rows(demo.items))
    officers, officer_faults = read(OFFICERS, csv_rows(demo.officers))
    people, people_faults = read(PEOPLE, csv_rows(demo.people))
    contacts, contact_faults = read(CONTACTS, csv_rows(demo.contacts))
    assert [*faults, *item_faults, *officer_faults, *people_faults, *contact_faults] == []
    assert (len(departments), len(items), len(officers)) == (12, 12, 500)
    assert {row["department"] for row in [*items, *officers, *people]} <= codes
    assert {row["checklist_code"] for row in items} == {f"CL-{n}" for n in range(1, 7)}
    assert {role for row in people for role in row["roles"]} == {"LEAD", "REVIEWER", "COORDINATOR", "ADMIN"}
    assert {row["object_code"] for row in contacts} <= known


def test_every_account_has_a_phone_and_no_two_people_share_one(demo: DemoData) -> None:
    phones = {(person.platform, person.user_id): person.name for person in demo.phones}
    assert len(phones) == len(demo.phones)
    rows = [row for path in (demo.officers, demo.people, demo.contacts) for row in csv_rows(path)]
    accounts = {("wecom", row["企业微信账号"]): row["姓名"] for row in rows if row["企业微信账号"]}
    accounts |= {("dingtalk", row["钉钉账号"]): row["姓名"] for row in rows if row["钉钉账号"]}
    assert accounts == phones
    officers = Counter(person.platform for person in demo.phones if person.role == "执法人员")
    assert officers["wecom"] / 500 == pytest.approx(0.6, abs=0.07)


def eligible(line: Line, objects: list[Values]) -> Counter[str]:
    """Objects of the line's pool by credit class."""
    scope = line.scope
    return Counter(
        row["credit_class"]
        for row in objects
        if row["status"] == "ACTIVE"
        and (not scope.districts or row["district"] in scope.districts)
        and (not scope.industries or row["industry"] in scope.industries)
        and (not scope.kinds or row["kind"] in scope.kinds)
        and set(scope.labels) <= set(row["labels"])
    )


def test_the_plan_draws_about_a_hundred_visits_under_its_caps(
    demo: DemoData, objects: tuple[list[Values], list[Fault]]
) -> None:
    plan = parse_plan(demo.plan.read_text(encoding="utf-8"))
    items = {row["code"]: row for row in read(ITEMS, csv_rows(demo.items))[0]}
    drawn = []
    for line in plan.lines:
        caps = [Decimal(c) for code in line.items if (c := items[code]["cap_percent"]) is not None]
        cap = min(caps, default=None)  # the strictest of a joint line
        seen = preview(eligible(line, objects[0]), line.rules(), cap=cap)
        assert seen.problem is None
        assert cap is None or base_problem(line.rules(), cap) is None
        drawn.append(seen.total)
    assert len(drawn) == 3
    assert min(drawn) >= 25
    assert 100 <= sum(drawn) <= 130


def test_the_plan_names_departments_that_exist(demo: DemoData) -> None:
    plan = parse_plan(demo.plan.read_text(encoding="utf-8"))
    departments = {row["编号"] for row in csv_rows(demo.departments)}
    named = {plan.department, *(code for line in plan.lines for code in (line.lead, *line.joint))}
    assert named <= departments


def test_every_town_has_officers_for_lifts(demo: DemoData) -> None:
    officers, _ = read(OFFICERS, csv_rows(demo.officers))
    facts = [
        OfficerFacts(id=row["code"], department=row["department"], valid_from=row["valid_from"],
                     valid_to=row["valid_to"], labels=frozenset(row["labels"]), territory=row["territory"])
        for row in officers
    ]  # fmt: skip
    line = parse_plan(demo.plan.read_text(encoding="utf-8")).lines[2]
    for town in TOWNS:
        need = Need("lift", "SCJG", last_day=line.window_end, planned=line.window_start,
                    labels=frozenset({"特种设备"}), district=town)  # fmt: skip
        reasons = [(officer, refusal(need, officer)) for officer in facts]
        assert len([officer for officer, why in reasons if not why and need.labels <= officer.labels]) >= 20
        assert [why for _, why in reasons].count("执法证不在有效期") >= 1


def test_a_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    def texts(folder: str, seed: str) -> list[bytes]:
        data = write_demo_files(tmp_path / folder, seed=seed, objects=1_000, officers=40)
        return [path.read_bytes() for path in (data.objects, data.officers, data.contacts, data.plan)]

    first, again, other = texts("a", "one"), texts("b", "one"), texts("c", "two")
    assert first == again
    assert first[0] != other[0]


def test_all_of_it_takes_seconds(tmp_path: Path) -> None:
    begun = time.process_time()
    write_demo_files(tmp_path)
    assert time.process_time() - begun < 10
