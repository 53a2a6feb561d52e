"""Hostile inputs by the hundred thousand: envelope, XML, JSON, the smart bot's frames and messages, card events.

``make fuzz`` runs 200,000 inputs; a test runs a slice of the same on every build. Inputs are grown from what was
interesting before: an input that ends in an outcome nobody has seen from its parser joins the seeds.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.platforms.base import PlatformError
from bot.platforms.wecom import aibot_frames, aibot_inbound, cards, crypto, fields, inbound
from bot.platforms.wecom.limits import Channel
from bot.simulator.wecom_card_rules import validate
from bot.simulator.wecom_state import ApiError
from tests.platforms.wecom.golden import OURS, every
from tests.platforms.wecom.test_inbound import KEYS, NOW, signed_query

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "wecom"
REFUSALS = (crypto.CallbackError, aibot_frames.BadFrame, PlatformError, ApiError)
_TOKENS = [
    b"<![CDATA[", b"]]>", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"&#0;", b"\x00", b"\xff\xfe", b"<xml>", b"</xml>",
    b"<a>" * 20, b"{", b"}", b"[" * 40, b'"', b"\\ud800", b"1e999", b"-1", b"9" * 40, b"null", b"true", b"\xe5\xad\x97",
    b"MsgType", b"event", b"mixed", b"msg_item", b"\xf0\x9f\x98\x80", b"\n", b"&lt;", b"<?xml version='1.1'?>",
]  # fmt: skip
Parser = Callable[[bytes], object]


def parsers() -> dict[str, tuple[Parser, list[bytes]]]:
    """Every parser with the inputs it is grown from."""
    xml = [file.read_bytes() for file in sorted(SAMPLES.glob("*.xml"))]
    heard = [
        {"msgid": "1", "msgtype": "text", "chattype": "group", "chatid": "g", "text": {"content": "@巡检助手 好"},
         "from": {"userid": "u"}, "create_time": 1760000000},
        {"msgid": "2", "msgtype": "mixed", "from": {"userid": "u"},
         "mixed": {"msg_item": [{"msgtype": "image", "image": {"url": "https://a.cn/x", "aeskey": "k"}}]}},
        {"msgid": "3", "msgtype": "event", "from": {"userid": "u"}, "event": {"eventtype": "template_card_event",
         "template_card_event": {"event_key": "k", "task_id": "t", "selected_items": {"selected_item": [
             {"question_key": "q", "option_ids": {"option_id": ["a", "b"]}}]}}}},
    ]  # fmt: skip
    bodies = [json.dumps(body, ensure_ascii=False).encode() for body in heard]
    frames = [
        json.dumps({"cmd": "aibot_msg_callback", "headers": {"req_id": "r"}, "body": body}).encode()
        for body in heard
    ]
    vectors = json.loads((SAMPLES / "crypto.json").read_text(encoding="utf-8"))
    sealed = [
        vector["encrypt"].encode()
        for vector in (vectors["vectors"] if isinstance(vectors, dict) else vectors)
    ]
    templates = [
        json.dumps(f.content["template_card"]).encode()
        for f in every().values()
        if "template_card" in f.content
    ]
    return {
        "outer": (fields.read, [*xml, *bodies]),
        "message": (inbound.decode, xml),
        "envelope": (_envelope, sealed),
        "frame": (aibot_frames.parse, frames),
        "heard": (_heard, bodies),
        "card rules": (lambda raw: validate(_object(raw)), templates),
        "card maker": (_card, [b"\x00seed", b"title and body", "标题\n正文".encode()]),
    }


def _envelope(raw: bytes) -> object:
    """A correctly signed stranger: what is behind the signature is still not trusted."""
    encrypt = raw.decode("latin-1")
    return inbound.open_signed(KEYS, signed_query(encrypt), encrypt, now=NOW)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(raw)
    except (ValueError, RecursionError):
        raise ApiError(40035, "invalid json") from None
    if not isinstance(tree, dict):
        raise ApiError(40035, "invalid json")
    return tree


def _heard(raw: bytes) -> object:
    return aibot_inbound.decode(
        _object(raw), platform="wecom", received=NOW, reply_token="bot:r", bot_name="巡检助手"
    )


def _card(raw: bytes) -> object:
    """Our own messages with hostile words in them: what is made passes the tables of the sheet."""
    from dataclasses import replace  # noqa: PLC0415

    words = raw.decode("utf-8", "replace")
    made = []
    for channel in Channel:
        for message in OURS.values():
            hostile = replace(
                message, title=words[:80], body=words, facts=((words[:9], words[:70]),), source=words[-30:]
            )
            fitted = cards.content(hostile, channel)
            if card := fitted.content.get("template_card"):
                validate(card, channel=channel, strict=True)
            json.dumps(fitted.content, ensure_ascii=False).encode()
            made.append(fitted)
    return made


def run(count: int, *, seed: int = 7, only: str = "") -> Counter[str]:
    """Try *count* inputs over all parsers; an exception that is no refusal is raised with its input."""
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    listed = {name: found for name, found in parsers().items() if not only or name == only}
    for name, (parse, seeds) in listed.items():
        known: set[str] = set()
        share = count // len(listed) if name != "card maker" else min(count // len(listed), 6000)
        for _ in range(share):
            raw = mutate(chance.choice(seeds), chance, seeds)
            outcome = _try(name, parse, raw)
            outcomes[f"{name}: {outcome}"] += 1
            if outcome not in known and len(seeds) < 400:
                known.add(outcome)
                seeds.append(raw)
    return outcomes


def _try(name: str, parse: Parser, raw: bytes) -> str:
    try:
        result = parse(raw)
    except REFUSALS as refused:
        return f"{type(refused).__name__} {getattr(refused, 'code', '')}"
    except BaseException:
        print(f"{name} broke on {raw!r}", file=sys.stderr)
        raise
    return type(result).__name__ + str(getattr(result, "kind", ""))


def mutate(raw: bytes, chance: random.Random, seeds: list[bytes]) -> bytes:
    """One to four changes: bytes, cuts, repeats, hostile tokens, or half of another seed."""
    data = bytearray(raw)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(7):
            case 0 if data:
                data[at - 1] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 30)]
            case 2:
                data[at:at] = chance.choice(_TOKENS)
            case 3:
                data[at:at] = data[at : at + chance.randint(1, 60)]
            case 4:
                data = data[:at]
            case 5:
                other = chance.choice(seeds)
                data = data[:at] + other[chance.randrange(len(other) + 1) :]
            case _:
                data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
    return bytes(data[:100_000])


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    begun = time.monotonic()
    found = run(wanted * 7 // 6 + 7000, seed=int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns())
    for outcome, times in sorted(found.items()):
        print(f"{times:8} {outcome}")
    print(f"{sum(found.values())} inputs, no crash, {time.monotonic() - begun:.0f} s")
