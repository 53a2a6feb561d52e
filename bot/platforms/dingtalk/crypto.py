"""Signatures and envelopes of DingTalk: pure functions, see ``tests/samples/dingtalk/crypto.json``.

Sheet: platforms/dingtalk.md sections 1.2, 2.2, 5.4, 6.2 and 7.3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from dataclasses import dataclass, field
from urllib.parse import quote

from bot.platforms import envelope

WINDOW = 3600.0  # seconds a signed timestamp may be off


class EnvelopeError(ValueError):
    """A callback that was not sealed for us; the message names the check that failed and no secret."""


def robot_sign(secret: str, timestamp: str) -> str:
    """Sign *timestamp* (milliseconds, decimal) for a robot: raw base64, as in the inbound ``sign`` header."""
    return _hmac_base64(secret, f"{timestamp}\n{secret}")


def robot_sign_query(secret: str, timestamp: str) -> str:
    """Sign for a webhook URL: percent-encoded exactly once."""
    return quote(robot_sign(secret, timestamp), safe="")


def verify_robot(secret: str, *, timestamp: str, sign: str, now: float, window: float = WINDOW) -> bool:
    """Tell whether an HTTP robot message is DingTalk's: signed, and at most *window* seconds from *now* (Unix)."""
    fresh, good = _is_fresh(timestamp, now, window), same(robot_sign(secret, timestamp), sign)
    return fresh and good  # both are looked at, so that neither shows by its time


def timestamp_sign(secret: str, timestamp: str) -> str:
    """Sign only the timestamp: header ``x-ddpaas-signature`` of HTTP card callbacks."""
    return _hmac_base64(secret, timestamp)


def verify_timestamp(secret: str, *, timestamp: str, sign: str, now: float, window: float = WINDOW) -> bool:
    """Tell whether an HTTP card callback is DingTalk's and fresh; the signature leaves its body out."""
    fresh, good = _is_fresh(timestamp, now, window), same(timestamp_sign(secret, timestamp), sign)
    return fresh and good


def jsapi_sign(ticket: str, *, nonce: str, timestamp: str, url: str) -> str:
    """Sign ``dd.config``; *url* is un-encoded and the fragment is left out here."""
    page = url.split("#", 1)[0]
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={page}"
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - the vendor's algorithm


def same(expected: str, given: str) -> bool:
    """Compare two signatures in constant time; *given* may be anything a stranger sent."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="surrogatepass"))


@dataclass(frozen=True, slots=True)
class Envelope:
    """The encrypted HTTP event envelope. ``receive_id`` is the AppKey for subscriptions made in the console.

    Raises ValueError when ``aes_key`` is not 43 characters of base64.
    """

    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    receive_id: str
    _key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.aes_key) != 43:
            raise ValueError("aes_key 必须是 43 个字符")
        key = base64.b64decode(self.aes_key + "=")  # not strict: official keys may have stray low bits
        if len(key) != 32:
            raise ValueError("aes_key 必须是字母和数字")
        object.__setattr__(self, "_key", key)

    def signature(self, timestamp: str, nonce: str, encrypt: str) -> str:
        """SHA-1 over the byte-wise sorted four strings."""
        parts = (self.token, timestamp, nonce, encrypt)
        joined = b"".join(sorted(part.encode(errors="surrogatepass") for part in parts))
        return hashlib.sha1(joined).hexdigest()  # noqa: S324 - the vendor's algorithm

    def open(self, encrypt: str, *, signature: str, timestamp: str, nonce: str) -> str:
        """Verify, then decrypt. Raise EnvelopeError when it is not for us."""
        if not same(self.signature(timestamp, nonce, encrypt), signature):
            raise EnvelopeError("signature")
        opened = envelope.open_frame(encrypt, self._key, (self.receive_id,))
        if opened.fault:
            raise EnvelopeError(opened.fault)
        try:
            return opened.message.decode()
        except UnicodeDecodeError as error:
            raise EnvelopeError("encoding") from error

    def seal(self, message: str, *, timestamp: str, nonce: str, random16: bytes) -> dict[str, str]:
        """Build the JSON body that answers a callback (or that DingTalk sends)."""
        encrypt = envelope.seal_frame(message.encode(), self._key, self.receive_id, prefix=random16)
        signature = self.signature(timestamp, nonce, encrypt)
        return {"msg_signature": signature, "timeStamp": timestamp, "nonce": nonce, "encrypt": encrypt}


def _hmac_base64(secret: str, text: str) -> str:
    digest = hmac.new(secret.encode(), text.encode(errors="surrogatepass"), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _is_fresh(timestamp: str, now: float, window: float) -> bool:
    try:
        at = int(timestamp) / 1000
    except (ValueError, OverflowError):
        at = math.inf
    return abs(now - at) <= window
