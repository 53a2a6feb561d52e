"""Forged callbacks by what is wrong with them, and how much work it took to refuse one: function calls, not seconds."""

from __future__ import annotations

import base64
import contextlib
import gc
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

from bot.platforms import envelope

PREFIX = b"0123456789abcdef"


def work_of(call: Callable[[], object], refusal: type[Exception]) -> tuple[Counter[str], Exception]:
    """Every function that ran, Python's and C's, until *call* was refused."""
    ran: Counter[str] = Counter()

    def count(frame: FrameType, event: str, what: Any) -> None:
        if event == "call":
            ran[f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_code.co_qualname}"] += 1
        elif event == "c_call":
            ran[f"{getattr(what, '__module__', None)}.{what.__qualname__}"] += 1

    with contextlib.suppress(refusal):
        call()  # fills caches, which are no part of a refusal's work
    gc.disable()  # nor is what else a collection runs
    sys.setprofile(count)
    try:
        call()
    except refusal as refused:
        return ran, refused
    finally:
        sys.setprofile(None)
        gc.enable()
    raise AssertionError("not refused")


def bad_signatures(good: str) -> dict[str, str]:
    """What a stranger may try who knows nothing, a little, or nearly everything."""
    flipped = {"0": "1"}
    return {
        "its first digit is wrong": flipped.get(good[0], "0") + good[1:],
        "its last digit is wrong": good[:-1] + flipped.get(good[-1], "0"),
        "every digit is wrong": "".join("g" for _ in good),
        "blank": " ",
        "short": good[:-1],
        "long": good * 50,
        "not ASCII": "签" * len(good),
    }


def bad_seals(key: bytes, receiver: str, message: bytes) -> dict[str, str]:
    """Sealed with the right key or not at all, and wrong; whoever signs them rightly is still a stranger.

    All alike to the reader of the outer envelope, whose work depends on what a stranger sent and on no secret.
    """
    frame = PREFIX + len(message).to_bytes(4, "big") + message + receiver.encode()
    pad = envelope.BLOCK - len(frame) % envelope.BLOCK
    padded = frame + bytes([pad]) * pad

    def raw(plain: bytes) -> str:
        """Encrypted with whatever padding *plain* already has."""
        return base64.b64encode(envelope.seal_bytes(plain, key)[: len(plain)]).decode()

    good = base64.b64decode(raw(padded))
    return {
        "no base64": "*" * 64,
        "half a block": base64.b64encode(good[:-8]).decode(),
        "cut at a block": base64.b64encode(good[:-16]).decode(),
        "padded with 0": raw(padded[:-1] + b"\x00"),
        "padded with 33": raw(padded[:-1] + bytes([33])),
        "padded, but for its first byte": raw(
            padded[: -(pad + 32)] + b"\x07" + b"\x08" * 7 + padded[: pad + 24]
        ),
        "a length beyond the end": raw(padded[:16] + (1 << 30).to_bytes(4, "big") + padded[20:]),
        "another receiver": envelope.seal_frame(message, key, receiver[::-1] + "x", prefix=PREFIX),
        "half a receiver": envelope.seal_frame(
            message, key, receiver[:-1] if receiver else "x", prefix=PREFIX
        ),
        "another key": envelope.seal_frame(message, key[::-1], receiver, prefix=PREFIX),
    }
