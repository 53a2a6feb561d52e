"""Take the pictures of the guide to a visit: what officers, reviewers, heads and enterprises see on their phones.

Run from the project's folder: ``python -m docs.visit_pictures``. Needs Chromium and a Chinese font (``make system``).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp.test_utils import TestServer
from sqlmodel import Session

from bot.core import typeset
from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.core.links import Links
from bot.inspection.audit.service import SALT
from bot.inspection.checklists.evidence import Stored
from bot.inspection.results.closing import Closing
from bot.inspection.results.signing import Mark
from bot.inspection.tasks.approval import ask_approvals, decide_approvals
from bot.inspection.tasks.codes import visit_code
from bot.inspection.tasks.models import EnterpriseNotice, Task
from bot.inspection.tasks.notice_paper import NOTICE_TEMPLATE, notice_body
from bot.migrations import migrate
from tests.browser.devices import Devices, chromium
from tests.fakes.desk import GOOD, Desk
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import LEAD, LI, REVIEWER, VISIT, WANG, make_visit, signature
from tests.inspection.decided import REVIEWER as QUEUE_REVIEWER
from tests.inspection.decided import authority
from tests.inspection.test_review_queue import BAD, CLEAN, queued

FOLDER = Path(__file__).resolve().parent / "img" / "visit"
NOON = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA)


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        await visit(Path(folder))
        await queue(Path(folder))


Shoot = Callable[[str, str], Awaitable[None]]


async def visit(folder: Path) -> None:
    """One visit from the door to the review."""
    clock = ManualClock(NOON)
    desk = Desk(_database(folder / "visit.db"), clock, folder / "evidence")
    desk.db.write_now(make_visit, now=clock.now())
    desk.db.write_now(_before, now=clock.now())
    phones = known_phones(desk.db, clock)
    async with chromium() as browser, TestServer(make_form_app(desk.db, clock, folder)) as site:
        devices, links = Devices(browser, phones), site.app[LINKS]

        async def shoot(name: str, address: str) -> None:
            page = await devices.open(str(site.make_url(address)))
            await page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
            await page.context.close()

        await _before_the_door(desk, links, shoot)
        await _signing(desk, links, shoot)
        await _returned(desk, links, shoot)
    desk.db.close()


async def _before_the_door(desk: Desk, links: Links, shoot: Shoot) -> None:
    """Certificates, the code, the head's approval, the paper notice."""
    now = desk.clock.now()
    code = desk.db.write_now(visit_code, visit_id=VISIT, now=now)
    await shoot("show", f"/form/{links.sign('form', [WANG, VISIT])}/show")
    await shoot("code", f"/visit/{code}")
    await shoot("approval", f"/approval/{links.sign('approval', [LEAD, 1])}")
    desk.db.write_now(decide_approvals, task_id=1, by=LEAD, granted=True, now=now)
    body = desk.db.read_now(
        notice_body, visit_id=VISIT, code=code, public_url="https://suicha.example.cn", now=NOON
    )
    paper = typeset.pictures(NOTICE_TEMPLATE, {**body, "qr": typeset.qr(body["verify_url"])}, ppi=70)
    (FOLDER / "notice.png").write_bytes(paper[0])


async def _signing(desk: Desk, links: Links, shoot: Shoot) -> None:
    """The manager signs, the first officer signs, the second disagrees."""
    wang, li = (f"/form/{links.sign('form', [person, VISIT])}" for person in (WANG, LI))
    desk.arrive(WANG, LI)
    desk.open()
    desk.save({**GOOD, "CL-1:9": {"value": "合理缺项"}, "item:1": {"value": "未发现问题"}})
    await shoot("sign", f"{wang}/review")
    desk.clock.advance(minutes=40)
    desk.close(Closing("陈老板", _ink(desk, 0)))
    desk.sign(WANG)
    await shoot("officers", f"{li}/review")
    desk.sign(LI, Mark(agrees=False, objection="第 9 项当场未见台账，应再核实", ink=_ink(desk, 2)))
    desk.submit(sign=False)
    await shoot("receipt", f"{wang}/receipt")


async def _returned(desk: Desk, links: Links, shoot: Shoot) -> None:
    """The reviewer's page, and the form that came back with one answer changed."""
    await shoot("review", f"/review/{links.sign('review', [REVIEWER, VISIT])}")
    desk.hand_back("第 5 项请对照章程再核对一次")
    desk.save({"CL-1:5": {"value": "否", "note": "实缴出资时间与章程不符"}})
    desk.photo("CL-1:5")
    await shoot("supplement", f"/form/{links.sign('form', [WANG, VISIT])}/review")


async def queue(folder: Path) -> None:
    """A reviewer with a long morning."""
    clock = ManualClock(dt.datetime(2026, 9, 21, 10, 0, tzinfo=CHINA))
    database = _database(folder / "queue.db")

    def stage(session: Session) -> None:
        authority(session)
        for number in range(1, 5):
            queued(session, number, BAD if number == 2 else CLEAN)

    database.write_now(stage)
    phones = known_phones(database, clock, [QUEUE_REVIEWER])
    async with chromium() as browser, TestServer(make_form_app(database, clock, folder)) as site:
        link = f"/reviews/{site.app[LINKS].sign('reviews', [QUEUE_REVIEWER])}"
        page = await Devices(browser, phones).open(str(site.make_url(link)))
        await page.screenshot(path=FOLDER / "queue.png", full_page=True)
    database.close()


def _before(session: Session, *, now: dt.datetime) -> None:
    session.add(EnterpriseNotice(visit_id=VISIT, due_on=dt.date(2026, 3, 9)))
    ask_approvals(session, session.get_one(Task, 1), [VISIT], now=now)


def _ink(desk: Desk, hand: int) -> Stored:
    return desk.store.put(signature(hand))


def _database(path: Path) -> Database:
    database = Database(f"sqlite:///{path}", info={SALT: "pictures"})
    migrate(database)
    return database


if __name__ == "__main__":
    asyncio.run(main())
