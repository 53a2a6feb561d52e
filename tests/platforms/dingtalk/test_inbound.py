from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.platforms.base import InboundEvent, InboundKind
from bot.platforms.dingtalk import frames
from bot.platforms.dingtalk.frames import CARD_TOPIC, ROBOT_TOPIC, FrameError, parse_frame
from bot.platforms.dingtalk.inbound import event_of
from tests.platforms.dingtalk.samples import PAYLOADS, frame_of, frame_text

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
SENT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def said(name: str) -> InboundEvent:
    event = event_of(frame_of(PAYLOADS[name], topic=ROBOT_TOPIC), received=NOW)
    assert event is not None
    return event


def pressed(name: str) -> InboundEvent:
    event = event_of(frame_of(PAYLOADS[name], topic=CARD_TOPIC), received=NOW)
    assert event is not None
    return event


def directory(name: str) -> InboundEvent:
    frame = frame_of(PAYLOADS[name], kind="EVENT", topic="*", eventType=name, eventId="e-1")
    event = event_of(frame, received=NOW)
    assert event is not None
    return event


def test_a_text_is_stripped_and_brings_its_reply_address() -> None:
    event = said("text")
    assert event == InboundEvent(
        platform="dingtalk",
        event_id="msg0Ab==",
        kind=InboundKind.TEXT,
        user_id="u1001",
        at=SENT,
        text="今天的任务",
        reply_token="https://oapi.dingtalk.com/robot/sendBySession?session=0f0f",
        reply_until=SENT + dt.timedelta(minutes=90),
    )


def test_a_text_in_a_group_names_the_group() -> None:
    event = said("text_in_a_group")
    assert (event.text, event.conversation) == ("帮助", "cidAbC+xyz=")
    assert event.reply_until is None


def test_a_text_may_come_as_a_bare_string() -> None:
    assert said("text_as_a_bare_string").text == "你好"


def test_a_picture_prefers_its_download_code() -> None:
    event = said("picture")
    assert (event.kind, event.media_id) == (InboundKind.IMAGE, "mIofN681")


def test_rich_text_gives_its_words_and_its_first_picture() -> None:
    event = said("rich_text")
    assert (event.kind, event.text, event.media_id) == (InboundKind.IMAGE, "灭火器过期", "first")
    assert event.raw == {"more_media": ["second"]}


def test_recognised_speech_is_a_text_and_other_speech_is_a_file_to_keep() -> None:
    assert (said("speech").kind, said("speech").text) == (InboundKind.TEXT, "已到现场")
    assert said("speech_not_recognised").kind is InboundKind.FILE
    assert said("speech_not_recognised").media_id


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unknown", "unreadable"),
        ("outsider", "no_staff_id"),
        ("push_quota_exhausted", "push_quota_exhausted"),
    ],
)
def test_what_cannot_be_answered_is_marked_with_its_reason(name: str, reason: str) -> None:
    event = said(name)
    assert event.kind is InboundKind.OTHER
    assert event.raw["reason"] == reason
    assert event.text == ""


def test_a_press_names_the_card_the_action_and_who_pressed() -> None:
    event = pressed("press")
    assert (event.kind, event.action, event.card_id) == (InboundKind.BUTTON, "submit", "visit-77-u1001-1")
    assert (event.event_id, event.user_id) == ("mid-1", "u1001")
    assert event.raw == {"params": {"verdict": "ok"}}
    assert event.conversation == ""


def test_a_press_may_come_as_an_object_with_its_parameters_beside() -> None:
    event = pressed("press_with_an_object_and_params_beside")
    assert (event.action, event.user_id, event.conversation) == ("submit", "u1002", "cidAbC+xyz=")
    assert event.raw == {"params": {"verdict": "bad"}}


def test_a_press_without_an_action_is_nothing_to_do() -> None:
    event = event_of(frame_of({"userId": "u1001", "content": "{}"}, topic=CARD_TOPIC), received=NOW)
    assert event is not None
    assert event.kind is InboundKind.OTHER


