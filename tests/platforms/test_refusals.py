"""A refusal takes the same work whatever is wrong, and says nothing of it: there is no early way out to measure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bot.core.clock import ManualClock
from bot.platforms.dingtalk import crypto as dingtalk
from bot.platforms.dingtalk.hooks import HookError, Hooks
from bot.platforms.wecom import crypto as wecom
from bot.platforms.wecom import inbound
from tests.platforms.dingtalk.fuzz import BOX, NOW, SETTINGS
from tests.platforms.refusals import bad_seals, bad_signatures, work_of

STAMP = str(int(NOW.timestamp()))
MILLIS = STAMP + "000"
CORP = "wwdemo0000000001"
AES_KEY = "AibotDocVector0Key1For2Tests3Only4NotReal5Q"
APP = inbound.CallbackKeys(receive_id=CORP, token="DocTok01", aes_key=AES_KEY, window=3600)
BOT = inbound.CallbackKeys(receive_id="", token="DocTok01", aes_key=AES_KEY, window=3600)
HOOKS = Hooks(SETTINGS, ManualClock(NOW))
Way = Callable[[str, str, str], Callable[[], object]]  # ciphertext, signature, timestamp -> the call


def wecom_app(encrypt: str, signature: str, timestamp: str) -> Callable[[], object]:
    query = {"timestamp": timestamp, "nonce": "n1", "msg_signature": signature}
    body = f"<xml><Encrypt>{encrypt}</Encrypt></xml>".encode()
    return lambda: inbound.verify_and_open(APP, query, body=body, now=NOW)


def wecom_bot(encrypt: str, signature: str, timestamp: str) -> Callable[[], object]:
    query = {"timestamp": timestamp, "nonce": "n1", "msg_signature": signature}
    body = json.dumps({"encrypt": encrypt}).encode()
    return lambda: inbound.open_json(BOT, query, body=body, now=NOW)


def dingtalk_event(encrypt: str, signature: str, timestamp: str) -> Callable[[], object]:
    query = {"timestamp": timestamp, "nonce": "n1", "msg_signature": signature}
    body = json.dumps({"encrypt": encrypt}).encode()
    return lambda: HOOKS.event(query, body)


SEALED: dict[str, tuple[Way, Callable[[str, str], str], Mapping[str, str], type[Exception]]] = {
    "wecom app": (
        wecom_app,
        lambda encrypt, stamp: wecom.signature("DocTok01", stamp, "n1", encrypt),
        bad_seals(wecom.decode_key(AES_KEY), CORP, b"<xml><MsgType>text</MsgType></xml>"),
        wecom.CallbackError,
    ),
    "wecom bot": (
        wecom_bot,
        lambda encrypt, stamp: wecom.signature("DocTok01", stamp, "n1", encrypt),
        bad_seals(wecom.decode_key(AES_KEY), "", b'{"msgid":"1"}'),
        wecom.CallbackError,
    ),
    "dingtalk event": (
        dingtalk_event,
        lambda encrypt, stamp: BOX.signature(stamp, "n1", encrypt),
        bad_seals(BOX._key, SETTINGS.receive_id, b'{"EventType":"check_url"}'),
        HookError,
    ),
}
TIMED: dict[str, tuple[Callable[[str, str], Callable[[], object]], str]] = {
    "robot": (
        lambda stamp, sign: lambda: HOOKS.robot({"timestamp": stamp, "sign": sign}, b"{}"),
        dingtalk.robot_sign("a-secret", MILLIS),
    ),
    "card": (
        lambda stamp, sign: (
            lambda: HOOKS.card({"x-ddpaas-signature-timestamp": stamp, "x-ddpaas-signature": sign}, b"{}")
        ),
        dingtalk.timestamp_sign("press", MILLIS),
    ),
}


def same(tried: Mapping[str, Callable[[], object]], refusal: type[Exception]) -> None:
    """Each takes exactly the work of the first and is answered by the same status."""
    counted = {name: work_of(call, refusal) for name, call in tried.items()}
    (first, refused), *_ = counted.values()
    for name, (work, error) in counted.items():
        assert work == first, (name, work - first, first - work)
        assert error.status == refused.status == 403, name  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", SEALED)
def test_every_wrong_signature_takes_the_same_work(way: str) -> None:
    call, sign, seals, refusal = SEALED[way]
    encrypt = seals["another receiver"]
    tried = bad_signatures(sign(encrypt, STAMP))
    same({name: call(encrypt, signature, STAMP) for name, signature in tried.items()}, refusal)


@pytest.mark.parametrize("way", SEALED)
def test_a_rightly_signed_forgery_takes_the_same_work_whatever_is_wrong_inside(way: str) -> None:
    call, sign, seals, refusal = SEALED[way]
    tried: dict[str, Callable[[], Any]] = {
        name: call(encrypt, sign(encrypt, STAMP), STAMP) for name, encrypt in seals.items()
    }
    same(tried, refusal)


@pytest.mark.parametrize("way", ["wecom app", "wecom bot"])
def test_an_old_callback_takes_the_work_of_a_broken_one(way: str) -> None:
    call, sign, seals, refusal = SEALED[way]
    old = str(int((NOW - dt.timedelta(hours=2)).timestamp()))
    keys = APP if way == "wecom app" else BOT
    good = wecom.seal(b"{}", aes_key=AES_KEY, receive_id=keys.receive_id, prefix=b"0123456789abcdef")
    broken = seals["another receiver"]
    tried = {
        "old": call(good, sign(good, old), old),
        "broken": call(broken, sign(broken, old), old),
    }
    same(tried, refusal)


@pytest.mark.parametrize("way", TIMED)
def test_a_wrong_sign_and_a_wrong_time_of_dingtalk_take_the_same_work(way: str) -> None:
    call, good = TIMED[way]
    hour = dt.timedelta(seconds=3601)
    secret, signer = (
        ("a-secret", dingtalk.robot_sign) if way == "robot" else ("press", dingtalk.timestamp_sign)
    )
    stale = {
        name: str(int(moment.timestamp() * 1000))
        for name, moment in (("old", NOW - hour), ("early", NOW + hour))
    }
    tried = {name: call(MILLIS, sign) for name, sign in bad_signatures(good).items()}
    tried |= {name: call(stamp, signer(secret, stamp)) for name, stamp in stale.items()}
    tried["no time"] = call("x", signer(secret, "x"))
    same(tried, HookError)


def test_the_measure_sees_an_early_way_out() -> None:
    """The count itself: comparing that stops at the first difference would be found."""

    def naive(given: str) -> None:
        for one, other in zip(given, "secret", strict=True):
            if ord(one) != ord(other):
                raise wecom.BadSignature

    early, _ = work_of(lambda: naive("xecret"), wecom.CallbackError)
    late, _ = work_of(lambda: naive("secrex"), wecom.CallbackError)
    assert early != late
