"""C12: who inspects what."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inspection.draws.matching import Need, OfficerFacts, candidates, match, refusal, replacement

DAY = dt.date(2026, 3, 16)
NEXT = dt.date(2026, 3, 17)
END = dt.date(2026, 3, 31)


def officer(name: str, **fields: object) -> OfficerFacts:
    defaults: dict[str, object] = {
        "department": "D",
        "valid_from": dt.date(2024, 1, 1),
        "valid_to": dt.date(2027, 1, 1),
    }
    return OfficerFacts(name, **defaults | fields)  # type: ignore[arg-type]


def need(name: str, **fields: object) -> Need:
    defaults: dict[str, object] = {"department": "D", "last_day": END, "planned": DAY}
    return Need(name, **defaults | fields)  # type: ignore[arg-type]


def loads(teams: list[list[str]], officers: list[OfficerFacts]) -> dict[str, int]:
    return {o.id: o.load + sum(o.id in team for team in teams) for o in officers}


def test_c12_five_objects_six_officers() -> None:
    officers = [
        officer(
            f"P{n}",
            labels=frozenset({"特种设备"} if n in (1, 5) else ()),
            recused=frozenset({"O2"} if n == 3 else ()),
        )
        for n in range(1, 6)
    ]
    officers.append(officer("P6", valid_to=dt.date(2026, 3, 1)))
    needs = [need(f"O{n}", labels=frozenset({"特种设备"} if n == 4 else ())) for n in range(1, 6)]
    teams, shortages = match(needs, officers, seed=bytes(32))
    assert not shortages
    assert all(len(set(team)) == 2 for team in teams)
    assert not any("P6" in team for team in teams)
    assert "P3" not in teams[1]
    assert set(teams[3]) & {"P1", "P5"}
    assert {o: n for o, n in loads(teams, officers).items() if o != "P6"} == dict.fromkeys(
        ("P1", "P2", "P3", "P4", "P5"), 2
    )


def test_of_a_team_that_needs_a_qualification_one_at_least_has_it() -> None:
    officers = [officer(f"P{n}", labels=frozenset({"特种设备"} if n == 5 else ())) for n in range(1, 6)]
    teams, _ = match(
        [need(f"O{n}", labels=frozenset({"特种设备"})) for n in range(4)], officers, seed=bytes(32)
    )
    assert all("P5" in team for team in teams)
    assert len({tuple(team) for team in teams}) == 4  # and the partners go round


def test_a_qualification_nobody_has_is_named() -> None:
    teams, [shortage] = match(
        [need("O", labels=frozenset({"特种设备"}))], [officer("P1"), officer("P2")], seed=bytes(32)
    )
    assert teams == []
    assert (shortage.found, shortage.label) == (2, "特种设备")


def test_each_reason_against_an_officer_is_named() -> None:
    one = need("O", labels=frozenset({"特种设备"}), district="赤坎区")
    fit = officer("Q", territory="赤坎区")
    assert not refusal(one, fit)
    assert refusal(one, replace(fit, department="E")) == "不属于检查部门"
    assert refusal(one, replace(fit, gate="没有有效的检查前培训")) == "没有有效的检查前培训"
    assert refusal(one, replace(fit, valid_to=dt.date(2026, 3, 30))) == "执法证不在有效期"
    assert refusal(one, replace(fit, valid_from=dt.date(2026, 3, 17))) == "执法证不在有效期"
    assert refusal(one, replace(fit, territory="霞山区")) == "不在执法区域"
    assert refusal(one, replace(fit, recused=frozenset({"O"}))) == "应当回避"
    assert refusal(one, replace(fit, absent=((DAY, DAY),))) == "请假或外出"


def test_one_day_of_leave_in_a_long_window_bars_only_that_day() -> None:
    away = officer("P", absent=((dt.date(2026, 3, 12), dt.date(2026, 3, 13)),))
    assert not refusal(need("O", planned=DAY), away)
    assert refusal(need("O", planned=dt.date(2026, 3, 13)), away) == "请假或外出"


def test_a_visit_that_cannot_be_staffed_is_named_with_the_rules_that_took_the_officers() -> None:
    officers = [
        officer("P1"), officer("P2", valid_to=dt.date(2026, 3, 1)), officer("P3", recused=frozenset({"O2"})),
    ]  # fmt: skip
    teams, shortages = match([need("O1"), need("O2")], officers, seed=bytes(32))
    assert teams == []
    assert [(s.id, s.wanted, s.found) for s in shortages] == [("O2", 2, 1)]
    assert shortages[0].reasons == {"执法证不在有效期": 1, "应当回避": 1}


@st.composite
def cases(draw: st.DrawFn, *, most_needs: int, most_officers: int) -> tuple[list[Need], list[OfficerFacts]]:
    visits = [f"O{n}" for n in range(draw(st.integers(1, most_needs)))]
    officers = [
        officer(
            f"P{n}",
            labels=draw(st.frozensets(st.sampled_from("xy"))),
            territory=draw(st.sampled_from(["", "N", "S"])),
            load=draw(st.integers(0, 3)),
            recused=draw(st.frozensets(st.sampled_from(visits), max_size=2)),
            absent=draw(st.sampled_from([(), ((DAY, DAY),), ((NEXT, NEXT),)])),
        )
        for n in range(draw(st.integers(2, most_officers)))
    ]
    needs = [
        need(
            name,
            officers=draw(st.integers(1, 2)),
            labels=draw(st.frozensets(st.sampled_from("xy"), max_size=1)),
            district=draw(st.sampled_from(["", "N", "S"])),
            planned=draw(st.sampled_from([DAY, NEXT])),
        )
        for name in visits
    ]
    return needs, officers


def teams_for(one: Need, officers: list[OfficerFacts]) -> list[tuple[str, ...]]:
    """Every team the rules allow, by trying all."""
    able = [o for o in officers if not refusal(one, o)]
    return [
        tuple(o.id for o in team)
        for team in itertools.combinations(able, one.officers)
        if not one.labels or any(one.labels <= o.labels for o in team)
    ]


@given(cases(most_needs=12, most_officers=8), st.binary(min_size=32, max_size=32))
def test_an_assignment_is_found_exactly_when_there_is_one_and_keeps_every_rule(
    case: tuple[list[Need], list[OfficerFacts]], seed: bytes
) -> None:
    needs, officers = case
    allowed = [teams_for(one, officers) for one in needs]
    teams, shortages = match(needs, officers, seed=seed)
    assert [s.id for s in shortages] == [one.id for one, some in zip(needs, allowed, strict=True) if not some]
    if shortages:
        assert not teams
        return
    for team, some in zip(teams, allowed, strict=True):
        assert tuple(sorted(team)) in {tuple(sorted(one)) for one in some}


@settings(max_examples=150)
@given(cases(most_needs=4, most_officers=5), st.binary(min_size=32, max_size=32))
def test_loads_are_as_even_as_any_assignment_could_make_them(
    case: tuple[list[Need], list[OfficerFacts]], seed: bytes
) -> None:
    """Against every possible assignment: loads from the largest down, compared like words, and so the largest load
    and the sum of squares."""
    needs, officers = case
    teams, shortages = match(needs, officers, seed=seed)
    if shortages:
        return
    every = itertools.product(*(teams_for(one, officers) for one in needs))
    best = min(sorted(loads([list(t) for t in teams_], officers).values(), reverse=True) for teams_ in every)
    assert sorted(loads(teams, officers).values(), reverse=True) == best


@given(st.integers(3, 40), st.integers(2, 12), st.binary(min_size=32, max_size=32))
def test_where_the_rules_permit_loads_differ_by_one_at_most(visits: int, staff: int, seed: bytes) -> None:
    officers = [officer(f"P{n}") for n in range(staff)]
    teams, _ = match([need(f"O{n}") for n in range(visits)], officers, seed=seed)
    spread = loads(teams, officers).values()
    assert max(spread) - min(spread) <= 1


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
    found = replacement(one, candidates(one, officers, taken=taken), seed=seed)
    able = [o for o in officers if o.id not in taken and not refusal(one, o) and one.labels <= o.labels]
    if found is None:
        assert not able
    else:
        assert found in {o.id for o in able}
        assert min(o.load for o in able) == next(o.load for o in able if o.id == found)


def test_who_stays_may_be_the_one_with_the_qualification() -> None:
    one = need("O", labels=frozenset("x"))
    officers = [officer("P1", labels=frozenset("x")), officer("P2"), officer("P3")]
    assert (
        replacement(one, candidates(one, officers, taken={"P1", "P2"}, staying={"P1"}), seed=bytes(32))
        == "P3"
    )
    assert replacement(one, candidates(one, officers, taken={"P1", "P2"}), seed=bytes(32)) is None


def test_a_county_with_districts_and_earlier_loads_comes_out_level() -> None:
    """2,000 visits, 300 officers, most bound to one of six districts, uneven loads from earlier draws."""
    chance = random.Random(7)  # noqa: S311
    districts = [f"区{n}" for n in range(6)]
    officers = [
        officer(f"P{n}", territory=chance.choice([*districts, "", ""]), load=chance.randrange(12))
        for n in range(300)
    ]
    officers += [officer(f"X{n}", valid_to=dt.date(2025, 1, 1)) for n in range(30)]  # never drawn, load 0
    needs = [need(f"O{n}", district=chance.choice(districts)) for n in range(2000)]
    teams, shortages = match(needs, officers, seed=bytes(32))
    assert not shortages
    busy = [n for o, n in loads(teams, officers).items() if not o.startswith("X")]
    assert max(busy) - min(busy) <= 2
