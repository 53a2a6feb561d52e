"""Work notices of the simulated DingTalk, with what it drops without a word: repeats, the 501st of a day, strangers."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from aiohttp import web

from bot.simulator.dingtalk_rules import Broken, check_notice
from bot.simulator.dingtalk_wire import Refused, day_of, json_body
from bot.simulator.people import World

PATH = "/topapi/message/corpconversation"
MAX_USERS, PER_DAY = 100, 500
TASK = "dingtalk/task/"  # facts: what became of everybody in a task
SEEN = "dingtalk/notice/"  # facts: what a person was sent on a day
DAILY, DUPLICATE = 143105, 143106


class NoticeDesk:
    """What ``asyncsend_v2`` is asked to say. The call succeeds whatever becomes of it."""

    def __init__(self, world: World, *, agent_id: int) -> None:
        self._world = world
        self._agent_id = agent_id

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"{PATH}/asyncsend_v2", self._send),
            web.post(f"{PATH}/getsendprogress", self._progress),
            web.post(f"{PATH}/getsendresult", self._result),
            web.post(f"{PATH}/recall", self._recall),
        ]

    async def _send(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        if body.get("agent_id") != self._agent_id:
            raise Refused(40035, "不合法的agent_id")
        users = [user for user in str(body.get("userid_list", "")).split(",") if user]
        if not users or len(users) > MAX_USERS:
            raise Refused(33012, "userid_list")
        kind, content = _checked(body.get("msg"))
        number = int(self._world.next_id("9"))
        ended = {user: self._deliver(user, kind, content) for user in dict.fromkeys(users)}
        self._world.remember(f"{TASK}{number}", ended)
        return web.json_response({"errcode": 0, "errmsg": "ok", "task_id": number, "request_id": uuid4().hex})

    def _deliver(self, user: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """``message`` when it was shown, else ``invalid`` or the ``code`` of the silence."""
        if self._world.person("dingtalk", user) is None:
            return {"invalid": True}
        today = f"{SEEN}{user}/{day_of(self._world.now())}"
        seen = self._world.facts.get(today, [])
        text = json.dumps(content, ensure_ascii=False, sort_keys=True)
        if text in seen:
            return {"code": DUPLICATE}
        if len(seen) >= PER_DAY:
            return {"code": DAILY}
        self._world.remember(today, [*seen, text])
        shown = {"msgtype": kind, kind: content, "work_notice": True}
        return {"message": self._world.post("dingtalk", user, "action_card", shown).id}

    async def _progress(self, request: web.Request) -> web.Response:
        await self._ended(request)
        return web.json_response({"errcode": 0, "progress": {"progress_in_percent": 100, "status": 2}})

    async def _result(self, request: web.Request) -> web.Response:
        ended = await self._ended(request)
        shown = {user: end["message"] for user, end in ended.items() if "message" in end}
        read = [user for user, message in shown.items() if self._world.messages[message].read]
        dropped = [
            {"code": str(end["code"]), "count": 1, "userid": [u]} for u, end in ended.items() if "code" in end
        ]
        result = {
            "invalid_user_id_list": [user for user, end in ended.items() if "invalid" in end],
            "forbidden_user_id_list": [user for user, end in ended.items() if "code" in end],
            "forbidden_list": dropped,
            "failed_user_id_list": [],
            "read_user_id_list": read,
            "unread_user_id_list": [user for user in shown if user not in read],
            "invalid_dept_id_list": [],
        }
        return web.json_response({"errcode": 0, "send_result": result})

    async def _recall(self, request: web.Request) -> web.Response:
        for end in (await self._ended(request)).values():
            if "message" in end:
                self._world.change(end["message"], recalled=True)
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    async def _ended(self, request: web.Request) -> dict[str, dict[str, Any]]:
        body = await json_body(request)
        number = body.get("task_id", body.get("msg_task_id"))
        ended = self._world.facts.get(f"{TASK}{number}")
        if body.get("agent_id") != self._agent_id or ended is None:
            raise Refused(40035, "不合法的task_id")
        found: dict[str, dict[str, Any]] = ended
        return found


def _checked(message: object) -> tuple[str, dict[str, Any]]:
    if not isinstance(message, dict):
        raise Refused(40035, "msg")
    try:
        check_notice(message)
    except Broken as broken:
        raise Refused(40035, f"不合法的参数 {broken}") from None
    kind = str(message["msgtype"])
    return kind, message[kind]
