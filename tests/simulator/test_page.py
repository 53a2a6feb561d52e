"""The simulator's page: everybody's phone in one window."""

from __future__ import annotations

import re

import pytest

from bot.simulator.people import SimPerson
from tests.simulator.site import Site


async def test_the_page_shows_fifty_people_and_finds_the_others(site: Site) -> None:
    for n in range(600):
        site.world.add_person(SimPerson("dingtalk", f"u{n:03}", f"人{n:03}", role="企业联系人"))
    assert (await site.text("/")).count('class="row"') == 50
    assert (await site.text("/part/people?page=13")).count('class="row"') == 2
    found = await site.text("/part/people?q=企业联系人 599")
    assert "人599" in found
    assert found.count('class="row"') == 1
    assert (await site.text("/part/people?show=wecom")).count('class="row"') == 1


async def test_the_newest_talk_stands_first_and_unread_can_be_picked(site: Site) -> None:
    site.world.post("dingtalk", "H/1", "card", {"title": "请审核"})
    rows = re.findall(r'class="row" href="([^"]+)"', await site.text("/"))
    assert rows == ["/chat/dingtalk/H%2F1", "/chat/wecom/lilei"]
    assert re.findall(r'href="(/chat[^"?]+)', await site.text("/part/people?show=unread")) == rows[:1]


async def test_a_card_shows_facts_buttons_and_its_closed_state(site: Site) -> None:
    card = site.card()
    shown = await site.text("/chat/wecom/lilei")
    assert "<strong>尽快</strong>" in shown
    assert "云溪 &lt;店&gt;" in shown
    assert 'href="https://a.cn/"' in shown
    assert "确认收到</button>" in shown
    site.world.change(card.id, closed="已确认")
    closed = await site.text("/part/chat/wecom/lilei")
    assert '<p class="closed">已确认</p>' in closed
    assert "<button" not in closed
    assert 'href="https://a.cn/"' in closed  # what opens a page stays


async def test_a_button_leads_to_web_pages_only(site: Site) -> None:
    site.card(buttons=[{"text": "坏", "url": "javascript:alert(1)"}])
    assert "javascript" not in await site.text("/chat/wecom/lilei")


async def test_nothing_on_the_page_runs_inline_or_comes_from_elsewhere(site: Site) -> None:
    site.card(title="<script>x</script>", body='<img src=x onerror=y> [a](javascript:z) "')
    async with site.http.get(site.simulator.base_url + "/chat/wecom/lilei") as answer:
        policy, text = answer.headers["Content-Security-Policy"], await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?! type=\"module\" src=\"/static)|<style|\sstyle=|\son\w+=\"", text)
    sources = re.findall(r'(?:src|<link[^>]+href)="([^"]+)"', text)
    assert all(source.startswith("/static/simulator/") for source in sources)
    for source in sources:
        await site.text(source)


async def test_the_page_works_by_forms_without_its_script(site: Site) -> None:
    card = site.card()
    chat = "/chat/wecom/lilei"
    assert await site.form(chat + "/press", data={"message": card.id, "key": "ack"}) == (303, chat)
    assert await site.form(chat + "/say", data={"text": "到了"}) == (303, chat)
    place = {"latitude": "30.2", "longitude": "119.1", "label": "店"}
    assert await site.form(chat + "/place", data=place) == (303, chat)
    assert await site.form(chat + "/place", data=place | {"latitude": "x"}) == (303, chat + "?note=400")
    site.wecom.deaf = True
    assert await site.form(chat + "/say", data={"text": "喂"}) == (303, chat + "?note=502")
    assert "没有应答" in await site.text(chat + "?note=502")
    assert [act[0] for act in site.wecom.done] == ["press", "say", "place"]


async def test_a_long_chat_shows_its_end_and_the_rest_on_request(site: Site) -> None:
    for n in range(120):
        site.world.post("wecom", "lilei", "text", {"body": f"第{n}条"})
    end = await site.text("/chat/wecom/lilei")
    assert end.count("<article") == 50
    assert "看更早的 70 条" in end
    assert (await site.text("/part/chat/wecom/lilei?count=250")).count("<article") == 120


async def test_a_group_can_be_read_but_not_written_to(site: Site) -> None:
    site.world.post("wecom", "group-1", "group", {"body": "通报"})
    assert "群聊" in await site.text("/")
    shown = await site.text("/chat/wecom/group-1")
    assert "通报" in shown
    assert "发照片" not in shown
    assert (await site.act("wecom/group-1/say", json={"text": "x"}))[0] == 409
    assert len(await site.json("/people")) == 2


async def test_a_recalled_message_is_not_shown(site: Site) -> None:
    site.world.change(site.card().id, recalled=True)
    shown = await site.text("/chat/wecom/lilei")
    assert "一条消息已撤回" in shown
    assert "<h2>新任务" not in shown


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
async def test_another_web_site_cannot_press_buttons(site: Site, headers: dict[str, str]) -> None:
    url = site.simulator.base_url
    async with site.http.post(url + "/people/wecom/lilei/say", json={"text": "x"}, headers=headers) as answer:
        assert answer.status == 403
    async with site.http.post(url + "/wecom/ping", headers=headers) as answer:
        assert await answer.text() == "wecom"
    assert site.wecom.done == []
