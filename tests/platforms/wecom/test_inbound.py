"""Callbacks as events: the vendor's samples, what strangers send, and random bytes."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.coordinates import distance, to_gcj02
from bot.platforms.base import InboundEvent, InboundKind
from bot.platforms.wecom import crypto, fields, inbound

SAMPLES = Path(__file__).parents[2] / "samples" / "wecom"
KEYS = inbound.CallbackKeys(
    receive_id="wwdemo0000000001",
    token="DocTok01",
    aes_key="AibotDocVector0Key1For2Tests3Only4NotReal5Q",
    window=900,
)
CORP = KEYS.receive_id
NOW = dt.datetime(2026, 3, 10, 1, 30, tzinfo=dt.UTC)
STAMP = str(int(NOW.timestamp()))


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.xml").read_bytes()


def decoded(name: str) -> InboundEvent:
    return inbound.decode(sample(name))


def sealed(message: bytes) -> str:
    return crypto.seal(message, aes_key=KEYS.aes_key, receive_id=KEYS.receive_id, prefix=b"0123456789abcdef")


def signed_query(encrypt: str, timestamp: str = STAMP) -> dict[str, str]:
    signature = crypto.signature(KEYS.token, timestamp, "n1", encrypt)
    return {"msg_signature": signature, "timestamp": timestamp, "nonce": "n1"}


def opened(
    message: bytes, *, outer: str = "<xml><Encrypt>{}</Encrypt></xml>", at: str = STAMP
) -> InboundEvent:
    encrypt = sealed(message)
    body = outer.replace("{}", encrypt).encode()
    return inbound.verify_and_open(KEYS, signed_query(encrypt, at), body=body, now=NOW)


def test_a_text_says_who_what_and_when() -> None:
    event = decoded("text")
    assert (event.kind, event.user_id, event.text) == (InboundKind.TEXT, "insp007", "今天查哪家?")
    assert event.at == dt.datetime.fromtimestamp(1760000010, dt.UTC)


def test_a_photo_brings_the_id_to_fetch_it_by() -> None:
    assert (decoded("image").kind, decoded("image").media_id) == (InboundKind.IMAGE, "1Xdemo_media_id")


def test_a_place_has_latitude_first_and_a_user_id_keeps_its_zeros() -> None:
    event = decoded("location")
    assert (event.latitude, event.longitude) == pytest.approx((23.1291, 113.2644), abs=0.01)
    assert event.label == "某市某区某路 8 号"
    assert event.user_id == "007"


def test_a_place_on_tencents_map_is_told_in_wgs84() -> None:
    """Location messages are GCJ-02, 600 m from where a satellite says."""
    event = decoded("location")
    assert event.latitude is not None
    assert event.longitude is not None
    assert to_gcj02((event.latitude, event.longitude)) == pytest.approx((23.1291, 113.2644), abs=1e-7)
    assert 300 < distance((23.1291, 113.2644), (event.latitude, event.longitude)) < 700


def test_a_pressed_button_brings_its_key_its_card_and_the_token_to_update_it() -> None:
    event = decoded("button")
    assert event.kind is InboundKind.BUTTON
    assert (event.action, event.card_id, event.card_token) == (
        "submit_q1",
        "task-20260101-0042",
        "demoRespCode",
    )


def test_opening_the_chat_is_an_event_of_its_own() -> None:
    assert decoded("enter").kind is InboundKind.ENTER


def test_a_directory_change_is_nobodys_and_keeps_its_fields() -> None:
    event = decoded("contact")
    assert (event.kind, event.user_id) == (InboundKind.CONTACT, "")
    assert event.raw == {"type": "delete_user", "user_ids": ["insp009"]}


def test_a_renamed_account_brings_both_ids() -> None:
    message = (
        sample("contact")
        .replace(b"delete_user", b"update_user")
        .replace(b"</UserID>", b"</UserID><NewUserID>Insp700</NewUserID><Name>x</Name>")
    )
    raw = inbound.decode(message).raw
    assert (raw["user_ids"], raw["new_user_id"]) == (["insp009"], "insp700")


def test_an_event_nobody_knows_is_still_an_event() -> None:
    assert decoded("unknown").kind is InboundKind.OTHER


def test_what_was_chosen_is_lists_by_question() -> None:
    assert decoded("button").raw == {"selected": {"q_items": ["a", "c"]}}


def test_an_entry_of_the_cards_menu_is_a_button_too() -> None:
    message = sample("button").replace(b"template_card_event", b"template_card_menu_event")
    assert inbound.decode(message).kind is InboundKind.BUTTON


def test_fields_that_repeat_are_lists_and_the_update_token_is_left_out() -> None:
    message = sample("button").replace(b"template_card_event", b"something_new")
    raw = inbound.decode(message).raw
    assert raw["SelectedItems"]["SelectedItem"]["OptionIds"]["OptionId"] == ["a", "c"]
    assert "ResponseCode" not in raw


def test_somebody_of_another_corp_is_never_mistaken_for_our_own() -> None:
    """A member of an enterprise may have the same userid as an officer of ours."""
    event = inbound.decode(sample("text").replace(CORP.encode(), b"wwdown0000000003"), corp_id=CORP)
    assert event.user_id == "wwdown0000000003/insp007"
    assert inbound.decode(sample("text"), corp_id=CORP.upper()).user_id == "insp007"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("<Event>click</Event><EventKey>今日任务</EventKey>", InboundKind.TEXT),
        ("<Event>LOCATION</Event><Latitude>23.1</Latitude><Longitude>113.2</Longitude>", InboundKind.OTHER),
        ("<Event>subscribe</Event><EventKey></EventKey>", InboundKind.OTHER),
        ("<Event>unsubscribe</Event>", InboundKind.OTHER),
        ("<Event>view</Event><EventKey>https://a.cn/</EventKey>", InboundKind.OTHER),
        ("<Event>batch_job_result</Event><BatchJob><JobId>j1</JobId></BatchJob>", InboundKind.OTHER),
        (
            "<Event>location_select</Event><SendLocationInfo><Location_X>1</Location_X><Location_Y>2</Location_Y></SendLocationInfo>",
            InboundKind.LOCATION,
        ),
    ],
)
def test_every_event_has_its_kind(event: str, kind: InboundKind) -> None:
    message = (
        f"<xml><FromUserName>a</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType>{event}</xml>"
    )
    assert inbound.decode(message.encode()).kind is kind


def test_jobs_that_end_in_the_same_second_stay_apart() -> None:
    message = (
        b"<xml><FromUserName>sys</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType>"
        b"<Event>batch_job_result</Event><BatchJob><JobId>j1</JobId></BatchJob></xml>"
    )
    assert inbound.decode(message).event_id != inbound.decode(message.replace(b"j1", b"j2")).event_id


@pytest.mark.parametrize("kind", ["voice", "video", "link"])
def test_what_nobody_can_use_is_still_stored_with_its_file(kind: str) -> None:
    message = (
        f"<xml><FromUserName>a</FromUserName><CreateTime>1</CreateTime><MsgType>{kind}</MsgType>"
        "<MediaId>m1</MediaId><MsgId>1</MsgId></xml>"
    )
    event = inbound.decode(message.encode())
    assert (event.kind, event.media_id) == (InboundKind.OTHER, "m1")


@pytest.mark.parametrize("name", ["text", "image", "location", "button", "enter", "contact", "unknown"])
def test_every_event_survives_json(name: str) -> None:
    event = decoded(name)
    assert msgspec.json.decode(msgspec.json.encode(event), type=InboundEvent) == event


def test_redelivery_keeps_the_event_id_and_another_message_changes_it() -> None:
    text = sample("text")
    assert inbound.decode(text).event_id == decoded("text").event_id
    assert inbound.decode(text.replace(b"0123<", b"0124<")).event_id != decoded("text").event_id
    other_person = text.replace(b"Insp007", b"insp008")  # two people's messages have shared a MsgId
    assert inbound.decode(other_person).event_id != decoded("text").event_id


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"submit_q1", b"submit_q2"),
        (b"0042", b"0043"),
        (b"1000017", b"1000018"),
        (b"1760000100", b"1760000101"),
    ],
)
def test_events_of_the_same_person_and_second_stay_apart(old: bytes, new: bytes) -> None:
    """Sender and second alone have collided: WxJava 897, weixin-java-tools 66."""
    assert inbound.decode(sample("button").replace(old, new)).event_id != decoded("button").event_id


def test_a_whole_callback_opens() -> None:
    assert opened(sample("text")).text == "今天查哪家?"


@pytest.mark.parametrize("name", ["Encrypt", "encrypt"])
def test_a_callback_in_json_opens_and_keeps_every_digit(name: str) -> None:
    message = {"ToUserName": CORP, "FromUserName": "A", "CreateTime": 1760000010, "MsgType": "text"}
    more = {"Content": "好", "MsgId": 4561255354251345929, "AgentID": 218}
    event = opened(json.dumps(message | more).encode(), outer='{"' + name + '":"{}"}')
    assert (event.user_id, event.text) == ("a", "好")
    other = opened(json.dumps(message | more | {"MsgId": 4561255354251345928}).encode())
    assert other.event_id != event.event_id


@pytest.mark.parametrize("name", ["official_python3_json_mode", "official_php_json_mode"])
def test_the_vendors_own_broken_json_is_malformed_and_no_crash(name: str) -> None:
    vectors = json.loads((SAMPLES / "crypto.json").read_text(encoding="utf-8"))
    (plaintext,) = (v["plaintext"] for v in vectors if v["name"] == name)
    with pytest.raises(fields.Malformed):
        inbound.decode(plaintext.encode())


@pytest.mark.parametrize("off", [-901, 901])
def test_a_callback_signed_too_long_ago_or_ahead_is_stale(off: int) -> None:
    with pytest.raises(inbound.Stale):
        opened(sample("text"), at=str(int(NOW.timestamp()) + off))


def test_only_the_querys_timestamp_counts_for_staleness() -> None:
    assert opened(sample("text"), at=str(int(NOW.timestamp()) - 899)).at < NOW - dt.timedelta(days=30)


@pytest.mark.parametrize("stamp", ["", "soon", "9" * 30, "-1e5"])
def test_a_timestamp_that_is_no_time_is_malformed(stamp: str) -> None:
    with pytest.raises(fields.Malformed):
        opened(sample("text"), at=stamp)


def test_the_echo_is_answered_with_the_bare_digits() -> None:
    encrypt = sealed(b"1616140317555161061")
    query = signed_query(encrypt) | {"echostr": encrypt}
    assert inbound.answer_echo(KEYS, query, now=NOW) == b"1616140317555161061"


def test_an_echo_whose_plus_became_a_space_is_answered_too() -> None:
    encrypt = next(e for n in range(100) if "+" in (e := sealed(str(n).encode())))
    query = signed_query(encrypt) | {"echostr": encrypt.replace("+", " ")}
    assert inbound.answer_echo(KEYS, query, now=NOW).isdigit()


def test_a_query_without_anything_is_a_bad_signature() -> None:
    with pytest.raises(crypto.BadSignature):
        inbound.verify_and_open(KEYS, {}, body=b"<xml><Encrypt>AAAA</Encrypt></xml>", now=NOW)


DTD = b'<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "x">]><xml><Encrypt>&a;</Encrypt></xml>'
EXTERNAL = b'<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml><Encrypt>A</Encrypt></xml>'
DEEP = b"<a>" * 40 + b"</a>" * 40
WIDE = b"<xml>" + b"<a/>" * 20_000 + b"</xml>"
DEEP_JSON = b'{"a":' * 40 + b"1" + b"}" * 40
VERY_DEEP_JSON = b'{"a":' + b"[" * 100_000
BAD = [DTD, EXTERNAL, DEEP, WIDE, DEEP_JSON, VERY_DEEP_JSON, b"", b"<xml>", b"[1]", b'{"a":"\\u0000"}']


@pytest.mark.parametrize("body", [*BAD, b'{"a":"\\ud800"}', b"\xff\xfe<\x00x\x00", b"<xml>&lol;</xml>"])
def test_what_no_callback_needs_is_refused(body: bytes) -> None:
    with pytest.raises(fields.Malformed) as caught:
        fields.read(body)
    assert caught.value.status in (400, 413)


def test_a_body_over_the_cap_is_too_large() -> None:
    with pytest.raises(fields.TooLarge) as caught:
        fields.read(b"<xml>" + b" " * fields.MAX_BYTES + b"</xml>")
    assert caught.value.status == 413


@pytest.mark.parametrize("name", ["contact", "enter", "image", "location", "text", "unknown"])
def test_a_flat_message_is_read_in_the_short_way_as_expat_reads_it(name: str) -> None:
    body = sample(name).strip()
    assert fields.read_flat(body) == fields.read_xml(body)


@pytest.mark.parametrize(
    "held",
    [
        "<b>1</b>",
        "&lt;",
        "<![CDATA[a]]>b",
        "<![CDATA[a]b]]>",
        "a]b",
        "a\rb",
        "\ufffe",
        "\x01",
        "<!-- -->",
        "<b/>",
    ],
)
def test_what_is_not_plain_text_is_left_to_expat(held: str) -> None:
    assert fields.read_flat(f"<xml><a>{held}</a></xml>".encode()) is None


@pytest.mark.parametrize("latitude", ["", "north", "nan", "91", "-inf"])
def test_a_place_that_is_nowhere_is_malformed(latitude: str) -> None:
    with pytest.raises(fields.Malformed):
        inbound.decode(sample("location").replace(b"23.1291", latitude.encode()))


@given(
    body=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda t: f"<xml>{t}</xml>".encode()))
)
@settings(max_examples=300)
def test_random_bytes_are_read_or_refused_by_name(body: bytes) -> None:
    try:
        inbound.decode(body)
    except crypto.CallbackError:
        return


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(tree=st.dictionaries(st.sampled_from(["MsgType", "Content", "CreateTime", "MsgId"]), json_values))
@settings(max_examples=200)
def test_any_json_is_read_or_refused_by_name(tree: dict[str, Any]) -> None:
    try:
        inbound.decode(json.dumps(tree).encode())
    except crypto.CallbackError:
        return


def test_the_keys_do_not_show_themselves() -> None:
    assert KEYS.token not in repr(KEYS)
    assert KEYS.aes_key not in repr(KEYS)
