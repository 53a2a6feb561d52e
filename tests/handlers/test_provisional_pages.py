"""「暂定」 stands on every page beside a last day of a year whose holidays are not published (C28)."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import Session

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.tasks.models import EnterpriseNotice, Visit
from tests.fakes.desk import GOOD, Desk
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import LI, REVIEWER, VISIT, WANG, make_visit
from tests.handlers.campaign import campaign, people
from tests.handlers.test_console import log_in, make_app

PAGES = Path(__file__).parents[2] / "templates" / "pages"
LAST_DAY = re.compile(
    r"\{\{ [\w.]*\b(?:due|due_on|publish_due|window_end|ends|until)(?:\|day|\.strftime\([^)]*\)) \}\}"
)


def test_no_template_prints_a_last_day_without_its_mark() -> None:
    found = [
        (path.name, day[0], text[day.end() :].startswith("{{ provisional("))
        for path in PAGES.rglob("*.j2")
        for text in [path.read_text(encoding="utf-8")]
        for day in LAST_DAY.finditer(text)
    ]
    assert len(found) > 10
    assert [(name, day) for name, day, marked in found if not marked] == []


async def test_the_pages_of_the_form_and_of_the_review_mark_it(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    clock.move_to(dt.datetime(2026, 12, 28, 10, tzinfo=CHINA))
    sqlite_db.write_now(make_visit, now=clock.now())
    sqlite_db.write_now(_into_next_year)
    desk = Desk(sqlite_db, clock, tmp_path / "evidence")
    app = make_form_app(sqlite_db, clock, tmp_path)
    cookies = known_phones(sqlite_db, clock, (WANG, REVIEWER))
    async with TestClient(TestServer(app), cookies=cookies) as client:

        async def page(kind: str, person: int, then: str = "") -> str:
            answer = await client.get(f"/{kind}/{app[LINKS].sign(kind, [person, VISIT])}{then}")
            assert answer.status == 200
            return await answer.text()

        for then in ("", "/show"):
            assert "2027-01-12（暂定）" in await page("form", WANG, then)
        assert "应于 2027-01-05（暂定） 送达" in await page("form", WANG, "/show")
        desk.arrive(WANG, LI)
        desk.open()
        desk.save(GOOD)
        assert "2027-01-12（暂定）" in await page("form", WANG)
        desk.close()
        desk.submit()
        for text in (await page("form", WANG, "/receipt"), await page("review", REVIEWER)):
            assert re.search(r"公示期限</dt><dd>2027-01-\d\d（暂定）", text)


async def test_the_tables_of_the_console_mark_it(
    sqlite_db: Database, clock: ManualClock, aiohttp_client: AiohttpClient
) -> None:
    clock.move_to(dt.datetime(2026, 12, 30, 10, tzinfo=CHINA))
    sqlite_db.write_now(people, now=clock.now())
    sqlite_db.write_now(campaign, now=clock.now())
    client = await aiohttp_client(make_app(sqlite_db, clock))
    await log_in(client)
    for path in ("/console", "/console/tasks", "/console/tasks/1"):
        assert "2027-01-02（暂定）" in await (await client.get(path)).text(), path


def _into_next_year(session: Session) -> None:
    session.get_one(Visit, VISIT).due_on = dt.date(2027, 1, 12)
    session.add(EnterpriseNotice(visit_id=VISIT, due_on=dt.date(2027, 1, 5)))
