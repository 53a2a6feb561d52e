"""C12: who inspects what."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import time
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inspection.draws.matching import Need, OfficerFacts, match, refusal, replacement

DAY = dt.date(2026, 3, 16)
END = dt.date(2026, 3, 31)
START = dt.date(2026, 3, 10)


def officer(name: str, **fields: object) -> OfficerFacts:
    defaults: dict[str, object] = {
        "department": "D",
        "valid_from": dt.date(2024, 1, 1),
        "valid_to": dt.date(2027, 1, 1),
    }
    return OfficerFacts(name, **defaults | fields)  # type: ignore[arg-type]


def need(name: str, **fields: object) -> Need:
    defaults: dict[str, object] = {"department": "D", "first_day": START, "last_day": END, "planned": DAY}
    return Need(name, **defaults | fields)  # type: ignore[arg-type]


def loads(teams: list[list[str]], officers: list[OfficerFacts]) -> dict[str, int]:
    return {o.id: o.load + sum(o.id in team for team in teams) for o in officers}


def test_c12_five_objects_six_officers() -> None:
    officers = [officer(f"P{n}", labels=frozenset({"特种设备"} if n in (1, 5) else ())) for n in range(1, 6)]
    officers.append(officer("P6", valid_to=dt.date(2026, 3, 1)))
    needs = [
        need(
            f"O{n}",
            labels=frozenset({"特种设备"} if n == 4 else ()),
            barred=frozenset({"P3"} if n == 2 else ()),
        )
        for n in range(1, 6)
    ]
    teams, shortages = match(needs, officers, seed=bytes(32))
    assert not shortages
    assert all(len(set(team)) == 2 for team in teams)
    assert not any("P6" in team for team in teams)
    assert "P3" not in teams[1]
    assert set(teams[3]) & {"P1", "P5"}
    assert {o: n for o, n in loads(teams, officers).items() if o != "P6"} == dict.fromkeys(
        ("P1", "P2", "P3", "P4", "P5"), 2
    )


def test_everybody_on_a_visit_that_needs_a_qualification_has_it() -> None:
    officers = [officer(f"P{n}", labels=frozenset({"特种设备"} if n in (1, 5) else ())) for n in range(1, 6)]
    teams, _ = match([need("O4", labels=frozenset({"特种设备"}))], officers, seed=bytes(32))
    assert set(teams[0]) == {"P1", "P5"}


def test_each_reason_against_an_officer_is_named() -> None:
    one = need("O", labels=frozenset({"特种设备"}), district="赤坎区", barred=frozenset({"P"}))
    fit = officer("Q", labels=frozenset({"特种设备"}), territory="赤坎区")
    assert not refusal(one, fit)
    assert refusal(one, replace(fit, department="E")) == "不属于检查部门"
    assert refusal(one, replace(fit, valid_to=dt.date(2026, 3, 30))) == "执法证不在有效期"
    assert refusal(one, replace(fit, valid_from=dt.date(2026, 3, 11))) == "执法证不在有效期"
    assert refusal(one, replace(fit, labels=frozenset())) == "缺少专业资格"
    assert refusal(one, replace(fit, territory="霞山区")) == "不在执法区域"
    assert refusal(one, replace(fit, id="P")) == "应当回避"
    assert refusal(one, replace(fit, absent=((DAY, DAY),))) == "请假或外出"


def test_one_day_of_leave_in_a_long_window_bars_only_that_day() -> None:
    away = officer("P", absent=((dt.date(2026, 3, 12), dt.date(2026, 3, 13)),))
    assert not refusal(need("O", planned=DAY), away)
    assert refusal(need("O", planned=dt.date(2026, 3, 13)), away) == "请假或外出"


def test_a_visit_that_cannot_be_staffed_is_named_with_the_rules_that_took_the_officers() -> None:
    officers = [officer("P1"), officer("P2", valid_to=dt.date(2026, 3, 1)), officer("P3")]
    teams, shortages = match([need("O1"), need("O2", barred=frozenset({"P3"}))], officers, seed=bytes(32))
    assert teams == []
    assert [(s.id, s.wanted, s.found) for s in shortages] == [("O2", 2, 1)]
    assert shortages[0].reasons == {"执法证不在有效期": 1, "应当回避": 1}


@st.composite
def cases(draw: st.DrawFn, *, most_needs: int, most_officers: int) -> tuple[list[Need], list[OfficerFacts]]:
    names = [f"P{n}" for n in range(draw(st.integers(2, most_officers)))]
    officers = [
        officer(
            name,
            labels=draw(st.frozensets(st.sampled_from("xy"))),
            territory=draw(st.sampled_from(["", "N", "S"])),
            load=draw(st.integers(0, 3)),
        )
        for name in names
    ]
    needs = [
        need(
            f"O{n}",
            officers=draw(st.integers(1, 2)),
            labels=draw(st.frozensets(st.sampled_from("xy"), max_size=1)),
            district=draw(st.sampled_from(["", "N", "S"])),
            barred=draw(st.frozensets(st.sampled_from(names), max_size=2)),
        )
        for n in range(draw(st.integers(1, most_needs)))
    ]
    return needs, officers


@given(cases(most_needs=12, most_officers=8), st.binary(min_size=32, max_size=32))
def test_the_hard_rules_are_always_kept(case: tuple[list[Need], list[OfficerFacts]], seed: bytes) -> None:
    needs, officers = case
    by_id = {o.id: o for o in officers}
    teams, shortages = match(needs, officers, seed=seed)
    if shortages:
        assert not teams
        assert all(s.found < s.wanted for s in shortages)
        return
    for one, team in zip(needs, teams, strict=True):
        assert len(set(team)) == len(team) == one.officers
        assert not any(refusal(one, by_id[member]) for member in team)


@settings(max_examples=60, deadline=None)
@given(cases(most_needs=4, most_officers=5), st.binary(min_size=32, max_size=32))
def test_loads_are_as_even_as_any_assignment_could_make_them(
    case: tuple[list[Need], list[OfficerFacts]], seed: bytes
) -> None:
    """Against every possible assignment: loads from the largest down, compared like words."""
    needs, officers = case
    teams, shortages = match(needs, officers, seed=seed)
    if shortages:
        return
    able = [[o.id for o in officers if not refusal(one, o)] for one in needs]
    every = itertools.product(
        *(itertools.combinations(ids, one.officers) for ids, one in zip(able, needs, strict=True))
    )
    best = min(sorted(loads([list(t) for t in teams_], officers).values(), reverse=True) for teams_ in every)
    assert sorted(loads(teams, officers).values(), reverse=True) == best


@given(
    cases(most_needs=8, most_officers=6),
    st.binary(min_size=32, max_size=32),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_officers_has_no_influence(
    case: tuple[list[Need], list[OfficerFacts]], seed: bytes, shuffle: random.Random
) -> None:
    needs, officers = case
    other = list(officers)
    shuffle.shuffle(other)
    assert match(needs, officers, seed=seed) == match(needs, other, seed=seed)


@given(cases(most_needs=1, most_officers=8), st.binary(min_size=32, max_size=32))
def test_a_replacement_keeps_the_rules_and_is_nobody_who_was_there(
    case: tuple[list[Need], list[OfficerFacts]], seed: bytes
) -> None:
    [one], officers = case
    taken = {officers[0].id}
    found = replacement(one, officers, taken=taken, seed=seed)
    able = [o for o in officers if o.id not in taken and not refusal(one, o)]
    if found is None:
        assert not able
    else:
        assert found in {o.id for o in able}
        assert min(o.load for o in able) == next(o.load for o in able if o.id == found)


def test_a_county_is_matched_in_seconds() -> None:
    """2,000 visits, 300 officers, most bound to one of six districts, uneven loads from earlier draws."""
    chance = random.Random(7)  # noqa: S311
    districts = [f"区{n}" for n in range(6)]
    officers = [
        officer(f"P{n}", territory=chance.choice([*districts, "", ""]), load=chance.randrange(12))
        for n in range(300)
    ]
    officers += [officer(f"X{n}", valid_to=dt.date(2025, 1, 1)) for n in range(30)]  # never drawn, load 0
    needs = [need(f"O{n}", district=chance.choice(districts)) for n in range(2000)]
    started = time.perf_counter()
    teams, shortages = match(needs, officers, seed=bytes(32))
    assert not shortages
    assert time.perf_counter() - started < 20
    busy = [n for o, n in loads(teams, officers).items() if not o.startswith("X")]
    assert max(busy) - min(busy) <= 2
