"""Hostile inputs by the hundred thousand: Stream frames, HTTP posts under good signatures, envelopes, cards.

``make fuzz`` runs 200,000 inputs; a test runs a slice of the same on every build.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import replace

import msgspec
import pytest

from bot.core.clock import ManualClock
from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms import envelope
from bot.platforms.base import InboundEvent, PlatformError
from bot.platforms.dingtalk import cards, crypto, events, fields, frames, hooks, inbound, text
from bot.platforms.dingtalk.frames import CARD_TOPIC, ROBOT_TOPIC
from bot.simulator import dingtalk_rules
from tests.platforms.dingtalk.golden import LINKS, PLAIN, TASK, every
from tests.platforms.dingtalk.samples import PAYLOADS, VECTORS, frame_text
from tests.platforms.fuzzing import Target, main

NOW = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
STAMP = str(int(NOW.timestamp() * 1000))
MODULES = (cards, crypto, dingtalk_rules, envelope, events, fields, frames, hooks, inbound, text)
REFUSALS = (frames.FrameError, hooks.HookError, crypto.EnvelopeError, dingtalk_rules.Broken, PlatformError)
SETTINGS = DingTalkSettings.model_validate(
    {
        "client_id": "dingappkey01", "client_secret": "a-secret", "event_token": "tok3n", "hook_path": "h" * 20,
        "event_aes_key": "tokensAndKeysAreForTestsOnly0123456789abcdA", "card_secret": "press",
    }
)  # fmt: skip
BOX = crypto.Envelope("tok3n", "tokensAndKeysAreForTestsOnly0123456789abcdA", SETTINGS.receive_id)
HOOKS = hooks.Hooks(SETTINGS, ManualClock(NOW))
PRESS = {
    "outTrackId": "c",
    "userId": "u1001",
    "content": '{"cardPrivateData":{"actionIds":["ok"],"params":{"form":{"verdict":{"index":0,"value":"ok"}}}}}',
}
EVENT = {
    "EventType": "user_leave_org", "eventId": "e-1", "userId": ["u1"], "timeStamp": "1", "deptId": [1],
}  # fmt: skip
READ = {"EventType": "robot_msg_read", "eventId": "e-2", "userId": "u1", "ProcessQueryKey": "pqk"}


def targets() -> dict[str, Target]:
    """Every parser with the inputs it is grown from."""
    said = [json.dumps(one).encode() for one in PAYLOADS.values()]
    pushed = [frame_text(one, topic=ROBOT_TOPIC).encode() for one in PAYLOADS.values()]
    pushed += [frame_text(PRESS, topic=CARD_TOPIC).encode()]
    pushed += [
        frame_text(one, kind="EVENT", topic="*", eventType=str(one["EventType"])).encode()
        for one in (EVENT, READ)
    ]
    pushed += [
        frame_text(one, kind="SYSTEM", topic=topic).encode()
        for topic, one in (("ping", {"opaque": "o"}), ("disconnect", {"reason": "r"}))
    ]
    happened = [json.dumps(one).encode() for one in (EVENT, READ, {"EventType": "check_url"})]
    sealed = [base64.b64decode(vector["encrypt"]) for vector in VECTORS["callback"]]
    made = [json.dumps(body, ensure_ascii=False).encode() for body in every().values()]
    words = [b"\x00seed", b"title and body", "标题\n正文 **粗** [链](https://x.example)".encode()]
    words += ["长句。\n- 一项\n".encode() * 700]
    return {
        "frame": Target(_frame, pushed, REFUSALS),
        "robot post": Target(_robot, said, REFUSALS),
        "card post": Target(_card, [json.dumps(PRESS).encode()], REFUSALS),
        "event post": Target(_event, happened, REFUSALS),
        "envelope": Target(_envelope, sealed, REFUSALS, grows=False),
        "tables": Target(_tables, made, REFUSALS),
        "card maker": Target(_maker, words, (), share=0.03, grows=False),  # one input makes a dozen messages
    }


def _frame(raw: bytes) -> InboundEvent | None:
    """What comes out can be stored and answered."""
    frame = frames.parse_frame(raw.decode(errors="replace"))
    for answer in (frames.ack(frame), frames.ask_again(frame), frames.refuse(frame, code=404)):
        assert json.loads(answer)["headers"]["messageId"] == frame.message_id
    return _storable(inbound.event_of(frame, received=NOW))


def _robot(raw: bytes) -> InboundEvent | None:
    """Rightly signed: the signature says nothing of the body."""
    headers = {"timestamp": STAMP, "sign": crypto.robot_sign("a-secret", STAMP)}
    return _storable(HOOKS.robot(headers, raw).event)


def _card(raw: bytes) -> InboundEvent | None:
    sign = crypto.timestamp_sign("press", STAMP)
    headers = {"x-ddpaas-signature-timestamp": STAMP, "x-ddpaas-signature": sign}
    return _storable(HOOKS.card(headers, raw).event)


def _event(raw: bytes) -> InboundEvent | None:
    """Sealed and signed by somebody who has the keys: what is inside is still not trusted."""
    body = BOX.seal(raw.decode(errors="replace"), timestamp=STAMP, nonce="n", random16=b"0" * 16)
    query = {"timestamp": STAMP, "nonce": "n", "msg_signature": body["msg_signature"]}
    return _storable(HOOKS.event(query, json.dumps({"encrypt": body["encrypt"]}).encode()).event)


def _envelope(raw: bytes) -> str:
    """Any cipher text under a right signature; what is opened was whole, and under a wrong one nothing opens."""
    vector = VECTORS["callback"][0]
    box = crypto.Envelope(vector["token"], vector["aes_key"], vector["receive_id"])
    encrypt = base64.b64encode(raw).decode() if raw[:1] != b"!" else raw.decode(errors="replace")
    right = box.signature("1", "n", encrypt)
    with pytest.raises(crypto.EnvelopeError, match="signature"):
        box.open(encrypt, signature=right[:-1] + "x", timestamp="1", nonce="n")
    return box.open(encrypt, signature=right, timestamp="1", nonce="n")


def _tables(raw: bytes) -> None:
    """The simulated service's validators: whatever is sent to them is accepted or refused by field."""
    body = frames.json_object(raw.decode(errors="replace"))
    if "cardData" in body:
        dingtalk_rules.check_card(body, cards.VARIABLES)
    elif "msgKey" in body:
        dingtalk_rules.check_sample(fields.word(body, "msgKey"), fields.word(body, "msgParam"))
    else:
        dingtalk_rules.check_webhook(body)
    dingtalk_rules.check_notice(body)


