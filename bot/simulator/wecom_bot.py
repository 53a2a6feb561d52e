"""The simulated smart bot: its long connection, its webhook, and the people who talk to it. Sheet section 4."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from bot.platforms.wecom.crypto import seal_media
from bot.simulator.acts import NotDelivered
from bot.simulator.faults import Fault, FaultPlan
from bot.simulator.people import SimMessage, World
from bot.simulator.wecom_bot_answers import Answers
from bot.simulator.wecom_bot_state import BotAccount, BotLedger
from bot.simulator.wecom_bot_webhook import Webhook
from bot.simulator.wecom_state import ApiError, Ledger

_NOT_CARRIED_OUT = (Fault.LOST, Fault.RESET, Fault.SERVER_ERROR)


class BotServer:
    """One bot. ``socket`` is the subscribed connection, if any."""

    def __init__(
        self, world: World, faults: FaultPlan, ledger: Ledger, account: BotAccount, *, base_url: str, patience: float = 5.0
    ) -> None:  # fmt: skip
        self._world, self._faults, self.account = world, faults, account
        self._ledger, self._base_url = ledger, base_url
        self.memory = BotLedger(world, ledger, account)
        self.answers = Answers(world, ledger, self.memory)
        self.socket: web.WebSocketResponse | None = None
        self.subscribed = asyncio.Event()
        self.frames: list[dict[str, Any]] = []  # everything the service sent, for tests
        self._pongs: dict[bytes, asyncio.Future[None]] = {}
        self.webhook = Webhook(
            world, account, self.answers, self.memory, base_url=base_url, patience=patience
        )

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/bot", self.connect),
            web.get("/bot-file/{media_id}", self.file),
            web.post("/cgi-bin/aibot/response", self.webhook.response_url),
        ]

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        await self.webhook.close()

    # -- what a person does ----------------------------------------------------------------------------

    async def say(self, user_id: str, text: str, *, group: str = "") -> None:
        words = f"@{self.account.name} {text}" if group else text
        self._world.post("wecom", group or user_id, "text", {"content": text}, mine=True)
        await self._message(user_id, {"msgtype": "text", "text": {"content": words}}, group=group)

    async def send_photo(self, user_id: str, body: bytes, media_type: str) -> None:
        media_id = self._ledger.add_media(body, media_type, f"photo.{media_type.rpartition('/')[2]}")
        self._world.post("wecom", user_id, "image", {"msgtype": "image", "media_id": media_id}, mine=True)
        await self._message(user_id, {"msgtype": "image", "image": self.attachment(media_id)})

    async def send_mixed(self, user_id: str, items: list[dict[str, Any]]) -> None:
        await self._message(user_id, {"msgtype": "mixed", "mixed": {"msg_item": items}})

    async def send_raw(self, user_id: str, body: dict[str, Any]) -> None:
        await self._message(user_id, body)

    async def open_chat(self, user_id: str) -> None:
        self.memory.met(user_id)
        body = {"msgtype": "event", "event": {"eventtype": "enter_chat"}}
        await self._deliver(
            "aibot_event_callback", self.memory.opened("enter", user_id, user_id), user_id, body
        )

    async def press(self, user_id: str, card: SimMessage, key: str, selected: dict[str, list[str]]) -> None:
        chosen = [
            {"question_key": question, "option_ids": {"option_id": options}}
            for question, options in selected.items()
        ]
        event = {
            "card_type": card.content["card_type"], "event_key": key, "task_id": card.card_id,
            **({"selected_items": {"selected_item": chosen}} if chosen else {}),
        }  # fmt: skip
        body = {
            "msgtype": "event",
            "event": {"eventtype": "template_card_event", "template_card_event": event},
        }
        req_id = self.memory.opened("card", user_id, user_id, card.card_id)
        await self._deliver("aibot_event_callback", req_id, user_id, body)

    def attachment(self, media_id: str) -> dict[str, str]:
        """A file's address for five minutes, and over the socket the key that opens it."""
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        code = secrets.token_urlsafe(16)
        until = self._world.now() + 300
        self._world.remember(f"wecom:bot:file:{code}", {"media": media_id, "key": key, "until": until})
        file = {"url": f"{self._base_url}/bot-file/{code}"}
        return file | ({"aeskey": key.rstrip("=")} if self.account.secret else {})

    async def file(self, request: web.Request) -> web.Response:
        """The encrypted file; its name stands in the disposition."""
        known = self._world.facts.get(f"wecom:bot:file:{request.match_info['media_id']}")
        if not known or known["until"] < self._world.now():
            raise web.HTTPForbidden
        body, _type, name = self._ledger.media(known["media"])
        key = known["key"] if self.account.secret else self.account.aes_key
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=seal_media(body, key), headers=headers)

    async def _message(self, user_id: str, body: dict[str, Any], *, group: str = "") -> None:
        self.memory.met(group or user_id)
        req_id = self.memory.opened("msg", group or user_id, user_id)
        more = {"chatid": group, "chattype": "group"} if group else {"chattype": "single"}
        await self._deliver("aibot_msg_callback", req_id, user_id, body | more)

    async def _deliver(self, cmd: str, req_id: str, user_id: str, body: dict[str, Any]) -> None:
        """Push to the service; returns when it has read the frame, or answered the webhook. Raise NotDelivered."""
        whole = {
            "msgid": f"MSG-{req_id}", "create_time": int(self._world.now()), "aibotid": self.account.bot_id,
            "chattype": "single", "from": {"userid": user_id}, **body,
        }  # fmt: skip
        fault = self._faults.inbound()
        if fault is Fault.DELAYED:
            await asyncio.sleep(self._faults.delay)
        if self.account.callback_url:
            await self.webhook.deliver(req_id, whole)
            return
        for _ in range(2 if fault is Fault.TWICE else 1):
            await self._over_socket({"cmd": cmd, "headers": {"req_id": req_id}, "body": whole})

    async def _over_socket(self, frame: dict[str, Any]) -> None:
        socket = self.socket
        if socket is None or socket.closed:
            raise NotDelivered("机器人没有连上")
        mark = secrets.token_bytes(8)
        self._pongs[mark] = pong = asyncio.get_running_loop().create_future()
        try:
            await socket.send_str(json.dumps(frame, ensure_ascii=False))
            await socket.ping(mark)  # its pong says that the frame before it was read
            async with asyncio.timeout(5):
                await pong
        except (ConnectionError, TimeoutError, aiohttp.ClientError):
            raise NotDelivered("机器人没有读到") from None
        finally:
            del self._pongs[mark]

    # -- the long connection ---------------------------------------------------------------------------

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, max_msg_size=4 << 20)
        await socket.prepare(request)
        try:
            async for message in socket:
                if message.type is WSMsgType.PONG:
                    if (pong := self._pongs.get(bytes(message.data))) is not None and not pong.done():
                        pong.set_result(None)
                elif message.type is WSMsgType.PING:
                    await socket.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    await self._request(socket, message.data)
        finally:
            if self.socket is socket:
                self.socket = None
                self.subscribed.clear()
        return socket

    async def _request(self, socket: web.WebSocketResponse, text: str) -> None:
        try:
            frame = json.loads(text)
            cmd, req_id = frame["cmd"], frame["headers"]["req_id"]
        except (ValueError, KeyError, TypeError):
            await socket.close()
            return
        self.frames.append(frame)
        fault = self._faults.outbound() if cmd not in ("aibot_subscribe", "ping") else None
        if fault in (Fault.RESET, Fault.SERVER_ERROR):
            await socket.close()
        if fault in _NOT_CARRIED_OUT:
            return
        answer = await self._answer(socket, cmd, req_id, frame.get("body") or {}, fault)
        if fault is Fault.SLOW:
            await asyncio.sleep(self._faults.hold / 3)
        if fault is not Fault.LATE_ANSWER:
            whole = {"headers": {"req_id": req_id}, "errcode": 0, "errmsg": "ok", **answer}
            await socket.send_str(json.dumps(whole, ensure_ascii=False))

    async def _answer(
        self, socket: web.WebSocketResponse, cmd: str, req_id: str, body: dict[str, Any], fault: Fault | None
    ) -> dict[str, Any]:
        try:
            if fault is Fault.BUSY:
                raise ApiError(-1, "system busy")
            if fault in (Fault.RATE_LIMIT, Fault.QUOTA_GONE):
                raise ApiError(45009, "api freq out of limit")
            if cmd == "aibot_subscribe":
                await self._subscribe(socket, body)
                return {}
            if socket is not self.socket or fault is Fault.DEAD_TOKEN:
                raise ApiError(846609, "not subscribed")
            return self._carry_out(cmd, req_id, body)
        except ApiError as error:
            return {"errcode": error.code, "errmsg": error.text}

    async def _subscribe(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        """The newest connection wins: the old one is told, and closed."""
        if not self._ledger.allows("bot:subscribe", minute=60):
            raise ApiError(45009, "subscribe too often")
        if (body.get("bot_id"), body.get("secret")) != (self.account.bot_id, self.account.secret):
            raise ApiError(853000, "invalid bot_id or secret")
        old, self.socket = self.socket, socket
        self.subscribed.set()
        if old is not None and old is not socket and not old.closed:
            event = {"msgid": secrets.token_hex(8), "msgtype": "event", "aibotid": self.account.bot_id,
                     "event": {"eventtype": "disconnected_event"}}  # fmt: skip
            frame = {
                "cmd": "aibot_event_callback",
                "headers": {"req_id": secrets.token_hex(8)},
                "body": event,
            }
            await old.send_str(json.dumps(frame))
            await old.close()

    def _carry_out(self, cmd: str, req_id: str, body: dict[str, Any]) -> dict[str, Any]:
        match cmd:
            case "ping":
                pass
            case "aibot_respond_msg":
                self.answers.respond(req_id, body)
            case "aibot_respond_welcome_msg":
                self.answers.welcome(req_id, body)
            case "aibot_respond_update_msg":
                self.answers.update(req_id, body)
            case "aibot_send_msg":
                self.answers.push(body)
            case "aibot_upload_media_init":
                return {"body": {"upload_id": self.memory.begin_upload(body)}}
            case "aibot_upload_media_chunk":
                self.memory.add_chunk(body)
            case "aibot_upload_media_finish":
                kind, media_id = self.memory.finish_upload(body)
                return {
                    "body": {"type": kind, "media_id": media_id, "created_at": str(int(self._world.now()))}
                }
            case _:
                raise ApiError(40058, "unknown cmd")
        return {}
