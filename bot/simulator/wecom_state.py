"""What the simulated WeCom must not forget over a kill: tokens, response codes, requests; and its rates.

All but the rates lives in the world's journal. Times are the world's. Sheet sections 2.1, 2.2, 2.5, 8.1.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.people import World

TOKEN_LIFE = 7200
CODE_LIFE = 72 * 3600
RECALL_LIFE = 24 * 3600
_WRONG_SECRETS = 10
MEDIA_LIFE = 3 * 24 * 3600


class ApiError(Exception):
    """An answer whose errcode is not 0."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Account:
    """The app as its administrator configured it."""

    corp_id: str
    agent_id: int
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    callback_url: str
    robot_key: str = field(default="", repr=False)


class Ledger:
    """The server's memory, in ``world.facts`` under ``wecom:…``."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._moments: defaultdict[tuple[str, int], deque[float]] = defaultdict(deque)

    # -- tokens ----------------------------------------------------------------------------------------

    def token(self) -> tuple[str, int]:
        """The app's token and the seconds it has left: the same one until it ends."""
        known = self._world.facts.get("wecom:token") or {"until": 0.0}
        if known["until"] <= self._world.now():
            known = {"value": secrets.token_urlsafe(48), "until": self._world.now() + TOKEN_LIFE}
            self._world.remember("wecom:token", known)
        return str(known["value"]), int(known["until"] - self._world.now())

    def check_token(self, token: str) -> None:
        """Raise ApiError 41001, 40014 or 42001."""
        known = self._world.facts.get("wecom:token")
        if not token:
            raise ApiError(41001, "access_token missing")
        if not known or token != known["value"]:
            raise ApiError(40014, "invalid access_token")
        if known["until"] <= self._world.now():
            raise ApiError(42001, "access_token expired")

    def kill_token(self) -> None:
        """Let the token die before its time."""
        self._world.remember("wecom:token", None)

    # -- cards and messages ----------------------------------------------------------------------------

    def new_code(self, task_id: str) -> str:
        """A response_code: one update of this card within 72 hours."""
        code = secrets.token_hex(16)
        self._world.remember(f"wecom:code:{code}", {"card": task_id, "until": self._world.now() + CODE_LIFE})
        return code

    def spend_code(self, code: str) -> str:
        """Use a response_code up and return its card. Raise ApiError 60140."""
        known = self._world.facts.get(f"wecom:code:{code}")
        if not known or known["until"] <= self._world.now():
            raise ApiError(60140, "invalid response_code")
        self._world.remember(f"wecom:code:{code}", None)
        return str(known["card"])

    def claim_task(self, task_id: str) -> None:
        """Take a task_id for good. Raise ApiError 40058 if it was used before."""
        if self._world.facts.get(f"wecom:task:{task_id}"):
            raise ApiError(40058, "task_id already exists")
        self._world.remember(f"wecom:task:{task_id}", True)

    def note_message(self, bubbles: list[str]) -> str:
        """A msgid for the bubbles of one send."""
        msgid = secrets.token_urlsafe(24)
        until = self._world.now() + RECALL_LIFE
        self._world.remember(f"wecom:msg:{msgid}", {"bubbles": bubbles, "until": until})
        return msgid

    def recallable(self, msgid: str) -> list[str]:
        """The bubbles of a message under 24 hours old. Raise ApiError 40058."""
        known = self._world.facts.get(f"wecom:msg:{msgid}")
        if not known or known["until"] <= self._world.now():
            raise ApiError(40058, "msgid invalid or too old to recall")
        return list(known["bubbles"])

    def repeated(self, raw: bytes) -> dict[str, Any] | None:
        """The answer that this very request got, while its duplicate check lasts."""
        known = self._world.facts.get(f"wecom:sent:{hashlib.sha256(raw).hexdigest()}")
        return known["answer"] if known and known["until"] > self._world.now() else None

    def note_request(self, raw: bytes, interval: int, answer: dict[str, Any]) -> None:
        key = f"wecom:sent:{hashlib.sha256(raw).hexdigest()}"
        self._world.remember(key, {"until": self._world.now() + min(interval, 14_400), "answer": answer})

    # -- files -----------------------------------------------------------------------------------------

    def add_media(self, body: bytes, media_type: str, name: str) -> str:
        """Keep a file for three days and return its media_id."""
        media_id = secrets.token_urlsafe(24)
        self._world.media[media_id] = (body, media_type, name)
        self._world.remember(f"wecom:media:{media_id}", self._world.now() + MEDIA_LIFE)
        return media_id

    def media(self, media_id: str) -> tuple[bytes, str, str]:
        """Body, type and name of a file. Raise ApiError 40007."""
        until = self._world.facts.get(f"wecom:media:{media_id}", 0.0)
        if media_id not in self._world.media or until <= self._world.now():
            raise ApiError(40007, "invalid media_id")
        return self._world.media[media_id]

    # -- rates -----------------------------------------------------------------------------------------

    def allows(self, key: str, *, minute: int, hour: int = 1_000_000) -> bool:
        """Count one use of *key* unless it is over a limit."""
        now = self._world.now()
        windows = ((self._moments[key, 60], 60, minute), (self._moments[key, 3600], 3600, hour))
        for moments, seconds, _ in windows:
            while moments and moments[0] <= now - seconds:
                moments.popleft()
        if any(len(moments) >= most for moments, _, most in windows):
            return False
        for moments, _, _ in windows:
            moments.append(now)
        return True

    def wrong_secret(self) -> None:
        """A wrong secret was tried. Raise ApiError 45009 from the tenth in an hour: the address is blocked."""
        if not self.allows("secret", minute=1_000_000, hour=_WRONG_SECRETS):
            raise ApiError(45009, "api freq out of limit")

    def is_blocked(self) -> bool:
        """Whether so many wrong secrets were tried that a right one is refused too."""
        moments = self._moments["secret", 3600]
        return len([moment for moment in moments if moment > self._world.now() - 3600]) >= _WRONG_SECRETS
