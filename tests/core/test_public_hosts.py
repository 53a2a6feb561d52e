"""An address that a stranger wrote down is called only where it may be called."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from bot.core.errors import Problem
from bot.core.public_hosts import PublicResolver, check_address, is_public
from bot.platforms.base import ErrorClass, OutboundMessage, PlatformError
from bot.platforms.wecom.enterprise_robot import EnterpriseRobots

HOSTS = ["qyapi.weixin.qq.com"]
NOTE = OutboundMessage(title="整改通知", body="请于 3 月 20 日前整改")


class Names(AbstractResolver):
    """Answers in order, the last one for ever; counts."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0)
            for one in found
        ]

    async def close(self) -> None:
        return None


@pytest.mark.parametrize(
    "url",
    [
        "http://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1",
        "https://qyapi.weixin.qq.com.evil.example/x",
        "https://evil.example/?qyapi.weixin.qq.com",
        "https://qyapi.weixin.qq.com@evil.example/",
        "https://user@qyapi.weixin.qq.com/",
        "https://qyapi.weixin.qq.com:8443/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "file:///etc/passwd",
        "//qyapi.weixin.qq.com/",
        "https://",
        "",
        "https://qyapi.weixin.qq.com\\@evil.example/",
    ],
)
def test_an_address_that_is_not_on_the_list_is_refused(url: str) -> None:
    with pytest.raises(Problem) as refused:
        check_address(url, HOSTS)
    assert refused.value.key == "host_refused"


def test_an_address_on_the_list_is_taken_in_any_case() -> None:
    assert check_address("https://QYAPI.weixin.qq.com/cgi-bin/webhook/send?key=1", HOSTS).query["key"] == "1"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False),
        ("192.168.1.1", False), ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("::1", False),
        ("fc00::1", False), ("fe80::1%eth0", False), ("::ffff:127.0.0.1", False), ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False), ("224.0.0.1", False), ("255.255.255.255", False), ("nonsense", False), ("", False),
    ],
)  # fmt: skip
def test_only_public_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], []])
async def test_a_name_that_leads_inside_is_refused(found: list[str]) -> None:
    with pytest.raises(OSError, match="public"):
        await PublicResolver(Names(found)).resolve("qyapi.weixin.qq.com")


def robots(
    names: Names, url: str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1"
) -> EnterpriseRobots:
    async def url_of(_robot: str) -> str:
        return url

    return EnterpriseRobots(url_of, hosts=HOSTS, resolver=names, timeout=2.0)


async def failure(platform: EnterpriseRobots) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await platform.send("r1", NOTE)
    await platform.close()
    return caught.value


async def test_a_robot_whose_name_leads_inside_is_that_contacts_end() -> None:
    error = await failure(robots(Names(["10.0.0.1"])))
    assert (error.code, error.cls) == ("robot_host", ErrorClass.RECIPIENT)


async def test_a_name_that_changes_between_two_looks_is_looked_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: what was checked is what is connected to."""
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    tried: list[str] = []

    async def connect(*_: Any, addr_infos: Any, **__: Any) -> Any:
        tried.extend(info[4][0] for info in addr_infos)
        raise OSError(111, "refused")

    monkeypatch.setattr("aiohappyeyeballs.start_connection", connect)
    await failure(robots(names))
    assert (names.asked, tried) == (1, ["8.8.8.8"])


class Loopback(PublicResolver):
    """What a test may do and the program may not."""

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return await Names(["127.0.0.1"]).resolve(host, port, family)


async def _served(handler: Any) -> tuple[TestServer, list[bytes]]:
    bodies: list[bytes] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.read())
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    server = TestServer(app)
    await server.start_server()
    return server, bodies


async def _through(
    handler: Any, monkeypatch: pytest.MonkeyPatch
) -> tuple[EnterpriseRobots, TestServer, list[bytes]]:
    server, bodies = await _served(handler)
    monkeypatch.setattr("bot.core.public_hosts.PublicResolver", Loopback)
    monkeypatch.setattr("bot.core.public_hosts.is_public", lambda _address: True)

    async def url_of(_robot: str) -> str:
        return f"http://qyapi.weixin.qq.com:{server.port}/send"

    platform = EnterpriseRobots(
        url_of, hosts=HOSTS, timeout=1.0, check=lambda url, _hosts: aiohttp.client.URL(url)
    )
    return platform, server, bodies


async def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect("/inside")

    platform, server, bodies = await _through(away, monkeypatch)
    error = await failure(platform)
    await server.close()
    assert (error.code, error.cls, len(bodies)) == ("http_307", ErrorClass.RECIPIENT, 1)


@pytest.mark.parametrize(
    ("answer", "code", "cls"),
    [
        ('{"errcode":0}', "", None),
        ('{"errcode":93000,"errmsg":"x"}', "93000", ErrorClass.RECIPIENT),
        ('{"errcode":45009}', "45009", ErrorClass.QUOTA),
        ("<html>", "not_json", ErrorClass.RECIPIENT),
        ("[]", "not_json", ErrorClass.RECIPIENT),
    ],
)
async def test_what_a_robot_answers_has_its_class(
    monkeypatch: pytest.MonkeyPatch, answer: str, code: str, cls: ErrorClass | None
) -> None:
    async def say(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=answer)

    platform, server, bodies = await _through(say, monkeypatch)
    if cls is None:
        await platform.send("r1", NOTE)
        await platform.close()
        assert "请于 3 月 20 日前整改" in bodies[0].decode()
    else:
        error = await failure(platform)
        assert (error.code, error.cls) == (code, cls)
    await server.close()


async def test_an_answer_that_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 1024)
            await asyncio.sleep(0)

    platform, server, _ = await _through(drip, monkeypatch)
    assert (await failure(platform)).code in ("not_json", "no_answer")
    await server.close()


async def test_an_answer_in_pieces_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slowly(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for piece in (b'{"errcode"', b":93000", b"}"):
            await answer.write(piece)
            await asyncio.sleep(0.01)  # a packet of its own
        return answer

    platform, server, _ = await _through(slowly, monkeypatch)
    assert (await failure(platform)).code == "93000"
    await server.close()


async def test_an_answer_without_an_end_is_read_no_further_than_its_cap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse()
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):
            while sent < 50 << 20:
                await answer.write(b"x" * 65536)
                sent += 65536
        return answer

    platform, server, _ = await _through(endless, monkeypatch)
    error = await failure(platform)
    await server.close()
    assert (error.code, error.cls) == ("not_json", ErrorClass.RECIPIENT)
    assert sent < 50 << 20
