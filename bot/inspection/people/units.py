"""Compare the departments of a chat service's directory with ours: what would change. Pure.

Nobody's department is guessed: a name that is unique on both sides is the same department, any other is a new one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

MOST_GONE = 0.3  # of the known ones: more at once is a visible range that shrank
FEW = 5  # below so many no share says anything


class UnitAct(StrEnum):
    BIND = "bind"  # the one department of ours with this name
    CREATE = "create"
    RENAME = "rename"
    MOVE = "move"  # below another one
    BACK = "back"  # it was gone
    GONE = "gone"  # ours stays, with everything done in it


@dataclass(frozen=True, slots=True)
class Place:
    """A department of the directory. ``parent_id`` is empty at the top."""

    unit_id: str
    name: str
    parent_id: str = ""


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """One that we know; ``department_id`` is ours."""

    unit_id: str
    name: str
    department_id: int
    parent_id: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class UnitChange:
    """One thing to do; ``department_id`` is None for a new one."""

    act: UnitAct
    place: Place
    department_id: int | None = None


def compare_units(
    places: Sequence[Place], known: Sequence[KnownPlace], ours: Mapping[str, Sequence[int]]
) -> list[UnitChange]:
    """What the directory changes; *ours* are our departments by name. Who is above comes first."""
    by_id = {one.unit_id: one for one in known}
    bound = {one.department_id for one in known}
    often = Counter(place.name for place in places)
    changes: list[UnitChange] = []
    for place in parents_first(places):
        before = by_id.pop(place.unit_id, None)
        if before is None:
            same = [one for one in ours.get(place.name, ()) if one not in bound]
            is_ours = often[place.name] == 1 and len(same) == 1
            act = UnitAct.BIND if is_ours else UnitAct.CREATE
            changes.append(UnitChange(act, place, same[0] if is_ours else None))
            continue
        for act, differs in (
            (UnitAct.BACK, before.gone),
            (UnitAct.RENAME, place.name != before.name),
            (UnitAct.MOVE, place.parent_id != before.parent_id),
        ):
            if differs:
                changes.append(UnitChange(act, place, before.department_id))
    return changes + [
        UnitChange(UnitAct.GONE, Place(one.unit_id, one.name, one.parent_id), one.department_id)
        for one in by_id.values()
        if not one.gone
    ]


def too_many_gone(changes: Iterable[UnitChange], known: Sequence[KnownPlace]) -> bool:
    """Whether so many departments are missing that the app's visible range is the likelier reason."""
    living = sum(1 for one in known if not one.gone)
    return living >= FEW and sum(one.act is UnitAct.GONE for one in changes) > living * MOST_GONE


def count_units(changes: Iterable[UnitChange]) -> dict[str, int]:
    """How often each act, in their order."""
    counted = Counter(change.act for change in changes)
    return {act.value: counted[act] for act in UnitAct}


def parents_first(places: Sequence[Place]) -> list[Place]:
    """Each once, behind the one above it; a ring begins anywhere."""
    by_id = {place.unit_id: place for place in places}
    ordered: dict[str, Place] = {}
    for place in by_id.values():
        path: list[Place] = []
        at: Place | None = place
        while at is not None and at.unit_id not in ordered and at not in path:
            path.append(at)
            at = by_id.get(at.parent_id)
        ordered |= {one.unit_id: one for one in reversed(path)}
    return list(ordered.values())
