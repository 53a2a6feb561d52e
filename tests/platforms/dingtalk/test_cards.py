from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.platforms.base import Button, ErrorClass, OutboundMessage, PlatformError
from bot.platforms.dingtalk import cards
from bot.platforms.dingtalk.text import compact, cut, cut_in_json, lines

TASK = OutboundMessage(
    title="检查任务",
    body="请核对**幸福超市**。\n周五前完成。",
    facts=(("对象", "幸福超市"),),
    buttons=(Button("接受", action="accept:7", style="primary"), Button("打开", url="https://x.example/7")),
    card_id="visit-7",
)

buttons = st.builds(
    Button,
    text=st.text(max_size=40),
    action=st.text(alphabet="abcdefgh:0123456789", max_size=30),
    url=st.one_of(
        st.just(""), st.text(alphabet="abcdef/?=&%0123456789", max_size=80).map("https://x.example/".__add__)
    ),
)
messages = st.builds(
    OutboundMessage,
    title=st.text(max_size=300),
    body=st.text(max_size=8000),
    facts=st.lists(st.tuples(st.text(max_size=100), st.text(max_size=600)), max_size=12).map(tuple),
    buttons=st.lists(buttons, max_size=4).map(tuple),
    url=st.sampled_from(["", "https://x.example/task/7"]),
    card_id=st.just("visit-7"),
    done=st.one_of(st.just(""), st.text(max_size=900)),
)


def test_a_card_is_delivered_to_one_person_under_its_own_id() -> None:
    body = cards.create_and_deliver(TASK, user_id="u1001", template="t.schema", robot_code="dingappkey01")
    assert body["outTrackId"] == "visit-7"
    assert body["openSpaceId"] == "dtv1.card//IM_ROBOT.u1001"
    assert body["callbackType"] == "STREAM"
    params = body["cardData"]["cardParamMap"]
    assert tuple(params) == cards.VARIABLES
    assert json.loads(params["facts"]) == [{"name": "对象", "value": "幸福超市"}]
    assert json.loads(params["buttons"]) == [
        {"text": "接受", "color": "blue", "id": "accept:7", "request": True},
        {"text": "打开", "color": "gray", "url": "https://x.example/7"},
    ]
    assert "检查任务" in compact(body)  # raw UTF-8: escapes would count double against the limits


def test_a_closed_card_has_no_buttons_and_says_why() -> None:
    params = cards.card_update("visit-7", replace(TASK, done="已接受"))["cardData"]["cardParamMap"]
    assert (params["buttons"], params["done"], params["status"]) == ("[]", "true", "已接受")


def test_an_update_is_by_key_and_still_complete() -> None:
    body = cards.card_update("visit-7", TASK)
    assert body["cardUpdateOptions"]["updateCardDataByKey"] is True
    assert tuple(body["cardData"]["cardParamMap"]) == cards.VARIABLES


def test_the_number_of_links_decides_the_kind_of_message() -> None:
    def key(count: int) -> str:
        links = tuple(Button(f"第{n}个", url=f"https://x.example/{n}") for n in range(count))
        return cards.robot_message(replace(TASK, buttons=links))[0]

    assert [key(count) for count in range(4)] == [
        "sampleMarkdown",
        "sampleActionCard",
        "sampleActionCard2",
        "sampleActionCard3",
    ]


def test_links_beyond_the_fifth_stand_in_the_text() -> None:
    links = tuple(Button(f"第{n}个", url=f"https://x.example/{n}") for n in range(7))
    key, param = cards.robot_message(replace(TASK, buttons=links))
    assert key == "sampleActionCard5"
    assert "[第6个](https://x.example/6)" in param["text"]


def test_without_cards_a_button_that_only_calls_back_is_left_out() -> None:
    key, param = cards.robot_message(TASK)
    assert key == "sampleActionCard"
    assert (param["singleTitle"], param["singleURL"]) == ("打开", "https://x.example/7")
    assert "**对象**：幸福超市" in param["text"]


def test_a_webhook_message_has_buttons_one_above_the_other() -> None:
    message = replace(TASK, url="https://x.example/all")
    body = cards.webhook_message(message, uuid="u-1")
    assert (body["msgtype"], body["msgUuid"]) == ("actionCard", "u-1")
    assert [one["title"] for one in body["actionCard"]["btns"]] == ["打开", "查看详情"]
    assert cards.webhook_message(OutboundMessage("通报", "本周 3 户"))["msgtype"] == "markdown"


def test_single_newlines_survive_and_blank_lines_stay() -> None:
    assert lines("一\n二\n\n三 \n**四**") == "一  \n  二\n\n三  \n  **四**"


def test_a_list_stays_a_list_of_one_level() -> None:
    assert lines("两户：\n1. 幸福超市\n2. 平安药店\n- 内\n  - 外") == (
        "两户：\n\n1. 幸福超市\n\n2. 平安药店\n\n- 内\n\n  - 外"
    )


def test_buttons_that_do_not_fit_are_an_error_and_not_a_card_without_buttons() -> None:
    many = tuple(Button("按钮" * 10, action="a" * 60) for _ in range(12))
    with pytest.raises(PlatformError) as caught:
        cards.card_params(replace(TASK, buttons=many))
    assert caught.value.cls is ErrorClass.BUG


@given(st.text(max_size=50), st.integers(min_value=0, max_value=120))
def test_a_cut_never_splits_a_character(text: str, limit: int) -> None:
    shown = cut(text, limit)
    assert len(shown.encode()) <= limit
    assert shown == text or text.startswith(shown.removesuffix("…"))


@given(st.text(max_size=50), st.integers(min_value=3, max_value=120))
def test_a_cut_inside_json_counts_its_escapes(text: str, limit: int) -> None:
    shown = cut_in_json(text, limit)
    assert len(compact(shown).encode()) - 2 <= limit
    assert shown == text or text.startswith(shown.removesuffix("…"))


@settings(max_examples=300)
@given(messages)
def test_any_message_yields_bodies_within_the_limits(message: OutboundMessage) -> None:
    body = cards.create_and_deliver(message, user_id="u", template="t", robot_code="r")
    params = body["cardData"]["cardParamMap"]
    assert all(isinstance(value, str) and len(value.encode()) <= 1024 for value in params.values())
    assert isinstance(json.loads(params["facts"]), list)
    assert isinstance(json.loads(params["buttons"]), list)
    key, param = cards.robot_message(message)
    assert key == "sampleMarkdown" or key.startswith("sampleActionCard")
    assert all(isinstance(value, str) for value in param.values())
    assert len(compact(param).encode()) <= 15_000
    assert len(compact(cards.webhook_message(message, uuid="0" * 32)).encode()) <= 20_000


def test_facts_that_are_too_long_are_shortened_before_any_is_left_out() -> None:
    def shown(count: int, length: int) -> list[dict[str, str]]:
        facts = tuple((f"第{number}项", "值" * length) for number in range(count))
        rows: list[dict[str, str]] = json.loads(cards.card_params(replace(TASK, facts=facts))["facts"])
        return rows

    assert len(shown(6, 200)) == 6
    assert all(row["value"].endswith("…") for row in shown(6, 200))
    assert 0 < len(shown(60, 200)) < 60
