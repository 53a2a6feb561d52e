"""The simulated WeCom refuses, drops, resends and remembers as the real one does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.core.clock import ManualClock
from bot.platforms.base import Button, CardRef, InboundKind, OutboundMessage, PlatformError
from bot.platforms.wecom import kinds
from bot.platforms.wecom import templates as t
from bot.platforms.wecom.crypto import seal, signature
from bot.simulator.acts import NotDelivered
from bot.simulator.faults import Fault
from bot.simulator.wecom_callbacks import xml
from tests.platforms.wecom.golden import CARDS
from tests.platforms.wecom.rig import ACCOUNT, AES_KEY, Rig, running

BUTTONS = [{"text": "签收", "key": "ack"}, {"text": "转派", "key": "pass"}]
CARD = {
    "card_type": "button_interaction",
    "task_id": "t-1",
    "main_title": {"title": "任务"},
    "button_list": BUTTONS,
}
NOTICE = {
    "card_type": "text_notice",
    "main_title": {"title": "周报"},
    "card_action": {"type": 1, "url": "https://gov.example/week"},
}
MESSAGE = OutboundMessage(title="任务", body="", buttons=(Button("签收", action="ack"),), card_id="card-1")


@pytest.fixture
async def rig(clock: ManualClock) -> AsyncIterator[Rig]:
    async with running(clock, resend_after=0.1) as built:
        yield built


async def call(rig: Rig, path: str, body: object = None, **query: str) -> dict[str, Any]:
    """Call as a stranger who has a token; bytes go out as they are."""
    if not query.keys() & {"key", "access_token", "corpsecret"}:
        query["access_token"] = rig.server._ledger.token()[0]
    url = f"{rig.settings.api_base}/cgi-bin/{path}"
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    async with rig.session.request(
        "POST" if body is not None else "GET", url, params=query, data=data
    ) as answer:
        result: dict[str, Any] = await answer.json()
        return result


def to(user: str, kind: str, content: object, **more: object) -> dict[str, object]:
    return {"touser": user, "agentid": 1000017, "msgtype": kind, kind: content, **more}


async def code(rig: Rig, content: object, kind: str = "template_card") -> int:
    return int((await call(rig, "message/send", to("insp007", kind, content)))["errcode"])


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("card_type", "poster"),
        ("task_id", ""),
        ("task_id", "有中文"),
        ("task_id", "x" * 129),
        ("button_list", []),
        ("button_list", [{"text": str(n), "key": str(n)} for n in range(7)]),
        ("button_list", [{"text": "一", "key": "a"}, {"text": "二", "key": "a"}]),
        ("button_list", [{"text": "一"}]),
        ("button_list", [{"text": "一", "key": "k" * 1025}]),
        ("button_list", [{"text": "十一个字的按钮文字太长", "key": "a"}]),
        ("button_list", [{"text": "页面", "type": 1, "url": "no scheme"}]),
        ("sub_title_text", "字" * 161),
        ("horizontal_content_list", [{"keyname": str(n), "value": ""} for n in range(7)]),
        ("horizontal_content_list", [{"keyname": "六个字的键名", "value": ""}]),
        ("horizontal_content_list", [{"keyname": "企业", "value": "字" * 31}]),
        ("horizontal_content_list", [{"value": "甲厂"}]),
        ("jump_list", [{"type": 1, "title": str(n), "url": "https://e.example"} for n in range(4)]),
    ],
)
async def test_a_card_over_a_limit_is_refused(rig: Rig, change: str, value: object) -> None:
    assert await code(rig, CARD | {change: value}) == 40058
    assert not rig.chat()


@pytest.mark.parametrize("missing", ["main_title", "card_action"])
async def test_a_notice_needs_a_title_and_a_page(rig: Rig, missing: str) -> None:
    assert await code(rig, {k: v for k, v in NOTICE.items() if k != missing}) == 40058
    assert await code(rig, NOTICE) == 0


async def test_a_task_id_is_taken_once(rig: Rig) -> None:
    assert await code(rig, CARD) == 0
    assert await code(rig, CARD) == 40058


async def test_escapes_are_refused_but_a_backslash_is_not(rig: Rig) -> None:
    escaped = json.dumps(to("insp007", "text", {"content": "你好"})).encode()
    assert (await call(rig, "message/send", escaped))["errcode"] == 40033
    assert await code(rig, {"content": r"C:\u4e00"}, "text") == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
async def test_what_is_no_json_object_is_refused(rig: Rig, body: bytes) -> None:
    assert (await call(rig, "message/send", body))["errcode"] == 40035


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("text", {"content": " "}, 44004),
        ("markdown", {"content": "字" * 683}, 45002),
        ("mpnews", {"media_id": "x"}, 40008),
        ("file", {"media_id": "nosuch"}, 40007),
        ("textcard", {"title": "标题"}, 40058),
    ],
)
async def test_bad_content_has_the_code_of_the_sheet(
    rig: Rig, kind: str, content: dict[str, str], expected: int
) -> None:
    assert await code(rig, content, kind) == expected


async def test_a_long_text_is_cut_without_a_word(rig: Rig) -> None:
    assert await code(rig, {"content": "字" * 1000}, "text") == 0
    assert len(rig.chat()[0].content["content"].encode()) <= 2048


@pytest.mark.parametrize(
    ("query", "expected"), [({"access_token": ""}, 41001), ({"access_token": "stolen"}, 40014)]
)
async def test_a_call_needs_the_token(rig: Rig, query: dict[str, str], expected: int) -> None:
    assert (await call(rig, "getcallbackip", **query))["errcode"] == expected


async def test_a_token_ends_after_two_hours(rig: Rig) -> None:
    token, left = rig.server._ledger.token()
    assert left == 7200
    rig.clock.advance(seconds=7200)
    assert (await call(rig, "getcallbackip", access_token=token))["errcode"] == 42001
    assert (await call(rig, "getcallbackip"))["ip_list"] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("corp_id", "secret", "expected"),
    [("wwother", "S3cr3t-of-the-app", 40013), ("wwdemo0000000001", "no", 40001)],
)
async def test_no_token_for_a_stranger(rig: Rig, corp_id: str, secret: str, expected: int) -> None:
    assert (await call(rig, "gettoken", corpid=corp_id, corpsecret=secret))["errcode"] == expected


async def test_another_apps_agent_is_refused(rig: Rig) -> None:
    body = to("insp007", "text", {"content": "好"}) | {"agentid": 7}
    assert (await call(rig, "message/send", body))["errcode"] == 301002


# -- receivers and rates -------------------------------------------------------------------------------


async def test_those_who_are_not_there_are_named_in_lower_case(rig: Rig) -> None:
    answer = await call(rig, "message/send", to("INSP007|Left1|nosuch", "text", {"content": "好"}))
    assert (answer["errcode"], answer["invaliduser"]) == (0, "left1|nosuch")
    assert len(rig.chat()) == 1


async def test_everybody_means_everybody(rig: Rig) -> None:
    await call(rig, "message/send", to("@all", "text", {"content": "好"}))
    assert len(rig.chat("insp007")) == len(rig.chat("insp008")) == 1


@pytest.mark.parametrize(("touser", "expected"), [("", 82001), ("nosuch|left1", 81013)])
async def test_nobody_is_an_error(rig: Rig, touser: str, expected: int) -> None:
    assert (await call(rig, "message/send", to(touser, "text", {"content": "好"})))["errcode"] == expected


async def test_the_31st_message_in_a_minute_vanishes_silently(rig: Rig) -> None:
    answers = [await code(rig, {"content": f"{n}"}, "text") for n in range(31)]
    assert set(answers) == {0}
    assert len(rig.chat()) == 30
    rig.clock.advance(seconds=60)
    await code(rig, {"content": "later"}, "text")
    assert len(rig.chat()) == 31


async def test_a_mobile_number_finds_its_member(rig: Rig) -> None:
    assert (await call(rig, "user/getuserid", {"mobile": "13800000007"}))["userid"] == "insp007"
    assert (await call(rig, "user/getuserid", {"mobile": "13800000099"}))["errcode"] == 46004


async def test_a_robot_needs_its_key_and_takes_4096_bytes(rig: Rig) -> None:
    body = {"msgtype": "markdown", "markdown": {"content": "字" * 1365}}
    assert (await call(rig, "webhook/send", body, key="stolen"))["errcode"] == 93000
    assert (await call(rig, "webhook/send", body, key="robot-key-1"))["errcode"] == 0
    body["markdown"] = {"content": "字" * 1366}
    assert (await call(rig, "webhook/send", body, key="robot-key-1"))["errcode"] == 40058


# -- what a phone shows --------------------------------------------------------------------------------


async def test_a_text_card_and_a_notice_are_shown_with_the_page_they_open(rig: Rig) -> None:
    words = '<div class="gray">3 月 10 日</div>请到<br>甲厂'
    await code(rig, {"title": "检查", "description": words, "url": "https://gov.example/1"}, "textcard")
    await code(rig, NOTICE | {"emphasis_content": {"title": "12", "desc": "已检查"}})
    textcard, notice = (rig.server.view(m) for m in rig.chat())
    assert (textcard.title, textcard.body) == ("检查", "3 月 10 日请到\n甲厂")
    assert [b.url for b in textcard.buttons] == ["https://gov.example/1"]
    assert (notice.title, notice.headline, notice.headline_note) == ("周报", "12", "已检查")
    assert [b.url for b in notice.buttons] == ["https://gov.example/week"]


async def test_a_photo_in_the_chat_is_shown(rig: Rig) -> None:
    await rig.server.send_photo("insp007", b"\x89PNG", "image/png")
    assert rig.server.view(rig.chat()[0]).image in rig.world.media
    (query_and_body,) = rig.service.requests
    assert b"<Encrypt>" in query_and_body[1]


# -- callbacks -----------------------------------------------------------------------------------------


async def test_the_callback_url_is_verified_as_the_console_does(rig: Rig) -> None:
    await rig.server.verify_callback()


async def test_everything_a_person_does_arrives_signed_and_sealed(rig: Rig) -> None:
    await rig.server.say("insp007", "帮助 ]]> <b>")
    await rig.server.send_place("insp007", 23.1291, 113.2644, "某路 8 号")
    await rig.server.open_chat("insp007")
    text, place, enter = rig.service.inbox
    assert text.text == "帮助 ]]> <b>"
    assert (place.latitude, place.longitude) == pytest.approx((23.1291, 113.2644), abs=1e-5)
    assert place.label == "某路 8 号"
    assert (enter.kind, enter.user_id) == ("enter", "insp007")


async def test_a_refused_callback_comes_again_with_the_same_plaintext(rig: Rig) -> None:
    rig.service.statuses = [500, 503]
    await rig.server.say("insp007", "在吗")
    assert len(rig.service.requests) == 3
    assert len({body for _, body in rig.service.requests}) == 3
    opened = {rig.platform.read_callback(query, body).event_id for query, body in rig.service.requests}
    assert len(opened) == 1


async def test_a_callback_nobody_acknowledges_is_given_up_after_three_tries(rig: Rig) -> None:
    rig.service.statuses = [500, 500, 500, 500]
    with pytest.raises(NotDelivered):
        await rig.server.say("insp007", "在吗")
    assert len(rig.service.requests) == 3


async def test_a_slow_service_gets_the_callback_again(rig: Rig) -> None:
    rig.service.pause = asyncio.Event()
    saying = asyncio.create_task(rig.server.say("insp007", "在吗"))
    for _ in range(2):
        await rig.service.arrivals.acquire()
    rig.service.pause.set()
    await saying
    assert len({event.event_id for event in rig.service.inbox}) == 1


@pytest.mark.parametrize(("fault", "times"), [(Fault.TWICE, 2), (Fault.DELAYED, 1)])
async def test_a_callback_may_come_twice_or_late(rig: Rig, fault: Fault, times: int) -> None:
    rig.faults.script = [fault]
    await rig.server.say("insp007", "在吗")
    assert len(rig.service.inbox) == times
    assert len({event.event_id for event in rig.service.inbox}) == 1


async def test_only_a_button_that_is_there_can_be_pressed(rig: Rig) -> None:
    sent = await rig.platform.send("insp007", MESSAGE)
    bubble = rig.chat()[0].id
    for person, key in (("insp007", "other"), ("insp008", "ack"), ("nobody", "ack")):
        with pytest.raises(NotDelivered):
            await rig.server.press(person, bubble, key)
    done = OutboundMessage(title="任务", body="", done="已签收")
    await rig.platform.update(CardRef("insp007", "card-1", sent.card_token), done)
    with pytest.raises(NotDelivered):
        await rig.server.press("insp007", bubble, "ack")
    assert not rig.service.inbox


# -- passive replies -----------------------------------------------------------------------------------


def passive(rig: Rig, message: bytes) -> bytes:
    encrypt = seal(message, aes_key=AES_KEY, receive_id="wwdemo0000000001", prefix=b"0123456789abcdef")
    stamp = str(int(rig.clock.now().timestamp()))
    signed = signature("DocTok01", stamp, "517203", encrypt)
    return xml({"Encrypt": encrypt, "MsgSignature": signed, "TimeStamp": stamp, "Nonce": "517203"})


async def test_a_passive_text_is_shown(rig: Rig) -> None:
    rig.service.reply = passive(rig, xml({"MsgType": "text", "Content": "你好"}))
    await rig.server.say("insp007", "在吗")
    assert [m.content["content"] for m in rig.chat()] == ["在吗", "你好"]


async def test_a_passive_button_closes_the_card(rig: Rig) -> None:
    await rig.platform.send("insp007", MESSAGE)
    button = b"<xml><MsgType>update_button</MsgType><Button><ReplaceName>OK</ReplaceName></Button></xml>"
    rig.service.reply = passive(rig, button)
    await rig.server.press("insp007", rig.chat()[0].id, "ack")
    assert rig.server.view(rig.chat()[0]).closed == "OK"


async def test_a_passive_card_takes_the_place_of_the_pressed_one(rig: Rig) -> None:
    await rig.platform.send("insp007", MESSAGE)
    card = (
        "<xml><MsgType>update_template_card</MsgType><TemplateCard><CardType>button_interaction</CardType>"
        "<MainTitle><Title>已改</Title></MainTitle><SubTitleText>新</SubTitleText>"
        "<HorizontalContentList><KeyName>企业</KeyName><Value>甲</Value></HorizontalContentList>"
        "<ButtonList><Text>再按</Text><Style>1</Style><Key>again</Key></ButtonList></TemplateCard></xml>"
    )
    rig.service.reply = passive(rig, card.encode())
    await rig.server.press("insp007", rig.chat()[0].id, "ack")
    view = rig.server.view(rig.chat()[0])
    assert (view.title, view.body, view.facts) == ("已改", "新", (("企业", "甲"),))
    assert [(b.text, b.key) for b in view.buttons] == [("再按", "again")]


async def test_a_passive_reply_that_does_not_open_is_not_an_acknowledgement(rig: Rig) -> None:
    rig.service.reply = xml({"Encrypt": "AAAA", "MsgSignature": "", "TimeStamp": "1", "Nonce": "1"})
    with pytest.raises(NotDelivered):
        await rig.server.say("insp007", "在吗")


# -- over a kill ---------------------------------------------------------------------------------------


async def test_a_killed_wecom_remembers_cards_codes_and_photos(clock: ManualClock, tmp_path: Path) -> None:
    journal = tmp_path / "world.jsonl"
    async with running(clock, journal=journal) as rig:
        sent = await rig.platform.send("insp007", MESSAGE)
        await rig.server.press("insp007", rig.chat()[0].id, "ack")
        spent, token = rig.service.inbox[0].card_token, rig.world.facts["wecom:token"]
        await rig.platform.update(CardRef("insp007", "card-1", spent), MESSAGE)
        await rig.server.send_photo("insp007", b"photo", "image/jpeg")
        photo = rig.service.inbox[1].media_id
    async with running(clock, journal=journal) as rig:
        assert rig.world.facts["wecom:token"] == token
        assert (await rig.platform.send("insp007", MESSAGE)).ref == sent.ref
        assert [m.kind for m in rig.chat()] == ["template_card", "image"]
        assert (await rig.platform.fetch_media(photo)).body == b"photo"
        with pytest.raises(PlatformError):
            await rig.platform.update(CardRef("insp007", "card-1", spent), MESSAGE)
        await rig.platform.update(CardRef("insp007", "card-1", sent.card_token), MESSAGE)
        assert rig.chat()[0].versions == 3


async def test_what_is_chosen_on_a_card_comes_with_the_press(rig: Rig) -> None:
    for name in ("vote_interaction", "multiple_interaction", "button_interaction"):
        card = CARDS[name]
        await rig.platform.send_kind(["insp007"], kinds.TemplateCard(card=_without_files(card)))
    vote, several, buttons = rig.chat()
    await rig.server.press("insp007", vote.id, "submit_hazards", {"hazards": ["h1", "h3"]})
    await rig.server.press("insp007", several.id, "submit_multi", {"act": ["stop"]})
    await rig.server.press("insp007", buttons.id, "ack")
    await rig.server.press("insp007", buttons.id, "mute")
    chosen = [event.raw.get("selected") for event in rig.service.inbox]
    assert chosen == [{"hazards": ["h1", "h3"]}, {"risk": ["mid"], "act": ["stop"]}, {"q_when": ["am"]}, None]
    assert [event.action for event in rig.service.inbox] == ["submit_hazards", "submit_multi", "ack", "mute"]


def _without_files(card: t.Card) -> t.Card:
    return msgspec.structs.replace(card, horizontal_content_list=[])


async def test_a_menu_entry_says_what_a_person_would_type(rig: Rig) -> None:
    await rig.server.click_menu("insp007", "今日任务")
    assert [(event.kind, event.text) for event in rig.service.inbox] == [(InboundKind.TEXT, "今日任务")]


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("image", {"base64": "AAAA", "md5": "0" * 32}, 40058),
        ("image", {"base64": "*", "md5": ""}, 40058),
        ("news", {"articles": [{"title": "a", "url": "https://a.cn"}] * 9}, 45008),
        ("file", {"media_id": "none"}, 40007),
        ("template_card", {"card_type": "vote_interaction", "task_id": "a"}, 40058),
        ("markdown_v2", {"content": "字" * 1366}, 40058),
        ("poll", {}, 40008),
    ],
)
async def test_a_robot_refuses_what_the_real_one_refuses(
    rig: Rig, kind: str, content: dict[str, Any], expected: int
) -> None:
    assert rig.settings.group_robot_url is not None
    url = rig.settings.group_robot_url.get_secret_value()
    async with rig.session.post(
        url, data=json.dumps({"msgtype": kind, kind: content}, ensure_ascii=False)
    ) as answer:
        assert (await answer.json())["errcode"] == expected


async def test_wrong_secrets_block_the_address_for_an_hour(rig: Rig) -> None:
    async def ask(secret: str) -> int:
        params = {"corpid": ACCOUNT["corp_id"], "corpsecret": secret}
        async with rig.session.get(rig.settings.api_base + "/cgi-bin/gettoken", params=params) as answer:
            return int((await answer.json())["errcode"])

    assert [await ask("wrong") for _ in range(11)] == [40001] * 10 + [45009]
    assert await ask(str(ACCOUNT["secret"])) == 45009
    rig.clock.advance(seconds=3601)
    assert await ask(str(ACCOUNT["secret"])) == 0


async def test_an_api_has_a_rate_of_its_own(rig: Rig) -> None:
    ledger = rig.server._ledger
    assert all(ledger.allows("api:user/get", minute=10_000) for _ in range(10_000))
    async with rig.session.get(rig.settings.api_base + "/cgi-bin/user/get") as answer:
        assert (await answer.json())["errcode"] == 45009
    rig.clock.advance(seconds=61)
    async with rig.session.get(rig.settings.api_base + "/cgi-bin/user/get") as answer:
        assert (await answer.json())["errcode"] == 41001
