"""Hostile inputs by the hundred thousand: envelope, XML, JSON, the smart bot's frames and messages, card events.

``make fuzz`` runs 200,000 inputs; a test runs a slice of the same on every build.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.platforms import envelope
from bot.platforms.base import CardRef, PlatformError
from bot.platforms.wecom import (
    aibot_frames,
    aibot_inbound,
    cards,
    crypto,
    fields,
    inbound,
    limits,
    markup,
    templates,
)
from bot.platforms.wecom.limits import Channel
from bot.simulator import wecom_card_rules
from bot.simulator.wecom_card_rules import validate
from bot.simulator.wecom_state import ApiError
from tests.platforms.fuzzing import Target, main
from tests.platforms.wecom.golden import OURS, every
from tests.platforms.wecom.test_inbound import KEYS, NOW, sealed, signed_query

MEDIA_KEY = "ON+lTr80D7b4va4SeUzF18ZrFdDvbeYnEQOEpEJIE48="  # appendix A of the sheet
SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "wecom"
MODULES = (
    aibot_frames, aibot_inbound, cards, crypto, envelope, fields, inbound, limits, markup, templates, wecom_card_rules,
)  # fmt: skip
REFUSALS = (crypto.CallbackError, aibot_frames.BadFrame, PlatformError, ApiError)


def targets() -> dict[str, Target]:
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
    secret = [
        vector["encrypt"].encode()
        for vector in (vectors["vectors"] if isinstance(vectors, dict) else vectors)
    ]
    templates = [
        json.dumps(f.content["template_card"]).encode()
        for f in every().values()
        if "template_card" in f.content
    ]
    words = [b"\x00seed", b"title and body", "标题\n正文".encode(), "长句。\n- 一项\n".encode() * 900]
    return {
        "outer": Target(fields.read, [*xml, *bodies], REFUSALS),
        "flat": Target(_flat, [one.strip() for one in xml], ()),
        "message": Target(inbound.decode, xml, REFUSALS),
        "envelope": Target(
            _envelope, [*secret, *(sealed(one).encode() for one in xml)], REFUSALS, grows=False
        ),
        "callback": Target(_callback, xml, REFUSALS),
        "bot callback": Target(_bot_callback, bodies, REFUSALS),
        "media": Target(
            _media,
            [crypto.seal_media(b"\xff\xd8 a picture", MEDIA_KEY), b""],
            REFUSALS,
            share=0.5,
            grows=False,
        ),
        "frame": Target(aibot_frames.parse, frames, REFUSALS),
        "heard": Target(_heard, bodies, REFUSALS),
        "card rules": Target(lambda raw: validate(_object(raw)), templates, REFUSALS),
        "card maker": Target(_card, words, (), share=0.02, grows=False),  # one input makes fifteen messages
    }


def _envelope(raw: bytes) -> object:
    """A correctly signed stranger: what is behind the signature is still not trusted."""
    encrypt = raw.decode("latin-1")
    return inbound.open_signed(KEYS, signed_query(encrypt), encrypt, now=NOW)


def _flat(raw: bytes) -> object:
    """What is read in the short way is what expat reads."""
    found = fields.read_flat(raw)
    assert found is None or found == fields.read_xml(raw)
    return found


def _callback(raw: bytes) -> object:
    """A whole callback of somebody who has the keys: sealed, signed, and hostile inside."""
    encrypt = sealed(raw)
    body = f"<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>".encode()
    return inbound.verify_and_open(KEYS, signed_query(encrypt), body=body, now=NOW)


def _bot_callback(raw: bytes) -> object:
    """The same for a smart bot in webhook mode, whose message is JSON."""
    encrypt = sealed(raw)
    body = inbound.open_json(
        KEYS, signed_query(encrypt), body=json.dumps({"encrypt": encrypt}).encode(), now=NOW
    )
    return _heard(json.dumps(body).encode())


def _media(raw: bytes) -> object:
    """A file of the smart bot with whatever bytes: opened whole or refused."""
    return crypto.open_media(raw, MEDIA_KEY)


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
    words = "文" + raw.decode("utf-8", "replace")  # a message of nothing is refused, rightly
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
            if message.card_id and channel is not Channel.ROBOT:
                old = CardRef("insp007", message.card_id, "code")
                validate(
                    cards.new_card(old, replace(hostile, done=words[:40]), channel).content, channel=channel
                )
    for message in OURS.values():
        asked = replace(message, title=words[:80], body=words)
        made.append(cards.send_body(asked, user_ids=["insp007"], agent_id=1, once=True, template_cards=False))
    return made


if __name__ == "__main__":
    main(targets(), MODULES)
