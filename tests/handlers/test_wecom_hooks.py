"""What reaches WeCom's callback address from strangers: the right status, nothing stored, nothing told."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr
from sqlmodel import func, select

from bot.app import SERVICE, make_app
from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.config_wecom import WeComSettings
from bot.core.db import Database
from bot.inspection.notices.models import InboxEvent
from bot.migrations import migrate
from bot.platforms.wecom import crypto
from tests.platforms.refusals import bad_seals
from tests.platforms.wecom.rig import ACCOUNT, AES_KEY

SECRET = SecretStr("a secret of sixteen characters")
COUNTY = {**ACCOUNT, "corp_id": "wwcounty00000001", "token": "CountyTok1", "api_base": "http://127.0.0.1:9"}
TEXT = (
    b"<xml><ToUserName>wwdemo0000000001</ToUserName><FromUserName>insp007</FromUserName><CreateTime>1</CreateTime>"
    b"<MsgType>text</MsgType><Content>hi</Content><MsgId>7300000000000000123</MsgId></xml>"
)
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<xml><Encrypt>&b;</Encrypt></xml>"
)


@dataclass
class Door:
    client: TestClient[Any, Any]
    db: Database
    clock: ManualClock

    async def knock(self, body: Any, query: dict[str, str] | None = None, path: str = "/hooks/wecom") -> int:
        async with self.client.post(path, params=query or self.query("x"), data=body) as answer:
            assert not (answer.status >= 400 and b"AES" in await answer.read())
            return answer.status

    def query(self, encrypt: str, *, token: str = str(ACCOUNT["token"]), stamp: int = 0) -> dict[str, str]:
        at = str(stamp or int(self.clock.now().timestamp()))
        return {"timestamp": at, "nonce": "n1", "msg_signature": crypto.signature(token, at, "n1", encrypt)}

    def stored(self) -> int:
        return self.db.read_now(lambda s: s.exec(select(func.count()).select_from(InboxEvent)).one())


@pytest.fixture
async def door(clock: ManualClock, tmp_path: Path) -> AsyncIterator[Door]:
    url = f"sqlite:///{tmp_path / 'suicha.db'}"
    database = Database(url, info={"audit_salt": "salt-for-tests-only"})
    migrate(database)
    settings = Settings(
        database_url=url, data_dir=tmp_path / "data", secret_key=SECRET, audit_salt=SECRET,
        wecom=WeComSettings(**ACCOUNT, api_base="http://127.0.0.1:9", timeout=0.2),
        wecom_more={"county": WeComSettings(**COUNTY, timeout=0.2)},
    )  # fmt: skip
    app = make_app(settings, clock=clock)
    async with TestClient(TestServer(app)) as client:
        yield Door(client, database, clock)
        await app[SERVICE].dispatcher.settle()
    database.close()


def seal(message: bytes = TEXT, receive_id: str = str(ACCOUNT["corp_id"])) -> str:
    return crypto.seal(message, aes_key=AES_KEY, receive_id=receive_id, prefix=b"0123456789abcdef")


def envelope(encrypt: str) -> bytes:
    return f"<xml><Encrypt>{encrypt}</Encrypt></xml>".encode()


def wrong_padding(sealed: str) -> str:
    """The same ciphertext without its last block, so that what is left ends in no padding."""
    return base64.b64encode(base64.b64decode(sealed)[:-16]).decode()


async def test_a_message_is_stored_once_however_often_it_comes(door: Door) -> None:
    encrypt = seal()
    for _ in range(3):
        assert await door.knock(envelope(encrypt), door.query(encrypt)) == 200
    assert door.stored() == 1


def signed(door: Door, sealed: str, **more: Any) -> tuple[bytes, dict[str, str]]:
    return envelope(sealed), door.query(sealed, **more)


def one_digit_off(door: Door) -> tuple[bytes, dict[str, str]]:
    body, query = signed(door, seal())
    last = query["msg_signature"][-1]
    return body, {**query, "msg_signature": query["msg_signature"][:-1] + ("0" if last != "0" else "1")}


def an_hour_ago(door: Door) -> tuple[bytes, dict[str, str]]:
    return signed(door, seal(), stamp=int(door.clock.now().timestamp()) - 3601)


Forgery = Callable[[Door], tuple[bytes, dict[str, str] | None]]
FORGERIES: dict[str, tuple[int, Forgery]] = {
    "one digit of the signature": (403, one_digit_off),
    "another receiveid": (403, lambda door: signed(door, seal(receive_id="wwother"))),
    "no padding": (403, lambda door: signed(door, wrong_padding(seal()))),
    "not base64": (403, lambda door: signed(door, "***")),
    "signed an hour ago": (403, an_hour_ago),
    "cut": (400, lambda door: (signed(door, seal())[0][:-20], None)),
    "an entity bomb": (400, lambda _: (BOMB, None)),
    "a bomb inside": (400, lambda door: signed(door, seal(BOMB))),
    "no UTF-8": (400, lambda _: (b"<xml><Encrypt>\xff\xfe\xfa</Encrypt></xml>", None)),
    "nothing": (400, lambda _: (b"", None)),
    "JSON of nothing": (403, lambda _: (b'{"encrypt":""}', None)),
    "5,000 levels": (400, lambda _: (b"<a>" * 5000, None)),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_stranger_gets_the_status_and_nothing_is_kept(door: Door, name: str) -> None:
    status, forge = FORGERIES[name]
    assert await door.knock(*forge(door)) == status
    assert door.stored() == 0


SEALS = bad_seals(crypto.decode_key(AES_KEY), str(ACCOUNT["corp_id"]), TEXT)


@pytest.mark.parametrize("fault", SEALS)
async def test_a_rightly_signed_forgery_leaves_nothing_and_tells_nothing(
    door: Door, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    body, query = signed(door, SEALS[fault])
    async with door.client.post("/hooks/wecom", params=query, data=body) as answer:
        assert (answer.status, await answer.read()) == (403, b"")
    assert door.stored() == 0
    assert not any(
        secret in caplog.text for secret in (SEALS[fault], AES_KEY, str(ACCOUNT["token"]), "insp007")
    )


async def test_fifty_megabytes_are_refused_after_the_first_one(door: Door) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(50):
            sent += 1 << 20
            yield b"x" * (1 << 20)

    try:
        status = await door.knock(endless())
    except (ConnectionError, OSError):
        status = 413  # the door was shut while we were still pushing
    assert status == 413
    assert sent < 50 << 20
    assert await door.knock(io.BytesIO(b"x" * ((1 << 20) + 1))) == 413
    assert door.stored() == 0


async def test_only_what_somebody_could_look_at_has_the_headers_of_a_page(door: Door) -> None:
    body, query = signed(door, seal())
    async with door.client.post("/hooks/wecom", params=query, data=body) as stored:
        assert (stored.status, await stored.read()) == (200, b"")
        assert "Content-Security-Policy" not in stored.headers
    async with door.client.get("/hooks/wecom") as looked:
        assert looked.headers["Content-Security-Policy"]
    async with door.client.post("/hooks/wecom/nobody", params=query, data=body) as refused:
        assert refused.status == 404
        assert refused.headers["X-Content-Type-Options"] == "nosniff"


async def test_each_corp_has_an_address_and_keys_of_its_own(door: Door) -> None:
    sealed = seal(receive_id="wwcounty00000001")
    query = door.query(sealed, token="CountyTok1")
    assert await door.knock(envelope(sealed), query) == 403  # the city's keys do not open the county's
    assert await door.knock(envelope(sealed), query, "/hooks/wecom/county") == 200
    assert await door.knock(envelope(sealed), query, "/hooks/wecom/nobody") == 404
    platforms = door.db.read_now(lambda s: list(s.exec(select(InboxEvent.platform))))
    assert platforms == ["wecom-county"]


async def test_the_same_message_in_two_corps_is_two_events(door: Door) -> None:
    for path, token, corp in (
        ("", str(ACCOUNT["token"]), str(ACCOUNT["corp_id"])),
        ("/county", "CountyTok1", "wwcounty00000001"),
    ):
        sealed = seal(receive_id=corp)
        assert (
            await door.knock(envelope(sealed), door.query(sealed, token=token), f"/hooks/wecom{path}") == 200
        )
    assert door.stored() == 2
