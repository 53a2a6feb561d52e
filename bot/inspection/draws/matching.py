"""Who inspects what (C12): ``docs/draw-protocol.md``, "Officers", step by step. Pure.

No rule limits how many visits an officer may have, so an assignment exists exactly when every visit has enough
admissible officers; the levelling then makes the largest load as small as the rules permit.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from bot.inspection.draws.algorithm import officer_ticket
from bot.inspection.draws.levelling import Levelling

SHORTLIST = 4  # candidates looked at for each officer wanted
Entry = tuple[int, bytes, int]  # load, turn, officer


@dataclass(frozen=True, slots=True)
class OfficerFacts:
    """What the rules need of an officer; ``id`` is pseudonymous. ``gate`` says what keeps the officer out of this
    task whatever the visit is (zh-CN), for example a missing training."""

    id: str
    department: str
    valid_from: dt.date
    valid_to: dt.date
    labels: frozenset[str] = frozenset()
    territory: str = ""
    absent: tuple[tuple[dt.date, dt.date], ...] = ()
    load: int = 0  # visits carried over from earlier draws
    recused: frozenset[str] = frozenset()  # objects with a declared or derived relation
    gate: str = ""

    def without_gate(self) -> OfficerFacts:
        return replace(self, gate="")


@dataclass(frozen=True, slots=True)
class Need:
    """One visit's need of officers from one department. One of them must hold all ``labels``."""

    id: str  # of the object
    department: str
    last_day: dt.date
    planned: dt.date  # an officer who is away on that day is not drawn
    officers: int = 2
    labels: frozenset[str] = frozenset()
    district: str = ""


@dataclass(frozen=True, slots=True)
class Shortage:
    """A visit that cannot be staffed: how many could go, and how many officers each rule takes away."""

    id: str
    department: str
    wanted: int
    found: int
    reasons: dict[str, int]
    label: str = ""  # nobody of those found holds it


def refusal(need: Need, officer: OfficerFacts) -> str:
    """Why the officer must not make this visit (zh-CN); empty when nothing stands against it."""
    if officer.department != need.department:
        return "不属于检查部门"
    if officer.gate:
        return officer.gate
    if not (officer.valid_from <= need.planned and need.last_day <= officer.valid_to):
        return "执法证不在有效期"
    if officer.territory and need.district and officer.territory != need.district:
        return "不在执法区域"
    if need.id in officer.recused:
        return "应当回避"
    if any(first <= need.planned <= last for first, last in officer.absent):
        return "请假或外出"
    return ""


def turn(seed: bytes, load: int, officer: str) -> bytes:
    """Where the officer stands among those of equal load: SHA-256(seed ‖ ``turn\\n`` ‖ load ‖ ``\\n`` ‖ id).
    A new load is a new turn, so that no two officers stay neighbours."""
    return sha256(seed + b"turn\n%d\n" % load + officer.encode()).digest()


def match(
    needs: Sequence[Need], officers: Iterable[OfficerFacts], *, seed: bytes
) -> tuple[list[list[str]], list[Shortage]]:
    """A team for each need, in the order of *needs*; or the shortages, and then no team at all.

    The order of *officers* has no influence. Loads end as even as the hard rules allow.
    """
    library = sorted(officers, key=lambda o: (turn(seed, 0, o.id), o.id))
    board = Board(library, needs, seed)
    shortages = [short for need in needs if (short := board.shortage(need))]
    if shortages:
        return [], shortages
    board.teams = [board.team(need) for need in needs]
    Levelling(board.teams, board.load, board).run()
    return [[library[officer].id for officer in team] for team in board.teams], []


def candidates(
    need: Need, officers: Iterable[OfficerFacts], *, taken: Collection[str], staying: Collection[str] = ()
) -> list[OfficerFacts]:
    """Who may follow on a team: nobody who ever was on it; one who holds the labels, unless one who stays does."""
    known = list(officers)
    held = any(o.id in staying and need.labels <= o.labels for o in known)
    return [
        o for o in known if o.id not in taken and not refusal(need, o) and (held or need.labels <= o.labels)
    ]


