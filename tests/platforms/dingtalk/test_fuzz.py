"""Garbage by the hundred thousand: whatever arrives becomes an event or is refused, and never an exception.

Every input is made by a seeded generator, so a failure names the seed that brings it back.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from bot.core.clock import ManualClock
from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import InboundEvent
from bot.platforms.dingtalk.crypto import Envelope, EnvelopeError, robot_sign, timestamp_sign
from bot.platforms.dingtalk.frames import (
    CARD_TOPIC,
    ROBOT_TOPIC,
    FrameError,
    ack,
    ask_again,
    parse_frame,
    refuse,
)
from bot.platforms.dingtalk.hooks import HookError, Hooks, Posted
from bot.platforms.dingtalk.inbound import event_of
from tests.platforms.dingtalk.samples import PAYLOADS, VECTORS, frame_text

NOW = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1e308, "", "\x00", "\ud800", "9" * 5000, "检查", [], {}, [[]], {"a": {}}, "{}", "[1]",
    "null", {"text": 3}, ["x"] * 40, float("inf"),
)  # fmt: skip
SETTINGS = DingTalkSettings.model_validate(
    {
        "client_id": "dingappkey01", "client_secret": "a-secret", "event_token": "tok3n", "hook_path": "h" * 20,
        "event_aes_key": "tokensAndKeysAreForTestsOnly0123456789abcdA", "card_secret": "press",
    }
)  # fmt: skip


def spoiled(dice: random.Random, value: Any, depth: int = 0) -> Any:
    """The same with a few of its parts replaced by something else."""
    if dice.random() < 0.12:
        return dice.choice(ODD)
    if isinstance(value, dict) and depth < 6:
        kept = {k: spoiled(dice, v, depth + 1) for k, v in value.items() if dice.random() > 0.05}
        if dice.random() < 0.1:
            kept[str(dice.choice(("msgtype", "content", "text", "userId", "x")))] = dice.choice(ODD)
        return kept
    if isinstance(value, list) and depth < 6:
        return [spoiled(dice, one, depth + 1) for one in value]
    return value


def bent(dice: random.Random, text: str) -> str:
    """The text with a few characters changed, cut or doubled."""
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(text) + 1)
        end = min(len(text), at + dice.randrange(1, 9))
        text = text[:at] + dice.choice(("", chr(dice.randrange(1, 0x3000)), text[at:end] * 2)) + text[end:]
    return text


def frames(seed: int, count: int) -> Iterator[str]:
    dice = random.Random(seed)  # noqa: S311 - repeatable, no secret
    press = {
        "outTrackId": "c",
        "userId": "u1001",
        "content": '{"cardPrivateData":{"actionIds":["ok"],"params":{}}}',
    }
    event = {"userId": ["u1"], "timeStamp": "1", "deptId": [1]}
    samples = [(ROBOT_TOPIC, "CALLBACK", one) for one in PAYLOADS.values()]
    samples += [(CARD_TOPIC, "CALLBACK", press), ("*", "EVENT", event)]
    for _ in range(count):
        topic, kind, data = dice.choice(samples)
        text = frame_text(spoiled(dice, data), kind=kind, topic=topic)
        yield bent(dice, text) if dice.random() < 0.5 else text


@pytest.mark.parametrize("seed", range(8))
def test_every_frame_becomes_an_event_or_is_refused(seed: int) -> None:
    """8 × 13,000 frames; what comes out can be stored and answered."""
    for text in frames(seed, 13_000):
        try:
            frame = parse_frame(text)
        except FrameError:
            continue
        event = event_of(frame, received=NOW)
        for answer in (ack(frame), ask_again(frame), refuse(frame, code=404)):
            assert json.loads(answer)["headers"]["messageId"] == frame.message_id
        if event is not None:
            storable(event)


@pytest.mark.parametrize("seed", range(4))
def test_every_post_is_read_or_refused_and_a_good_signature_makes_no_difference(seed: int) -> None:
    """4 × 3 × 6,000 posts, half of them rightly signed."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, no secret
    hooks = Hooks(SETTINGS, ManualClock(NOW))
    for text in frames(seed + 100, 6_000):
        timestamp = str(int(NOW.timestamp() * 1000)) if dice.random() < 0.5 else str(dice.choice(ODD))
        body = text.encode(errors="replace") if dice.random() < 0.8 else dice.randbytes(dice.randrange(60))
        robot = {"timestamp": timestamp, "sign": signed(robot_sign, "a-secret", timestamp, dice)}
        card = {
            "x-ddpaas-signature-timestamp": timestamp,
            "x-ddpaas-signature": signed(timestamp_sign, "press", timestamp, dice),
        }
        query = {"timestamp": timestamp, "nonce": "n", "msg_signature": str(dice.choice(ODD))}
        for read in (
            lambda: hooks.robot(robot, body),  # noqa: B023 - called at once
            lambda: hooks.card(card, body),  # noqa: B023
            lambda: hooks.event(query, body),  # noqa: B023
        ):
            posted = read_or_refused(read)
            if posted is not None:
                storable(posted)


@pytest.mark.parametrize("seed", range(3))
def test_every_envelope_is_opened_whole_or_refused(seed: int) -> None:
    """3 × 12,000 envelopes: flipped, cut and random ones, under the right and under wrong signatures."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, no secret
    vector = VECTORS["callback"][0]
    box = Envelope(vector["token"], vector["aes_key"], vector["receive_id"])
    sealed = base64.b64decode(vector["encrypt"])
    for _ in range(12_000):
        raw = bytearray(sealed)
        for _ in range(dice.randrange(1, 4)):
            raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        cut = bytes(raw[: dice.randrange(len(raw) + 1)]) if dice.random() < 0.3 else bytes(raw)
        encrypt = base64.b64encode(cut).decode() if dice.random() < 0.9 else str(dice.choice(ODD))
        right = box.signature("1", "n", encrypt)
        signature = right if dice.random() < 0.7 else str(dice.choice(ODD))
        assert opened(box, encrypt, signature) is None or signature == right


def opened(box: Envelope, encrypt: str, signature: str) -> str | None:
    """The text, or None for what was refused; the cipher alone does not notice every flipped bit."""
    try:
        return box.open(encrypt, signature=signature, timestamp="1", nonce="n")
    except EnvelopeError:
        return None


def read_or_refused(read: Callable[[], Posted]) -> InboundEvent | None:
    """The event, or None for what was refused with a status that says why."""
    try:
        return read().event
    except HookError as error:
        if error.status not in (400, 403):
            raise
        return None


def signed(sign: Callable[[str, str], str], secret: str, timestamp: str, dice: random.Random) -> str:
    return sign(secret, timestamp) if dice.random() < 0.7 else str(dice.choice(ODD))


def storable(event: InboundEvent) -> None:
    """It survives the inbox's JSON, in UTF-8 and without NUL."""
    encoded = msgspec.json.encode(event)
    assert msgspec.json.decode(encoded, type=InboundEvent).event_id == event.event_id
    assert b"\\u0000" not in encoded
    assert event.at.tzinfo is not None
