"""Who inspects what: admissible officers by hard rules, smallest load first, tickets between equals. Pure.

No rule limits how many visits an officer may have, so an assignment exists exactly when every visit has enough
admissible officers; shifting along paths then makes the largest load as small as the rules permit (C12).
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from bot.inspection.draws.algorithm import officer_ticket


@dataclass(frozen=True, slots=True)
class OfficerFacts:
    """What the rules need of an officer; ``id`` is pseudonymous."""

    id: str
    department: str
    valid_from: dt.date
    valid_to: dt.date
    labels: frozenset[str] = frozenset()
    territory: str = ""
    absent: tuple[tuple[dt.date, dt.date], ...] = ()
    load: int = 0  # visits carried over from earlier draws


@dataclass(frozen=True, slots=True)
class Need:
    """One visit's need of officers from one department."""

    id: str  # of the object
    department: str
    last_day: dt.date
    first_day: dt.date
    planned: dt.date  # an officer who is away on that day is not drawn
    officers: int = 2
    labels: frozenset[str] = frozenset()
    district: str = ""
    barred: frozenset[str] = frozenset()  # officers with a declared or derived relation


@dataclass(frozen=True, slots=True)
class Shortage:
    """A visit that cannot be staffed, and how many officers each rule takes away."""

    id: str
    wanted: int
    found: int
    reasons: dict[str, int]


def refusal(need: Need, officer: OfficerFacts) -> str:
    """Why the officer must not make this visit (zh-CN); empty when nothing stands against it."""
    if officer.department != need.department:
        return "不属于检查部门"
    if not (officer.valid_from <= need.first_day and need.last_day <= officer.valid_to):
        return "执法证不在有效期"
    if not need.labels <= officer.labels:
        return "缺少专业资格"
    if officer.territory and need.district and officer.territory != need.district:
        return "不在执法区域"
    if officer.id in need.barred:
        return "应当回避"
    if any(first <= need.planned <= last for first, last in officer.absent):
        return "请假或外出"
    return ""


def admissible(need: Need, officers: Iterable[OfficerFacts]) -> tuple[list[str], dict[str, int]]:
    """Ids of the officers who may make the visit, and how many each reason excludes."""
    able: list[str] = []
    reasons: dict[str, int] = {}
    for officer in officers:
        why = refusal(need, officer)
        if why:
            reasons[why] = reasons.get(why, 0) + 1
        else:
            able.append(officer.id)
    return able, reasons


def match(
    needs: Sequence[Need], officers: Sequence[OfficerFacts], *, seed: bytes
) -> tuple[list[list[str]], list[Shortage]]:
    """A team for each need, in the order of *needs*; or the shortages, and then no team at all.

    The order of *officers* has no influence. Loads end as even as the hard rules allow.
    """
    able: list[list[str]] = []
    shortages: list[Shortage] = []
    for need in needs:
        found, reasons = admissible(need, officers)
        able.append(sorted(found, key=partial(officer_ticket, seed, need.id)))
        if len(found) < need.officers:
            shortages.append(Shortage(need.id, need.officers, len(found), reasons))
    if shortages:
        return [], shortages
    load = {officer.id: officer.load for officer in officers}
    teams: list[list[str]] = []
    for need, candidates in zip(needs, able, strict=True):
        team = sorted(candidates, key=load.__getitem__)[: need.officers]  # stable: ties stay in ticket order
        for officer in team:
            load[officer] += 1
        teams.append(team)
    _even_out(teams, able, load)
    return teams, []


def replacement(
    need: Need, officers: Sequence[OfficerFacts], *, taken: Iterable[str], seed: bytes
) -> str | None:
    """The next officer by the same tickets among those not taken; least loaded first (D12)."""
    out = set(taken)
    able, _ = admissible(need, [o for o in officers if o.id not in out])
    load = {officer.id: officer.load for officer in officers}
    return min(able, key=lambda o: (load[o], officer_ticket(seed, need.id, o)), default=None)


def _even_out(teams: list[list[str]], able: list[list[str]], load: dict[str, int]) -> None:
    """Shift visits along paths from a loaded officer to one with at least two fewer, until there is no such path."""
    held: dict[str, set[int]] = {officer: set() for officer in load}
    for index, team in enumerate(teams):
        for officer in team:
            held[officer].add(index)
    settled: set[str] = set()
    while True:
        source = max(
            (o for o in load if o not in settled and held[o]), key=lambda o: (load[o], o), default=None
        )
        if source is None:
            return
        path, reached = _path(source, teams, able, load, held)
        if not path:
            settled |= reached  # nobody they can hand over to is less loaded than whom the source could reach
            continue
        for giver, index, taker in path:
            teams[index][teams[index].index(giver)] = taker
            held[giver].remove(index)
            held[taker].add(index)
        load[source] -= 1
        load[path[-1][2]] += 1
        if not settled.isdisjoint(taker for _, _, taker in path):
            settled.clear()  # who could not hand over before may now


def _path(
    source: str,
    teams: list[list[str]],
    able: list[list[str]],
    load: dict[str, int],
    held: dict[str, set[int]],
) -> tuple[list[tuple[str, int, str]], set[str]]:
    """Breadth-first: the shortest chain of hand-overs that ends at somebody with two visits fewer (empty: there is
    none), and everybody who was reached."""
    came: dict[str, tuple[str, int]] = {source: (source, -1)}
    queue = deque([source])
    while queue:
        giver = queue.popleft()
        for index in sorted(held[giver]):
            for taker in able[index]:
                if taker in came or taker in teams[index]:
                    continue
                came[taker] = (giver, index)
                if load[taker] <= load[source] - 2:
                    return _unwind(taker, source, came), set(came)
                queue.append(taker)
    return [], set(came)


def _unwind(taker: str, source: str, came: dict[str, tuple[str, int]]) -> list[tuple[str, int, str]]:
    steps = []
    while taker != source:
        giver, index = came[taker]
        steps.append((giver, index, taker))
        taker = giver
    return steps[::-1]
