"""Each thing that can be set wrong is seen, and the reader is told where to click."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from bot.core.clock import ManualClock
from bot.platforms.base import CheckResult
from bot.platforms.wecom.app import WeComPlatform
from bot.simulator.wecom_api import failed
from tests.platforms.wecom.rig import Rig, running


@pytest.fixture
async def rig(clock: ManualClock) -> AsyncIterator[Rig]:
    async with running(clock) as built:
        yield built


def line(results: list[CheckResult], name: str) -> CheckResult:
    (found,) = [result for result in results if result.name == name]
    return found


def with_callback(rig: Rig, url: str, **changes: object) -> WeComPlatform:
    settings = rig.settings.model_copy(update=changes)
    return WeComPlatform(settings, rig.clock, rig.session, callback_url=url)


async def test_a_callback_is_tried_from_outside_as_the_console_does(rig: Rig) -> None:
    async with _hooks(rig.platform) as url:
        found = line(await with_callback(rig, url).check(), "企业微信回调")
        assert (found.ok, found.seen) == (True, "从外面可以打开，校验消息能解开")
        other = line(await with_callback(rig, url, token=SecretStr("another")).check(), "企业微信回调")
        assert not other.ok
        assert "设置 API 接收" in other.advice


async def test_a_page_that_answers_in_our_place_is_seen(rig: Rig) -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<html>欢迎</html>")

    app = web.Application()
    app.router.add_get("/hooks/wecom", page)
    server = TestServer(app)
    await server.start_server()
    found = line(await with_callback(rig, str(server.make_url("/hooks/wecom"))).check(), "企业微信回调")
    await server.close()
    assert not found.ok
    assert "反向代理" in found.advice


async def test_an_address_that_cannot_be_reached_is_said(rig: Rig) -> None:
    found = line(await with_callback(rig, "http://127.0.0.1:9/hooks/wecom").check(), "企业微信回调")
    assert not found.ok
    assert "SUICHA_PUBLIC_URL" in found.advice


async def test_an_untrusted_address_is_named(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """60020: the reader needs the address that WeCom saw, which no setting knows."""

    async def refuse(*_: object) -> web.Response:
        return failed(60020, "not allow to access from your ip")

    async with _api(rig, "getcallbackip", refuse) as base:
        platform = rig.another_platform(api_base=base)
        found = line(await platform.check(), "企业微信接口")
    assert not found.ok
    assert "企业可信IP，填 127.0.0.1" in found.advice


async def test_an_app_without_a_callback_url_cannot_have_cards(rig: Rig) -> None:
    object.__setattr__(rig.server._account, "callback_url", "")
    found = line(await rig.platform.check(), "企业微信卡片")
    assert not found.ok
    assert "设置 API 接收" in found.advice


async def test_a_robot_that_was_removed_is_seen_without_posting(rig: Rig) -> None:
    assert line(await rig.platform.check(), "企业微信群机器人").ok
    assert rig.chat("wecom-group") == []
    url = SecretStr(rig.settings.api_base + "/cgi-bin/webhook/send?key=old")
    found = line(await rig.another_platform(group_robot_url=url).check(), "企业微信群机器人")
    assert not found.ok
    assert "添加" in found.advice


async def test_an_app_that_nobody_has_downstream_is_said(rig: Rig) -> None:
    platform = rig.another_platform(downstream=True)
    assert not line(await platform.check(), "企业微信上下游").ok
    rig.world.remember("wecom:downstream", {"ww1": {"name": "甲厂", "agentid": 1, "members": []}})
    assert line(await platform.check(), "企业微信上下游").ok


async def test_no_line_holds_a_secret(rig: Rig) -> None:
    platform = rig.another_platform(secret=SecretStr("S3cr3t-wrong"))
    shown = repr(await platform.check())
    for secret in ("S3cr3t-wrong", "robot-key-1", "DocTok01"):
        assert secret not in shown


class _hooks:  # noqa: N801 - reads as the context it is
    """Our own callback address, as the running service answers it."""

    def __init__(self, platform: WeComPlatform) -> None:
        self._platform = platform

    async def __aenter__(self) -> str:
        async def verify(request: web.Request) -> web.Response:
            if "echostr" not in request.query:
                return web.Response(text="suicha wecom callback")
            return web.Response(body=self._platform.answer_echo(request.query))

        app = web.Application()
        app.router.add_get("/hooks/wecom", verify)
        self._server = TestServer(app)
        await self._server.start_server()
        return str(self._server.make_url("/hooks/wecom"))

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()


class _api:  # noqa: N801
    """The simulated WeCom with one call answered differently."""

    def __init__(self, rig: Rig, call: str, answer: object) -> None:
        self._rig, self._call, self._answer = rig, call, answer

    async def __aenter__(self) -> str:
        async def forward(request: web.Request) -> web.Response:
            url = f"{self._rig.settings.api_base}{request.path_qs}"
            async with self._rig.session.request(request.method, url, data=await request.read()) as answer:
                return web.Response(body=await answer.read(), content_type=answer.content_type)

        app = web.Application()
        app.router.add_get(f"/cgi-bin/{self._call}", self._answer)  # type: ignore[arg-type]
        app.router.add_route("*", "/{path:.*}", forward)
        self._server = TestServer(app)
        await self._server.start_server()
        return str(self._server.make_url("")).rstrip("/")

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()
