"""The directory of the simulated DingTalk: people, departments, silent login, JSAPI tickets, to-dos and DING."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import uuid4

from aiohttp import web

from bot.simulator.dingtalk_wire import TOKEN_HEADER, Refused, json_body
from bot.simulator.people import SimPerson, World

ROOT = 1
CODE = "dingtalk/code/"  # facts: whose silent login code, and until when
TASKS = "dingtalk/task/"  # facts: an entry of somebody's to-do list by its sourceId
DEPARTMENTS = "dingtalk/departments"  # fact: the tree, where it is not just what people name
DING = "dingtalk/ding"  # fact: every DING that was sent
CODE_SECONDS, MOST_DINGED, PAGE = 300.0, 200, 100


class DirectoryDesk:
    """Who is there, and who they are."""

    def __init__(self, world: World, *, robot_code: str) -> None:
        self._world = world
        self._robot_code = robot_code

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/auth/scopes", self._scopes),
            web.post("/topapi/v2/user/get", self._user),
            web.post("/topapi/v2/user/getbymobile", self._by_mobile),
            web.post("/topapi/user/getbyunionid", self._by_union_id),
            web.post("/topapi/v2/user/getuserinfo", self._login),
            web.post("/topapi/v2/department/listsub", self._departments),
            web.post("/topapi/v2/user/list", self._members),
            web.post("/v1.0/oauth2/userAccessToken", self._browser_token),
            web.get("/v1.0/contact/users/me", self._me),
            web.post("/v1.0/oauth2/jsapiTickets", self._ticket),
            web.post("/v1.0/todo/users/{union_id}/tasks", self._todo),
            web.get("/v1.0/todo/users/{union_id}/tasks/sources/{source}", self._todo_of),
            web.put("/v1.0/todo/users/{union_id}/tasks/{task}", self._change_todo),
            web.post("/v1.0/robot/ding/send", self._ding),
        ]

    def login_code(self, user_id: str) -> str:
        """What ``dd.requestAuthCode`` gives a page in the phone of *user_id*: five minutes, once."""
        code = secrets.token_hex(8)
        self._world.remember(CODE + code, [user_id, self._world.now() + CODE_SECONDS])
        return code

    def department_ids(self) -> dict[str, int]:
        """Departments by name; everybody without one is in the root."""
        return {str(row["name"]): int(row["dept_id"]) for row in self.tree()}

    def tree(self) -> list[dict[str, Any]]:
        """One for each department that a person names, in the order they appear; or what the world was told."""
        told: list[dict[str, Any]] | None = self._world.facts.get(DEPARTMENTS)
        if told is not None:
            return told
        names = dict.fromkeys(person.department for person in self._people() if person.department)
        return [
            {"dept_id": ROOT + number, "name": name, "parent_id": ROOT}
            for number, name in enumerate(names, start=1)
        ]

    def _people(self) -> list[SimPerson]:
        left = self._world.facts.get("dingtalk/left", [])
        return [
            person
            for (platform, user), person in self._world.people.items()
            if platform == "dingtalk" and user not in left
        ]

    async def _scopes(self, _request: web.Request) -> web.Response:
        users = [person.user_id for person in self._people()]
        return web.json_response(
            {"errcode": "0", "auth_org_scopes": {"authed_user": users, "authed_dept": [1]}}
        )

    async def _user(self, request: web.Request) -> web.Response:
        user_id = str((await json_body(request)).get("userid", ""))
        return _ok(self._detail(self._found(lambda person: person.user_id == user_id)))

    async def _by_mobile(self, request: web.Request) -> web.Response:
        mobile = str((await json_body(request)).get("mobile", ""))
        if not mobile.isdecimal():
            raise Refused(40104, "不合法的手机号")
        return _ok({"userid": self._found(lambda person: person.mobile == mobile).user_id})

    async def _by_union_id(self, request: web.Request) -> web.Response:
        union_id = str((await json_body(request)).get("unionid", ""))
        person = self._found(lambda person: _union_id(person) == union_id)
        return _ok({"contact_type": 0, "userid": person.user_id})

    async def _login(self, request: web.Request) -> web.Response:
        code = str((await json_body(request)).get("code", ""))
        user_id, ends = self._world.facts.get(CODE + code, ("", 0.0))
        if self._world.now() >= ends:
            raise Refused(40078, "不存在的临时授权码")
        self._world.remember(CODE + code, ["", 0.0])
        person = self._found(lambda person: person.user_id == user_id)
        who = {"userid": user_id, "unionid": _union_id(person), "name": person.name}
        return _ok({**who, "device_id": "d-1", "sys": False, "sys_level": 0})

    async def _departments(self, request: web.Request) -> web.Response:
        parent = (await json_body(request)).get("dept_id", ROOT)
        return _ok([row for row in self.tree() if row["parent_id"] == parent])

    async def _members(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        department, cursor = body.get("dept_id"), body.get("cursor")
        size = body.get("size")
        if not isinstance(cursor, int) or not isinstance(size, int) or not 0 < size <= PAGE:
            raise Refused(40035, "cursor, size")
        ids = self.department_ids()
        inside = [person for person in self._people() if ids.get(person.department, ROOT) == department]
        page = [self._detail(person) for person in inside[cursor : cursor + size]]
        more = cursor + size < len(inside)
        return _ok({"list": page, "has_more": more, **({"next_cursor": cursor + size} if more else {})})

    async def _browser_token(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        user_id, ends = self._world.facts.get(CODE + str(body.get("code", "")), ("", 0.0))
        if body.get("grantType") != "authorization_code" or self._world.now() >= ends:
            raise Refused("invalidParameter.authCode.notFound")
        self._world.remember(CODE + str(body["code"]), ["", 0.0])
        return web.json_response({"accessToken": f"user-{user_id}", "refreshToken": "r", "expireIn": 7200})

    async def _me(self, request: web.Request) -> web.Response:
        user_id = request.headers.get(TOKEN_HEADER, "").removeprefix("user-")
        person = self._found(lambda person: person.user_id == user_id)
        return web.json_response({"nick": person.name, "unionId": _union_id(person), "openId": "o-1"})

    async def _ticket(self, _request: web.Request) -> web.Response:
        return web.json_response({"jsapiTicket": "sim-jsapi-ticket", "expireIn": 7200})

    async def _todo(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        union_id = request.match_info["union_id"]
        source, detail = str(body.get("sourceId", "")), body.get("detailUrl")
        executors = body.get("executorIds")
        if not isinstance(detail, dict) or not detail.get("appUrl"):
            raise Refused("param.error", "detailUrl")
        if not source or not str(body.get("subject", "")) or executors != [union_id]:
            raise Refused("param.error", "sourceId, subject, executorIds")
        if not isinstance(body.get("dueTime"), int):
            raise Refused("param.error", "dueTime")
        if TASKS + source not in self._world.facts:
            self._world.remember(TASKS + source, {**body, "unionId": union_id})
        return web.json_response({"id": f"task-{source}", "sourceId": source})

    async def _todo_of(self, request: web.Request) -> web.Response:
        known = self._world.facts.get(TASKS + request.match_info["source"])
        if known is None or known["unionId"] != request.match_info["union_id"]:
            raise Refused("todo.not_exist")
        source = request.match_info["source"]
        return web.json_response({**known, "id": f"task-{source}", "done": known.get("done", False)})

    async def _change_todo(self, request: web.Request) -> web.Response:
        body, source = await json_body(request), request.match_info["task"].removeprefix("task-")
        known, who = self._world.facts.get(TASKS + source), request.match_info["union_id"]
        if known is None or who not in known["executorIds"] or request.query.get("operatorId") != who:
            raise Refused("todo.not_exist")
        self._world.remember(TASKS + source, known | {"done": bool(body.get("done"))})
        return web.json_response({"result": True})

    async def _ding(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        users = body.get("receiverUserIdList")
        if body.get("robotCode") != self._robot_code or not isinstance(users, list):
            raise Refused("invalidParameter.robotCode.auth")
        if len(users) > MOST_DINGED:
            raise Refused("toomuch.user")
        if body.get("remindType") != 1:
            raise Refused("ding.serverquota.insufficient")
        known = {person.user_id for person in self._people()}
        sent = [[user, str(body.get("content", ""))] for user in users if user in known]
        self._world.remember(DING, [*self._world.facts.get(DING, []), *sent])
        failed = {user: "not found" for user in users if user not in known}
        return web.json_response({"openDingId": uuid4().hex, "failedList": failed})

    def _found(self, is_it: Any) -> SimPerson:
        for person in self._people():
            if is_it(person):
                return person
        raise Refused(60121, "找不到该用户")

    def _detail(self, person: SimPerson) -> dict[str, Any]:
        department = self.department_ids().get(person.department, ROOT)
        return {
            "userid": person.user_id,
            "unionid": _union_id(person),
            "name": person.name,
            "mobile": person.mobile,
            "title": person.role,
            "dept_id_list": [department],
            "active": True,
        }


def _union_id(person: SimPerson) -> str:
    return f"un-{person.user_id}"


def _ok(result: Any) -> web.Response:
    return web.json_response({"errcode": 0, "errmsg": "ok", "result": result, "request_id": uuid4().hex})