def test_a_directory_event_lists_whom_it_is_about_however_its_keys_are_spelt() -> None:
    assert directory("user_leave_org").raw["user_ids"] == ["u1001", "u1002"]
    assert directory("org_dept_modify").raw["dept_ids"] == ["10086"]
    assert {directory(name).kind for name in ("user_leave_org", "org_dept_modify")} == {InboundKind.CONTACT}
    assert directory("user_leave_org").event_id == "e-1"


def test_an_event_of_another_family_is_kept_and_nothing_more() -> None:
    frame = frame_of({}, kind="EVENT", topic="*", eventType="bpms_task_change", eventId="e-2")
    event = event_of(frame, received=NOW)
    assert event is not None
    assert event.kind is InboundKind.OTHER


def test_a_topic_that_nobody_subscribed_is_no_event() -> None:
    assert event_of(frame_of({}, topic="/v1.0/graph/api/invoke"), received=NOW) is None


def acknowledged(kind: str, topic: str) -> tuple[dict[str, Any], dict[str, Any]]:
    answer = json.loads(frames.ack(frame_of({"opaque": "o-1"}, kind=kind, topic=topic)))
    return answer, json.loads(answer["data"])


def test_each_kind_of_push_is_acknowledged_in_its_own_words() -> None:
    ping, echo = acknowledged("SYSTEM", "ping")
    assert ping["headers"]["messageId"] == "mid-1"
    assert (ping["code"], echo) == (200, {"opaque": "o-1"})
    assert acknowledged("EVENT", "*")[1]["status"] == "SUCCESS"
    assert acknowledged("CALLBACK", ROBOT_TOPIC)[1] == {"response": None}
    assert acknowledged("CALLBACK", CARD_TOPIC)[1] == {"response": {}}


def test_what_could_not_be_stored_is_asked_for_again() -> None:
    later = json.loads(frames.ask_again(frame_of({}, kind="EVENT", topic="*")))
    assert json.loads(later["data"])["status"] == "LATER"
    assert json.loads(frames.ask_again(frame_of({}, topic=ROBOT_TOPIC)))["code"] == 500


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"type":"EVENT","headers":{},"data":"x"}', "[" * 100_000])
def test_what_is_no_frame_is_refused(text: str) -> None:
    with pytest.raises(FrameError):
        parse_frame(text)


def test_characters_that_no_database_takes_are_replaced() -> None:
    text = '{"type":"CALLBACK","headers":{"topic":"t"},"data":"{\\"a\\":\\"x\\\\ud800\\\\u0000y\\"}"}'
    assert parse_frame(text).data == {"a": "x?y"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=12,
)
PAYLOAD_KEYS = st.sampled_from(sorted({key for payload in PAYLOADS.values() for key in payload}))
KINDS = st.sampled_from(["text", "picture", "richText", "audio", "video", "file", "unknownMsgType"])


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_no_text_breaks_the_frame_parser(text: str) -> None:
    try:
        parse_frame(text)
    except FrameError:
        return


@settings(max_examples=400)
@given(
    st.dictionaries(PAYLOAD_KEYS, JSON_VALUES, max_size=8),
    KINDS,
    st.sampled_from([ROBOT_TOPIC, CARD_TOPIC, "*"]),
)
def test_any_payload_becomes_an_event_that_can_be_stored(data: dict[str, Any], kind: str, topic: str) -> None:
    frame_kind = "EVENT" if topic == "*" else "CALLBACK"
    frame = frame_of({"msgtype": kind, **data}, kind=frame_kind, topic=topic)
    event = event_of(frame, received=NOW)
    assert event is not None
    assert event.event_id
    assert "\x00" not in repr(event)
    stored = msgspec.json.encode(event)
    assert msgspec.json.decode(stored, type=InboundEvent).event_id == event.event_id
    assert json.loads(frames.ack(frame))["headers"]["messageId"] == "mid-1"


@settings(max_examples=200)
@given(st.sampled_from(sorted(PAYLOADS)), st.data())
def test_a_sample_with_one_field_spoilt_still_becomes_an_event(name: str, data: st.DataObject) -> None:
    payload = dict(PAYLOADS[name])
    payload[data.draw(st.sampled_from(sorted(payload)))] = data.draw(JSON_VALUES)
    topic = CARD_TOPIC if name.startswith("press") else ROBOT_TOPIC
    assert event_of(parse_frame(frame_text(payload, topic=topic)), received=NOW) is not None