def _maker(raw: bytes) -> None:
    """Our own messages with hostile words in them: what is made passes the tables of the sheet."""
    words = "文" + raw.decode("utf-8", "replace")
    for sample in (PLAIN, LINKS, TASK):
        message = replace(
            sample, card_id="visit-1", title=words[:80], body=words, facts=((words[:9], words[:70]),)
        )
        dingtalk_rules.check_card(cards.card_update("visit-1", message), cards.VARIABLES)
        made = cards.create_and_deliver(message, user_id="u1001", template="t.schema", robot_code="r")
        dingtalk_rules.check_card(made, cards.VARIABLES)
        dingtalk_rules.check_webhook(cards.webhook_message(message, keyword="随查"))
        dingtalk_rules.check_notice(cards.work_notice(message))
        key, param = cards.robot_message(message)
        dingtalk_rules.check_sample(key, text.compact(param))


def _storable(event: InboundEvent | None) -> InboundEvent | None:
    """It survives the inbox's JSON, in UTF-8 and without NUL."""
    if event is not None:
        encoded = msgspec.json.encode(event)
        assert msgspec.json.decode(encoded, type=InboundEvent).event_id == event.event_id
        assert b"\\u0000" not in encoded
        assert event.at.tzinfo is not None
    return event


if __name__ == "__main__":
    main(targets(), MODULES)
