"""The attacker: whatever is sent is refused, is never an error of ours, and leaves no secret in the logs."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.app import make_app
from bot.core.config import Settings
from bot.core.config_dingtalk import DingTalkSettings
from bot.core.config_wecom import WeComSettings
from bot.core.db import Database
from bot.core.log import _shorten, redact
from bot.migrations import migrate

SECRET = "hunter2-hunter2-hunter2"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path / 'suicha.db'}"
    database = Database(url)
    migrate(database)
    database.close()
    block = WeComSettings.model_validate(
        {
            "corp_id": "ww1", "agent_id": 1, "secret": SECRET, "token": "token", "aes_key": "a" * 43,
            "api_base": "http://127.0.0.1:1",
        }
    )  # fmt: skip
    return Settings(
        _env_file=None, database_url=url, data_dir=tmp_path / "data", wecom=block, tick_seconds=3600,
        secret_key=SECRET, audit_salt=SECRET,
    )  # fmt: skip


HOOK = "/hooks/wecom"
SIGNED = f"{HOOK}?msg_signature=%E4%B8%AD&timestamp=1&nonce=1"


async def test_garbage_is_refused_and_never_an_error_of_ours(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    long, token = "A" * 5000, "TOKENtokenTOKEN.abc.def"
    async with TestClient(TestServer(make_app(settings))) as client:
        for method, path, body, status in (
            ("GET", HOOK, None, 200), ("GET", f"{HOOK}?echostr=x", None, 403), ("POST", HOOK, b"garbage", 400),
            ("POST", SIGNED, b"<xml><Encrypt>zz</Encrypt></xml>", 403), ("POST", SIGNED, io.BytesIO(b"x" * 2_000_000), 413),
            ("OPTIONS", HOOK, None, 405), ("GET", f"/static/{long}", None, 404), ("GET", "/metrics", None, 404),
            ("GET", "/static/..%2f..%2fpyproject.toml", None, 404), ("GET", "/static/%00", None, 404),
            ("GET", "/visit/%00", None, 404), ("GET", "/public?q=%00", None, 404),
        ):  # fmt: skip
            async with client.request(method, path, data=body) as answer:
                assert answer.status == status, (method, path[:40])
        for page in ("press", "form", "file", "review", "enterprise", "console"):
            for value in (token, "%00", "%ff", "a%2Fb", "中文", long):
                for method in ("GET", "HEAD", "POST", "OPTIONS"):
                    async with client.request(method, f"/{page}/{value}") as answer:
                        assert 400 <= answer.status < 500, (method, page, value[:20], answer.status)
    assert "page_failed" not in caplog.text
    assert token not in caplog.text


@pytest.mark.parametrize("nines", [20, 2700])
async def test_a_number_that_no_row_can_have_is_not_found_on_every_address(
    settings: Settings, caplog: pytest.LogCaptureFixture, nines: int
) -> None:
    app = make_app(settings)
    tried = set()
    async with TestClient(TestServer(app)) as client:
        for route in app.router.routes():
            resource = route.resource
            if resource is None or "{" not in resource.canonical or route.method == "OPTIONS":
                continue
            path = re.sub(r"{[^}]*}", "9" * nines, resource.canonical)
            async with client.request(route.method, path) as answer:
                assert 400 <= answer.status < 500, (route.method, resource.canonical, answer.status)
            tried.add(resource.canonical)
    assert {"/console/tasks/{task_id}", "/form/{token}/photo/{id}", "/file/{token}"} <= tried
    assert "page_failed" not in caplog.text


_PARTS = "multipart/form-data; boundary=x"
_ODD = b'--x\r\nContent-Disposition: form-data; name="code"\r\nContent-Transfer-Encoding: no-such\r\n\r\na\r\n--x--\r\n'
BROKEN = {
    "no boundary": ("multipart/form-data", b"a"),
    "boundary missing in the body": (_PARTS, b"a"),
    "unknown charset": ("application/x-www-form-urlencoded; charset=no-such", b"a=b"),
    "not in its charset": ("application/x-www-form-urlencoded; charset=utf-8", b"a=\xff"),
    "unknown transfer encoding": (_PARTS, _ODD),
    "forms in a form": (
        _PARTS,
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--\r\n",
    ),
    "half a number in JSON": ("application/json", b'{"a": 1'),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_form_that_is_none_is_refused_by_every_address_that_takes_one(
    settings: Settings, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """Bug: ``/entry/bind`` and the logins answered such bodies with an apology and a traceback in the log."""
    content_type, body = BROKEN[kind]
    dingtalk = DingTalkSettings.model_validate(
        {"client_id": "ding1", "client_secret": SECRET, "corp_id": "dingcorp1", "api_base": "http://127.0.0.1:1"}
    )  # fmt: skip
    app, tried = make_app(settings.model_copy(update={"dingtalk": dingtalk})), set()
    async with TestClient(TestServer(app)) as client:
        headers = {"Content-Type": content_type, "Origin": str(client.make_url("/")).rstrip("/")}
        for route in app.router.routes():
            if route.resource is not None and route.method in ("POST", "*"):
                path = re.sub(r"{[^}]*}", "7", route.resource.canonical)
                async with client.post(path, data=body, headers=headers) as answer:
                    assert 400 <= answer.status < 500, (path, answer.status)
                tried.add(path)
    assert {"/entry/bind", "/dingtalk/login"} <= tried
    assert "page_failed" not in caplog.text


def test_forms_are_read_in_one_place() -> None:
    """Whatever lies behind a login or a bound phone refuses a broken form like the addresses above."""
    handlers = Path(__file__).resolve().parents[1] / "handlers"
    reading = [
        path.name for path in handlers.rglob("*.py") if "request.post()" in path.read_text(encoding="utf-8")
    ]
    assert reading == ["pages.py"]


async def test_a_form_of_hundreds_of_megabytes_is_refused_before_it_is_read(settings: Settings) -> None:
    async with TestServer(make_app(settings)) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(f"POST {SIGNED} HTTP/1.1\r\nHost: x\r\nContent-Length: 314572800\r\n\r\n".encode())
        status = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
    assert b" 413 " in status


async def test_what_is_not_http_is_one_line_in_the_log(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = io.StringIO()
    handler, logger = logging.StreamHandler(said), logging.getLogger("aiohttp.server")
    monkeypatch.setattr(logger, "filters", [_shorten])
    logger.addHandler(handler)
    try:
        async with TestClient(TestServer(make_app(settings))) as client:
            answer = await client.get("/healthz", headers={"X": f"session={SECRET}" * 900})
            assert answer.status == 400
    finally:
        logger.removeHandler(handler)
    assert "Traceback" not in said.getvalue()
    assert SECRET not in said.getvalue()


def test_the_tokens_of_links_are_hidden_in_what_is_logged() -> None:
    address = "https://a.example/form/WzEsMl0.aSBz_w.0123456789abcdef/submit?code=abc"
    assert redact(address) == "https://a.example/form/***/submit?code=***"


async def test_an_export_of_the_settings_never_shows_a_secret(settings: Settings) -> None:
    assert SECRET not in repr(settings)
    assert SECRET not in json.dumps(settings.model_dump(mode="json"))
