"""The simulated DingTalk: one organisation, one internal app with a robot, one group with a custom robot.

It speaks the wire protocol of the sheet platforms/dingtalk.md. Both API hosts and the Stream gateway live
under one path, so only base URLs tell it from the real service.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from uuid import uuid4

from aiohttp import web
from yarl import URL

from bot.simulator.acts import MessageView, NotDelivered
from bot.simulator.dingtalk_cards import CardDesk, card_params
from bot.simulator.dingtalk_directory import DirectoryDesk
from bot.simulator.dingtalk_hooks import HookPusher
from bot.simulator.dingtalk_media import MediaDesk
from bot.simulator.dingtalk_notices import NoticeDesk
from bot.simulator.dingtalk_robot import RobotDesk
from bot.simulator.dingtalk_setup import DingTalkSetup
from bot.simulator.dingtalk_stream import StreamHub
from bot.simulator.dingtalk_view import view_of
from bot.simulator.dingtalk_wire import TOKEN_SECONDS, Gate, Refused, Tokens, json_body
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimMessage, World

ROBOT_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"
BODY_LIMIT = 1024 * 1024


class DingTalkServer:
    """What the service under test talks to, and the fingers of the people in its chats."""

    name = "dingtalk"

    def __init__(self, world: World, faults: FaultPlan, setup: DingTalkSetup) -> None:
        self.world = world
        self._setup = setup
        self._client = (setup.client_id, setup.client_secret)
        self._tokens = Tokens(world)
        self._gate = Gate(
            world, faults, self._tokens, monthly_limit=setup.monthly_limit, per_second=setup.per_second
        )
        self.directory = DirectoryDesk(world, robot_code=setup.client_id)
        self._notices = NoticeDesk(world, agent_id=setup.agent_id)
        self._cards = CardDesk(world, template=setup.card_template, robot_code=setup.client_id)
        self._robots = RobotDesk(world, setup)
        self._media = MediaDesk(world, robot=setup.group_template_robot)
        self.stream = StreamHub(faults, setup)
        self.hooks = HookPusher(world, faults, setup)
        self._base = URL()  # where clients reach us, learnt from their first request

    def app(self) -> web.Application:
        middlewares = [self._learn_base, self._gate.middleware]
        app = web.Application(middlewares=middlewares, client_max_size=BODY_LIMIT)
        desks = (
            self._cards,
            self._robots,
            self._media,
            self._notices,
            self.directory,
            self.stream,
            self.hooks,
        )
        for desk in desks:
            app.add_routes(desk.routes())
        app.add_routes(
            [
                web.post("/v1.0/oauth2/accessToken", self._new_token),
                web.get("/gettoken", self._old_token),
                web.post("/v1.0/robot/messageFiles/download", self._download_link),
                web.get("/files/{media}", self._file, name="file"),
            ]
        )
        return app

    def view(self, message: SimMessage) -> MessageView:
        return view_of(message)

    # -- what people do ---------------------------------------------------------------------------------

    async def press(self, user_id: str, message_id: str, key: str) -> None:
        """Press a button of a card, also of one whose client has not yet seen an update."""
        card = self.world.messages[message_id]
        if card.content.get("callback") not in ("STREAM", "HTTP"):
            raise NotDelivered("这条消息没有可回传的按钮")
        self.world.change(message_id, pressed=[*card.pressed, key])
        private = json.dumps({"cardPrivateData": {"actionIds": [key], "params": {}}})
        payload = {
            "type": "actionCallback",
            "outTrackId": card.card_id,
            "corpId": self._setup.corp_id,
            "userId": user_id,
            "userIdType": 1,
            "spaceType": "im",
            "spaceId": f"cid-{user_id}",
            "extension": "{}",
            "content": private,
            "value": private,
        }
        with self._cards.calling_back(card.card_id):
            answer = await self._push_press(card, payload)
        self._show_response(card.card_id, answer)

    async def say(self, user_id: str, text: str) -> None:
        bubble = self.world.post("dingtalk", user_id, "text", {"text": text}, mine=True)
        await self._push_message(bubble, "text", text={"content": text})

    async def send_photo(self, user_id: str, body: bytes, media_type: str) -> None:
        media = f"dc-{uuid4().hex}"
        self.world.media[media] = (body, media_type, "photo")
        bubble = self.world.post("dingtalk", user_id, "image", {"media": media}, mine=True)
        content = {"downloadCode": media, "pictureDownloadCode": media}
        await self._push_message(bubble, "picture", content=content)

    async def send_place(self, user_id: str, latitude: float, longitude: float, label: str) -> None:
        """Share a place: DingTalk tells robots only that there was something they cannot read."""
        content = {"text": label, "latitude": latitude, "longitude": longitude}
        bubble = self.world.post("dingtalk", user_id, "text", content, mine=True)
        await self._push_message(bubble, "unknownMsgType", content={"unknownMsgType": "location"})

    async def open_chat(self, user_id: str) -> None:
        """Read everything; DingTalk has no event for it."""
        for message in self.world.chat("dingtalk", user_id):
            if not message.read and not message.mine:
                self.world.change(message.id, read=True)

    async def directory_event(self, name: str, user_ids: list[str]) -> None:
        """Tell the app that the directory changed, for example ``user_leave_org``."""
        milliseconds = str(int(self.world.now() * 1000))
        more = {
            "eventType": name,
            "eventId": uuid4().hex,
            "eventBornTime": milliseconds,
            "eventCorpId": self._setup.corp_id,
            "eventUnifiedAppId": str(self._setup.agent_id),
        }
        data = {"timeStamp": milliseconds, "userId": user_ids}
        if self.hooks.is_used:
            known = {"EventType": name, "eventId": more["eventId"], "EventTime": int(milliseconds)}
            await self.hooks.event({**data, **known, "CorpId": self._setup.corp_id}, patience=2.5)
            return
        await self.stream.push("EVENT", "*", data, patience=self._setup.robot_patience, headers=more)

    async def disconnect_all(self, *, linger: float = 10.0) -> None:
        """What the real service does now and then: announce a disconnect, close *linger* seconds later."""
        await self.stream.disconnect_all(linger=linger)

    async def close(self) -> None:
        await self.stream.close()

    # -- pushes -----------------------------------------------------------------------------------------

    async def _push_press(self, card: SimMessage, payload: dict[str, Any]) -> object:
        if card.content["callback"] == "HTTP":
            return await self.hooks.card(card.content["route"], payload, patience=self._setup.card_patience)
        return (await self._push(CARD_TOPIC, payload, patience=self._setup.card_patience)).get("response")

    async def _push(self, topic: str, payload: dict[str, Any], *, patience: float) -> dict[str, Any]:
        headers = {"time": str(int(self.world.now() * 1000)), "appId": self._client[0]}
        return await self.stream.push("CALLBACK", topic, payload, patience=patience, headers=headers)

    async def _push_message(self, bubble: SimMessage, kind: str, **content: Any) -> None:
        person = self.world.person("dingtalk", bubble.user_id)
        payload = {
            "conversationId": f"cid-{bubble.user_id}",
            "conversationType": "1",
            "msgId": f"msg-{bubble.id}",
            "msgtype": kind,
            **(
                content if self._push_left() else {"errorCode": 20001, "errorMessage": "push quota exhausted"}
            ),
            "senderId": f"$:LWCP_v1:${bubble.user_id}",
            "senderNick": person.name if person else "",
            "senderStaffId": bubble.user_id if person else "",
            "senderCorpId": self._setup.corp_id,
            "chatbotCorpId": self._setup.corp_id,
            "isAdmin": False,
            "createAt": int(bubble.at * 1000),
            "robotCode": self._client[0],
            **self._session(bubble.user_id),
        }
        if self.hooks.is_used:
            await self.hooks.robot(payload, patience=min(self._setup.robot_patience, 2.5))
        else:
            await self._push(ROBOT_TOPIC, payload, patience=self._setup.robot_patience)

    def _push_left(self) -> bool:
        """Count a push against the month; without any left the message comes without its content."""
        spent = int(self.world.facts.get("dingtalk/pushes", 0))
        if self._setup.monthly_pushes is None or spent < self._setup.monthly_pushes:
            self.world.remember("dingtalk/pushes", spent + 1)
            return True
        return False

    def _session(self, user_id: str) -> dict[str, Any]:
        """The reply address of a chat; before the first request nobody knows where we are reached."""
        if not self._base.absolute:
            return {}
        session, ends = self._robots.open_session(user_id, seconds=self._setup.session_seconds)
        webhook = self._base.joinpath("robot", "sendBySession").with_query(session=session)
        return {"sessionWebhook": str(webhook), "sessionWebhookExpiredTime": int(ends * 1000)}

    def _show_response(self, card_id: str, response: object) -> None:
        """Apply what the callback's answer wants the card to show; a client ignores what is malformed."""
        if not isinstance(response, dict) or not response.get("cardData"):
            return
        options = response.get("cardUpdateOptions") or {}
        by_key = options.get("updateCardDataByKey") is True
        with suppress(Refused):
            self._cards.apply(card_id, card_params(response["cardData"]), by_key=by_key)

    # -- plain API --------------------------------------------------------------------------------------

    @web.middleware
    async def _learn_base(self, request: web.Request, handler: Any) -> web.StreamResponse:
        prefix = request.app.router["connect"].url_for().path.removesuffix("/connect")
        self._base = request.url.origin().with_path(prefix)
        response: web.StreamResponse = await handler(request)
        return response

    async def _new_token(self, request: web.Request) -> web.Response:
        asked = await json_body(request)
        if (asked.get("appKey"), asked.get("appSecret")) != self._client:
            raise Refused("invalidClientIdOrSecret")
        return web.json_response({"accessToken": self._tokens.current("new"), "expireIn": TOKEN_SECONDS})

    async def _old_token(self, request: web.Request) -> web.Response:
        if (request.query.get("appkey"), request.query.get("appsecret")) != self._client:
            raise Refused(40089, "不合法的corpid或corpsecret")
        token = self._tokens.current("old")
        return web.json_response({"errcode": 0, "access_token": token, "expires_in": TOKEN_SECONDS})

    async def _download_link(self, request: web.Request) -> web.Response:
        asked = await json_body(request)
        if asked.get("robotCode") != self._client[0]:
            raise Refused("invalidParameter.robotCode.auth")
        if asked.get("downloadCode") not in self.world.media:
            raise Refused("invalidParameter.downloadCode")
        return web.json_response({"downloadUrl": str(self._base.joinpath("files", asked["downloadCode"]))})

    async def _file(self, request: web.Request) -> web.Response:
        if request.match_info["media"] not in self.world.media:
            raise web.HTTPNotFound
        body, media_type, _ = self.world.media[request.match_info["media"]]
        return web.Response(body=body, content_type=media_type)
