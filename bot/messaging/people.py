"""Which account belongs to whom, and which account to try next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import update
from sqlmodel import Session, col, select

from bot.inspection.people.models import Account, Person
from bot.messaging.routes import in_order


def person_of(session: Session, *, platform: str, user_id: str) -> int | None:
    """The active person behind an account, None when it is not bound."""
    return session.exec(
        select(Account.person_id)
        .join(Person, col(Person.id) == Account.person_id)
        .where(Account.platform == platform, Account.user_id == user_id, col(Person.active))
    ).first()


def addresses(
    session: Session, people: Collection[int], *, platforms: Collection[str], prefer: str
) -> dict[int, list[tuple[str, str]]]:
    """Living accounts of each person on *platforms*, in the order in which they are tried."""
    found: dict[int, list[tuple[str, str]]] = {}
    query = select(Account).where(
        col(Account.person_id).in_(people),
        col(Account.platform).in_(platforms),
        col(Account.dead_since).is_(None),
    )
    for account in session.exec(query.order_by(col(Account.id))):
        found.setdefault(account.person_id, []).append((account.platform, account.user_id))
    return {person: in_order(accounts, prefer=prefer) for person, accounts in found.items()}


def bury(session: Session, *, platform: str, user_id: str, reason: str, now: dt.datetime) -> None:
    """The platform says nobody can be reached there; kept, and tried no more until it is bound again."""
    session.execute(
        update(Account)
        .where(col(Account.platform) == platform, col(Account.user_id) == user_id)
        .values(dead_since=now, dead_reason=reason)
    )


def revive(session: Session, *, platform: str, user_id: str) -> None:
    """Somebody spoke from there, so they can be reached there."""
    session.execute(
        update(Account)
        .where(
            col(Account.platform) == platform,
            col(Account.user_id) == user_id,
            col(Account.dead_since).is_not(None),
        )
        .values(dead_since=None, dead_reason="")
    )


def why_unreachable(session: Session, person_id: int, *, platforms: Collection[str]) -> str:
    """What the services said about the person's accounts (zh-CN); empty for somebody who has none."""
    query = select(Account.dead_reason).where(
        Account.person_id == person_id, col(Account.platform).in_(platforms)
    )
    return "；".join(
        dict.fromkeys(reason for reason in session.exec(query.order_by(col(Account.id))) if reason)
    )
