"""The envelope around WeCom callbacks: SHA-1 signature, AES-256-CBC, receive id. Pure. Sheet section 1.4.

The simulated service seals with this file what the adapter opens; published vectors keep both honest.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
from collections.abc import Collection

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

_BLOCK = 32  # the padding's block, twice that of the cipher
_HEAD = 20  # 16 random bytes, 4 bytes of length


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
    message, receiver = _split(_decrypt(encrypt, decode_key(aes_key)))
    matches = [hmac.compare_digest(receiver, name.encode()) for name in (receive_id, *also_for)]
    if True not in matches:
        raise BadReceiveId
    return message


def open_media(sealed: bytes, key: str) -> bytes:
    """Decrypt a file of the smart bot; *key* is base64, with or without its padding. Raise a CallbackError.

    Appendix A of the sheet: AES-256-CBC, the key's first half as IV, padding to 32 bytes.
    """
    return _unpad(sealed, decode_key(key.strip().rstrip("=")[:43]))


def seal_media(body: bytes, key: str) -> bytes:
    """What the simulated service does to a file before it is fetched."""
    return _encrypt(body, decode_key(key.strip().rstrip("=")[:43]))


def seal(message: bytes, *, aes_key: str, receive_id: str, prefix: bytes) -> str:
    """Encrypt *message* behind 16 random bytes *prefix*; base64. Raise BadKey."""
    key = decode_key(aes_key)
    frame = prefix + len(message).to_bytes(4, "big") + message + receive_id.encode()
    return base64.b64encode(_encrypt(frame, key)).decode()


def _encrypt(frame: bytes, key: bytes) -> bytes:
    size = _BLOCK - len(frame) % _BLOCK
    encryptor = Cipher(AES(key), CBC(key[:16])).encryptor()
    return encryptor.update(frame + bytes([size]) * size) + encryptor.finalize()


def _decrypt(encrypt: str, key: bytes) -> bytes:
    try:
        sealed = base64.b64decode(encrypt, validate=True)
    except (binascii.Error, ValueError):
        raise BadBase64 from None
    return _unpad(sealed, key)


def _unpad(sealed: bytes, key: bytes) -> bytes:
    if not sealed or len(sealed) % 16:
        raise BadFrame
    decryptor = Cipher(AES(key), CBC(key[:16])).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    size = padded[-1]
    if not 1 <= size <= _BLOCK or padded[-size:] != bytes([size]) * size:
        raise BadPadding
    return padded[:-size]


def _split(frame: bytes) -> tuple[bytes, bytes]:
    end = _HEAD + int.from_bytes(frame[16:_HEAD], "big")
    if len(frame) < max(end, _HEAD):
        raise BadFrame
    return frame[_HEAD:end], frame[end:]
