"""Interactive cards of the simulated DingTalk. The bubble in the world is the card's only state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from bot.simulator.dingtalk_hooks import ROUTE
from bot.simulator.dingtalk_wire import Refused, json_body
from bot.simulator.people import SimMessage, World

PREFIX = "dtv1.card//"
VALUE_BYTES, KEY_BYTES, ID_LENGTH = 1024, 100, 100
UNDELIVERED = "dingtalk/undelivered/"  # facts: cards that exist but are in nobody's chat


class CardDesk:
    """Create, deliver and update cards of one published template."""

    def __init__(self, world: World, *, template: str, robot_code: str) -> None:
        self._world = world
        self._template = template
        self._robot_code = robot_code
        self._calling_back: Counter[str] = Counter()
        self.updated_inside: list[str] = []  # cards updated through the API while their callback was open
        self._bubbles: dict[str, list[str]] = {}  # outTrackId -> message ids
        for message in world.messages.values():
            if message.platform == "dingtalk" and message.kind == "card":
                self._bubbles.setdefault(message.card_id, []).append(message.id)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1.0/card/instances/createAndDeliver", self._create),
            web.put("/v1.0/card/instances", self._update),
        ]

    @contextmanager
    def calling_back(self, card_id: str) -> Iterator[None]:
        """A press is on its way to the app: until it is answered, the app must not update the card."""
        self._calling_back[card_id] += 1
        try:
            yield
        finally:
            self._calling_back[card_id] -= 1

    def apply(self, card_id: str, params: dict[str, str], *, by_key: bool) -> None:
        """Set variables of a card wherever it is shown: these only, or instead of all others."""
        for message_id in self._bubbles.get(card_id, ()):
            content = self._world.messages[message_id].content
            variables = {**content["params"], **params} if by_key else params
            content = {**content, "params": variables}
            self._world.change(message_id, content=content, closed=_closed(variables))

    async def _create(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        card_id, params = _card_id(body), card_params(body.get("cardData"))
        if body.get("cardTemplateId") != self._template:
            raise Refused("param.templateNotExist")
        if self._exists(card_id):
            raise Refused("param.cardAlreadyExist")
        deliver = body.get("imRobotOpenDeliverModel") or {}
        if deliver.get("robotCode") != self._robot_code:
            raise Refused("invalidParameter.robotCode.auth")
        content = {
            "template": self._template,
            "callback": body.get("callbackType", ""),
            "route": str(body.get("callbackRouteKey", "")),
            "params": params,
        }
        if content["callback"] == "HTTP" and ROUTE + content["route"] not in self._world.facts:
            raise Refused("param.callbackRouteKeyNotExist")
        results = [self._deliver(card_id, user_id, content) for user_id in _robot_spaces(body)]
        result = {"outTrackId": card_id, "deliverResults": results}
        return web.json_response({"success": True, "result": result})

    def _deliver(self, card_id: str, user_id: str, content: dict[str, Any]) -> dict[str, Any]:
        space = {"spaceType": "IM_ROBOT", "spaceId": user_id}
        if self._world.person("dingtalk", user_id) is None:
            self._world.remember(UNDELIVERED + card_id, True)
            return {**space, "success": False, "carrierId": "", "errorMsg": "user not exist"}
        bubble = self._show(card_id, user_id, content)
        return {**space, "success": True, "carrierId": f"carrier-{bubble.id}", "errorMsg": ""}

    def _show(self, card_id: str, user_id: str, content: dict[str, Any]) -> SimMessage:
        closed = _closed(content["params"])
        bubble = self._world.post("dingtalk", user_id, "card", content, card_id=card_id, closed=closed)
        self._bubbles.setdefault(card_id, []).append(bubble.id)
        return bubble

    async def _update(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        card_id, params = _card_id(body), card_params(body.get("cardData"))
        if not self._exists(card_id):
            raise Refused("param.cardNotExist")
        options = body.get("cardUpdateOptions") or {}
        if self._calling_back[card_id]:
            self.updated_inside.append(card_id)
        self.apply(card_id, params, by_key=options.get("updateCardDataByKey") is True)
        return web.json_response({"success": True, "result": True})

    def _exists(self, card_id: str) -> bool:
        return card_id in self._bubbles or UNDELIVERED + card_id in self._world.facts


def card_params(data: object) -> dict[str, str]:
    """``cardParamMap``, every value a string of at most 1 KB. Raise Refused."""
    params = data.get("cardParamMap") if isinstance(data, dict) else None
    if not isinstance(params, dict):
        raise Refused("InvalidParameter", "cardData.cardParamMap")
    for key, value in params.items():
        if not isinstance(value, str) or len(value.encode()) > VALUE_BYTES or len(key.encode()) > KEY_BYTES:
            raise Refused("InvalidParameter", f"cardParamMap.{key}")
    return params


def _closed(params: dict[str, str]) -> str:
    return params.get("status", "") if params.get("done") == "true" else ""


def _card_id(body: dict[str, Any]) -> str:
    card_id = body.get("outTrackId")
    if not isinstance(card_id, str) or not 0 < len(card_id) <= ID_LENGTH:
        raise Refused("InvalidParameter", "outTrackId")
    return card_id


def _robot_spaces(body: dict[str, Any]) -> list[str]:
    space = str(body.get("openSpaceId", ""))
    kinds = [one.partition(".") for one in space.removeprefix(PREFIX).split(";")]
    if not space.startswith(PREFIX) or any(kind != "IM_ROBOT" or not name for kind, _, name in kinds):
        raise Refused("param.openSpaceIdInvalid")
    return [name for _, _, name in kinds]
