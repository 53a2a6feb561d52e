"""What the tries before this one leave to be known of a notice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from bot.inspection.notices.models import Attempt

TOGETHER = "together"  # stands for a message id until the platform names one


@dataclass(slots=True)
class Earlier:
    """What went before: tries that may have arrived without our knowing, when the first one was, and by address
    (platform, user id) the accounts that refused and those that took it."""

    unknown: int = 0
    first_at: dt.datetime | None = None
    refused: set[tuple[str, str]] = field(default_factory=set)
    took: set[tuple[str, str]] = field(default_factory=set)
    in_doubt: tuple[str, str] | None = None  # where the last try of unknown outcome went
    why: str = ""  # what the last refusal said
    together: bool = False  # the try in doubt went to many at once: it cannot be repeated as it was


def earlier_tries(session: Session, notice_ids: Sequence[int]) -> dict[int, Earlier]:
    """What is known of each notice's tries before this one."""
    if not notice_ids:
        return {}
    known: dict[int, Earlier] = {}
    columns = (
        Attempt.notice_id, Attempt.platform, Attempt.target, Attempt.outcome, Attempt.at, Attempt.detail, Attempt.ref,
    )  # fmt: skip
    rows = session.execute(
        select(*map(col, columns)).where(col(Attempt.notice_id).in_(notice_ids)).order_by(col(Attempt.n))
    )
    for notice, platform, target, outcome, at, detail, ref in rows:
        before = known.setdefault(notice, Earlier())
        before.first_at = before.first_at or at
        match outcome:
            case "unknown":
                before.unknown += 1
                before.in_doubt = (platform, target)
                before.together = before.together or ref == TOGETHER
            case "failed":
                before.refused.add((platform, target))
                before.why = detail
            case "sent":
                before.took.add((platform, target))
    return known
