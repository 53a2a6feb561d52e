"""What a client that knows only the wire sends to the simulated DingTalk."""

from __future__ import annotations

import json
from typing import Any

from tests.platforms.dingtalk.rig import CLIENT_ID, CLIENT_SECRET, Rig

OPEN = "/v1.0/gateway/connections/open"
CREATE = "/v1.0/card/instances/createAndDeliver"
UPDATE = "/v1.0/card/instances"
SEND = "/v1.0/robot/oToMessages/batchSend"


class Caller:
    """A client that knows only the wire."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.token = ""

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        if not self.token and path != OPEN:
            url = f"{self.rig.base}/v1.0/oauth2/accessToken"
            keys = {"appKey": CLIENT_ID, "appSecret": CLIENT_SECRET}
            async with self.rig.session.post(url, json=keys) as answer:
                self.token = (await answer.json())["accessToken"]
        headers = {"x-acs-dingtalk-access-token": self.token}
        async with self.rig.session.request(
            method, self.rig.base + path, json=body, params=query, headers=headers
        ) as answer:
            return answer.status, await answer.json()

    async def code(self, method: str, path: str, body: Any = None, **query: str) -> str:
        _, answer = await self.call(method, path, body, **query)
        return str(answer.get("code") or answer.get("errcode"))


def card(card_id: str = "card-1", user: str = "u1001", **changes: Any) -> dict[str, Any]:
    buttons = json.dumps([{"id": "ok", "text": "接受", "request": True}])
    params = {"title": "任务", "body": "幸福超市", "buttons": buttons, "done": "false"}
    known = {
        "cardTemplateId": "suicha.schema",
        "outTrackId": card_id,
        "callbackType": "STREAM",
        "cardData": {"cardParamMap": params},
        "openSpaceId": f"dtv1.card//IM_ROBOT.{user}",
        "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": CLIENT_ID},
    }
    return {**known, **changes}


def private(users: list[str], **changes: Any) -> dict[str, Any]:
    known = {"robotCode": CLIENT_ID, "userIds": users, "msgKey": "sampleText", "msgParam": '{"content":"好"}'}
    return {**known, **changes}


def text(content: str, **more: Any) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": content}, **more}
