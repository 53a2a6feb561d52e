"""Protocol ``suicha-draw/1``, the object side: pool, fingerprints, seed, tickets, picks. Pure; standard library only,
so that a stranger's fifty lines and ours read alike."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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


def pool_bytes(pool: Iterable[tuple[str, str]]) -> bytes:
    """``pool.jsonl``: (id, stratum) sorted by the bytes of id, one canonical JSON line each."""
    ordered = sorted((identity.encode(), identity, stratum) for identity, stratum in pool)
    return b"".join(
        canonical({"id": identity, "stratum": stratum}) + b"\n" for _, identity, stratum in ordered
    )


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
    pool: Iterable[tuple[str, str]], *, rules: Mapping[str, StratumRule], seed: bytes, batch_size: int = 0
) -> list[Pick]:
    """Take the smallest tickets of each stratum, ties by id; all picks in ticket order, cut into batches.

    Raises KeyError for a stratum without a rule.
    """
    entries = list(pool)
    sizes = Counter(stratum for _, stratum in entries)
    wanted = {stratum: take(size, rules[stratum]) for stratum, size in sizes.items()}
    tickets: dict[str, list[tuple[str, str]]] = {stratum: [] for stratum in sizes}
    for identity, stratum in entries:
        tickets[stratum].append((ticket(seed, identity), identity))
    taken = sorted(
        (value, identity, stratum)
        for stratum, all_of_it in tickets.items()
        for value, identity in heapq.nsmallest(wanted[stratum], all_of_it)
    )
    size = batch_size or max(len(taken), 1)
    return [
        Pick(identity, stratum, value, rank, (rank - 1) // size + 1)
        for rank, (value, identity, stratum) in enumerate(taken, 1)
    ]


def picks_bytes(picks: Iterable[Pick]) -> bytes:
    """``picks.jsonl``: one canonical JSON object per pick, in ticket order."""
    return b"".join(
        canonical({"id": p.id, "stratum": p.stratum, "ticket": p.ticket, "rank": p.rank, "batch": p.batch})
        + b"\n"
        for p in picks
    )
