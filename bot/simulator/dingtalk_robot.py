"""Robot messages of the simulated DingTalk: private and group sends, the custom robot, replies by session."""

from __future__ import annotations

import json
from collections import deque
from typing import Any
from uuid import uuid4

from aiohttp import web

from bot.platforms.dingtalk.crypto import verify_robot
from bot.simulator.dingtalk_rules import Broken, check_sample
from bot.simulator.dingtalk_setup import DingTalkSetup
from bot.simulator.dingtalk_wire import Refused, json_body
from bot.simulator.people import SimMessage, World

GROUP = "dingtalk-group"  # the chat in which the custom robot posts
KINDS = {"text": "text", "markdown": "markdown", "actionCard": "action_card", "link": "markdown"}
TITLED = ("title", "text")
REQUIRED = {"text": ("content",), "markdown": TITLED, "actionCard": TITLED, "link": TITLED}
SHOWN = {"sampleText": "text", "sampleMarkdown": "markdown", "sampleLink": "markdown"}
BODY_BYTES, MAX_USERS, PER_MINUTE, SILENCE = 20_000, 20, 20, 600.0
SESSION = "dingtalk/session/"  # facts: whose chat a sessionWebhook answers in, and until when
CARRIER = "carrier-"  # of a card, usable as a processQueryKey
DAY = 86_400.0
QUERY = "dingtalk/query/"  # facts: the bubbles of a processQueryKey


