"""Callbacks of the simulated WeCom: sealed, pushed, pushed again; and the passive replies that come back.

Sheet sections 1.2 to 1.8.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import aiohttp

from bot.platforms.wecom.crypto import CallbackError, open_envelope, seal, signature
from bot.simulator.acts import NotDelivered
from bot.simulator.faults import Fault, FaultPlan
from bot.simulator.people import World
from bot.simulator.wecom_state import Account

_TRIES = 3
_WHOLE_NAMES = {"KeyName", "UserId", "AppId", "PagePath"}  # JSON writes these without an underscore
_LISTS = {"OptionList", "SelectList", "JumpList", "ButtonList", "ActionList"}
_LISTS |= {"HorizontalContentList", "VerticalContentList"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")  # what XML cannot hold


def xml(fields: Mapping[str, Any]) -> bytes:
    """A message with every text in CDATA; a value may be an element, a list repeats its name."""
    return f"<xml>{_inner(fields)}</xml>".encode()


def selected_items(selected: Mapping[str, list[str]]) -> dict[str, Any]:
    """What was chosen, as it stands in a card's event; nothing when there was no question."""
    if not selected:
        return {}
    items = [
        {"QuestionKey": question, "OptionIds": {"OptionId": options}}
        for question, options in selected.items()
    ]
    return {"SelectedItems": {"SelectedItem": items}}


def _inner(fields: Mapping[str, Any]) -> str:
    return "".join(
        _element(name, one)
        for name, value in fields.items()
        for one in (value if isinstance(value, list) else [value])
    )


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"<{name}>{_inner(value)}</{name}>"
    text = _CONTROL.sub("", value).replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{text}]]></{name}>"


class Callbacks:
    """Pushes one app's callbacks to the service under test."""

    def __init__(self, world: World, faults: FaultPlan, account: Account, *, resend_after: float) -> None:
        self._world = world
        self._faults = faults
        self._account = account
        self._resend_after = resend_after
        self._session: aiohttp.ClientSession | None = None

    async def push(self, fields: dict[str, Any]) -> ET.Element | None:
        """Deliver one message and return the decrypted passive reply, if any. Raise NotDelivered."""
        plaintext = xml(fields)
        fault = self._faults.inbound()
        if fault is Fault.DELAYED:
            await asyncio.sleep(self._faults.delay)
        answer = await self._deliver(plaintext)
        if fault is Fault.TWICE:
            await self._deliver(plaintext)
        return self._open_reply(answer)

    async def verify(self) -> None:
        """Do what saving the callback form does. Raise NotDelivered."""
        echo = str(secrets.randbelow(10**19)).encode()
        sealed, query = self._seal(echo)
        answer = await self._request("GET", params=query | {"echostr": sealed})
        if answer != echo:
            raise NotDelivered("URL 校验未通过")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, plaintext: bytes) -> bytes:
        """Push until it is acknowledged with 200: the same plaintext, sealed anew for each try."""
        loop = asyncio.get_running_loop()
        for again in range(1, _TRIES + 1):
            due = loop.time() + self._resend_after
            encrypt, query = self._seal(plaintext)
            envelope = {"ToUserName": self._account.corp_id, "AgentID": str(self._account.agent_id)}
            answer = await self._request("POST", params=query, data=xml(envelope | {"Encrypt": encrypt}))
            if answer is not None:
                return answer
            if again < _TRIES:
                await asyncio.sleep(max(0.0, due - loop.time()))
        raise NotDelivered("服务没有确认收到")

    def _seal(self, plaintext: bytes) -> tuple[str, dict[str, str]]:
        account = self._account
        prefix = secrets.token_bytes(16)
        encrypt = seal(plaintext, aes_key=account.aes_key, receive_id=account.corp_id, prefix=prefix)
        timestamp, nonce = str(int(self._world.now())), str(secrets.randbelow(10**9))
        signed = signature(account.token, timestamp, nonce, encrypt)
        return encrypt, {"msg_signature": signed, "timestamp": timestamp, "nonce": nonce}

    async def _request(self, method: str, **request: Any) -> bytes | None:
        """The body of a 200 within the time, else None."""
        if self._session is None:
            # WeCom keeps no connection to us; a kept one would also hide that the service restarted
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        timeout = aiohttp.ClientTimeout(total=self._resend_after)
        headers = {"Content-Type": "text/xml"}
        try:
            async with self._session.request(
                method, self._account.callback_url, timeout=timeout, headers=headers, **request
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return None
        return body if response.status == 200 else None

    def _open_reply(self, body: bytes) -> ET.Element | None:
        """The message inside a passive reply; a body that is no XML is ignored. Raise NotDelivered."""
        if not body.lstrip().startswith(b"<"):
            return None
        try:
            return ET.fromstring(self._unseal(ET.fromstring(body)))  # noqa: S314 - from the service under test
        except (ET.ParseError, CallbackError) as wrong:
            raise NotDelivered(f"被动回复解不开：{type(wrong).__name__}") from wrong

    def _unseal(self, outer: ET.Element) -> bytes:
        account = self._account
        return open_envelope(
            outer.findtext("Encrypt", ""),
            token=account.token,
            aes_key=account.aes_key,
            receive_id=account.corp_id,
            msg_signature=outer.findtext("MsgSignature", ""),
            timestamp=outer.findtext("TimeStamp", ""),
            nonce=outer.findtext("Nonce", ""),
        )


def card_of_reply(element: ET.Element) -> dict[str, Any]:
    """A passive reply's TemplateCard with the names that JSON uses; lists are repeated elements."""
    card: dict[str, Any] = {}
    for child in element:
        name = child.tag.lower() if child.tag in _WHOLE_NAMES else _snake(child.tag)
        value: Any = card_of_reply(child) if len(child) else (child.text or "").strip()
        if name in ("type", "style", "desc_color"):
            value = int(value)
        if child.tag in _LISTS:
            card.setdefault(name, []).append(value)
        else:
            card[name] = value
    return card


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
