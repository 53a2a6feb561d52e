"""Hand visits over until no chain of hand-overs makes the loads more even (``docs/draw-protocol.md``, step 4). Pure.

Officers are numbers in the protocol's order and sets of officers are the bits of an integer. A place on a team is of
a class: places of one class may, but for absences and recusals, be taken by the same officers. A search therefore
only looks at officers who hold a place of a class that still leads to somebody new; the others would add nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Protocol

Mask = int
Link = tuple[int, int, int]  # giver, need, taker
Segment = tuple[Mask, int, int]  # who was reached, from which officer, through which need


class Places(Protocol):
    """What the rules say about places on teams."""

    def place(self, need: int, giver: int) -> int:
        """The class of the place that *giver* has on the team of *need*."""

    def fitting(self, place: int) -> Mask:
        """Who may take places of the class, absences and recusals left aside."""

    def takers(self, need: int, giver: int) -> Mask:
        """Who may take this very place."""


class Levelling:
    """``run`` changes *teams* and *load* in place; what it leaves has the smallest possible sum of squares."""

    def __init__(self, teams: list[list[int]], load: list[int], places: Places) -> None:
        self._teams, self._load, self._places = teams, load, places
        self._held: list[list[int]] = [[] for _ in load]
        for need, team in enumerate(teams):
            for officer in team:
                self._held[officer].append(need)
        self._at: dict[int, Mask] = {}
        for officer, level in enumerate(load):
            self._at[level] = self._at.get(level, 0) | 1 << officer
        self._holders = self._all_holders()
        self._settled: Mask = 0

    def run(self) -> int:
        """Returns how many chains there were. The most loaded officer goes first, of equals the first in order."""
        load, heap = self._load, [(-self._load[o], o) for o, held in enumerate(self._held) if held]
        heapq.heapify(heap)
        chains = 0
        while heap:
            level, source = heap[0]
            if -level != load[source] or self._settled >> source & 1:
                heapq.heappop(heap)
                continue
            light = self._lighter_than(load[source] - 1)
            if not light:
                break  # and nobody after this one has more
            chain = self._search(source, light)
            if chain:
                self._apply(chain)
                for officer in (source, chain[-1][2]):
                    if self._held[officer]:
                        heapq.heappush(heap, (-load[officer], officer))
                chains += 1
        return chains

    def _lighter_than(self, bound: int) -> Mask:
        found = 0
        for level, mask in self._at.items():
            if level < bound:
                found |= mask
        return found

    def _search(self, source: int, light: Mask) -> list[Link]:
        """The chain from *source* to the first officer of *light*, breadth first; empty when there is none."""
        unseen = ~(self._settled | 1 << source)
        segments: list[Segment] = [(1 << source, source, -1)]
        useful = self._useful(unseen)
        place = 0
        while place < len(segments):
            waiting = segments[place][0]
            while waiting & useful:
                giver = ((waiting & useful) & -(waiting & useful)).bit_length() - 1
                waiting &= -1 << (giver + 1)
                for need in self._held[giver]:
                    fresh = self._places.takers(need, giver) & unseen
                    if not fresh:
                        continue
                    if found := fresh & light:
                        taker = (found & -found).bit_length() - 1
                        return _unwind(segments, source, [(giver, need, taker)])
                    unseen &= ~fresh
                    segments.append((fresh, giver, need))
                    useful = self._useful(unseen)
            place += 1
        self._settled |= ~unseen  # whoever was reached reaches nobody lighter either
        return []

    def _useful(self, unseen: Mask) -> Mask:
        """Everybody who holds a place that somebody unseen might take."""
        found = 0
        for place, holders in self._holders.items():
            if self._places.fitting(place) & unseen:
                found |= holders
        return found

    def _apply(self, chain: Sequence[Link]) -> None:
        for giver, need, taker in chain:
            team = self._teams[need]
            team[team.index(giver)] = taker
            self._held[giver].remove(need)
            self._held[taker].append(need)
            self._held[taker].sort()
        for officer in {o for _, need, _ in chain for o in self._teams[need]} | {chain[0][0]}:
            self._note(officer)  # a partner's place may have become one for a holder of the labels
        self._move(chain[0][0], -1)
        self._move(chain[-1][2], 1)

    def _all_holders(self) -> dict[int, Mask]:
        """By class of place, who holds one."""
        width = len(self._load) // 8 + 1
        found: dict[int, bytearray] = {}
        for officer, held in enumerate(self._held):
            for need in held:
                bits = found.setdefault(self._places.place(need, officer), bytearray(width))
                bits[officer >> 3] |= 1 << (officer & 7)
        return {place: int.from_bytes(bits, "little") for place, bits in found.items()}

    def _note(self, officer: int) -> None:
        bit = 1 << officer
        for place in self._holders:
            self._holders[place] &= ~bit
        for need in self._held[officer]:
            place = self._places.place(need, officer)
            self._holders[place] = self._holders.get(place, 0) | bit

    def _move(self, officer: int, step: int) -> None:
        level = self._load[officer]
        self._at[level] &= ~(1 << officer)
        self._at[level + step] = self._at.get(level + step, 0) | 1 << officer
        self._load[officer] = level + step


def _unwind(segments: Sequence[Segment], source: int, chain: list[Link]) -> list[Link]:
    """The chain from its last link back to *source*, in order of giving."""
    while chain[-1][0] != source:
        taker = chain[-1][0]
        giver, need = next((giver, need) for mask, giver, need in segments if mask >> taker & 1)
        chain.append((giver, need, taker))
    return chain[::-1]
