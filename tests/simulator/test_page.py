"""The simulator's page and person API, with a chat service of a few lines behind them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.simulator.acts import MessageView, NotDelivered, SimButton
from bot.simulator.faults import FaultPlan
from bot.simulator.markdown import one_line, to_html
from bot.simulator.people import SimMessage, SimPerson, World
from bot.simulator.server import Simulator

NOW = 1_795_000_000.0  # 2026-11-18 in China


@dataclass
class TinyServer:
    """Shows ``content`` as it is and notes what people did; refuses to deliver while ``deaf``."""

    name: str
    world: World
    done: list[tuple[Any, ...]] = field(default_factory=list)
    deaf: bool = False

    def app(self) -> web.Application:
        async def ping(_request: web.Request) -> web.Response:
            return web.Response(text=self.name)

        app = web.Application()
        app.router.add_post("/ping", ping)
        return app

    def view(self, message: SimMessage) -> MessageView:
        content = dict(message.content)
        content["buttons"] = tuple(SimButton(**b) for b in content.get("buttons", ()))
        content["facts"] = tuple((k, v) for k, v in content.get("facts", ()))
        return MessageView(**({"title": "", "body": "", "closed": message.closed} | content))

    async def press(self, user_id: str, message_id: str, key: str) -> None:
        self._note("press", user_id, message_id, key)
        self.world.change(message_id, pressed=[*self.world.messages[message_id].pressed, key])

    async def say(self, user_id: str, text: str) -> None:
        self.world.post(self.name, user_id, "text", {"body": text}, mine=True)
        self._note("say", user_id, text)

    async def send_photo(self, user_id: str, body: bytes, media_type: str) -> None:
        media_id = "@photo/" + self.world.next_id("p")
        self.world.media[media_id] = (body, media_type, "photo.jpg")
        self.world.post(self.name, user_id, "image", {"image": media_id}, mine=True)
        self._note("photo", user_id, body, media_type)

    async def send_place(self, user_id: str, latitude: float, longitude: float, label: str) -> None:
        self._note("place", user_id, latitude, longitude, label)

    async def open_chat(self, user_id: str) -> None:
        self._note("open", user_id)

    async def close(self) -> None:
        self.done.append(("close",))

    def _note(self, *what: Any) -> None:
        if self.deaf:
            raise NotDelivered("三次都没有应答")
        self.done.append(what)


class Site:
    """A running simulator with a few people, and a client to look at it."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.world = World(now=lambda: NOW)
        self.wecom = TinyServer("wecom", self.world)
        self.dingtalk = TinyServer("dingtalk", self.world)
        servers = {"wecom": self.wecom, "dingtalk": self.dingtalk}
        self.simulator = Simulator(self.world, FaultPlan(percent=10), servers)
        self.world.add_person(SimPerson("wecom", "lilei", "李雷", role="执法人员", department="市场监管局"))
        self.world.add_person(SimPerson("dingtalk", "H/1", "韩梅梅", role="审核人"))

    def card(self, user_id: str = "lilei", **content: Any) -> SimMessage:
        card = {
            "title": "新任务",
            "body": "请**尽快**",
            "facts": [["对象", "云溪 <店>"]],
            "buttons": [
                {"text": "确认收到", "key": "ack", "style": "primary"},
                {"text": "看看", "url": "https://a.cn/"},
            ],
        }
        return self.world.post("wecom", user_id, "template_card", card | content, card_id="c")

    async def text(self, path: str, status: int = 200) -> str:
        async with self.http.get(self.simulator.base_url + path) as answer:
            assert answer.status == status
            return await answer.text()

    async def json(self, path: str, status: int = 200) -> Any:
        async with self.http.get(self.simulator.base_url + path) as answer:
            assert answer.status == status
            return await answer.json()

    async def act(self, path: str, **request: Any) -> tuple[int, Any]:
        async with self.http.post(self.simulator.base_url + "/people/" + path, **request) as answer:
            return answer.status, await answer.json()

    async def waiting(self, polls: int) -> None:
        """Until so many long polls are held."""
        async with asyncio.timeout(2):
            while len(self.world.changed._waiters) < polls:  # noqa: ASYNC110 - asyncio tells nobody who waits
                await asyncio.sleep(0)

    async def form(self, path: str, **request: Any) -> tuple[int, str]:
        url = self.simulator.base_url + path
        async with self.http.post(url, allow_redirects=False, **request) as answer:
            return answer.status, answer.headers.get("Location", "")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with aiohttp.ClientSession() as http:
        site = Site(http)
        await site.simulator.start()
        yield site
        await site.simulator.stop()


# -- the person API ---------------------------------------------------------------------------------------


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
            "source": "", "image": "",
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


# -- the page -----------------------------------------------------------------------------------------------


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


# -- Markdown -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# 题\n正文", "<h3>题</h3><p>正文</p>"),
        ("一\n二\n\n三", "<p>一<br>二</p><p>三</p>"),
        ("- 甲\n- **乙**", "<ul><li>甲</li><li><strong>乙</strong></li></ul>"),
        ("1. 甲\n2. 乙", "<ol><li>甲</li><li>乙</li></ol>"),
        ("> 引\n> 用", "<blockquote>引<br>用</blockquote>"),
        ("甲\n---\n乙", "<p>甲</p><hr><p>乙</p>"),
        ("`a<b`", "<p><code>a&lt;b</code></p>"),
        (r"\*\*不粗\*\* \[x\]\<b\>", "<p>**不粗** [x]&lt;b&gt;</p>"),
        (r"\# 不是题", "<p># 不是题</p>"),
        ('<font color="warning">急</font>', '<p><span class="warn">急</span></p>'),
        ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
        ("<b onclick=x>", "<p>&lt;b onclick=x&gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](data:text/html,1)", "<p>[x](data:text/html,1)</p>"),
        ("", ""),
    ],
)
def test_markdown_becomes_safe_html(text: str, html: str) -> None:
    assert to_html(text) == html


def test_a_list_shows_the_words_without_marks() -> None:
    assert one_line("## 今天\n- **两次**检查 [看](https://a.cn/)\n- 一<b>") == "今天 两次检查 看 一<b>"


@pytest.mark.parametrize(
    ("text", "url", "label"),
    [
        ("[去填](https://a.cn/f?x=1&y=2#z)", "https://a.cn/f?x=1&amp;y=2#z", "去填"),
        ("见 http://127.0.0.1:8080/f/abc_d**e。", "http://127.0.0.1:8080/f/abc_d**e", None),
        ('<a href="https://a.cn/">去</a>', "https://a.cn/", "去"),
        ('[x](https://a.cn/"onclick=y)', "https://a.cn/", None),
        (r"**[看\]懂](https://a.cn/)**", "https://a.cn/", "看]懂"),
    ],
)
def test_links_lead_to_the_web(text: str, url: str, label: str | None) -> None:
    link = f'<a href="{url}" target="_blank" rel="noopener noreferrer">{label or url}</a>'
    assert link in to_html(text)
