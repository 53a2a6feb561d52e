"""The envelope against published vectors, and against everything that is not one."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.platforms.wecom import crypto

SAMPLES = Path(__file__).parents[2] / "samples" / "wecom"
VECTORS: list[dict[str, Any]] = json.loads((SAMPLES / "crypto.json").read_text(encoding="utf-8"))
KEY = "AibotDocVector0Key1For2Tests3Only4NotReal5Q"
PREFIX = b"0123456789abcdef"


def envelope(vector: dict[str, Any], **changes: str) -> bytes:
    return crypto.open_envelope(
        vector["encrypt"] if "encrypt" not in changes else changes["encrypt"],
        token=vector["token"],
        aes_key=changes.get("aes_key", vector["encoding_aes_key"]),
        receive_id=changes.get("receive_id", vector["receive_id"]),
        msg_signature=changes.get("msg_signature", vector["msg_signature"]),
        timestamp=vector["timestamp"],
        nonce=vector["nonce"],
    )


def sealed(message: bytes, receive_id: str = "ww1", token: str = "tok") -> dict[str, Any]:
    encrypt = crypto.seal(message, aes_key=KEY, receive_id=receive_id, prefix=PREFIX)
    return signed(encrypt) | {"receive_id": receive_id, "token": token}


def signed(encrypt: str) -> dict[str, Any]:
    return {
        "encrypt": encrypt, "token": "tok", "encoding_aes_key": KEY, "receive_id": "ww1", "timestamp": "1",
        "nonce": "n", "msg_signature": crypto.signature("tok", "1", "n", encrypt),
    }  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_every_published_vector_opens_and_seals_to_the_same_bytes(vector: dict[str, Any]) -> None:
    message = envelope(vector)
    assert message.decode() == vector["plaintext"]
    again = crypto.seal(
        message,
        aes_key=vector["encoding_aes_key"],
        receive_id=vector["receive_id"],
        prefix=bytes.fromhex(vector["random_prefix_hex"]),
    )
    assert again == vector["encrypt"]


def test_the_smart_bot_vector_opens_with_an_empty_receive_id() -> None:
    message = crypto.open_envelope(
        "9N8tLSMcpGLVZUhg+wO/nW72m8+HDnAOREeojyZEsHK0uC1vgdhZ2fu7Du+g/LD84GUqGporgdOCLDewpDUG0ZeLT7vMjd2JnmFm"
        "mii9KDIwycqGE47JEMRiwgjoCA2C597ZTJVgvNFIGlZarJ5xfZJrboh4T5lOiXbq8dEMSOcPXvLHyvDL3B0yuLc/FbGk1wU3h2of"
        "4TbFejp9sIeLGkTeledrVnDR63rkCIW3Cc/1SlT2Jb7/bWkcoR7Tw7GF",
        token="DocTok01",
        aes_key=KEY,
        receive_id="",
        msg_signature="dc6d09c8f9b3d2a9c55c1e226c8dc321b3367056",
        timestamp="1760000000",
        nonce="nonce0001",
    )
    assert json.loads(message)["text"] == {"content": "现场照片已上传"}


def test_one_wrong_digit_in_the_signature_is_refused() -> None:
    good = VECTORS[0]["msg_signature"]
    with pytest.raises(crypto.BadSignature):
        envelope(VECTORS[0], msg_signature=("0" if good[0] != "0" else "1") + good[1:])


@pytest.mark.parametrize("signature", ["", "签名", "\ud800", "a" * 100_000])
def test_a_signature_of_any_shape_is_refused_cleanly(signature: str) -> None:
    with pytest.raises(crypto.BadSignature):
        envelope(VECTORS[0], msg_signature=signature)


def test_an_envelope_for_another_corp_is_refused() -> None:
    with pytest.raises(crypto.BadReceiveId):
        envelope(VECTORS[1], receive_id="wwsomebodyelse")


@pytest.mark.parametrize("key", ["", "short", KEY[:-1], KEY + "A", "*" * 43, "键" * 43])
def test_a_key_that_is_not_43_characters_of_base64_is_refused(key: str) -> None:
    with pytest.raises(crypto.BadKey):
        envelope(VECTORS[0], aes_key=key)


def test_a_key_with_spaces_around_it_is_still_the_key() -> None:
    assert crypto.decode_key(f" {KEY}\n") == crypto.decode_key(KEY)


@pytest.mark.parametrize("encrypt", ["not base64!", "密文", "AAAA\ud800"])
def test_what_is_not_base64_is_refused(encrypt: str) -> None:
    with pytest.raises(crypto.BadBase64):
        envelope(signed(encrypt))


@pytest.mark.parametrize("encrypt", ["", "AAAA"])
def test_a_ciphertext_of_no_whole_blocks_is_refused(encrypt: str) -> None:
    with pytest.raises(crypto.BadFrame):
        envelope(signed(encrypt))


def raw_sealed(frame: bytes) -> dict[str, Any]:
    """Encrypt *frame* as it is, padding and all, through the seal of an empty message."""
    key = crypto.decode_key(KEY)
    encryptor = Cipher(AES(key), CBC(key[:16])).encryptor()
    return signed(base64.b64encode(encryptor.update(frame) + encryptor.finalize()).decode())


@pytest.mark.parametrize("pad", [0, 33, 255])
def test_a_padding_byte_out_of_range_is_refused(pad: int) -> None:
    with pytest.raises(crypto.BadPadding):
        envelope(raw_sealed(b"x" * 63 + bytes([pad])))


def test_a_padding_of_unequal_bytes_is_refused() -> None:
    with pytest.raises(crypto.BadPadding):
        envelope(raw_sealed(b"x" * 62 + b"\x01\x02"))


@pytest.mark.parametrize("size", [45, 2**32 - 1])
def test_a_length_past_the_end_is_refused(size: int) -> None:
    frame = PREFIX + size.to_bytes(4, "big") + b"x" * 24 + b"ww1"
    with pytest.raises(crypto.BadFrame):
        envelope(raw_sealed(frame + b"\x11" * 17))


def test_a_frame_without_room_for_its_head_is_refused() -> None:
    with pytest.raises(crypto.BadFrame):
        envelope(raw_sealed(b"x" * 10 + b"\x06" * 6))


@given(message=st.binary(max_size=300), receive_id=st.text("abcw0123", max_size=20))
@settings(max_examples=200)
def test_what_was_sealed_opens_again(message: bytes, receive_id: str) -> None:
    assert envelope(sealed(message, receive_id)) == message


@given(encrypt=st.one_of(st.text(max_size=200), st.binary(max_size=160).map(base64.b64encode)))
@settings(max_examples=300)
def test_a_signed_stranger_is_opened_or_refused_by_name(encrypt: str | bytes) -> None:
    text = encrypt if isinstance(encrypt, str) else encrypt.decode()
    with pytest.raises(crypto.CallbackError):
        envelope(signed(text))


def test_errors_hold_neither_token_nor_key() -> None:
    with pytest.raises(crypto.CallbackError) as caught:
        envelope(VECTORS[0], msg_signature="0" * 40)
    assert str(caught.value) == ""
