"""Signed links: what a page may show is in the address, and nobody can change it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from bot.core.errors import Problem


class Links:
    """Make and open signed addresses below ``base`` (no trailing slash). ``purpose`` keeps kinds apart."""

    def __init__(self, base: str, secret: str) -> None:
        self.base = base
        self._secret = secret

    def sign(self, purpose: str, value: Any, *, at: dt.datetime | None = None) -> str:
        """A token that only :meth:`open` with the same *purpose* takes. *value* is JSON-able, not secret.

        Its age counts from now, or from *at*: then the same call gives the same token.
        """
        return self._serializer(purpose, signer=TimestampSigner if at is None else _signer_at(at)).dumps(value)

    def open(self, purpose: str, token: str, *, max_age: dt.timedelta) -> Any:
        """The value, or ``Problem`` ``link_expired`` / ``link_broken``."""
        try:
            return self._serializer(purpose).loads(token, max_age=int(max_age.total_seconds()))
        except SignatureExpired as error:
            raise Problem("link_expired", "链接已过期，请回到聊天窗口重新打开。") from error
        except BadData as error:
            raise Problem("link_broken", "链接不完整或已失效，请回到聊天窗口重新打开。") from error

    def _serializer(
        self, purpose: str, *, signer: type[TimestampSigner] = TimestampSigner
    ) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._secret, salt=f"suicha.{purpose}", signer=signer)


def _signer_at(moment: dt.datetime) -> type[TimestampSigner]:
    class SignerAt(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(moment.timestamp())

    return SignerAt
