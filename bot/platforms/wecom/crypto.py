"""The envelope around WeCom callbacks: SHA-1 signature, AES-256-CBC, receive id. Pure. Sheet section 1.4.

The simulated service seals with this file what the adapter opens; published vectors keep both honest.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from collections.abc import Collection

from bot.platforms import envelope


class CallbackError(Exception):
    """A callback that must not be processed. ``code`` is the SDKs' number for logs, ``status`` answers."""

    code = -40000
    status = 403


class BadSignature(CallbackError):  # noqa: N818 - the names of the vendor's own list
    """Not signed with our Token."""

    code = -40001


class BadKey(CallbackError):  # noqa: N818
    """EncodingAESKey is not 43 characters of base64."""

    code = -40004


class BadReceiveId(CallbackError):  # noqa: N818
    """Sealed for another corp or suite: the wrong key set for this URL."""

    code = -40005


class BadPadding(CallbackError):  # noqa: N818
    """Decryption did not end in 1 to 32 equal bytes."""

    code = -40007


class BadFrame(CallbackError):  # noqa: N818
    """The length field points past the end, or the ciphertext is no whole number of blocks."""

    code = -40008


class BadBase64(CallbackError):  # noqa: N818
    """The ciphertext is not base64."""

    code = -40010


_FAULTS: dict[str, type[CallbackError]] = {
    envelope.BASE64: BadBase64,
    envelope.CIPHER_TEXT: BadFrame,
    envelope.PADDING: BadPadding,
    envelope.LENGTH: BadFrame,
    envelope.RECEIVER: BadReceiveId,
}


def signature(token: str, timestamp: str, nonce: str, encrypt: str) -> str:
    """Sign the four strings exactly as they were received; 40 hex digits."""
    text = "".join(sorted([token, timestamp, nonce, encrypt]))
    return hashlib.sha1(text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()


@functools.lru_cache(maxsize=64)  # a key of each app and bot; every callback asks
def decode_key(aes_key: str) -> bytes:
    """The 32 bytes of an EncodingAESKey, whose last character may carry unused bits. Raise BadKey."""
    try:
        key = base64.b64decode(aes_key.strip() + "=", validate=True)
    except ValueError:
        raise BadKey from None
    if len(key) != 32:
        raise BadKey
    return key


def open_envelope(
    encrypt: str,
    *,
    token: str,
    aes_key: str,
    receive_id: str,
    msg_signature: str,
    timestamp: str,
    nonce: str,
    also_for: Collection[str] = (),
) -> bytes:
    """Check the signature, decrypt, check whom it is for, and return the message. Raise a CallbackError.

    ``receive_id`` is the corp id for a self-built app and empty for a smart bot; *also_for* are other ids that may
    stand there.
    """
    expected = signature(token, timestamp, nonce, encrypt)
    if not hmac.compare_digest(expected.encode(), msg_signature.encode(errors="surrogatepass")):
        raise BadSignature
    return _whole(envelope.open_frame(encrypt, decode_key(aes_key), (receive_id, *also_for)))


def open_media(sealed: bytes, key: str) -> bytes:
    """Decrypt a file of the smart bot; *key* is base64, with or without its padding. Raise a CallbackError.

    Appendix A of the sheet: AES-256-CBC, the key's first half as IV, padding to 32 bytes.
    """
    return _whole(envelope.open_bytes(sealed, decode_key(key.strip().rstrip("=")[:43])))


def seal_media(body: bytes, key: str) -> bytes:
    """What the simulated service does to a file before it is fetched."""
    return envelope.seal_bytes(body, decode_key(key.strip().rstrip("=")[:43]))


def seal(message: bytes, *, aes_key: str, receive_id: str, prefix: bytes) -> str:
    """Encrypt *message* behind 16 random bytes *prefix*; base64. Raise BadKey."""
    return envelope.seal_frame(message, decode_key(aes_key), receive_id, prefix=prefix)


def _whole(opened: envelope.Opened) -> bytes:
    """The message. Raise the CallbackError of its fault."""
    if opened.fault:
        raise _FAULTS[opened.fault]
    return opened.message
