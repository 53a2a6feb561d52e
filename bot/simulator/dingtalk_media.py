"""Uploads to the simulated DingTalk, and the robot of a group that was made from a template."""

from __future__ import annotations

import json
from uuid import uuid4

from aiohttp import web

from bot.simulator.dingtalk_wire import Refused, json_body
from bot.simulator.people import World

MOST = {"image": 20 << 20, "voice": 2 << 20, "video": 20 << 20, "file": 20 << 20}
ENDINGS = {"image": ("jpg", "jpeg", "gif", "png", "bmp"), "video": ("mp4",)}
TEMPLATES = {
    "inner_app_template_text": ("content",),
    "inner_app_template_markdown": ("title", "markdown_content"),
    "inner_app_template_action_card": ("title", "markdown", "btn_orientation", "btn_title_1", "action_url_1"),
}
PARAM_BYTES = 15_000


class MediaDesk:
    """What is uploaded may be shown as often as one likes. *robot* says things in groups of its template."""

    def __init__(self, world: World, *, robot: str) -> None:
        self._world = world
        self._robot = robot

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/media/upload", self._upload),
            web.post("/topapi/im/chat/scencegroup/message/send_v2", self._say),
        ]

    async def _upload(self, request: web.Request) -> web.Response:
        kind = request.query.get("type", "")
        part = (await request.post()).get("media")
        if kind not in MOST or not isinstance(part, web.FileField):
            raise Refused(40004, "不合法的媒体文件类型")
        body, ending = part.file.read(), part.filename.rpartition(".")[2].lower()
        if not 0 < len(body) <= MOST[kind] or ending not in ENDINGS.get(kind, (ending,)):
            raise Refused(40005, "不合法的文件类型或大小")
        media = f"@{uuid4().hex}"
        self._world.media[media] = (body, part.content_type, part.filename)
        return web.json_response({"errcode": 0, "errmsg": "ok", "media_id": media, "type": kind})

    async def _say(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        conversation, template = (
            str(body.get("target_open_conversation_id", "")),
            str(body.get("msg_template_id", "")),
        )
        if body.get("robot_code") != self._robot or not conversation.startswith("cid"):
            raise Refused(660016, "机器人不在群里")
        raw = body.get("msg_param_map")
        try:
            param = json.loads(raw) if isinstance(raw, str) and len(raw.encode()) <= PARAM_BYTES else None
        except ValueError:
            param = None
        wanted = TEMPLATES.get(template, ("?",))
        if not isinstance(param, dict) or not all(
            isinstance(param.get(name), str) and param[name] for name in wanted
        ):
            raise Refused(660005, "msg_param_map")
        self._world.post("dingtalk", conversation, "group", {"msgKey": template, "param": param})
        return web.json_response({"errcode": 0, "errmsg": "ok", "success": True, "open_msg_id": uuid4().hex})
