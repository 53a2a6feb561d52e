"""Public pages, the enterprise's page and the reviewer's page."""

from __future__ import annotations

import csv
import io
import json
import re
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.ids import sha256_hex
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.draws.models import Draw, DrawFile, DrawState
from bot.inspection.plans.models import Plan, PlanState
from bot.inspection.publication.models import Publication
from bot.inspection.publication.service import correct, publish_approved, withdraw
from bot.inspection.registry.models import Item, NoticeMode
from bot.inspection.tasks.models import Visit, VisitState
from handlers.web import enterprise, frozen_files, public_data, publication
from handlers.web.keys import CALENDAR, EVIDENCE, PROFILE
from handlers.web.pages import guard, make_environment
from handlers.web.public_data import guarded
from tests.fakes.form_app import known_phones
from tests.inspection.decided import (
    CALENDAR as DAYS,
)
from tests.inspection.decided import (
    CODE,
    CONTACT,
    COORDINATOR,
    LEAD,
    NAMES,
    P1,
    REVIEWER,
    SC,
    at,
    authority,
    visit,
)

NOW = at("2026-09-22 10:00")
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client(
    sqlite_db: Database, tmp_path: Path, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> Client:
    app = web.Application(middlewares=[guard])
    app[DB], app[CLOCK] = sqlite_db, ManualClock(NOW)
    app[SETTINGS] = Settings(public_url="http://suicha.test")
    app[LINKS] = Links("http://suicha.test", "secret-for-tests-only")
    app[PAGES] = make_environment()
    app[PROFILE], app[CALENDAR] = SC, DAYS
    app[EVIDENCE] = EvidenceStore(tmp_path / "evidence", max_bytes=1 << 20)
    for part in (publication, enterprise):
        app.add_routes(part.routes)
    return await aiohttp_client(app)


def published(session: Session, count: int = 2) -> None:
    authority(session)
    for number in range(1, count + 1):
        visit(session, number, [["R01"], ["R01"]], state=VisitState.APPROVED)
    publish_approved(session, now=NOW, profile=SC, calendar=DAYS)


def one_id(session: Session, number: int = 1) -> str:
    return session.exec(select(Publication.id).where(Publication.visit_id == number)).one()


async def text_of(client: Client, path: str, status: int = 200) -> str:
    response = await client.get(path)
    assert response.status == status, await response.text()
    return await response.text()


async def test_a_visitor_finds_a_result_by_credit_code_and_by_name(client: Client) -> None:
    db = client.app[DB]
    await db.write(published)
    by_code = await text_of(client, f"/public?q={CODE.lower()}")
    assert "山城区第1餐饮店" in by_code
    assert "山城区第2餐饮店" not in by_code
    by_name = await text_of(client, "/public?q=第2餐饮")
    assert "山城区第2餐饮店" in by_name
    assert "没有找到" in await text_of(client, "/public?q=100%25")


async def test_public_pages_name_no_person_and_no_unpublished_result(client: Client) -> None:
    def story(session: Session) -> str:
        published(session)
        visit(session, 3, [["R03"], ["R01"]])
        return one_id(session)

    public = await client.app[DB].write(story)
    for path in ("/public", f"/public/results/{public}", "/public/results.json", "/public/results.csv",
                 "/public/feed.atom", "/public/plans", "/public/items", "/public/draws"):  # fmt: skip
        text = await text_of(client, path)
        assert not [name for name in NAMES.values() if name in text], path
        assert "13800000" not in text, path
        assert "弄虚作假" not in text, path
        assert "第3餐饮店" not in text, path


async def test_a_permanent_address_shows_the_newest_version_and_every_one_before(client: Client) -> None:
    def story(session: Session) -> str:
        published(session, 1)
        first = one_id(session)
        correct(
            session, visit_id=1, codes={1: ["R07"]}, ground="申诉核实", by=COORDINATOR, now=NOW, profile=SC
        )
        return first

    first = await client.app[DB].write(story)
    text = await text_of(client, f"/public/results/{first}")
    assert "未发现开展本次抽查涉及的经营活动" in text
    assert "申诉核实" in text
    old = await text_of(client, f"/public/results/{first}?version=1")
    assert "已被更新" in old
    assert "未发现开展" not in old


async def test_anybody_can_check_a_fingerprint(client: Client) -> None:
    await client.app[DB].write(published, 1)
    public = await client.app[DB].read(lambda session: session.exec(select(Publication)).one())
    body = await (await client.get(f"/public/results/{public.id}/1.json")).read()
    assert sha256_hex(body) == public.sha256
    await text_of(client, f"/public/results/{public.id}/2.json", 404)


async def test_a_withdrawn_record_says_so_and_shows_no_result(client: Client) -> None:
    def story(session: Session) -> str:
        published(session, 1)
        withdraw(session, visit_id=1, ground="检查对象登记错误", by=COORDINATOR, now=NOW)
        return session.exec(select(Publication.id).where(Publication.version == 1)).one()

    first = await client.app[DB].write(story)
    for path in (f"/public/results/{first}", f"/public/results/{first}?version=1"):
        text = await text_of(client, path)
        assert "本公示已撤回" in text
        assert "检查对象登记错误" in text
        assert "未发现问题" not in text
    assert "山城区第1餐饮店" not in await text_of(client, "/public")


async def test_pages_of_fifty_are_walked_without_a_gap_or_a_double(client: Client) -> None:
    await client.app[DB].write(published, 120)
    seen: list[str] = []
    before = ""
    while True:
        answer = json.loads(await text_of(client, f"/public/results.json?before={before}"))
        seen += [one["id"] for one in answer["results"]]
        before = answer["older"]
        if not before:
            break
    assert len(seen) == len(set(seen)) == 120
    assert seen == sorted(seen, reverse=True)


async def test_the_table_opens_in_a_spreadsheet_and_runs_no_formula(client: Client) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R01"], ["R01"]], state=VisitState.APPROVED, name="=HYPERLINK(1)餐饮店")
        publish_approved(session, now=NOW, profile=SC, calendar=DAYS)

    await client.app[DB].write(story)
    response = await client.get("/public/results.csv")
    body = await response.read()
    assert body.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in body
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    assert rows[0][2] == "统一社会信用代码"
    assert rows[1][3] == "'=HYPERLINK(1)餐饮店"
    assert len(rows) == 3


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\t=1"])
def test_a_cell_that_looks_like_a_formula_is_guarded(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"


async def test_the_feed_is_well_formed(client: Client) -> None:
    await client.app[DB].write(published)
    root = ET.fromstring(await text_of(client, "/public/feed.atom"))  # noqa: S314 - our own words
    assert len(root.findall("{http://www.w3.org/2005/Atom}entry")) == 2


async def test_who_has_the_page_already_gets_304(client: Client) -> None:
    await client.app[DB].write(published)
    first = await client.get("/public")
    assert "max-age" in first.headers["Cache-Control"]
    again = await client.get("/public", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304


async def test_plans_show_every_published_version_and_no_draft(client: Client) -> None:
    def story(session: Session) -> None:
        authority(session)
        first = session.get_one(Plan, 1)
        first.state, first.published_at = PlanState.SUPERSEDED, NOW
        for version, state, name in (
            (2, PlanState.PUBLISHED, "第二版计划"),
            (3, PlanState.DRAFT, "草案计划"),
        ):
            session.add(
                Plan(code="JH2026", version=version, year=2026, name=name, department_id=1, state=state,
                     ground="增加联合抽查", created_at=NOW,
                     published_at=NOW if state is PlanState.PUBLISHED else None)
            )  # fmt: skip

    await client.app[DB].write(story)
    text = await text_of(client, "/public/plans")
    assert "第二版计划" in text
    assert "增加联合抽查" in text
    assert "2026年度抽查计划" in text
    assert "2026-09-22" in text
    assert "草案计划" not in text


def drawn(session: Session, *, state: DrawState, unannounced: bool = False) -> None:
    authority(session)
    if unannounced:
        item = session.get_one(Item, 1)
        item.notice_mode = NoticeMode.UNANNOUNCED
        session.add(item)
    sealed = state is DrawState.COMMITTED
    session.add(
        Draw(id=1, task_id=1, state=state, pool_size=240, pool_sha256="a1" * 32, rules_sha256="b2" * 32,
             secret_sha256="c3" * 32, secret_hex="d4" * 32, seed_hex="" if sealed else "e5" * 32,
             committed_at=NOW, revealed_at=None if sealed else NOW, locked_at=None if sealed else NOW)
    )  # fmt: skip
    session.flush()
    session.add(DrawFile(draw_id=1, name="pool.jsonl", body=zlib.compress(b'{"id":"X","stratum":"B"}\n')))
    session.add(DrawFile(draw_id=1, name="rules.json", body=zlib.compress(b'{"strata":{}}')))


async def test_a_sealed_secret_is_on_no_page_and_in_no_file(client: Client) -> None:
    await client.app[DB].write(drawn, state=DrawState.COMMITTED)
    page = await text_of(client, "/public/draws/410603202609010001/1")
    head = await text_of(client, "/public/draws/410603202609010001/1/draw.json")
    assert "a1" * 32 in page
    assert "c3" * 32 in page
    assert "240 户" in page
    assert "d4" * 32 not in page + head


async def test_after_the_reveal_secret_and_seed_are_public_and_files_are_as_hashed(client: Client) -> None:
    await client.app[DB].write(drawn, state=DrawState.LOCKED)
    page = await text_of(client, "/public/draws/410603202609010001/1")
    assert "d4" * 32 in page
    assert "e5" * 32 in page
    assert (
        await text_of(client, "/public/draws/410603202609010001/1/pool.jsonl") == '{"id":"X","stratum":"B"}\n'
    )
    assert "410603202609010001" in await text_of(client, "/public/draws")


POOL = "/public/draws/410603202609010001/1/pool.jsonl"


async def test_a_file_goes_out_as_it_is_stored_and_once_to_each_visitor(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.app[DB].write(drawn, state=DrawState.LOCKED)
    plain = await client.get(POOL, headers={"Accept-Encoding": "identity"})
    assert await plain.text() == '{"id":"X","stratum":"B"}\n'
    assert "Content-Encoding" not in plain.headers
    assert "immutable" in plain.headers["Cache-Control"]
    monkeypatch.setattr(
        frozen_files, "unpacked", lambda _body: pytest.fail("unpacked for a browser that unpacks")
    )
    packed = await client.get(POOL, headers={"Accept-Encoding": "gzip, deflate"})
    assert packed.headers["Content-Encoding"] == "deflate"
    assert await packed.text() == '{"id":"X","stratum":"B"}\n'
    again = await client.get(POOL, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    whatever = await client.get(POOL, headers={"If-None-Match": "*"})
    assert (whatever.status, await whatever.read()) == (304, b"")
    for coding in ("identity", "deflate"):
        head = await client.head(POOL, headers={"Accept-Encoding": coding})
        assert (head.status, await head.read(), head.headers["ETag"]) == (200, b"", plain.headers["ETag"])
    for name in ("draw.json", "rules.json"):
        first = await client.get(POOL.replace("pool.jsonl", name))
        headers = {"If-None-Match": first.headers["ETag"]}
        assert (await client.get(POOL.replace("pool.jsonl", name), headers=headers)).status == 304
    for name in ("sealed.jsonl", "days.jsonl", "picks.jsonl", "changes.jsonl"):
        assert (await client.get(POOL.replace("pool.jsonl", name))).status == 404


async def test_the_page_of_a_round_and_its_certificate_unpack_no_pool(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.app[DB].write(drawn, state=DrawState.LOCKED)

    def noted(session: Session) -> None:
        file = session.get_one(DrawFile, (1, "pool.jsonl"))
        file.size, file.body = 25, b"nobody looks"
        session.get_one(Draw, 1).outlook = {"sizes": {"B": 1}}

    await client.app[DB].write(noted)
    assert "25 字节" in await text_of(client, "/public/draws/410603202609010001/1")
    answer = await client.get("/public/draws/410603202609010001/1/certificate.pdf")
    assert (await answer.read()).startswith(b"%PDF")


async def test_a_table_has_so_many_records_and_names_the_next(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.app[DB].write(published)
    whole = (await text_of(client, "/public/results.csv")).splitlines()
    monkeypatch.setattr(public_data, "A_FILE", 1)
    first = await client.get("/public/results.csv?result=")
    link = re.fullmatch(r'<(/public/results\.csv[^>]*)>; rel="next"', first.headers["Link"])
    assert link is not None
    second = await client.get(link[1])
    assert "Link" not in second.headers
    parts = [(await one.text()).splitlines() for one in (first, second)]
    assert parts[0] + parts[1][1:] == whole


async def test_the_names_of_an_unannounced_inspection_stay_closed_until_its_window_is_over(
    client: Client,
) -> None:
    await client.app[DB].write(drawn, state=DrawState.LOCKED, unannounced=True)
    await text_of(client, "/public/draws/410603202609010001/1/pool.jsonl", 403)
    clock: Any = client.app[CLOCK]
    clock.move_to(at("2026-10-01 00:01"))
    await text_of(client, "/public/draws/410603202609010001/1/pool.jsonl")


async def test_an_enterprise_sees_its_own_visit_and_nobody_elses(client: Client) -> None:
    await client.app[DB].write(published)
    links = client.app[LINKS]
    mine = f"/enterprise/{links.sign('enterprise', [CONTACT, 1])}"
    assert (await client.get(mine, allow_redirects=False)).headers[
        "Location"
    ] == f"{mine}/device"  # forwarded
    cookies = known_phones(client.app[DB], client.app[CLOCK], (CONTACT, LEAD))
    client.session.cookie_jar.update_cookies(cookies)
    text = await text_of(client, mine)
    for words in ("少于两人", "回避", "五个严禁", "食品安全法", "有异议", "王建国", "未发现问题"):
        assert words in text
    await text_of(client, f"/enterprise/{links.sign('enterprise', [LEAD, 1])}", 403)
    await text_of(client, f"/enterprise/{links.sign('review', [CONTACT, 1])}", 404)


def known(client: Client, *people: int) -> None:
    """A browser these people have used before."""
    client.session.cookie_jar.update_cookies(known_phones(client.app[DB], client.app[CLOCK], people))


async def test_a_reviewer_decides_on_the_page_and_an_officer_only_reads(client: Client) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R02"], ["R01"]], problem="年度报告未公示")

    await client.app[DB].write(story)
    known(client, REVIEWER, P1)
    links = client.app[LINKS]
    mine = f"/review/{links.sign('review', [REVIEWER, 1])}"
    text = await text_of(client, mine)
    assert "年度报告未公示" in text
    assert "审核决定" in text
    assert "审核决定" not in await text_of(client, f"/review/{links.sign('review', [P1, 1])}")
    foreign = await client.post(mine, data={"decision": "approve"}, headers={"Origin": "http://evil.test"})
    assert foreign.status == 422
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = await client.post(mine, data={"decision": "approve"}, headers=headers, allow_redirects=False)
    assert answer.status == 303
    assert "审核决定" not in await text_of(client, mine)
    assert (await client.app[DB].read(Session.get_one, Visit, 1)).state == VisitState.APPROVED


async def test_a_stranger_with_a_contacts_link_cannot_review(client: Client) -> None:
    await client.app[DB].write(published)
    known(client, CONTACT)
    await text_of(client, f"/review/{client.app[LINKS].sign('review', [CONTACT, 1])}", 403)


def test_no_public_handler_reads_a_visit() -> None:
    """C39: the public sees frozen records only."""
    folder = Path(publication.__file__).parent
    for name in ("publication.py", "public_data.py", "public_draws.py"):
        source = (folder / name).read_text(encoding="utf-8")
        assert "Visit" not in source, name
        assert "visit_facts" not in source, name
