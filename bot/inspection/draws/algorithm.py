"""Protocol ``suicha-draw/1``, the object side: pool, fingerprints, seed, tickets, picks. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from bot.core.canonical import canonical
from bot.inspection.plans.strata import StratumRule, take

PROTOCOL = "suicha-draw/1"


@dataclass(frozen=True, slots=True)
class Pick:
    """One drawn object. ``rank`` counts over all strata in ticket order from 1; ``batch`` from 1."""

    id: str
    stratum: str
    ticket: str
    rank: int
    batch: int


_SLICE = 1 << 15
_ESCAPED = re.compile(r'[\x00-\x1f"\\\ud800-\udfff]')


def by_stratum(pool: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The ids of each stratum."""
    strata: dict[str, list[str]] = {}
    for identity, stratum in pool:
        if stratum not in strata:
            strata[stratum] = []
        strata[stratum].append(identity)
    return strata


def pool_bytes(pool: Iterable[tuple[str, str]]) -> bytes:
    """``pool.jsonl``: (id, stratum) sorted by the bytes of id, one canonical JSON line each.

    UTF-8 sorts like the code points, so the text is sorted. Raises UnicodeEncodeError for half a surrogate pair.
    """
    ordered = sorted(pool)
    tails = {
        stratum: f",{canonical({'stratum': stratum}).decode()[1:]}\n" for stratum in {s for _, s in ordered}
    }
    return b"".join(
        _lines(ordered[start : start + _SLICE], tails) for start in range(0, len(ordered), _SLICE)
    )


def _lines(entries: Sequence[tuple[str, str]], tails: Mapping[str, str]) -> bytes:
    """Some thousands of lines at a time, so that a million are never all held one by one."""
    ids = "".join([identity for identity, _ in entries])
    if not ids.isalnum() and _ESCAPED.search(ids):
        return "".join(
            [f"{canonical({'id': i}).decode()[:-1]}{tails[stratum]}" for i, stratum in entries]
        ).encode()
    return "".join([f'{{"id":"{i}"{tails[stratum]}' for i, stratum in entries]).encode()


def fingerprint(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def seed_of(
    *, task: str, number: int, pool_sha256: str, rules_sha256: str, secret_hex: str, public_value: str
) -> bytes:
    """SHA-256 over the protocol's name and the six values, each followed by a newline, UTF-8."""
    parts = (PROTOCOL, task, str(number), pool_sha256, rules_sha256, secret_hex.lower(), public_value)
    return hashlib.sha256("".join(f"{part}\n" for part in parts).encode()).digest()


def ticket(seed: bytes, identity: str) -> str:
    """The object's ticket in hex: SHA-256(seed ‖ ``object\\n`` ‖ id)."""
    return hashlib.sha256(seed + b"object\n" + identity.encode()).hexdigest()


def officer_ticket(seed: bytes, identity: str, officer: str) -> str:
    """The officer's ticket for one object: SHA-256(seed ‖ ``officer\\n`` ‖ object id ‖ ``\\n`` ‖ officer id)."""
    return hashlib.sha256(seed + b"officer\n" + identity.encode() + b"\n" + officer.encode()).hexdigest()


def pick(
    strata: Mapping[str, Sequence[str]], *, rules: Mapping[str, StratumRule], seed: bytes, batch_size: int = 0
) -> list[Pick]:
    """Take the smallest tickets of each stratum, ties by id; all picks in ticket order, cut into batches.

    Raises KeyError for a stratum without a rule.
    """
    taken = sorted(
        (drawn, identity, stratum)
        for stratum, ids in strata.items()
        for drawn, identity in _smallest(seed, ids, take(len(ids), rules[stratum]))
    )
    size = batch_size or max(len(taken), 1)
    return [
        Pick(identity, stratum, value.hex(), rank, (rank - 1) // size + 1)
        for rank, (value, identity, stratum) in enumerate(taken, 1)
    ]


def next_ticket(seed: bytes, ids: Iterable[str], *, taken: Container[str]) -> str | None:
    """Of one stratum the object whose turn it is after those taken; None when all are taken."""
    return min((i for i in ids if i not in taken), key=lambda i: (ticket(seed, i), i), default=None)


def _smallest(seed: bytes, ids: Sequence[str], wanted: int) -> list[tuple[bytes, str]]:
    """The *wanted* smallest tickets. Tickets are spread evenly, so one glance at the first bytes sorts out nearly all
    of the others; where that glance kept too few, all are looked at."""
    if not wanted:
        return []
    start = seed + b"object\n"
    enough = wanted + wanted // 5 + 16
    some: list[tuple[bytes, str]] = []
    if enough < len(ids):
        bound = ((2**64 - 1) * enough // len(ids)).to_bytes(8, "big")
        some = [(drawn, i) for i in ids if (drawn := sha256(start + i.encode()).digest()) < bound]
    if len(some) < wanted:
        some = [(sha256(start + i.encode()).digest(), i) for i in ids]
    some.sort()
    return some[:wanted]


def picks_bytes(picks: Iterable[Pick]) -> bytes:
    """``picks.jsonl``: one canonical JSON object per pick, in ticket order."""
    return b"".join(
        canonical({"id": p.id, "stratum": p.stratum, "ticket": p.ticket, "rank": p.rank, "batch": p.batch})
        + b"\n"
        for p in picks
    )
