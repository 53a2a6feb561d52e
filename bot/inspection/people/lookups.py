"""Asking a chat service whose number this is, rationed: too many misses block the call for a day (sheet 6.1)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from bot.core.ids import sha256_hex
from bot.inspection.people.models import Account, MobileLookup, Person

KEPT = dt.timedelta(days=30)  # a number that was asked is not asked again for so long


def may_look_up(session: Session, *, platform: str, a_day: int, now: dt.datetime) -> list[str]:
    """Numbers of people without an account on *platform* that may be asked now: each once a month, so many a day."""
    session.execute(delete(MobileLookup).where(col(MobileLookup.at) <= now - KEPT))
    recent = select(func.count()).select_from(MobileLookup).where(
        col(MobileLookup.platform) == platform, col(MobileLookup.at) > now - dt.timedelta(days=1)
    )  # fmt: skip
    today = session.execute(recent).scalar_one()
    mine = select(col(Account.id)).where(
        col(Account.platform) == platform, col(Account.person_id) == Person.id
    )
    asked = set(
        session.execute(
            select(col(MobileLookup.number_sha256)).where(col(MobileLookup.platform) == platform)
        ).scalars()
    )
    numbers = session.execute(
        select(col(Person.mobile)).where(col(Person.active), col(Person.mobile) != "", ~mine.exists())
        .order_by(col(Person.id))
    ).scalars()  # fmt: skip
    fresh = [
        number for number in dict.fromkeys(numbers) if _is_mobile(number) and _digest(number) not in asked
    ]
    return fresh[: max(a_day - today, 0)]


def note_look_up(session: Session, number: str, *, platform: str, found: bool, now: dt.datetime) -> None:
    """One number was asked; the number itself is not kept."""
    session.merge(MobileLookup(platform=platform, number_sha256=_digest(number), found=found, at=now))


def _is_mobile(number: str) -> bool:
    """Only what can be right is asked: a wrong number counts as a miss."""
    return number.isascii() and number.isdigit() and len(number) == 11 and number.startswith("1")


def _digest(number: str) -> str:
    return sha256_hex(f"suicha.mobile.{number}".encode())
