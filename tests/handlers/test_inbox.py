"""网页收件箱: a person's own messages as a page, and nobody else's."""

from __future__ import annotations

import datetime as dt

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, LINKS, PAGES
from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.notices.models import NoticeState
from handlers.web import inbox
from handlers.web.pages import guard, make_environment
from tests.fakes.form_app import known_phones
from tests.messaging.rig import Rig, write_templates


@pytest.fixture
async def rig(sqlite_db: Database, clock: ManualClock, tmp_path_factory: pytest.TempPathFactory) -> Rig:
    return Rig(sqlite_db, clock, write_templates(tmp_path_factory.mktemp("messages")))


async def page(rig: Rig, person: int) -> str:
    app = web.Application(middlewares=[guard])
    app[DB], app[CLOCK], app[LINKS], app[PAGES] = rig.db, rig.clock, rig.links, make_environment()
    app[inbox.COMPOSER] = rig.delivery.composer
    app.add_routes(inbox.routes)
    address = f"/inbox/{rig.links.sign('inbox', [person], at=rig.clock.now())}"
    async with TestClient(TestServer(app)) as client:
        forwarded = await client.get(address, allow_redirects=False)
        assert (forwarded.status, forwarded.headers["Location"]) == (303, f"{address}/device")
        answer = await client.get(address, cookies=known_phones(rig.db, rig.clock, [person]))
        assert answer.status == 200
        return await answer.text()


async def test_everything_told_lately_is_there_with_its_buttons_as_links(rig: Rig) -> None:
    mine, other = rig.person("wecom:u1"), rig.person("wecom:u2")
    rig.promise(mine, "card", subject="visit:41")
    rig.promise(mine, subject="visit:42")
    rig.promise(other, "card", subject="visit:43")
    failed = rig.promise(rig.person(), subject="visit:44")
    await rig.until_quiet()
    assert rig.notice(failed).state == NoticeState.FAILED
    text = await page(rig, mine)
    assert text.count("<h2>标题</h2>") == 2
    assert "状态：待接收" in text
    assert text.count("/press/") == 1
    assert text.count("/form/") == 1


async def test_a_code_for_a_phone_is_not_shown_to_who_only_holds_the_link(rig: Rig) -> None:
    """Else a forwarded address of the inbox would let its reader into the officer's forms."""
    rig.use_template("form_code")
    content = Content({"code": "204816"})
    rig.kinds = {**rig.kinds, "form_code": Kind("form_code", lambda *_: content, content)}
    rig.delivery = rig.make_delivery()
    person = rig.person("wecom:u1")
    rig.promise(person, "form_code", subject="device:1")
    rig.promise(person)
    await rig.until_quiet()
    assert any("204816" in message.body for _, message in rig.wecom.shown)
    text = await page(rig, person)
    assert "204816" not in text
    assert text.count("<h2>") == 1


async def test_what_is_no_longer_needed_or_a_month_old_is_not(rig: Rig) -> None:
    person = rig.person("wecom:u1")
    old = rig.promise(person)
    await rig.until_quiet()
    rig.clock.advance(days=31)
    fresh = rig.promise(person)
    gone = rig.promise(person)
    await rig.until_quiet()
    rig.truth["told"] = lambda _s, n, _t: Skip("已办") if n.id == gone else Content({"name": f"第{n.id}条"})
    text = await page(rig, person)
    assert f"第{fresh}条" in text
    assert f"第{old}条" not in text
    assert text.count("<h2>") == 1


async def test_a_message_whose_visit_is_gone_hides_no_other(rig: Rig) -> None:
    """Bug: after a redraw the officers of the voided round saw no message at all for thirty days."""
    person = rig.person("wecom:u1")
    gone, broken, fresh = (rig.promise(person) for _ in range(3))
    await rig.until_quiet()

    def content(_session: object, notice: Told, _now: dt.datetime) -> Content:
        if notice.id == gone:
            raise Problem("not_found", "没有找到这次检查。")
        if notice.id == broken:
            raise LookupError("a bug of ours")
        return Content({"name": f"第{notice.id}条"})

    rig.truth["told"] = content
    text = await page(rig, person)
    assert f"第{fresh}条" in text
    assert text.count("<h2>") == 1


async def test_somebody_elses_or_an_old_link_opens_nothing(rig: Rig) -> None:
    app = web.Application(middlewares=[guard])
    app[DB], app[CLOCK], app[LINKS], app[PAGES] = rig.db, rig.clock, rig.links, make_environment()
    app.add_routes(inbox.routes)
    old = rig.links.sign("inbox", [1], at=rig.clock.now() - dt.timedelta(days=61))
    async with TestClient(TestServer(app)) as client:
        for token in ("garbage", rig.links.sign("form", [1], at=rig.clock.now()), old):
            assert (await client.get(f"/inbox/{token}")).status in (404, 410, 422, 400, 403)
