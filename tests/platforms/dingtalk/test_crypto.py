from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.dingtalk import crypto
from bot.platforms.dingtalk.crypto import Envelope, EnvelopeError
from tests.platforms.dingtalk.samples import VECTORS


def named(key: str) -> Any:
    return pytest.mark.parametrize("vector", VECTORS[key], ids=lambda vector: vector["name"])


def envelope(vector: dict[str, str]) -> Envelope:
    return Envelope(vector["token"], vector["aes_key"], vector["receive_id"])


def opened(vector: dict[str, str], box: Envelope) -> str:
    return box.open(
        vector["encrypt"], signature=vector["signature"], timestamp=vector["timestamp"], nonce=vector["nonce"]
    )


@named("callback")
def test_a_sealed_callback_opens_and_seals_to_the_same_bytes(vector: dict[str, str]) -> None:
    box = envelope(vector)
    assert opened(vector, box) == vector["plaintext"]
    sealed = box.seal(
        vector["plaintext"],
        timestamp=vector["timestamp"],
        nonce=vector["nonce"],
        random16=vector["random16"].encode(),
    )
    assert sealed == {
        "msg_signature": vector["signature"],
        "timeStamp": vector["timestamp"],
        "nonce": vector["nonce"],
        "encrypt": vector["encrypt"],
    }


@named("callback_negative")
def test_a_callback_that_is_not_for_us_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(EnvelopeError):
        opened(vector, envelope(vector))


@named("robot_sign")
def test_a_robot_signature_is_right_raw_and_in_an_address(vector: dict[str, str]) -> None:
    secret, timestamp = vector["secret"], vector["timestamp"]
    assert crypto.robot_sign(secret, timestamp) == vector["signature"]
    assert crypto.robot_sign_query(secret, timestamp) == vector["signature_urlencoded"]
    assert unquote(crypto.robot_sign_query(secret, timestamp)) == vector["signature"]


@named("timestamp_only_hmac")
def test_a_card_callback_signature_covers_the_timestamp(vector: dict[str, str]) -> None:
    secret, timestamp, sign = vector["secret"], vector["timestamp"], vector["signature"]
    assert crypto.timestamp_sign(secret, timestamp) == sign
    now = int(timestamp) / 1000
    assert crypto.verify_timestamp(secret, timestamp=timestamp, sign=sign, now=now)
    assert not crypto.verify_timestamp(secret, timestamp=timestamp, sign=sign, now=now + 3601)


@named("jsapi_sign")
def test_a_page_signature_leaves_the_fragment_out(vector: dict[str, str]) -> None:
    for url in (vector["url"], vector["url"] + "#top"):
        signed = crypto.jsapi_sign(
            vector["ticket"], nonce=vector["noncestr"], timestamp=vector["timestamp"], url=url
        )
        assert signed == vector["signature"]


@pytest.mark.parametrize("sign", ["", "x", "签名", "\ud800", "FK/6lMpISD1x2w/bM4CpJ3RdlXq90hUsAJE4wuKtyuI"])
def test_a_wrong_robot_signature_is_refused_and_never_raises(sign: str) -> None:
    vector = VECTORS["robot_sign"][1]
    now = int(vector["timestamp"]) / 1000
    assert not crypto.verify_robot(vector["secret"], timestamp=vector["timestamp"], sign=sign, now=now)


@pytest.mark.parametrize("timestamp", ["", "soon", "1767225600", "9" * 400, "1767229300123"])
def test_a_robot_message_signed_at_another_time_is_refused(timestamp: str) -> None:
    secret = VECTORS["robot_sign"][1]["secret"]
    sign = crypto.robot_sign(secret, timestamp)
    assert not crypto.verify_robot(secret, timestamp=timestamp, sign=sign, now=1767225600.0)


def test_a_robot_message_within_the_hour_is_accepted() -> None:
    vector = VECTORS["robot_sign"][1]
    now = int(vector["timestamp"]) / 1000 + 3599
    given_sign = vector["signature"]
    assert crypto.verify_robot(vector["secret"], timestamp=vector["timestamp"], sign=given_sign, now=now)


def test_an_aes_key_of_the_wrong_length_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="43"):
        Envelope("token", "short", "dingappkey01")


def test_the_secrets_of_an_envelope_are_not_shown() -> None:
    shown = repr(envelope(VECTORS["callback"][0]))
    assert VECTORS["callback"][0]["aes_key"] not in shown


@given(st.text(), st.binary(min_size=16, max_size=16))
def test_whatever_is_sealed_opens(message: str, random16: bytes) -> None:
    box = envelope(VECTORS["callback"][3])
    sealed = box.seal(message, timestamp="1", nonce="n", random16=random16)
    assert box.open(sealed["encrypt"], signature=sealed["msg_signature"], timestamp="1", nonce="n") == message


@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.b64encode(raw).decode())))
def test_rubbish_with_a_right_signature_is_refused(encrypt: str) -> None:
    box = envelope(VECTORS["callback"][3])
    with pytest.raises(EnvelopeError):
        box.open(encrypt, signature=box.signature("1", "n", encrypt), timestamp="1", nonce="n")
