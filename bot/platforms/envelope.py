"""The sealed frame that WeCom and DingTalk share: AES-256-CBC, a length, a message, a receiver, padding to 32. Pure.

Sheets: wecom.md 1.4, dingtalk.md 6.2. Whatever is wrong with a frame, opening it takes the same steps and is told
only at the end: neither an answer nor its time says which of them failed, so no frame can be tried out byte by byte.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK = 32  # the padding's block, twice that of the cipher
HEAD = 20  # 16 random bytes, 4 bytes of length
BASE64, CIPHER_TEXT, PADDING, LENGTH, RECEIVER = "base64", "cipher text", "padding", "length", "receive id"
_NOTHING = bytes(BLOCK)  # decrypted in place of what is no cipher text at all


@dataclass(frozen=True, slots=True)
class Opened:
    """A message, and what was wrong with its frame; with a *fault* the message is not to be looked at."""

    message: bytes
    fault: str = ""


def open_frame(encrypt: str, key: bytes, receivers: Sequence[str]) -> Opened:
    """Open base64 for any of *receivers*."""
    raw, is_base64 = _decoded(encrypt)
    frame, body_fault = _decrypted(raw, key)
    end = HEAD + int.from_bytes(frame[16:HEAD], "big")
    is_long_enough = len(frame) >= max(end, HEAD)
    receiver = frame[end:]
    known = [hmac.compare_digest(receiver, one.encode()) for one in receivers]
    fault = (
        BASE64
        if not is_base64
        else body_fault or (LENGTH if not is_long_enough else "" if True in known else RECEIVER)
    )
    return Opened(frame[HEAD:end], fault)


def open_bytes(sealed: bytes, key: bytes) -> Opened:
    """Decrypt a file, which has padding and no frame."""
    body, fault = _decrypted(sealed, key)
    return Opened(body, fault)


def seal_frame(message: bytes, key: bytes, receiver: str, *, prefix: bytes) -> str:
    """Seal behind 16 random bytes *prefix*; base64."""
    frame = prefix + len(message).to_bytes(4, "big") + message + receiver.encode()
    return base64.b64encode(seal_bytes(frame, key)).decode()


def seal_bytes(body: bytes, key: bytes) -> bytes:
    size = BLOCK - len(body) % BLOCK
    encryptor = _cipher(key).encryptor()
    return encryptor.update(body + bytes([size]) * size) + encryptor.finalize()


@functools.lru_cache(maxsize=64)  # a key of each app and bot
def _cipher(key: bytes) -> Cipher[CBC]:
    return Cipher(AES(key), CBC(key[:16]))


def _decoded(encrypt: str) -> tuple[bytes, bool]:
    try:
        return binascii.a2b_base64(encrypt.encode(errors="replace"), strict_mode=True), True
    except binascii.Error:
        return _NOTHING, False


def _decrypted(sealed: bytes, key: bytes) -> tuple[bytes, str]:
    size = len(sealed)
    is_whole = size > 0 and size % 16 == 0
    decryptor = _cipher(key).decryptor()
    padded = decryptor.update(sealed if is_whole else _NOTHING) + decryptor.finalize()
    pad = padded[-1]
    is_padded = hmac.compare_digest(padded[-pad:], bytes([pad]) * pad) and 1 <= pad <= BLOCK
    return padded[:-pad], CIPHER_TEXT if not is_whole else "" if is_padded else PADDING
