"""The coordinator's console: the way in, who sees, who acts, and what stands on the pages."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from aiohttp import ClientResponse, web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient
from sqlalchemy import text
from sqlmodel import Session, col, select

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.inspection.audit.models import AuditEntry
from bot.inspection.calendar import WorkCalendar
from bot.inspection.followups.models import FollowUp, Transfer
from bot.inspection.metrics.overview import overview
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import PersonRole
from bot.inspection.profile import load_profile
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Task, Visit
from bot.migrations import head
from handlers.web import console, console_followups, console_objects, health, session
from handlers.web.keys import CALENDAR, PROFILE
from handlers.web.pages import TEMPLATES, guard, make_environment
from tests.handlers.campaign import COORDINATOR, LEAD, PLAIN, campaign, people
from tests.inspection import test_clues

KEY = "a-secret-key-for-tests-only"
Client = TestClient[web.Request, web.Application]


def make_app(
    db: Database, clock: ManualClock, *, public_url: str = "http://127.0.0.1:8080"
) -> web.Application:
    app = web.Application(middlewares=[guard])
    app[SETTINGS] = Settings(_env_file=None, public_url=public_url, secret_key=KEY, metrics_token="m" * 20)  # type: ignore[call-arg, arg-type]
    app[DB], app[CLOCK], app[LINKS] = db, clock, Links(public_url, KEY, clock=clock)
    app[PAGES], app[PROFILE], app[CALENDAR] = make_environment(), load_profile("ZJ"), WorkCalendar.load()
    app.add_routes(session.routes)
    app.add_routes(console.routes)
    app.add_routes(console_followups.routes)
    app.add_routes(console_objects.routes)
    app.router.add_static("/static/", TEMPLATES / "static")
    health.add_routes(app)
    return app


@pytest.fixture
def seeded(sqlite_db: Database, clock: ManualClock) -> Database:
    sqlite_db.write_now(people, now=clock.now())
    sqlite_db.write_now(campaign, now=clock.now())
    return sqlite_db


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, seeded: Database, clock: ManualClock) -> Client:
    return await aiohttp_client(make_app(seeded, clock))


def link(client: Client, person: int, nonce: str = "") -> str:
    return "/console/" + client.app[LINKS].sign("console", [person, nonce])


def origin(client: Client) -> dict[str, str]:
    return {"Origin": str(client.make_url("/")).rstrip("/")}


async def log_in(client: Client, person: int = COORDINATOR) -> ClientResponse:
    return await client.post(link(client, person), headers=origin(client))


async def token_of(client: Client) -> str:
    page = await (await client.get("/console")).text()
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


async def test_without_a_session_every_page_says_how_to_get_in(client: Client) -> None:
    for path in ("/console", "/console/live", "/console/tasks", "/console/tasks/1", "/console/notices",
                 "/console/followups", "/console/objects", "/console/objects/1", "/console/metrics",
                 "/console/audit"):  # fmt: skip
        answer = await client.get(path)
        assert answer.status == 401, path
        body = await answer.text()
        assert "控制台" in body
        assert "王建国" not in body


async def test_looking_at_a_link_does_not_use_it_up_and_pressing_does(client: Client) -> None:
    address = link(client, COORDINATOR)
    for _ in range(2):
        assert "进入管理页面" in await (await client.get(address)).text()

    first = await client.post(address, headers=origin(client), allow_redirects=False)
    second = await client.post(address, headers=origin(client), allow_redirects=False)

    assert (first.status, first.headers["Location"]) == (303, "/console")
    assert second.status == 422
    assert "已经用过" in await second.text()


async def test_the_cookie_is_strict_and_out_of_scripts_reach(client: Client) -> None:
    answer = await client.post(link(client, LEAD), headers=origin(client), allow_redirects=False)

    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Max-Age=28800" in cookie
    assert "Secure" not in cookie


async def test_behind_https_the_cookie_is_secure_and_bound_to_the_host(
    aiohttp_client: AiohttpClient, seeded: Database, clock: ManualClock
) -> None:
    client = await aiohttp_client(make_app(seeded, clock, public_url="https://suicha.example.cn"))
    address = link(client, COORDINATOR)

    answer = await client.post(
        address, headers={"Origin": "https://suicha.example.cn"}, allow_redirects=False
    )

    assert answer.headers["Set-Cookie"].startswith("__Host-suicha=")
    assert "Secure" in answer.headers["Set-Cookie"]


async def test_somebody_without_a_role_does_not_get_in(client: Client) -> None:
    answer = await client.post(link(client, PLAIN), headers=origin(client), allow_redirects=False)

    assert answer.status == 403
    assert (await client.get("/console")).status == 401


async def test_an_expired_or_foreign_link_opens_nothing(client: Client, clock: ManualClock) -> None:
    old = link(client, COORDINATOR)
    foreign = "/console/" + client.app[LINKS].sign("form", [COORDINATOR])
    clock.advance(minutes=31)

    assert (await client.get(old)).status == 410
    assert (await client.post(old, headers=origin(client))).status == 410
    assert (await client.get(foreign)).status == 404


async def test_a_session_ends_after_eight_hours(client: Client, clock: ManualClock) -> None:
    await log_in(client)
    assert (await client.get("/console")).status == 200
    clock.advance(hours=8, seconds=1)

    assert (await client.get("/console")).status == 401


async def test_a_lost_role_closes_the_session_at_once(client: Client, seeded: Database) -> None:
    await log_in(client)

    def drop(db: Session) -> None:
        for role in db.exec(select(PersonRole).where(col(PersonRole.person_id) == COORDINATOR)):
            db.delete(role)

    seeded.write_now(drop)

    assert (await client.get("/console")).status == 401


async def test_logging_out_ends_the_session_on_the_server_too(client: Client) -> None:
    await log_in(client)
    cookies = {c.key: c.value for c in client.session.cookie_jar}
    token = await token_of(client)

    answer = await client.post("/console/logout", data={"csrf": token}, headers=origin(client))

    assert answer.status == 200
    client.session.cookie_jar.clear()
    assert (await client.get("/console", cookies=cookies)).status == 401


async def test_the_coordinator_reminds_everybody_once(client: Client, seeded: Database) -> None:
    await log_in(client)
    data = {"csrf": await token_of(client)}

    first = await client.post("/console/tasks/1/remind", data=data, headers=origin(client))
    second = await client.post("/console/tasks/1/remind", data=data, headers=origin(client))

    assert "已安排提醒 10 人次" in await first.text()
    assert "没有重复打扰" in await second.text()
    kinds = seeded.read_now(
        lambda db: db.exec(select(Notice.recipient_id).where(Notice.kind == "assignment_reminder")).all()
    )
    assert sorted(kinds) == list(range(10, 20))


async def test_a_lead_sees_and_does_not_act(client: Client) -> None:
    await log_in(client, LEAD)

    page = await (await client.get("/console/tasks/1")).text()
    answer = await client.post(
        "/console/tasks/1/remind", data={"csrf": await token_of(client)}, headers=origin(client)
    )

    assert "仅查看" in page
    assert "提醒全部未接收" not in page
    assert answer.status == 403


@pytest.mark.parametrize(
    ("csrf", "headers"),
    [
        (False, {}),
        (True, {"Origin": "https://evil.example"}),
        (True, {"Origin": "null"}),
        (True, {"Origin": ""}),
        (True, {"Sec-Fetch-Site": "cross-site"}),
    ],
)
async def test_a_change_that_another_page_asked_for_is_refused(
    client: Client, seeded: Database, csrf: bool, headers: dict[str, str]
) -> None:
    await log_in(client)
    data = {"csrf": await token_of(client)} if csrf else {"csrf": "0" * 64}

    answer = await client.post("/console/tasks/1/remind", data=data, headers=origin(client) | headers)

    assert answer.status == 403
    count = seeded.read_now(
        lambda db: len(db.exec(select(Notice).where(Notice.kind == "assignment_reminder")).all())
    )
    assert count == 0


async def test_entering_from_another_page_is_refused(client: Client) -> None:
    answer = await client.post(link(client, COORDINATOR), headers={"Origin": "https://evil.example"})

    assert answer.status == 403


async def test_the_first_page_names_who_has_not_answered_and_why(client: Client) -> None:
    await log_in(client)

    body = await (await client.get("/console")).text()

    for words in (
        "特种设备使用单位抽查", "王建国", "已读 1 条", "企业微信里没有这个成员", "逾期 2 天",
        "没有绑定可用的聊天账号",
    ):  # fmt: skip
        assert words in body, words


async def test_the_live_piece_has_no_frame(client: Client) -> None:
    await log_in(client)

    body = await (await client.get("/console/live")).text()

    assert "王建国" in body
    assert "<html" not in body


async def test_a_task_is_filtered_and_what_was_typed_is_shown_as_text(client: Client) -> None:
    await log_in(client)

    body = await (await client.get("/console/tasks/1", params={"words": '"><script>霞山'})).text()
    late = await (await client.get("/console/tasks/1?late=1&state=ACCEPTED")).text()

    assert "<script>霞山" not in body
    assert "没有符合条件" in body
    assert "20261201" not in late
    assert late.count('data-label="检查对象"') == 0 or "逾期" in late


async def test_long_lists_have_pages(client: Client, seeded: Database) -> None:
    for task in range(2, 53):
        seeded.write_now(_task, task)
    await log_in(client)

    first = await (await client.get("/console/tasks")).text()
    second = await (await client.get("/console/tasks?page=2")).text()

    assert "下一页" in first
    assert "上一页" not in first
    assert "特种设备使用单位抽查" in second
    assert (await client.get("/console/tasks?page=zero")).status == 200


def _task(db: Session, number: int) -> None:
    task = db.get_one(Task, 1)
    db.add(Task(**task.model_dump(exclude={"id", "number", "state"}), number=f"T{number}", state="DRAFT"))


async def test_an_unknown_task_is_told_as_such(client: Client) -> None:
    await log_in(client)

    for number in ("99", "9" * 20, "9" * 4400):
        for page in ("", "/draw"):
            assert (await client.get(f"/console/tasks/{number}{page}")).status == 404


async def test_the_metrics_page_shows_figures_verdicts_and_who_is_missing(client: Client) -> None:
    await log_in(client)

    body = await (await client.get("/console/metrics")).text()

    for words in ("90.0%", "未达标", "达标", "吴丽", "80%以上", "ZJ-1.1.d", "2026 年指标"):
        assert words in body, words
    assert "2025 年指标" in await (await client.get("/console/metrics?year=2025")).text()
    assert "2026 年指标" in await (await client.get("/console/metrics?year=9999")).text()


async def test_the_chain_is_verified_and_the_first_broken_entry_named(
    client: Client, seeded: Database
) -> None:
    await log_in(client)
    data = {"csrf": await token_of(client)}

    good = await (await client.post("/console/audit", data=data, headers=origin(client))).text()
    seeded.write_now(lambda db: db.execute(text("UPDATE auditentry SET subject = 'task:9' WHERE seq = 1")))
    bad = await (await client.post("/console/audit", data=data, headers=origin(client))).text()

    assert "核验通过：2 条" in good
    assert "从第 <b>1</b> 条开始对不上（内容被改动）" in bad


async def test_entering_is_in_the_chain_without_a_name(client: Client, seeded: Database) -> None:
    await log_in(client)

    entry = seeded.read_now(
        lambda db: db.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc())).first()
    )

    assert entry is not None
    assert (entry.action, len(entry.actor)) == ("console.entered", 32)


async def test_no_page_has_inline_script_or_style(client: Client) -> None:
    await log_in(client)
    for path in ("/console", "/console/tasks", "/console/tasks/1", "/console/notices", "/console/followups",
                 "/console/metrics", "/console/audit"):  # fmt: skip
        answer = await client.get(path)
        body = await answer.text()
        assert answer.status == 200, path
        assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! src=)", body), path
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"


async def test_an_empty_installation_has_pages_too(
    aiohttp_client: AiohttpClient, sqlite_db: Database, clock: ManualClock
) -> None:
    sqlite_db.write_now(people, now=clock.now())
    client = await aiohttp_client(make_app(sqlite_db, clock))
    await log_in(client)

    for path, words in (("/console", "没有正在进行的任务"), ("/console/tasks", "还没有任务"),
                        ("/console/notices", "没有发送失败"), ("/console/followups", "没有线索"),
                        ("/console/metrics", "无数据")):  # fmt: skip
        assert words in await (await client.get(path)).text(), path


async def test_health_names_what_is_not_ready(client: Client, seeded: Database) -> None:
    assert (await client.get("/healthz")).status == 200
    missing = await client.get("/readyz")
    assert (missing.status, (await missing.json())["database"]) == (503, False)

    seeded.write_now(lambda db: db.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))")))
    seeded.write_now(lambda db: db.execute(text("INSERT INTO alembic_version VALUES (:v)"), {"v": head()}))

    assert (await (await client.get("/readyz")).json()) == {"ok": True, "database": True}


async def test_a_dead_loop_makes_the_service_not_ready(
    aiohttp_client: AiohttpClient, seeded: Database, clock: ManualClock
) -> None:
    app = make_app(seeded, clock)
    app[health.PROBES] = {"delivery": lambda: True, "stream": lambda: False}
    client = await aiohttp_client(app)

    answer = await client.get("/readyz")

    assert answer.status == 503
    assert (await answer.json())["stream"] is False


async def test_figures_are_for_the_bearer_of_the_token_only(client: Client) -> None:
    assert (await client.get("/metrics")).status == 401
    assert (await client.get("/metrics", headers={"Authorization": "Bearer wrong"})).status == 401

    answer = await client.get("/metrics", headers={"Authorization": "Bearer " + "m" * 20})

    assert answer.status == 200
    assert "suicha_sends_total" in await answer.text()


async def test_without_a_token_there_is_no_metrics_page(
    aiohttp_client: AiohttpClient, seeded: Database, clock: ManualClock
) -> None:
    app = web.Application()
    app[SETTINGS] = Settings(_env_file=None)  # type: ignore[call-arg]
    health.add_routes(app)
    client = await aiohttp_client(app)

    assert (await client.get("/metrics")).status == 404


def test_the_first_page_and_the_chart_agree(seeded: Database, clock: ManualClock) -> None:
    page = seeded.read_now(overview, now=clock.now())

    assert page.tasks[0].funnel.drawn == 20
    assert Path(TEMPLATES / "pages/console/chart.html.j2").exists()


async def test_the_calendar_says_what_each_year_rests_on_and_the_rules_who_is_told(client: Client) -> None:
    await log_in(client)
    page = await (await client.get("/console/calendar")).text()
    assert "国办发明电〔2025〕7号" in page
    assert "尚未公布" in page
    rules = await (await client.get("/console/rules")).text()
    assert "通知矩阵" in rules
    assert "到期前10个工作日" in rules


async def test_clues_and_transfers_stand_on_one_page_with_what_waits_first(
    client: Client, seeded: Database, clock: ManualClock
) -> None:
    def hand_on(session: Session) -> None:
        test_clues.authority(session)
        test_clues.took(session, "TS-1")
        visit = session.exec(select(Visit)).first()
        assert visit is not None
        found = FollowUp(number="YX-1", visit_id=visit.id or 0, item_id=1, problem="涉嫌无证经营", handler_id=PLAIN,
                         opened_at=clock.now())  # fmt: skip
        session.add(found)
        session.flush()
        late = clock.now() - dt.timedelta(hours=1)
        common = {"follow_up_id": found.id or 0, "proposed_at": late}
        session.add(
            Transfer(
                kind="AUTHORITY",
                state="RECEIVED",
                receiver="消防救援大队",
                receipt="云消〔2026〕1号",
                **common,
            )
        )
        session.add(Transfer(kind="CRIME", state="PROPOSED", receiver="县公安局", due_at=late, **common))

    seeded.write_now(hand_on)
    await log_in(client)
    page = await (await client.get("/console/followups")).text()
    assert "TS-1" in page
    assert "投诉举报" in page
    assert page.index("县公安局") < page.index("消防救援大队")
    assert "已超期" in page
    assert "云消〔2026〕1号" in page


async def test_an_object_is_found_by_its_code_and_placed_on_the_map(client: Client, seeded: Database) -> None:
    await log_in(client)
    target = seeded.read_now(lambda s: s.get_one(InspectionObject, 1000))
    path = "/console/objects/1000"
    assert (await client.get("/console/objects", params={"code": target.code})).url.path == path
    assert "名录库里没有" in await (await client.get("/console/objects?code=nobody")).text()
    sent = {"csrf": await token_of(client), "longitude": "22.63", "latitude": "110.15", "system": ""}

    swapped = await client.post(f"{path}/place", data=sent, headers=origin(client))
    body = await swapped.text()
    assert swapped.status == 422
    assert "是否填反" in body
    assert 'value="22.63"' in body  # what was typed stays

    right = sent | {"longitude": "110.15", "latitude": "22.63", "system": "WGS-84"}
    kept = await client.post(f"{path}/place", data=right, headers=origin(client))
    assert "已登记位置" in await kept.text()
    assert seeded.read_now(lambda s: s.get_one(InspectionObject, 1000)).longitude == 110.15
    edge = right | {"longitude": "73.0", "latitude": "39", "system": "GCJ-02"}
    beyond = await client.post(f"{path}/place", data=edge, headers=origin(client))
    assert (beyond.status, "换算成WGS-84后是72.996572" in await beyond.text()) == (422, True)
    assert (await client.get("/console/objects/9")).status == 404


async def test_a_saved_place_says_what_became_of_it(client: Client) -> None:
    await log_in(client)
    path, none = "/console/objects/1000", dict.fromkeys(("longitude", "latitude", "system"), "")
    there = {"longitude": "110.15", "latitude": "22.63", "system": "WGS-84"}
    token = await token_of(client)

    async def said(sent: dict[str, str]) -> list[str]:
        answer = await client.post(f"{path}/place", data={"csrf": token} | sent, headers=origin(client))
        return re.findall(r'role="status">([^<]+)<', await answer.text())

    assert [await said(sent) for sent in (there, there, none, none)] == [
        ["已登记位置。"], ["没有变化。"], ["已取消登记的位置。"], ["没有变化。"],
    ]  # fmt: skip
    for forged in ("1", "<b>", ""):
        assert 'role="status"' not in await (await client.get(path, params={"placed": forged})).text()


async def test_a_lead_sees_an_object_and_cannot_move_it(client: Client) -> None:
    await log_in(client, LEAD)
    assert (
        '<form class="filters" method="post"' not in await (await client.get("/console/objects/1000")).text()
    )
    data = {"csrf": await token_of(client), "longitude": "", "latitude": "", "system": ""}
    assert (await client.post("/console/objects/1000/place", data=data, headers=origin(client))).status == 403