def replacement(need: Need, able: Iterable[OfficerFacts], *, seed: bytes) -> str | None:
    """The next officer by the same tickets among the *able*, least loaded first (D12)."""
    chosen = min(able, key=lambda o: (o.load, officer_ticket(seed, need.id, o.id)), default=None)
    return chosen.id if chosen is not None else None


Kind = tuple[str, str, frozenset[str]]  # department, district or territory, labels


class Board:
    """The officers as numbers in order, in queues that the rules treat alike, and everybody's load."""

    def __init__(self, library: Sequence[OfficerFacts], needs: Sequence[Need], seed: bytes) -> None:
        self._library, self._needs, self._seed = library, needs, seed
        self._ids = [officer.id.encode() for officer in library]
        self.load = [officer.load for officer in library]
        self.teams: list[list[int]] = []
        self._wanted = frozenset(label for need in needs for label in need.labels)
        self._days = sorted({need.planned for need in needs}) or [dt.date.min]
        self._last = max((need.last_day for need in needs), default=dt.date.min)
        self._queues: dict[Kind, list[Entry]] = defaultdict(list)
        self._queue_of: list[list[Entry]] = []
        self._members: dict[Kind, int] = defaultdict(int)
        self._away: dict[dt.date, set[int]] = {day: set() for day in self._days}
        self._recused: dict[str, set[int]] = defaultdict(set)
        self._day = dt.date.min  # whose absentees are out of their queues
        for number, officer in enumerate(library):
            self._seat(number, officer)
        for queue in self._queues.values():
            queue.sort()
        self._away_bits = {day: sum(1 << n for n in numbers) for day, numbers in self._away.items()}
        self._open: dict[Kind, list[list[Entry]]] = {}
        self._kinds: list[Kind] = []
        self._kind_numbers: dict[Kind, int] = {}
        self._masks: list[int] = []
        self._plenty: set[tuple[int, dt.date, int]] = set()  # needs like these have been found to be met

    def _seat(self, number: int, officer: OfficerFacts) -> None:
        kind = (officer.department, officer.territory, officer.labels & self._wanted)
        queue = self._queues[kind]
        self._queue_of.append(queue)
        if officer.gate or self._last > officer.valid_to or officer.valid_from > self._days[-1]:
            return  # nobody who can make no visit stands in a queue
        if officer.absent or officer.valid_from > self._days[0]:
            for day in self._days:
                if day < officer.valid_from or any(first <= day <= last for first, last in officer.absent):
                    self._away[day].add(number)
        for identity in officer.recused:
            self._recused[identity].add(number)
        self._members[kind] |= 1 << number
        queue.append(self._entry(number))

    def shortage(self, need: Need) -> Shortage | None:
        """Why the need cannot be met; None when it can."""
        alike = (self._kind(need, need.labels), need.planned, need.officers)
        if alike in self._plenty and need.id not in self._recused:
            return None
        able = self._able(need, self._kind(need, frozenset()))
        holders = self._able(need, self._kind(need, need.labels))
        if able.bit_count() >= need.officers and holders:
            if need.id not in self._recused:
                self._plenty.add(alike)
            return None
        reasons: dict[str, int] = {}
        for officer in self._library:
            if why := refusal(need, officer):
                reasons[why] = reasons.get(why, 0) + 1
        label = "" if holders else "、".join(sorted(need.labels))
        return Shortage(need.id, need.department, need.officers, able.bit_count(), reasons, label)

    def team(self, need: Need) -> list[int]:
        """The officers of one need: first one who holds the labels, then the others; loads and turns move on."""
        if not need.labels:
            return self._draw(need, need.labels, need.officers, ())
        first = self._draw(need, need.labels, 1, ())
        return first + self._draw(need, frozenset(), need.officers - 1, first)

    def _draw(self, need: Need, labels: frozenset[str], many: int, taken: Sequence[int]) -> list[int]:
        """Step 3: of the shortlist the smallest (load, ticket)."""
        start = self._seed + b"officer\n" + need.id.encode() + b"\n"
        ids = self._ids
        listed = [
            (entry[0], sha256(start + ids[entry[2]]).digest(), entry)
            for entry in self._shortlist(need, labels, SHORTLIST * many, taken)
        ]
        listed.sort()
        for _, _, entry in listed[:many]:
            self._raise(entry)
        return [entry[2] for _, _, entry in listed[:many]]

    def _shortlist(self, need: Need, labels: frozenset[str], size: int, taken: Sequence[int]) -> list[Entry]:
        """Step 2: the admissible officers first by (load, turn)."""
        if need.planned != self._day:
            self._turn_to(need.planned)
        barred = self._recused.get(need.id, ())
        if taken:
            barred = {*barred, *taken}
        listed: list[Entry] = []
        for queue in self._fitting_queues((need.department, need.district, labels)):
            if barred:
                first = queue[: size + len(barred)]
                listed += [entry for entry in first if entry[2] not in barred][:size]
            else:
                listed += queue[:size]
        listed.sort()
        return listed[:size]

    def _turn_to(self, day: dt.date) -> None:
        """Take out of their queues who is away on *day*, and put back who was away on the day before."""
        before = self._away.get(self._day, set())
        for number in before - self._away[day]:
            insort(self._queue_of[number], self._entry(number))
        for number in self._away[day] - before:
            queue = self._queue_of[number]
            del queue[bisect_left(queue, self._entry(number))]
        self._day = day

    def _entry(self, number: int) -> Entry:
        load = self.load[number]
        return load, turn(self._seed, load, self._library[number].id), number

    def _raise(self, entry: Entry) -> None:
        load, _, number = entry
        queue = self._queue_of[number]
        del queue[bisect_left(queue, entry)]
        self.load[number] = load + 1
        insort(queue, self._entry(number))

    def _fitting_queues(self, kind: Kind) -> list[list[Entry]]:
        found = self._open.get(kind)
        if found is None:
            found = self._open[kind] = [self._queues[group] for group in self._fitting(kind)]
        return found

    def _fitting(self, kind: Kind) -> list[Kind]:
        """The queues whose officers may make a visit in the district and hold the labels."""
        department, district, labels = kind
        return [
            (of, territory, held)
            for of, territory, held in self._queues
            if of == department
            and labels <= held
            and (not territory or not district or territory == district)
        ]

    def _kind(self, need: Need, labels: frozenset[str]) -> int:
        kind = (need.department, need.district, labels)
        number = self._kind_numbers.get(kind)
        if number is None:
            number = self._kind_numbers[kind] = len(self._masks)
            mask = 0
            for group in self._fitting(kind):
                mask |= self._members[group]
            self._masks.append(mask)
        return number

    def _able(self, need: Need, kind: int) -> int:
        """Everybody of the kind whom neither an absence nor a recusal keeps away, as bits."""
        mask = self._masks[kind] & ~self._away_bits[need.planned]
        for number in self._recused.get(need.id, ()):
            mask &= ~(1 << number)
        return mask

    # -- what the levelling asks --------------------------------------------------------------------------

    def place(self, need: int, giver: int) -> int:
        """The class of *giver*'s place: one for a holder of the labels, unless another of the team holds them."""
        wanted = self._needs[need]
        labels = wanted.labels
        if labels and any(labels <= self._library[n].labels for n in self.teams[need] if n != giver):
            labels = frozenset()
        return self._kind(wanted, labels)

    def fitting(self, place: int) -> int:
        return self._masks[place]

    def takers(self, need: int, giver: int) -> int:
        mask = self._able(self._needs[need], self.place(need, giver))
        for number in self.teams[need]:
            mask &= ~(1 << number)
        return mask
