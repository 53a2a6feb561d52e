"""Whatever is to be said, WeCom accepts its form; the simulated WeCom's own rules are the judge."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.platforms.base import CLOSED, Button, CardRef, ErrorClass, OutboundMessage, PlatformError
from bot.platforms.wecom import cards, markup
from bot.simulator.wecom_api import read_json
from bot.simulator.wecom_card_rules import validate

CARD = OutboundMessage(
    title="复查任务待签收",
    body="**甲厂** 消防通道堵塞",
    facts=(("企业", "甲厂"),),
    buttons=(Button("签收", action="ack", style="primary"), Button("转派", action="pass", style="danger")),
    card_id="recheck-0f3c9b1e@v1",
)
LINK = OutboundMessage(title="今日任务", body="3 家待检查", url="https://gov.example/today")
REF = CardRef("insp007", CARD.card_id, "demoRespCode")


def sent(message: OutboundMessage, *, once: bool = True) -> dict[str, Any]:
    return read_json(cards.send_body(message, user_ids=["insp007"], agent_id=1000017, once=once).raw)


def updated(message: OutboundMessage) -> dict[str, Any]:
    body = read_json(cards.update_body(REF, message, agent_id=1000017).raw)
    card: dict[str, Any] = body["template_card"]
    validate(card, update=True, strict=True)
    return card


def test_a_message_with_answers_is_a_button_card() -> None:
    body = sent(CARD)
    card = body["template_card"]
    assert (body["msgtype"], card["card_type"], card["task_id"]) == (
        "template_card", "button_interaction", CARD.card_id,
    )  # fmt: skip
    assert card["sub_title_text"] == "甲厂 消防通道堵塞"
    assert [(b["text"], b["key"], b["style"]) for b in card["button_list"]] == [
        ("签收", "ack", 1),
        ("转派", "pass", 3),
    ]


def test_a_message_with_only_a_page_is_a_notice_that_opens_it() -> None:
    card = sent(LINK)["template_card"]
    assert card["card_type"] == "text_notice"
    assert card["card_action"] == {"type": 1, "url": LINK.url}


def test_a_long_message_with_a_page_is_not_cut_to_a_notice() -> None:
    body = sent(replace(LINK, body="字" * 200))
    assert body["msgtype"] == "markdown"
    assert "字" * 200 in body["markdown"]["content"]
    assert "[查看详情](https://gov.example/today)" in body["markdown"]["content"]


def test_a_plain_sentence_is_a_text_and_formatted_words_are_markdown() -> None:
    assert sent(OutboundMessage(title="", body="收到。"))["text"] == {"content": "收到。"}
    assert sent(OutboundMessage(title="", body="**收到**"))["markdown"] == {"content": "**收到**"}


def test_the_same_message_is_the_same_bytes_and_asks_for_the_duplicate_check() -> None:
    first = cards.send_body(CARD, user_ids=["insp007"], agent_id=1, once=True)
    assert first == cards.send_body(CARD, user_ids=["insp007"], agent_id=1, once=True)
    assert sent(CARD)["enable_duplicate_check"] == 1
    assert "enable_duplicate_check" not in sent(CARD, once=False)


def test_chinese_goes_out_as_itself() -> None:
    assert "复查任务待签收".encode() in cards.send_body(CARD, user_ids=["a"], agent_id=1, once=True).raw


@pytest.mark.parametrize("user_id", ["", "@all", "@ALL", "a|b"])
def test_what_is_not_one_person_is_never_sent_to(user_id: str) -> None:
    with pytest.raises(PlatformError) as caught:
        cards.send_body(CARD, user_ids=[user_id], agent_id=1, once=True)
    assert caught.value.cls is ErrorClass.RECIPIENT


@pytest.mark.parametrize("card_id", ["", "有中文", "a b", "x" * 129])
def test_a_card_without_a_usable_id_is_our_bug(card_id: str) -> None:
    with pytest.raises(PlatformError) as caught:
        sent(replace(CARD, card_id=card_id))
    assert caught.value.cls is ErrorClass.BUG


@pytest.mark.parametrize("action", ["x" * 1025, "a\x00b"])
def test_a_button_that_would_not_come_back_whole_is_our_bug(action: str) -> None:
    with pytest.raises(PlatformError) as caught:
        sent(replace(CARD, buttons=(Button("签收", action=action),)))
    assert caught.value.cls is ErrorClass.BUG


def test_facts_beyond_the_sixth_are_told_in_the_words() -> None:
    card = sent(replace(CARD, facts=tuple((f"第{n}", str(n)) for n in range(8))))["template_card"]
    assert len(card["horizontal_content_list"]) == 6
    assert card["sub_title_text"].endswith("第6：6\n第7：7")


def test_a_finished_card_says_so_in_place_of_its_buttons() -> None:
    card = updated(replace(CARD, done="已由张三签收"))
    assert card["replace_text"] == "已由张三签收"
    assert len(card["button_list"]) == 1


def test_an_update_with_answers_leaves_the_card_live() -> None:
    card = updated(CARD)
    assert "replace_text" not in card
    assert [b["key"] for b in card["button_list"]] == ["ack", "pass"]


def test_a_card_that_is_over_before_it_leaves_is_a_card_that_says_so() -> None:
    card = sent(replace(CARD, done="已由张三签收"))["template_card"]
    assert card["task_id"] == CARD.card_id
    assert [(button["text"], button["key"]) for button in card["button_list"]] == [("已由张三签收", CLOSED)]


def test_words_that_are_over_say_so() -> None:
    body = sent(replace(CARD, done="已由张三签收", card_id="", buttons=()))
    assert "**已由张三签收**" in body["markdown"]["content"]


def test_what_a_person_typed_makes_no_link_and_calls_nobody() -> None:
    typed = r"\[点这里\](http://evil.example) \<@all\> \*\*"
    assert "](" not in sent(OutboundMessage(title="甲", body=typed))["markdown"]["content"]
    fact = OutboundMessage(
        title="[甲](http://evil.example)", body="", facts=(("备注", "<@all> [x](http://e.example)"),)
    )
    content = sent(fact)["markdown"]["content"]
    assert "](" not in content
    assert "<" not in content


def test_marks_go_and_words_stay_in_a_card() -> None:
    assert (
        markup.plain("# 标题\n\n> 引 **粗** `码` [链](https://e.example)\n\n- 一\\*二")
        == "标题\n引 粗 码 链\n- 一*二"
    )


@given(text=st.text(max_size=80), limit=st.integers(4, 60))
def test_cutting_stays_within_bytes_and_between_characters(text: str, limit: int) -> None:
    text = markup.clean(text)
    short = markup.cut_bytes(text, limit)
    assert len(short.encode()) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


words = st.text(max_size=120) | st.text("检查\n*_[]()<>#`\\&\x00\x1b\ue001\"'| ", max_size=400)
urls = st.sampled_from(["https://gov.example/t/42", "https://gov.example/签?a=(1)&b=\x01"])
buttons = st.builds(
    Button,
    text=words,
    action=st.sampled_from(["", "ack", "pass", "签收:1"]),
    url=urls | st.just(""),
    style=st.sampled_from(["default", "primary", "danger", "odd"]),
)
messages = st.builds(
    OutboundMessage,
    title=words,
    body=words,
    facts=st.lists(st.tuples(words, words), max_size=9).map(tuple),
    buttons=st.lists(buttons, max_size=9).map(tuple),
    url=urls | st.just(""),
    card_id=st.from_regex(r"[0-9A-Za-z_@-]{1,100}", fullmatch=True),
    source=words,
    done=words | st.just(""),
)


@given(message=messages)
@settings(max_examples=400)
def test_any_message_is_within_every_limit(message: OutboundMessage) -> None:
    assume(markup.line(message.title) or markup.plain(message.body))  # words that say nothing are our bug
    raw = cards.send_body(message, user_ids=["insp007"], agent_id=1, once=True).raw
    body = read_json(raw)  # refuses \uXXXX as WeCom does
    kind = body["msgtype"]
    if kind == "template_card":
        validate(body[kind], strict=True)
        assert len(body[kind]["main_title"]["title"]) <= 36
        assert len(body[kind]["source"]["desc"]) <= 20
    else:
        assert len(body[kind]["content"].encode()) <= 2048
    assert json.loads(raw.decode()) == body


@given(message=messages)
@settings(max_examples=200)
def test_any_update_is_within_every_limit(message: OutboundMessage) -> None:
    updated(message)


@given(message=messages)
@settings(max_examples=100)
def test_a_robots_markdown_fits_and_keeps_its_links_whole(message: OutboundMessage) -> None:
    content = cards.as_markdown(message, 4096)
    assert len(content.encode()) <= 4096
    assert not re.search(r"[\x00-\x09]", content)
