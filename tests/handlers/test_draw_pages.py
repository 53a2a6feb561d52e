"""The draw on the console and in chat: one person leads, two confirm, a stranger only reads."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.ids import sha256_hex
from bot.core.keys import LINKS
from bot.core.links import Links
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws.models import Draw, DrawState, DrawWord
from bot.inspection.draws.preparation import prepare_draw
from bot.inspection.draws.queries import require_draw
from bot.inspection.people.console_logins import enter
from bot.inspection.people.models import Person, Role
from bot.inspection.profile import load_profile
from bot.messaging.actions import Action
from bot.messaging.router import Context, Reply
from bot.messaging.talks import current
from bot.platforms.base import InboundEvent, InboundKind
from handlers.chat import make_router
from handlers.web import console_draws
from tests.fakes.builders import NOW, make_person
from tests.fakes.platform import FakePlatform
from tests.handlers.test_console import make_app
from tests.inspection.test_draws import setting

PROFILE, CALENDAR = load_profile("default"), WorkCalendar.load()
BALLS = {"kind": "witness", "how": "现场摇号", "digits": 6}
Client = TestClient[web.Request, web.Application]


@pytest.fixture
def people(sqlite_db: Database) -> dict[str, int]:
    """A task ready to draw, a coordinator, two witnesses, a lead."""

    def make(session: Session) -> dict[str, int]:
        found = {"task": setting(session)}
        for name, role in (
            ("jco", Role.COORDINATOR),
            ("one", Role.REVIEWER),
            ("two", Role.REVIEWER),
            ("lead", Role.LEAD),
        ):
            found[name] = make_person(session, role=role, account=name).id or 0
        return found

    return sqlite_db.write_now(make)


@pytest.fixture
async def client(
    sqlite_db: Database,
    clock: ManualClock,
    people: dict[str, int],
    aiohttp_client: Callable[..., Awaitable[Client]],
) -> Client:
    app = make_app(sqlite_db, clock)
    app.add_routes(console_draws.routes)
    return await aiohttp_client(app)


async def come_in(client: Client, db: Database, person: int) -> None:
    key = f"session-of-{person}"
    db.write_now(
        lambda s: enter(s, person_id=person, link_sha256=sha256_hex(f"link-{person}".encode()),
                        session_sha256=sha256_hex(key.encode()), now=NOW)
    )  # fmt: skip
    client.session.cookie_jar.clear()
    client.session.cookie_jar.update_cookies({"suicha": client.app[LINKS].sign("session", key)})


async def press(client: Client, task: int, act: str, **form: str) -> tuple[int, str]:
    page = await (await client.get(f"/console/tasks/{task}/draw")).text()
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    origin = {"Origin": f"http://127.0.0.1:{client.port}"}
    answer = await client.post(
        f"/console/tasks/{task}/draw/{act}",
        data={"csrf": found[1], **form},
        headers=origin,
        allow_redirects=True,
    )
    return answer.status, await answer.text()


async def test_the_coordinator_leads_a_draw_on_the_console_step_by_step(
    client: Client, sqlite_db: Database, people: dict[str, int]
) -> None:
    task = people["task"]
    await come_in(client, sqlite_db, people["jco"])
    page = await (await client.get(f"/console/tasks/{task}/draw")).text()
    assert "名单 40 户，拟抽 4 户" in page
    assert "<td>4/40</td>" in page
    assert "人人收得到通知" in page
    for act, then in (
        ("prepare", "公布承诺"), ("commit", "揭示种子"), ("reveal", "锁定名单"), ("lock", "名单已锁定"),
    ):  # fmt: skip
        status, page = await press(client, task, act)
        assert status == 200
        assert then in page
    status, page = await press(client, task, "lock")
    assert "名单已锁定" in page
    assert sqlite_db.read_now(lambda s: require_draw(s, task).state) == DrawState.LOCKED
    _, page = await press(client, task, "void", ground="名单导入有误")
    assert "已申请作废，理由：名单导入有误" in page
    _, page = await press(client, task, "decide", decision="approve")
    assert "作废须由申请人以外的另一人批准" in page
    _, page = await press(client, task, "nonsense")
    assert "没有这个操作" in page


async def test_sources_and_witnesses_are_chosen_on_the_console_and_what_is_wrong_is_named(
    client: Client, sqlite_db: Database, people: dict[str, int]
) -> None:
    task = people["task"]
    await come_in(client, sqlite_db, people["jco"])
    await press(client, task, "prepare")
    codes = sqlite_db.read_now(
        lambda s: " ".join(s.get_one(Person, people[one]).code for one in ("one", "two"))
    )
    for form, words in (
        ({"witness": "1", "digits": "six", "witnesses": codes}, "位数"),
        ({"witness": "1", "digits": "99", "witnesses": codes}, "1 到 60"),
        ({"witness": "1", "digits": "6", "witnesses": "nobody"}, "nobody"),
        ({"witness": "1", "digits": "6", "witnesses": codes.split()[0]}, "至少两位见证人"),
        (
            {"published": "1", "what": "3D", "issue": "1", "where": "网", "known": "2020-01-01T09:00"},
            "已经过去",
        ),
    ):
        status, page = await press(client, task, "sources", **form)
        assert status >= 400
        assert words in page
    later = {"what": "福利彩票3D", "issue": "2026060", "where": "中国福彩网", "known": "2026-03-10T21:30"}
    form = {"witness": "1", "digits": "6", "how": "摇号机", "published": "1", "fallback_digits": "8", **later}
    status, page = await press(client, task, "sources", witnesses=codes, **form)
    assert status == 200
    assert "摇号机，6 位数字" in page
    assert "见证人：" in page
    draw = sqlite_db.read_now(lambda s: require_draw(s, task))
    assert [source["kind"] for source in draw.sources] == ["witness", "published"]
    assert draw.sources[1]["fallback"] == {"kind": "witness", "digits": 8}
    assert draw.witness_ids == [people["one"], people["two"]]
    await press(client, task, "commit")
    status, page = await press(client, task, "sources", witnesses=codes, **form)
    assert "不能再改" in page


async def test_sources_and_witnesses_are_chosen_in_chat(sqlite_db: Database, people: dict[str, int]) -> None:
    chat, jco = Chat(sqlite_db), people["jco"]
    draw = sqlite_db.write_now(lambda s: prepare_draw(s, task_id=people["task"], now=NOW, profile=PROFILE))
    subject = f"draw:{draw.id}"
    with pytest.raises(Problem, match="只有联席会议办公室可以主持抽取"):
        await chat.press(people["one"], "choose_draw_sources", subject)
    assert "见证人 GL003 GL004" in (await chat.press(jco, "choose_draw_sources", subject)).text
    codes = sqlite_db.read_now(
        lambda s: " ".join(s.get_one(Person, people[one]).code for one in ("one", "two"))
    )
    for words, fault in (
        ("骰子 6", "第1行"),
        ("现场 6\n见证人 nobody", "nobody"),
        ("现场 6", "至少两位见证人"),
    ):
        with pytest.raises(Problem, match=fault):
            await chat.say(jco, words)
    said = await chat.say(jco, f"现场 6 摇号机\n见证人 {codes}")
    assert "摇号机，6 位数字" in said.text
    chosen = sqlite_db.read_now(lambda s: require_draw(s, people["task"]))
    assert chosen.witness_ids == [people["one"], people["two"]]
    await chat.press(jco, "commit_draw", subject)
    with pytest.raises(Problem, match="不能再改"):
        await chat.press(jco, "choose_draw_sources", subject)


async def test_a_lead_sees_the_draw_and_cannot_act(
    client: Client, sqlite_db: Database, people: dict[str, int]
) -> None:
    await come_in(client, sqlite_db, people["lead"])
    page = await (await client.get(f"/console/tasks/{people['task']}/draw")).text()
    assert "准备抽取</button>" not in page
    status, page = await press(client, people["task"], "commit")
    assert status == 403
    assert sqlite_db.read_now(lambda s: s.exec(select(Draw)).all()) == []


class Chat:
    """People pressing and typing, straight into the router."""

    def __init__(self, db: Database) -> None:
        self.db, self.router = db, make_router()

    def _context(self, person: int, **more: Any) -> Context:
        event = InboundEvent(
            platform="wecom", event_id="e", kind=InboundKind.TEXT, user_id=f"u{person}", at=NOW
        )
        return Context(
            event=event, person_id=person, db=self.db, clock=ManualClock(NOW), links=Links("http://x", "k" * 32),
            settings=Settings(_env_file=None), platform=FakePlatform(), profile=PROFILE, calendar=CALENDAR, **more,
        )  # type: ignore[call-arg]  # fmt: skip

    async def press(self, person: int, verb: str, subject: str) -> Reply:
        return await self.router.actions[verb](self._context(person, action=Action(verb, subject)))

    async def say(self, person: int, words: str) -> Reply:
        talk = self.db.read_now(lambda s: current(s, f"wecom:u{person}", now=NOW))
        if talk is not None:
            return await self.router.talks[talk.topic](
                self._context(person, words=words, talk=dict(talk.data))
            )
        found = self.router.find_command(words)
        assert found is not None
        return await found[0](self._context(person, words=found[1]))


async def test_a_stale_page_of_the_console_undoes_no_choice_of_sources_and_witnesses(
    client: Client, sqlite_db: Database, people: dict[str, int]
) -> None:
    task, witnesses = people["task"], [people["one"], people["two"]]
    sqlite_db.write_now(
        lambda s: prepare_draw(
            s, task_id=task, sources=[BALLS], witnesses=witnesses, now=NOW, profile=PROFILE
        )
    )
    await come_in(client, sqlite_db, people["jco"])
    assert (await press(client, task, "prepare"))[0] == 200
    draw = sqlite_db.read_now(lambda s: s.exec(select(Draw)).one())
    assert [source["kind"] for source in draw.sources] == ["witness"]
    assert draw.witness_ids == witnesses


async def test_in_chat_the_coordinator_presses_and_two_witnesses_type_and_confirm(
    sqlite_db: Database, people: dict[str, int]
) -> None:
    chat, task = Chat(sqlite_db), people["task"]
    one, two, jco = people["one"], people["two"], people["jco"]
    draw = sqlite_db.write_now(
        lambda s: prepare_draw(
            s, task_id=task, sources=[BALLS], witnesses=[one, two], now=NOW, profile=PROFILE
        )
    )
    subject, seen = f"draw:{draw.id}", f"witness:{draw.id}"
    assert "名单 40 户，拟抽 4 户" in (await chat.say(jco, "抽取")).text
    with pytest.raises(Problem, match="只有联席会议办公室可以主持抽取"):
        await chat.press(one, "commit_draw", subject)
    await chat.press(jco, "commit_draw", subject)
    with pytest.raises(Problem, match="不是这次抽取指定的见证人"):
        await chat.press(jco, "type_draw_value", seen)
    assert "6 位数字" in (await chat.press(one, "type_draw_value", seen)).text
    with pytest.raises(Problem, match="请输入 6 位数字"):
        await chat.say(one, "41526")
    assert "等另一位见证人确认" in (await chat.say(one, "415263")).text
    word = f"word:{sqlite_db.read_now(lambda s: s.exec(select(DrawWord.id)).one())}"
    with pytest.raises(Problem, match="须由另一位见证人确认"):
        await chat.press(one, "confirm_draw_value", word)
    assert "没有记录" in (await chat.press(two, "deny_draw_value", word)).text
    assert "已撤回" in (await chat.press(one, "take_back_draw_value", word)).text
    with pytest.raises(Problem, match="已经撤回"):
        await chat.press(two, "confirm_draw_value", word)  # an old card
    await chat.press(two, "type_draw_value", seen)
    await chat.say(two, "415264")
    word = f"word:{sqlite_db.read_now(lambda s: s.exec(select(DrawWord.id)).one())}"
    await chat.press(one, "confirm_draw_value", word)
    await chat.press(jco, "reveal_draw", subject)
    await chat.press(jco, "lock_draw", subject)
    locked = sqlite_db.read_now(lambda s: require_draw(s, task))
    assert (locked.state, locked.public_value) == (DrawState.LOCKED, "witness=415264")
    with pytest.raises(Problem, match="名单已锁定"):
        await chat.press(jco, "lock_draw", subject)
