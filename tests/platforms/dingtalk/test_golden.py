"""What leaves for DingTalk stays what was reviewed; the sheet's tables accept it, and so does the simulated service."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.platforms.base import Button, OutboundMessage, PlatformError
from bot.platforms.dingtalk import cards
from bot.platforms.dingtalk.text import compact
from bot.simulator.dingtalk_media import PARAM_BYTES, TEMPLATES
from bot.simulator.dingtalk_rules import Broken, check_card, check_notice, check_sample, check_webhook
from tests.platforms.dingtalk.golden import FOLDER, as_text, every

MADE = every()


def check(name: str, body: dict[str, Any]) -> None:
    """Hold a body against its table."""
    match name.partition("-")[0]:
        case "card":
            check_card(body, cards.VARIABLES)
        case "webhook":
            check_webhook(body)
        case "notice":
            check_notice(body)
        case "robot":
            check_sample(body["msgKey"], compact(body["msgParam"]))
        case "group":
            wanted = TEMPLATES[body["msg_template_id"]]
            assert all(body["msg_param_map"].get(name) for name in wanted)
            assert len(compact(body["msg_param_map"]).encode()) <= PARAM_BYTES
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize("name", MADE)
def test_what_is_sent_is_what_was_reviewed_and_passes_the_tables(name: str) -> None:
    assert as_text(MADE[name]) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    check(name, MADE[name])


def test_every_golden_file_is_made() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(MADE)


words = st.text(max_size=400)
links = st.builds(Button, words, url=st.sampled_from(["https://x.example/" + "a" * n for n in (1, 200, 600)]))
messages = st.builds(
    OutboundMessage,
    st.text(min_size=1, max_size=300).filter(str.strip),
    st.text(min_size=1, max_size=6000).filter(str.strip),
    facts=st.lists(st.tuples(words, words), max_size=12).map(tuple),
    buttons=st.lists(links.filter(lambda one: one.text.strip()), max_size=9).map(tuple),
    url=st.sampled_from(["", "https://x.example/page"]),
    card_id=st.just("visit-1"),
    done=st.sampled_from(["", "已办结"]),
)


@given(messages)
@settings(max_examples=300)
def test_whatever_is_said_passes_the_tables(message: OutboundMessage) -> None:
    """Cut to fit where it must be, never broken; only buttons that do not fit a card are refused, as our bug."""
    key, param = cards.robot_message(message)
    check_sample(key, compact(param))
    check_webhook(cards.webhook_message(message, uuid="u", keyword="随查", at="u1001"))
    check_notice(cards.work_notice(message))
    try:
        body = cards.card_update(message.card_id, message)
    except PlatformError as error:
        assert error.code == "message.tooLong"  # noqa: PT017 - one of two good ends
    else:
        check_card(body, cards.VARIABLES)


@pytest.mark.parametrize(
    ("name", "change", "field"),
    [
        ("card-open", {"outTrackId": ""}, "outTrackId"),
        ("card-open", {"cardData": {"cardParamMap": {"title": "t"}}}, "cardParamMap"),
        ("webhook-plain", {"msgtype": "video"}, "msgtype"),
        ("webhook-plain", {"markdown": {"title": "t"}}, "markdown.text"),
        ("webhook-plain", {"markdown": {"title": "t", "text": "x" * 20_000}}, "size"),
        ("webhook-plain", {"at": {"atUserIds": ["nobody-in-the-text"]}}, "at"),
        ("webhook-link", {"actionCard": {"title": "t", "text": "x"}}, "actionCard.singleURL"),
        ("notice-links", {"action_card": {"title": "t", "markdown": "x" * 2048}}, "size"),
        (
            "notice-links",
            {
                "action_card": {
                    "title": "t",
                    "markdown": "x",
                    "btn_json_list": [{"title": "x" * 21, "action_url": "u"}],
                }
            },
            "btn_json_list",
        ),
        ("robot-plain", {"msgKey": "sampleNothing"}, "msgKey"),
        (
            "robot-link",
            {"msgParam": {"title": "t", "text": "x", "singleTitle": "打开"}},
            "msgParam.singleURL",
        ),
        ("robot-plain", {"msgParam": {"title": "t", "text": "x" * 15_000}}, "msgParam.tooLong"),
    ],
)
def test_the_validator_names_what_is_wrong(name: str, change: dict[str, Any], field: str) -> None:
    with pytest.raises(Broken, match=f"^{field}$"):
        check(name, {**json.loads(json.dumps(MADE[name])), **change})


def test_a_card_of_a_closed_task_has_no_buttons_left() -> None:
    params = MADE["card-closed"]["cardData"]["cardParamMap"]
    assert (params["buttons"], params["done"], params["status"]) == ("[]", "true", "已接收 03-10 09:31")
    assert MADE["card-closed"]["cardUpdateOptions"]["updateCardDataByKey"] is True


def test_a_message_of_forty_thousand_characters_is_cut_and_not_refused() -> None:
    long = replace(OutboundMessage("长", "字" * 40_000), card_id="c")
    for body in (cards.webhook_message(long), cards.work_notice(long), cards.card_update("c", long)):
        assert "…" in compact(body)
