"""The server of ``bench/forms.py``, in a process of its own: the form's pages and routes over a database.

python bench/_forms.py DATABASE FOLDER      (prints its port, its links and their cookies, then serves)

``/cpu`` says how many seconds of CPU it has used. ``/bare/…`` reads and answers as much as a draft or a photo and keeps
nothing: the floor under the same phones.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import uvloop
from aiohttp import web
from sqlalchemy import text

from bot.core.clock import CHINA, ManualClock
from bot.core.collecting import look_seldom
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.audit.service import SALT
from bot.inspection.checklists.definition import Checklist, parse_checklist
from bot.inspection.tables import METADATA
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import WANG, make_visit, many_visits

NOW = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA)
PHONES, SAVES = 100, 8  # drafts of one phone
SEEN = {"page": "p-1", "seconds": {"B-1:测量": 12.5}}  # what the form's script says beside its answers


def checklist_of(questions: int) -> Checklist:
    bad = {"codes": ["R05"], "action": "CORRECT", "needs": ["note"]}
    asked = [
        {"key": str(n), "text": f"第{n}项是否符合要求？", "type": "YN", "on_bad": bad}
        for n in range(1, questions + 1)
    ]
    return parse_checklist({"code": "B-1", "version": 1, "name": "测量", "questions": asked})


def answers(questions: int) -> dict[str, dict[str, str]]:
    """One in ten is bad and says why."""
    return {
        f"B-1:{n}": {"value": "否", "note": "标签缺失，已当场告知", "id": f"a-{n}"}
        if n % 10 == 0
        else {"value": "是", "id": f"a-{n}"}
        for n in range(1, questions + 1)
    }


def settle(database: Database) -> None:
    """As a service is that has run for a while: it looks for cycles seldom, and PostgreSQL knows how large its tables are
    (autovacuum tells it within minutes)."""
    look_seldom()
    if not database.is_sqlite:
        with database.engine.begin() as connection:
            connection.execute(text("ANALYZE"))


async def cpu(_request: web.Request) -> web.Response:
    return web.json_response({"seconds": time.process_time()})


async def only_answers(request: web.Request) -> web.Response:
    """A post read and answered with as much as a draft of some answers, nothing kept."""
    await request.json()
    return web.json_response({"version": 1, "draft": answers(SAVES), "overwrote": []})


async def main(url: str, folder: Path) -> None:
    database = Database(url, info={SALT: "salt of a measurement"})
    METADATA.create_all(database.engine)
    database.write_now(make_visit, now=NOW, checklists=(checklist_of(50),))
    database.write_now(many_visits, PHONES, now=NOW)
    settle(database)
    clock = ManualClock(NOW)
    cookies = known_phones(database, clock)
    app = make_form_app(database, clock, folder)
    app.router.add_post("/bare/{token}/draft", only_answers)
    app.router.add_get("/cpu", cpu)
    links = [app[LINKS].sign("form", [WANG, visit]) for visit in range(2, PHONES + 2)]
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    known = {"port": runner.addresses[0][1], "links": links, "cookies": cookies}
    print(json.dumps(known), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Path(sys.argv[2])))
