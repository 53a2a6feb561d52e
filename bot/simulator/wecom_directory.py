"""Members and departments of the simulated WeCom, the H5 login, tickets and menus. Sheet sections 5 and 6."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web
from yarl import URL

from bot.simulator.people import SimPerson, World
from bot.simulator.wecom_api import ok, read_json
from bot.simulator.wecom_state import Account, ApiError, Ledger

_CODE_LIFE = 300
_TICKET_LIFE = 7200
_MISSES = 5  # wrong mobile numbers a day in a small corp


class DirectoryApi:
    """What an app reads. ``wecom:hidden`` in the world's facts are members outside its visible range."""

    def __init__(self, world: World, ledger: Ledger, account: Account) -> None:
        self._world = world
        self._ledger = ledger
        self._account = account

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/cgi-bin/department/list", self._read(self.departments)),
            web.get("/cgi-bin/department/simplelist", self._read(self.department_ids)),
            web.get("/cgi-bin/user/get", self._read(self.user)),
            web.get("/cgi-bin/user/simplelist", self._read(self.simple_members)),
            web.get("/cgi-bin/user/list", self._read(self.members)),
            web.post("/cgi-bin/user/list_id", self.list_ids),
            web.post("/cgi-bin/user/getuserid", self.user_of_mobile),
            web.get("/cgi-bin/auth/getuserinfo", self._read(self.user_of_code)),
            web.get("/cgi-bin/user/getuserinfo", self._read(self.legacy_user_of_code)),
            web.get("/cgi-bin/get_jsapi_ticket", self._read(self.corp_ticket)),
            web.get("/cgi-bin/ticket/get", self._read(self.app_ticket)),
            web.get("/connect/oauth2/authorize", self.authorize),
            web.post("/cgi-bin/menu/create", self.create_menu),
            web.get("/cgi-bin/menu/get", self._read(self.menu)),
            web.get("/cgi-bin/menu/delete", self._read(self.delete_menu)),
        ]

    # -- contacts --------------------------------------------------------------------------------------

    def departments(self, request: web.Request) -> dict[str, Any]:
        wanted = int(request.query.get("id", 0) or 0)
        rows = self.tree()
        if wanted and wanted not in {row["id"] for row in rows}:
            raise ApiError(60123, "invalid department id")
        return {"department": [row for row in rows if not wanted or wanted in self._above(row["id"])]}

    def department_ids(self, request: web.Request) -> dict[str, Any]:
        rows = self.departments(request)["department"]
        return {"department_id": [{k: row[k] for k in ("id", "parentid", "order")} for row in rows]}

    def user(self, request: web.Request) -> dict[str, Any]:
        person = self._world.person("wecom", request.query.get("userid", ""))
        if person is None or self._hidden(person):
            raise ApiError(60111, "userid not found")
        return self._member(person)

    def members(self, request: web.Request) -> dict[str, Any]:
        department = int(request.query.get("department_id", 0) or 0)
        if department not in {row["id"] for row in self.tree()}:
            raise ApiError(60123, "invalid department id")
        deep = request.query.get("fetch_child") == "1"
        found = [self._member(person) for person in self._people()]
        return {"userlist": [m for m in found if any(
            department in (self._above(d) if deep else {d}) for d in m["department"])]}  # fmt: skip

    def simple_members(self, request: web.Request) -> dict[str, Any]:
        members = self.members(request)["userlist"]
        return {"userlist": [{k: m[k] for k in ("userid", "name", "department")} for m in members]}

    async def list_ids(self, request: web.Request) -> web.Response:
        self._ledger.check_token(request.query.get("access_token", ""))
        raise ApiError(48002, "only the contacts-sync secret may list ids")

    async def user_of_mobile(self, request: web.Request) -> web.Response:
        """Who has this number; after five misses in a day the call is blocked until midnight."""
        self._ledger.check_token(request.query.get("access_token", ""))
        day = f"wecom:misses:{int(self._world.now() // 86400)}"
        misses = self._world.facts.get(day, 0)
        if misses >= _MISSES:
            raise ApiError(45009, "api freq out of limit")
        mobile = read_json(await request.read()).get("mobile")
        for person in self._people():
            if mobile and person.mobile == mobile:
                return ok(userid=person.user_id)
        self._world.remember(day, misses + 1)
        raise ApiError(46004, "user no exist")

    def tree(self) -> list[dict[str, Any]]:
        """The departments: a root, and one for each that a person names; or what the world was told."""
        told: list[dict[str, Any]] | None = self._world.facts.get("wecom:departments")
        if told is not None:
            return told
        names = dict.fromkeys(p.department for p in self._world.people.values() if p.department)
        rows = [{"id": 1, "name": "本单位", "parentid": 0, "order": 1}]
        rows += [{"id": n, "name": name, "parentid": 1, "order": n} for n, name in enumerate(names, 2)]
        return rows

    def _member(self, person: SimPerson) -> dict[str, Any]:
        """What apps made after June 2022 get: no mobile, no e-mail, no avatar."""
        ids = [row["id"] for row in self.tree() if row["name"] == person.department] or [1]
        return {
            "userid": person.user_id, "name": person.name, "department": ids, "main_department": ids[0],
            "position": person.role, "status": self._world.facts.get(f"wecom:status:{person.user_id}", 1),
            "is_leader_in_dept": [0] * len(ids), "order": [0] * len(ids),
        }  # fmt: skip

    def _people(self) -> list[SimPerson]:
        return [p for p in self._world.people.values() if p.platform == "wecom" and not self._hidden(p)]

    def _hidden(self, person: SimPerson) -> bool:
        return person.user_id in self._world.facts.get("wecom:hidden", [])

    def _above(self, department: int) -> set[int]:
        """The department and all above it."""
        parents = {row["id"]: row["parentid"] for row in self.tree()}
        found = set()
        while department and department not in found:
            found.add(department)
            department = parents.get(department, 0)
        return found

    # -- pages -----------------------------------------------------------------------------------------

    async def authorize(self, request: web.Request) -> web.Response:
        """The silent login: back to the page with a code, as who the cookie says is holding the phone."""
        query = request.query
        if query.get("appid") != self._account.corp_id or query.get("response_type") != "code":
            raise ApiError(40013, "invalid appid")
        user_id = request.cookies.get("wecom_user", "")
        code = self.new_code(user_id)
        raise web.HTTPFound(URL(query["redirect_uri"]).update_query(code=code, state=query.get("state", "")))

    def new_code(self, user_id: str) -> str:
        """A login code: one use, five minutes."""
        code = secrets.token_urlsafe(24)
        self._world.remember(
            f"wecom:login:{code}", {"user": user_id, "until": self._world.now() + _CODE_LIFE}
        )
        return code

    def user_of_code(self, request: web.Request) -> dict[str, Any]:
        user_id = self._spend(request)
        if self._world.person("wecom", user_id) is None:
            return {"openid": "oDemo" + user_id, "external_userid": "wmDemo" + user_id}
        return {"userid": user_id}

    def legacy_user_of_code(self, request: web.Request) -> dict[str, Any]:
        user_id = self._spend(request)
        if self._world.person("wecom", user_id) is None:
            return {"OpenId": "oDemo" + user_id, "DeviceId": ""}
        return {"UserId": user_id, "DeviceId": ""}

    def _spend(self, request: web.Request) -> str:
        key = f"wecom:login:{request.query.get('code', '')}"
        known = self._world.facts.get(key)
        self._world.remember(key, None)
        if not known or known["until"] < self._world.now():
            raise ApiError(40029, "invalid code")
        return str(known["user"])

    def corp_ticket(self, _request: web.Request) -> dict[str, Any]:
        return self._ticket("corp", hour=400)

    def app_ticket(self, request: web.Request) -> dict[str, Any]:
        if request.query.get("type") != "agent_config":
            raise ApiError(91040, "invalid ticket type")
        return self._ticket("app", hour=100)

    def _ticket(self, kind: str, *, hour: int) -> dict[str, Any]:
        if not self._ledger.allows(f"ticket:{kind}", minute=1000, hour=hour):
            raise ApiError(45009, "api freq out of limit")
        known = self._world.facts.get(f"wecom:ticket:{kind}") or {"until": 0.0}
        if known["until"] <= self._world.now():
            known = {
                "value": f"{kind}-{secrets.token_urlsafe(32)}",
                "until": self._world.now() + _TICKET_LIFE,
            }
            self._world.remember(f"wecom:ticket:{kind}", known)
        return {"ticket": known["value"], "expires_in": int(known["until"] - self._world.now())}

    # -- menus -----------------------------------------------------------------------------------------

    async def create_menu(self, request: web.Request) -> web.Response:
        self._ledger.check_token(request.query.get("access_token", ""))
        buttons = read_json(await request.read()).get("button")
        if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
            raise ApiError(40016, "invalid button size")
        self._world.remember("wecom:menu", buttons)
        return ok()

    def menu(self, _request: web.Request) -> dict[str, Any]:
        buttons = self._world.facts.get("wecom:menu")
        if not buttons:
            raise ApiError(46003, "menu no exist")
        return {"button": buttons}

    def delete_menu(self, _request: web.Request) -> dict[str, Any]:
        self._world.remember("wecom:menu", None)
        return {}

    def _read(self, answer: Any) -> Any:
        async def handler(request: web.Request) -> web.Response:
            self._ledger.check_token(request.query.get("access_token", ""))
            return ok(**answer(request))

        return handler
