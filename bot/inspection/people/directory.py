"""Compare a chat service's directory with the people library: what would change. Pure.

Nobody is guessed: an account is bound by its mobile number, or left to the one-time code. A name alone never binds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MOST_LEAVING = (
    0.3  # of the known accounts: more than so many at once is a wrong scope, not a wave of departures
)
FEW = 10  # below so many accounts no share says anything


class Act(StrEnum):
    BIND = "bind"  # a known person, by mobile number: the account is new
    CREATE = "create"  # nobody we know
    CHANGE = "change"  # name, mobile, or the department of somebody the directory brought
    BACK = "back"  # an account that was blocked is in the directory again
    LEAVE = "leave"  # the account is blocked, everything they did stays
    UNCLEAR = "unclear"  # the mobile number is somebody else's, or the name may be one of ours: somebody has to look


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody in the directory."""

    user_id: str
    name: str
    mobile: str = field(default="", repr=False)
    department: str = ""
    unit_id: str = ""  # of that department, there
    department_id: int | None = None  # ours, once it was looked up


@dataclass(frozen=True, slots=True)
class Known:
    """A person of ours; ``user_id`` is empty without an account on this service.

    ``made``: the directory brought them, and says where they belong; of everybody else our own list does.
    """

    person_id: int
    name: str
    mobile: str = field(default="", repr=False)
    user_id: str = ""
    blocked: bool = False
    department_id: int | None = None
    made: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do; ``person_id`` is None for somebody new."""

    act: Act
    entry: Entry
    person_id: int | None = None


def compare(entries: Iterable[Entry], known: Sequence[Known], *, whole: bool) -> list[Change]:
    """What the directory changes. Only when *whole* does a missing account mean that somebody left."""
    by_account = {one.user_id: one for one in known if one.user_id}
    by_mobile: dict[str, list[Known]] = {}
    for one in known:
        if one.mobile:
            by_mobile.setdefault(one.mobile, []).append(one)
    namesakes = {one.name for one in known if not one.user_id}
    changes: list[Change] = []
    seen: set[str] = set()
    for entry in entries:
        if not entry.user_id or entry.user_id in seen:
            continue
        seen.add(entry.user_id)
        changes += _of(entry, by_account.get(entry.user_id), by_mobile, namesakes)
    if whole:
        gone = (one for one in by_account.values() if one.user_id not in seen and not one.blocked)
        changes += [Change(Act.LEAVE, Entry(one.user_id, one.name), one.person_id) for one in gone]
    return changes


def too_many_leave(changes: Sequence[Change], known: Sequence[Known]) -> bool:
    """Whether so many accounts are missing that the app's visible range is the likelier reason."""
    living = sum(1 for one in known if one.user_id and not one.blocked)
    leaving = sum(1 for change in changes if change.act is Act.LEAVE)
    return living >= FEW and leaving > living * MOST_LEAVING


def count(changes: Iterable[Change]) -> dict[str, int]:
    """How often each act, in their order."""
    counted = Counter(change.act for change in changes)
    return {act.value: counted[act] for act in Act}


def _of(
    entry: Entry, account: Known | None, by_mobile: Mapping[str, list[Known]], namesakes: Collection[str]
) -> list[Change]:
    if account is not None:
        changes = [Change(Act.BACK, entry, account.person_id)] if account.blocked else []
        moved = account.made and entry.department_id not in (None, account.department_id)
        differs = (entry.name and entry.name != account.name) or (
            entry.mobile and entry.mobile != account.mobile
        )
        return [*changes, Change(Act.CHANGE, entry, account.person_id)] if differs or moved else changes
    same = by_mobile.get(entry.mobile, []) if entry.mobile else []
    if len(same) > 1 or any(one.user_id for one in same):
        return [Change(Act.UNCLEAR, entry)]
    if same:
        return [Change(Act.BIND, entry, same.pop().person_id)]
    if not entry.mobile and entry.name in namesakes:  # new would be the same officer twice
        return [Change(Act.UNCLEAR, entry)]
    return [Change(Act.CREATE, entry)]
