"""The matching alone, against the optimum: ortools' min-cost flow on the same officers and visits."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections import Counter, defaultdict
from hashlib import sha256

from bot.inspection.draws.matching import Need, OfficerFacts, match, refusal

DAY = dt.date(2026, 3, 2)
DISTRICTS = [f"区{n}" for n in range(20)]
LABEL = "特种设备"


def measure_matching(visits: int = 30_000, officers: int = 20_000) -> None:
    """Print our seconds, largest load and sum of squares beside the flow's and a bare loop of the same hashes."""
    needs, library = case(visits, officers)
    began = time.process_time()
    teams, shortages = match(needs, library, seed=bytes(32))
    seconds = time.process_time() - began
    bare = _bare_hashes(visits, officers)
    load = Counter(officer for team in teams for officer in team)
    ours = (max(load.values()), sum(n * n for n in load.values()))
    print(f"matching {visits:,} × 2 of {officers:,} ({len(shortages)} shortages)")
    print(
        f"  suicha: {seconds:.2f} s of one core, {seconds / bare:.1f} × a bare loop of as many SHA-256 ({bare:.2f} s)"
    )
    print(f"  largest load {ours[0]}, sum of squares {ours[1]:,}")
    try:
        flow_seconds, flow = optimum(needs, library)
    except ImportError:
        print("  (ortools is not installed: make bench installs it)")
        return
    print(f"  min-cost flow: {flow_seconds:.2f} s, largest load {flow[0]}, sum of squares {flow[1]:,}: "
          f"ours is {100 * (ours[1] / flow[1] - 1):.3f} % above")  # fmt: skip


def case(visits: int, officers: int) -> tuple[list[Need], list[OfficerFacts]]:
    """Districts of very different size, labels, recusals; no absences, so that the flow stays small."""
    chance = random.Random(1)
    names = [f"o{n}" for n in range(visits)]
    weights = [chance.random() + 0.2 for _ in DISTRICTS]
    library = [
        OfficerFacts(
            id=sha256(b"%d" % n).hexdigest()[:32], department="D", valid_from=dt.date(2024, 1, 1),
            valid_to=dt.date(2028, 1, 1), labels=frozenset([LABEL] if chance.random() < 0.3 else []),
            territory=chance.choice(DISTRICTS) if chance.random() < 0.5 else "",
            recused=frozenset(chance.sample(names, 1) if chance.random() < 0.01 else []),
        )
        for n in range(officers)
    ]  # fmt: skip
    needs = [
        Need(id=name, department="D", last_day=DAY + dt.timedelta(30), planned=DAY + dt.timedelta(n * 10 // visits),
             district=chance.choices(DISTRICTS, weights)[0])
        for n, name in enumerate(names)
    ]  # fmt: skip
    return needs, library


def optimum(needs: list[Need], library: list[OfficerFacts]) -> tuple[float, tuple[int, int]]:
    """The smallest sum of squares any assignment has, by min-cost flow: visits with a recusal as nodes of their own,
    all others of a district as one."""
    from ortools.graph.python import min_cost_flow  # noqa: PLC0415

    touched = {code for officer in library for code in officer.recused}
    groups: dict[object, list[Need]] = defaultdict(list)
    for need in needs:
        groups[need.id if need.id in touched else ("district", need.district)].append(need)
    flow = min_cost_flow.SimpleMinCostFlow()
    first_officer = len(groups)
    sink = first_officer + len(library)
    supply = 0
    for node, (key, members) in enumerate(groups.items()):
        alone = not isinstance(key, tuple)
        for number, officer in enumerate(library):
            # within a district an officer may take each visit once: never the limit here
            if not refusal(members[0], officer):
                flow.add_arc_with_capacity_and_unit_cost(node, first_officer + number, 1 if alone else 12, 0)
        flow.set_node_supply(node, 2 * len(members))
        supply += 2 * len(members)
    for number in range(len(library)):
        for step in range(12):
            flow.add_arc_with_capacity_and_unit_cost(first_officer + number, sink, 1, 2 * step + 1)
    flow.set_node_supply(sink, -supply)
    began = time.perf_counter()
    status = flow.solve()
    seconds = time.perf_counter() - began
    if status != flow.OPTIMAL:
        raise ValueError(f"no flow: {status}")
    loads: Counter[int] = Counter()
    for arc in range(flow.num_arcs()):
        if flow.head(arc) == sink and flow.flow(arc):
            loads[flow.tail(arc)] += flow.flow(arc)
    return seconds, (max(loads.values()), flow.optimal_cost())


def _bare_hashes(visits: int, officers: int) -> float:
    """As many digests as the matching needs: eight a visit, one an officer and one a place."""
    began = time.process_time()
    for n in range(visits * 10 + officers):
        sha256(b"%064d" % n).digest()
    return time.process_time() - began
