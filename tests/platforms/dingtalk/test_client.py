"""Tokens, time-outs and odd answers, against a server that answers as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from bot.core.clock import ManualClock
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.dingtalk.client import DingTalkClient
from tests.platforms.dingtalk.rig import CLIENT_SECRET, START, settings_for

PATH = "/v1.0/robot/oToMessages/batchSend"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Scripted:
    """Gives out numbered tokens and answers every other call by the next of ``answers``."""

    def __init__(self) -> None:
        self.tokens = 0
        self.token_answer: web.Response | None = None
        self.answers: list[Answer | tuple[int, Any]] = []
        self.seen: list[str] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1.0/oauth2/accessToken", self._token)
        app.router.add_get("/gettoken", self._token)
        app.router.add_route("*", "/{rest:.*}", self._any)
        return app

    async def _token(self, _request: web.Request) -> web.Response:
        await asyncio.sleep(0)  # long enough for a second caller to come
        self.tokens += 1
        if self.token_answer is not None:
            return self.token_answer
        value = f"token-{self.tokens}"
        return web.json_response({"accessToken": value, "access_token": value, "expireIn": 7200})

    async def _any(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("x-acs-dingtalk-access-token") or request.query.get("access_token", "")
        self.seen.append(token)
        answer = self.answers.pop(0) if self.answers else (200, {"ok": True})
        if not isinstance(answer, tuple):
            return await answer(request)
        status, body = answer
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        return web.json_response(body, status=status)


class Bench:
    def __init__(self, server: Scripted, client: DingTalkClient, clock: ManualClock, base: str) -> None:
        self.server, self.client, self.clock, self.base = server, client, clock, base

    async def send(self) -> dict[str, Any]:
        return await self.client.api("POST", PATH, body={"a": "中"})

    async def fails(self) -> PlatformError:
        with pytest.raises(PlatformError) as caught:
            await self.send()
        return caught.value


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    server, clock = Scripted(), ManualClock(START)
    listening = TestServer(server.app())
    await listening.start_server()
    base = str(listening.make_url("")).rstrip("/")
    async with aiohttp.ClientSession() as session:
        yield Bench(server, DingTalkClient(settings_for(base, timeout=0.5), clock, session), clock, base)
    await listening.close()


async def test_a_token_is_fetched_once_for_many_callers_and_again_before_it_ends(bench: Bench) -> None:
    await asyncio.gather(*(bench.send() for _ in range(5)))
    assert bench.server.tokens == 1
    bench.clock.advance(seconds=6899)
    await bench.send()
    assert bench.server.tokens == 1
    bench.clock.advance(seconds=1)
    await bench.send()
    assert bench.server.tokens == 2


@pytest.mark.parametrize(
    "refusal",
    [
        (400, {"code": "InvalidAuthentication"}),
        (401, {"code": "something.new"}),
        (200, {"errcode": 40014}),
        (200, {"errcode": 88, "sub_code": "42001"}),
    ],
)
async def test_a_refused_token_is_replaced_once_and_the_call_repeated_once(
    bench: Bench, refusal: tuple[int, Any]
) -> None:
    bench.server.answers = [refusal]
    assert await bench.send() == {"ok": True}
    assert bench.server.seen == ["token-1", "token-2"]
    bench.server.answers = [refusal, refusal]
    assert (await bench.fails()).cls is ErrorClass.TOKEN


async def test_the_old_api_takes_its_token_in_the_query(bench: Bench) -> None:
    bench.server.answers = [(200, {"errcode": "0", "errmsg": "ok"})]  # errcode may be a string
    assert (await bench.client.oapi("GET", "/auth/scopes"))["errmsg"] == "ok"
    assert bench.server.seen == ["token-1"]


@pytest.mark.parametrize(
    ("answer", "code", "cls"),
    [
        ((200, {"errcode": -1, "errmsg": "系统繁忙"}), "-1", ErrorClass.RETRY),
        ((200, {"errcode": "90020", "errmsg": "quota"}), "90020", ErrorClass.QUOTA),
        ((200, {"errcode": 88, "sub_code": "90018"}), "90018", ErrorClass.RETRY),
        ((200, {"errcode": 88, "sub_code": ""}), "88", ErrorClass.UNKNOWN),
        ((400, {"code": "contain.unsafe.url"}), "contain.unsafe.url", ErrorClass.BUG),
        ((500, {"code": "system.busy", "message": "busy"}), "system.busy", ErrorClass.RETRY),
        ((502, "<html>bad gateway</html>"), "http.502", ErrorClass.RETRY),
        ((504, "<html>time-out</html>"), "http.504", ErrorClass.UNKNOWN),
        ((200, "<html>blocked</html>"), "1111", ErrorClass.RETRY),
        ((200, {"status": 1111, "wait": 5, "source": "x5", "punish": "deny"}), "1111", ErrorClass.RETRY),
        ((200, [1, 2]), "1111", ErrorClass.RETRY),
    ],
)
async def test_every_shape_of_refusal_has_its_class(
    bench: Bench, answer: tuple[int, Any], code: str, cls: ErrorClass
) -> None:
    bench.server.answers = [answer]
    error = await bench.fails()
    assert (error.code, error.cls) == (code, cls)


async def test_no_answer_after_the_request_left_is_an_unknown_outcome(bench: Bench) -> None:
    held = asyncio.Event()

    async def never(_request: web.Request) -> web.Response:
        await held.wait()
        return web.Response()

    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    bench.server.answers = [never, cut]
    assert (await bench.fails()).cls is ErrorClass.UNKNOWN
    held.set()
    assert (await bench.fails()).cls is ErrorClass.UNKNOWN


async def test_a_token_that_does_not_come_means_that_nothing_was_sent(bench: Bench) -> None:
    bench.server.token_answer = web.Response(status=504)
    assert (await bench.fails()).cls is ErrorClass.RETRY
    bench.server.token_answer = web.json_response({"accessToken": None})
    assert (await bench.fails()).cls is ErrorClass.RETRY
    bench.server.token_answer = web.json_response({"code": "invalidClientIdOrSecret"}, status=400)
    assert (await bench.fails()).cls is ErrorClass.CHANNEL
    assert bench.server.seen == []


async def test_a_connection_that_cannot_be_made_is_safe_to_repeat(unused_tcp_port: int) -> None:
    async with aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{unused_tcp_port}"
        client = DingTalkClient(settings_for(base), ManualClock(START), session)
        with pytest.raises(PlatformError) as caught:
            await client.webhook(URL(f"{base}/robot/send?access_token=webhook-secret"), {})
    assert caught.value.cls is ErrorClass.RETRY
    assert "webhook-secret" not in f"{caught.value!r}{caught.value.__cause__!r}"


async def test_errors_hold_no_secret(bench: Bench) -> None:
    quoted = {"errcode": 40035, "errmsg": f"bad {CLIENT_SECRET}", "request_id": "r-1"}
    bench.server.answers = [(200, quoted)]
    error = await bench.fails()
    assert CLIENT_SECRET not in str(error)
    assert "r-1" in str(error)


async def test_a_file_that_is_too_long_is_not_read_to_its_end(bench: Bench) -> None:
    async def long(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_000, content_type="image/png")

    bench.server.answers = [long, long, (404, "gone")]
    assert await bench.client.download(f"{bench.base}/f", limit=100_000) == (b"x" * 100_000, "image/png")
    for code in ("media.tooLarge", "http.404"):
        with pytest.raises(PlatformError) as caught:
            await bench.client.download(f"{bench.base}/f", limit=99_999)
        assert caught.value.code == code
