"""Signed links: what a page may show is in the address, and nobody can change it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer

from bot.core.clock import Clock, SystemClock
from bot.core.errors import Problem


class Links:
    """Make and open signed addresses below ``base`` (no trailing slash). ``purpose`` keeps kinds apart."""

    def __init__(self, base: str, secret: str, *, clock: Clock | None = None) -> None:
        self.base = base
        self._secret = secret
        self._clock = clock or SystemClock()

    def sign(self, purpose: str, value: Any, *, at: dt.datetime | None = None) -> str:
        """A token that only :meth:`open` with the same *purpose* takes. *value* is JSON-able, not secret.

        Its age counts from now, or from *at*: then the same call gives the same token.
        """
        return self._serializer(purpose, at or self._clock.now()).dumps(value)

    def open(self, purpose: str, token: str, *, max_age: dt.timedelta) -> Any:
        """The value, or ``Problem`` ``link_expired`` / ``link_broken``."""
        now = self._clock.now()
        try:
            value, signed_at = self._serializer(purpose, now).loads(token, return_timestamp=True)
        except BadData as error:
            raise Problem("link_broken", "链接不完整或已失效，请回到聊天窗口重新打开。") from error
        if now - signed_at > max_age:
            raise Problem("link_expired", "链接已过期，请回到聊天窗口重新打开。")
        return value

    def _serializer(self, purpose: str, moment: dt.datetime) -> URLSafeTimedSerializer:
        class SignerAt(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(moment.timestamp())

        return URLSafeTimedSerializer(self._secret, salt=f"suicha.{purpose}", signer=SignerAt)
