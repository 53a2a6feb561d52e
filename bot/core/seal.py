"""Values that a copy of the database must not give away: sealed with a key made of the installation's secret."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken


class Seal:
    """*purpose* keeps kinds apart: what was sealed for one cannot be opened for another."""

    def __init__(self, secret: str, purpose: str) -> None:
        digest = hashlib.sha256(f"{purpose}\x00{secret}".encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def close(self, value: str) -> str:
        return self._fernet.encrypt(value.encode()).decode()

    def open(self, sealed: str) -> str:
        """The value; empty when it was sealed with another secret."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode() if sealed else ""
        except InvalidToken:
            return ""
