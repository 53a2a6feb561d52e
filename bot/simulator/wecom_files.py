"""Files and the group robot of the simulated WeCom. Sheet sections 2.9 and 3."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from aiohttp import web

from bot.simulator.people import World
from bot.simulator.wecom_api import checked_articles, ok, read_json
from bot.simulator.wecom_card_rules import validate
from bot.simulator.wecom_state import Account, ApiError, Ledger

GROUP = "wecom-group"  # the id of the chat in which the robot posts
_MOST = {"image": 10 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}
_ROBOT_BYTES = {"text": 2048, "markdown": 4096, "markdown_v2": 4096}


class Files:
    """Uploads, downloads and the webhook."""

    def __init__(self, world: World, ledger: Ledger, account: Account) -> None:
        self._world = world
        self._ledger = ledger
        self._account = account

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/cgi-bin/media/upload", self.upload),
            web.get("/cgi-bin/media/get", self.download),
            web.get("/media/{media_id}", self.picture),
            web.post("/cgi-bin/webhook/send", self.robot_send),
            web.post("/cgi-bin/webhook/upload_media", self.robot_upload),
        ]

    async def upload(self, request: web.Request) -> web.Response:
        self._ledger.check_token(request.query.get("access_token", ""))
        return await self._store(request)

    async def robot_upload(self, request: web.Request) -> web.Response:
        self._check_robot(request)
        return await self._store(request)

    async def download(self, request: web.Request) -> web.Response:
        self._ledger.check_token(request.query.get("access_token", ""))
        return self._file(request.query.get("media_id", ""))

    async def picture(self, request: web.Request) -> web.Response:
        """What PicUrl and the page's phones point at."""
        return self._file(request.match_info["media_id"])

    async def robot_send(self, request: web.Request) -> web.Response:
        self._check_robot(request)
        body = read_json(await request.read())
        kind = body.get("msgtype", "")
        content: dict[str, Any] = body.get(kind) or {}
        if kind not in (*_ROBOT_BYTES, "news", "image", "file", "voice", "template_card"):
            raise ApiError(40008, "invalid message type")
        content = self._checked(kind, content)
        if not self._ledger.allows("robot", minute=20):
            raise ApiError(45009, "api freq out of limit")
        self._world.post("wecom", GROUP, "group", {"msgtype": kind, **content})
        return ok()

    def _checked(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """The content as it is shown. Raise ApiError."""
        if kind in _ROBOT_BYTES:
            _check_words(kind, str(content.get("content", "")))
        elif kind == "template_card":
            validate(content, channel="robot")
        elif kind == "news":
            return {"articles": checked_articles(content.get("articles"))}
        elif kind in ("file", "voice"):
            self._ledger.media(str(content.get("media_id", "")))
        elif kind == "image":
            return {"media_id": self._inline(content)}
        return content

    def _inline(self, content: dict[str, Any]) -> str:
        """A picture in the request: at most 2 MB, and its md5 must be that of the bytes."""
        try:
            body = base64.b64decode(str(content.get("base64", "")), validate=True)
        except binascii.Error:
            raise ApiError(40058, "image.base64") from None
        if not body or len(body) > 2 << 20:
            raise ApiError(45001, "image size out of limit")
        if hashlib.md5(body, usedforsecurity=False).hexdigest() != content.get("md5"):
            raise ApiError(40058, "image.md5")
        return self._ledger.add_media(body, "image/png", "picture.png")

    def _check_robot(self, request: web.Request) -> None:
        if not self._account.robot_key or request.query.get("key") != self._account.robot_key:
            raise ApiError(93000, "invalid webhook url")

    async def _store(self, request: web.Request) -> web.Response:
        kind = request.query.get("type", "")
        if kind not in _MOST:
            raise ApiError(40004, "invalid media type")
        part = (await request.post()).get("media")
        if not isinstance(part, web.FileField):
            raise ApiError(41005, "media data missing")
        body = part.file.read()
        if len(body) <= 5:
            raise ApiError(44001, "empty media data")
        if len(body) > _MOST[kind]:
            raise ApiError(45001, "media size out of limit")
        media_id = self._ledger.add_media(body, part.content_type, part.filename)
        return ok(type=kind, media_id=media_id, created_at=str(int(self._world.now())))

    def _file(self, media_id: str) -> web.Response:
        body, media_type, name = self._ledger.media(media_id)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=body, content_type=media_type, headers=headers)


def _check_words(kind: str, text: str) -> None:
    if not text.strip():
        raise ApiError(44004, "text content is empty")
    if len(text.encode()) > _ROBOT_BYTES[kind]:
        raise ApiError(40058, f"{kind}.content exceed max length {_ROBOT_BYTES[kind]}")