class RobotDesk:
    """What the app's robot and the custom robot of one group are asked to say."""

    def __init__(self, world: World, setup: DingTalkSetup) -> None:
        self._world = world
        self._robot_code = setup.client_id
        self._token, self._secret, self._keyword = setup.robot_token, setup.robot_secret, setup.robot_keyword
        self._unsafe_word = setup.unsafe_word
        self.flow_controlled: set[str] = set()  # people who are written to too often just now
        self.silent_groups: set[str] = set()  # disbanded
        self._posted: deque[float] = deque(maxlen=PER_MINUTE)
        self._silent_until = 0.0
        self._uuids = {str(m.content.get("msgUuid", "")) for m in world.chat("dingtalk", GROUP)} - {""}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1.0/robot/oToMessages/batchSend", self._private),
            web.get("/v1.0/robot/oToMessages/readStatus", self._read_status),
            web.post("/v1.0/robot/otoMessages/batchRecall", self._recall),
            web.post("/v1.0/robot/groupMessages/send", self._group),
            web.post("/v1.0/robot/groupMessages/query", self._group_readers),
            web.post("/v1.0/robot/groupMessages/recall", self._recall),
            web.post("/robot/send", self._custom),
            web.post("/robot/sendBySession", self._by_session, name="session"),
        ]

    def open_session(self, user_id: str, *, seconds: float) -> tuple[str, float]:
        """A reply address for this chat: its session id and when it ends by the world's clock."""
        session, ends = uuid4().hex, self._world.now() + seconds
        self._world.remember(SESSION + session, [user_id, ends])
        return session, ends

    async def _private(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        users = body.get("userIds")
        if not isinstance(users, list) or not users:
            raise Refused("invalidParameter.userIds.empty")
        if len(users) > MAX_USERS:
            raise Refused("invalidParameter.userIds.overMax")
        kind, content = self._robot_message(body)
        throttled = [user for user in users if user in self.flow_controlled]
        known = [user for user in users if self._world.person("dingtalk", user) and user not in throttled]
        bubbles = [self._world.post("dingtalk", user, kind, content) for user in known]
        key = self._remembered([bubble.id for bubble in bubbles])
        unknown = [user for user in users if user not in known and user not in throttled]
        lists = {"invalidStaffIdList": unknown, "flowControlledStaffIdList": throttled}
        return web.json_response({"processQueryKey": key, **lists})

    def _remembered(self, ids: list[str]) -> str:
        key = f"pqk-{uuid4().hex}"
        self._world.remember(QUERY + key, ids)
        return key

    async def _read_status(self, request: web.Request) -> web.Response:
        bubbles = self._asked(request.query.get("processQueryKey", ""))
        rows = [{"userId": b.user_id, "readStatus": "READ" if b.read else "UNREAD"} for b in bubbles]
        status = "RECALLED" if any(bubble.recalled for bubble in bubbles) else "SUCESS"  # sic
        return web.json_response({"sendStatus": status, "messageReadInfoList": rows})

    async def _group_readers(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        readers = [b.user_id for b in self._asked(str(body.get("processQueryKey", ""))) if b.read]
        return web.json_response({"sendStatus": "SUCCESS", "readUserIds": readers, "hasMore": False})

    async def _recall(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        done, failed = [], {}
        for key in body.get("processQueryKeys", ()):
            try:
                bubbles = self._asked(str(key))
            except Refused as refusal:
                failed[key] = str(refusal.code)
                continue
            for bubble in bubbles:
                self._world.change(bubble.id, recalled=True)
            done.append(key)
        return web.json_response({"successResult": done, "failedResult": failed})

    def _asked(self, key: str) -> list[SimMessage]:
        """The bubbles of a ``processQueryKey`` or a card's ``carrierId``, for 24 hours."""
        carried = [key.removeprefix(CARRIER)] if key.startswith(CARRIER) else None
        ids = carried or self._world.facts.get(QUERY + key)
        bubbles = [self._world.messages[one] for one in ids or () if one in self._world.messages]
        if ids is None or any(self._world.now() - bubble.at > DAY for bubble in bubbles):
            raise Refused("processQueryKey.expireTime")
        return bubbles

    async def _group(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        conversation = body.get("openConversationId")
        if not isinstance(conversation, str) or not conversation.startswith("cid"):
            raise Refused("invalid.openConversationId")
        kind, content = self._robot_message(body)
        if conversation in self.silent_groups:
            raise Refused("group.disbanded")
        bubble = self._world.post("dingtalk", conversation, kind, content)
        return web.json_response({"processQueryKey": self._remembered([bubble.id])})

    def _robot_message(self, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if body.get("robotCode") != self._robot_code:
            raise Refused("invalidParameter.robotCode.auth")
        key, raw = str(body.get("msgKey", "")), body.get("msgParam")
        if not isinstance(raw, str):  # the API wants JSON inside a string
            raise Refused("invalidParameter.msgParam.invalid")
        try:
            param = check_sample(key, raw)
        except Broken as broken:
            raise Refused(_refusal(str(broken))) from None
        kind = SHOWN.get(key, "action_card")
        if self._unsafe_word and self._unsafe_word in raw:
            raise Refused("contain.unsafe.url")
        return kind, {"msgKey": key, "param": param}

    async def _custom(self, request: web.Request) -> web.Response:
        if not self._token or request.query.get("access_token") != self._token:
            raise Refused(300001, "token is not exist")
        body = await json_body(request)
        self._check_security(request, body)
        if len((await request.text()).encode()) > BODY_BYTES:
            raise Refused(460101, "message too long")
        self._check_pace()
        uuid = str(body.get("msgUuid", ""))
        if not uuid or uuid not in self._uuids:
            _, content = webhook_message(body)
            self._world.post("dingtalk", GROUP, "group", content)
            self._uuids.add(uuid)
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    def _check_security(self, request: web.Request, body: dict[str, Any]) -> None:
        if self._secret:
            timestamp, sign = request.query.get("timestamp", ""), request.query.get("sign", "")
            if not verify_robot(self._secret, timestamp=timestamp, sign=sign, now=self._world.now()):
                raise Refused(310000, "sign not match, or invalid timestamp")
        if self._keyword and self._keyword not in json.dumps(body, ensure_ascii=False):
            raise Refused(310000, "keywords not in content")

    def _check_pace(self) -> None:
        now = self._world.now()
        if now < self._silent_until:
            raise Refused(410100, "发送速度太快而限流")
        if len(self._posted) == PER_MINUTE and now - self._posted[0] < 60:
            self._silent_until = now + SILENCE
            raise Refused(130101, "send too fast, exceed 20 times per minute")
        self._posted.append(now)

    async def _by_session(self, request: web.Request) -> web.Response:
        user_id, ends = self._world.facts.get(SESSION + request.query.get("session", ""), ("", 0.0))
        if self._world.now() >= ends:
            raise Refused(300001, "session 不存在")
        kind, content = webhook_message(await json_body(request))
        self._world.post("dingtalk", user_id, kind, content)
        return web.json_response({"errcode": 0, "errmsg": "ok"})


def webhook_message(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The bubble of a webhook body. Raise Refused where its type or a field is missing."""
    kind = str(body.get("msgtype", ""))
    if kind not in KINDS:
        raise Refused(400105, "unsupported msgtype")
    inner = body.get(kind)
    if not isinstance(inner, dict) or not all(isinstance(inner.get(name), str) for name in REQUIRED[kind]):
        raise Refused(40035, f"缺少参数 {kind}")
    return KINDS[kind], body


def _refusal(field: str) -> str:
    if field == "msgKey":
        return "invalidParameter.msgKey.invalid"
    return f"invalidParameter.msgParam.{'tooLong' if field.endswith('tooLong') else 'invalid'}"
