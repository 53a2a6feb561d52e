"""What published files call people: a name of its own in every round, which links nobody over two draws."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from hashlib import sha256

from sqlmodel import Session, select

from bot.inspection.audit.service import SALT, actor_digest
from bot.inspection.draws.models import Draw
from bot.inspection.people.models import Officer


class Names:
    """The names that *where* (a round, a sample) gives people: 16 bytes of HMAC-SHA256 in hex under the installation's
    salt. Without the salt nobody can tell whether two rounds mean the same person."""

    __slots__ = ("_salt", "_where")

    def __init__(self, session: Session, where: str) -> None:
        self._salt, self._where = session.info[SALT], where

    def of(self, person_id: int) -> str:
        if not self._where:  # rounds from before names were a round's own
            return actor_digest(self._salt, person_id)
        return self._digest(f"{self._where}:person:{person_id}")

    def seal(self, name: str) -> str:
        """What makes the digest of a sealed line impossible to guess."""
        return self._digest(f"{self._where}:seal:{name}")

    def _digest(self, text: str) -> str:
        return hmac.digest(self._salt.encode(), text.encode(), "sha256").hex()[:32]

    def people_behind(self, session: Session, names: Collection[str]) -> dict[str, int]:
        """The person of each name, from everybody of the officer library."""
        wanted = set(names)
        people = session.exec(select(Officer.person_id))
        return {name: person for person in people if (name := self.of(person)) in wanted}


def names_of(session: Session, draw: Draw | None) -> Names:
    """The names of one round; before there is a round, names that nobody will see."""
    if draw is None:
        return Names(session, "preview")
    return Names(session, f"draw:{draw.id}" if draw.own_names else "")


def names_of_clue(session: Session, number: str) -> Names:
    """The names by which officers are sent for a clue, which has no round."""
    return Names(session, f"clue:{number}")


def seed_of_clue(number: str) -> bytes:
    """Whose turn it is is no secret: who is sent for a clue is not published."""
    return sha256(number.encode()).digest()
