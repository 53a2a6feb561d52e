"""The JSON person API."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.simulator.site import NOW, Site


async def test_everybody_is_listed_with_what_they_have_not_read(site: Site) -> None:
    site.card()
    assert await site.json("/people") == [
        {"platform": "wecom", "user_id": "lilei", "name": "李雷", "role": "执法人员",
         "department": "市场监管局", "unread": 1},
        {"platform": "dingtalk", "user_id": "H/1", "name": "韩梅梅", "role": "审核人", "department": "",
         "unread": 0},
    ]  # fmt: skip


async def test_messages_come_oldest_first_with_all_a_phone_shows(site: Site) -> None:
    card = site.card()
    await site.act("wecom/LILEI/say", json={"text": "好"})
    first, second = await site.json("/people/wecom/lilei/messages")
    assert first == {
        "id": card.id, "kind": "template_card", "at": NOW, "mine": False, "read": False, "recalled": False,
        "versions": 1, "pressed": [],
        "view": {
            "title": "新任务", "body": "请**尽快**", "facts": [["对象", "云溪 <店>"]], "closed": "",
            "source": "", "image": "", "tables": False, "note": "", "headline": "", "headline_note": "", "quote": "",
            "pictures": [], "choices": [], "menu": [],
            "buttons": [
                {"text": "确认收到", "key": "ack", "url": "", "style": "primary"},
                {"text": "看看", "key": "", "url": "https://a.cn/", "style": "default"},
            ],
        },
    }  # fmt: skip
    assert second["mine"] is True
    assert await site.json(f"/people/wecom/lilei/messages?after={card.id}") == [second]
    await site.json("/people/wecom/lilei/messages?after=m9", status=404)


async def test_each_act_reaches_the_persons_service(site: Site) -> None:
    card = site.card()
    ok = (200, {"ok": True})
    assert await site.act("wecom/lilei/press", json={"message": card.id, "key": "ack"}) == ok
    assert await site.act("wecom/lilei/say", json={"text": "到了"}) == ok
    place = {"latitude": 30.2, "longitude": 119.1, "label": "云溪县"}
    assert await site.act("dingtalk/H%2F1/place", json=place) == ok
    assert await site.act("dingtalk/H%2F1/open") == ok
    assert site.wecom.done == [("press", "lilei", card.id, "ack"), ("say", "lilei", "到了")]
    assert site.dingtalk.done == [("place", "H/1", 30.2, 119.1, "云溪县"), ("open", "H/1")]


async def test_a_photo_comes_raw_or_in_a_form_and_can_be_looked_at(site: Site) -> None:
    raw = await site.act("wecom/lilei/photo", data=b"\xff\xd8raw", headers={"Content-Type": "image/jpeg"})
    form = aiohttp.FormData()
    form.add_field("photo", b"\x89PNG", filename="p.png", content_type="image/png")
    assert (raw, await site.act("wecom/lilei/photo", data=form)) == ((200, {"ok": True}),) * 2
    pictures = [m["view"]["image"] for m in await site.json("/people/wecom/lilei/messages")]
    async with site.http.get(site.simulator.base_url + pictures[1]) as answer:
        assert (await answer.read(), answer.content_type) == (b"\x89PNG", "image/png")
    assert f'<img src="{pictures[0]}"' in await site.text("/chat/wecom/lilei")


async def test_a_picture_that_could_run_script_is_neither_taken_nor_shown(site: Site) -> None:
    svg = {"data": b"<svg/>", "headers": {"Content-Type": "image/svg+xml"}}
    assert (await site.act("wecom/lilei/photo", **svg))[0] == 415
    site.world.media["x"] = (b"<script>", "text/html", "x.html")
    async with site.http.get(site.simulator.base_url + "/media/x") as answer:
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment"


async def test_an_act_nobody_acknowledged_is_told_as_502(site: Site) -> None:
    site.wecom.deaf = True
    told = await site.act("wecom/lilei/say", json={"text": "喂"})
    assert told == (502, {"ok": False, "error": "三次都没有应答"})


async def test_a_button_that_is_not_shown_cannot_be_pressed(site: Site) -> None:
    card, closed = site.card(), site.card()
    site.world.change(closed.id, closed="已确认")
    for message, key in ((card.id, "other"), (card.id, ""), (closed.id, "ack")):
        assert (await site.act("wecom/lilei/press", json={"message": message, "key": key}))[0] == 409
    assert site.wecom.done == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("wecom/nobody/say", b'{"text": "x"}', 404),
        ("sms/lilei/say", b'{"text": "x"}', 404),
        ("wecom/lilei/say", b"not json", 400),
        ("wecom/lilei/say", b"[1]", 400),
        ("wecom/lilei/say", b'{"text": "  "}', 400),
        ("wecom/lilei/place", b'{"latitude": 91, "longitude": 0, "label": ""}', 400),
        ("wecom/lilei/place", b'{"latitude": NaN, "longitude": 0, "label": ""}', 400),
        ("wecom/lilei/press", b'{"message": "m9", "key": "ack"}', 404),
    ],
)
async def test_a_wrong_request_is_refused_with_a_sentence(
    site: Site, path: str, body: bytes, status: int
) -> None:
    got, answer = await site.act(path, data=body)
    assert (got, answer["ok"]) == (status, False)
    assert answer["error"]


async def test_reading_clears_the_count(site: Site) -> None:
    site.card()
    await site.act("wecom/lilei/read")
    assert [p["unread"] for p in await site.json("/people")] == [0, 0]


async def test_reading_until_a_message_leaves_what_came_later(site: Site) -> None:
    seen, later = site.card(), site.card()
    await site.act("wecom/lilei/read", json={"until": seen.id})
    assert (seen.read, later.read) == (True, False)
    assert (await site.act("wecom/lilei/read", json={"until": "m9"}))[0] == 404


async def test_changes_answer_at_once_when_something_happened_before(site: Site) -> None:
    n = (await site.json("/changes"))["n"]
    site.card()
    assert (await site.json(f"/changes?since={n}"))["n"] == n + 2  # the card, and its block of ids


async def test_every_waiting_page_hears_of_one_change(site: Site) -> None:
    n = site.world.revision
    polls = [asyncio.create_task(site.json(f"/changes?since={n}")) for _ in range(5)]
    await site.waiting(5)
    site.world.remember("clock", 1)
    answers = await asyncio.wait_for(asyncio.gather(*polls), 2)
    assert answers == [{"n": n + 1}] * 5


async def test_stopping_lets_waiting_pages_go(site: Site) -> None:
    poll = asyncio.create_task(site.json(f"/changes?since={site.world.revision}"))
    await site.waiting(1)
    await asyncio.wait_for(site.simulator.stop(), 2)
    assert (await poll)["n"] == site.world.revision
    assert site.wecom.done == [("close",)]


async def test_a_stopped_simulator_starts_again_at_its_address(site: Site) -> None:
    before = site.simulator.base_url
    await site.simulator.stop()
    await site.simulator.start()
    assert site.simulator.base_url == before
    assert len(await site.json("/people")) == 2
