"""The HTTP side of the simulated WeCom: tokens, messages, card updates, members. Sheet sections 2 and 8."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.simulator.people import World
from bot.simulator.wecom_card_rules import INTERACTIVE, validate
from bot.simulator.wecom_state import Account, ApiError, Ledger

if TYPE_CHECKING:
    from bot.simulator.wecom_downstream import Downstream

_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")
_BYTES = 2048
_RECEIVERS = 1000
_KINDS = ("text", "markdown", "textcard", "news", "image", "voice", "video", "file", "template_card")
_TEXTS = {"textcard": {"title": 128, "description": 512}, "video": {"title": 128, "description": 512}}


def ok(**fields: Any) -> web.Response:
    return web.json_response({"errcode": 0, "errmsg": "ok", **fields})


def failed(code: int, text: str) -> web.Response:
    more = f"hint: [sim], from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e={code}"
    return web.json_response({"errcode": code, "errmsg": f"{text}, {more}"})


def read_json(raw: bytes) -> dict[str, Any]:
    r"""The body of a request. Raise ApiError 40033 for ``\uXXXX``, 40035 if it is no JSON object."""
    if _ESCAPE.search(raw):
        raise ApiError(40033, r"invalid request, \uxxxx escapes")
    try:
        tree = json.loads(raw)
    except ValueError:
        tree = None
    if not isinstance(tree, dict):
        raise ApiError(40035, "invalid json")
    return tree


class Api:
    """The calls an app makes with its token."""

    def __init__(
        self, world: World, ledger: Ledger, account: Account, downstream: Downstream | None = None
    ) -> None:
        self._world = world
        self._ledger = ledger
        self._account = account
        self._downstream = downstream

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/cgi-bin/gettoken", self.gettoken),
            web.post("/cgi-bin/message/send", self.send),
            web.post("/cgi-bin/message/update_template_card", self.update),
            web.post("/cgi-bin/message/recall", self.recall),
            web.get("/cgi-bin/getcallbackip", self.callback_ips),
        ]

    async def gettoken(self, request: web.Request) -> web.Response:
        if self._ledger.is_blocked():
            raise ApiError(45009, "api freq out of limit")
        if request.query.get("corpid") != self._account.corp_id:
            raise ApiError(40013, "invalid corpid")
        if request.query.get("corpsecret") != self._account.secret:
            self._ledger.wrong_secret()
            raise ApiError(40001, "invalid credential")
        token, left = self._ledger.token()
        return ok(access_token=token, expires_in=left)

    async def send(self, request: web.Request) -> web.Response:
        raw = await request.read()
        token = request.query.get("access_token", "")
        corp = self._downstream.corp_of(token) if self._downstream else ""
        if not corp:
            self._ledger.check_token(token)
        body = read_json(raw)
        if body.get("agentid") != (
            self._downstream.agent_of(corp) if corp and self._downstream else self._account.agent_id
        ):
            raise ApiError(301002, "not allow operate another agent with this accesstoken")
        checked = body.get("enable_duplicate_check") == 1
        if checked and (answer := self._ledger.repeated(raw)) is not None:
            return ok(**answer)
        answer = self._accept(body, corp)
        if checked:
            self._ledger.note_request(raw, int(body.get("duplicate_check_interval", 1800)), answer)
        return ok(**answer)

    async def update(self, request: web.Request) -> web.Response:
        self._ledger.check_token(request.query.get("access_token", ""))
        body = read_json(await request.read())
        if not self._account.callback_url:
            raise ApiError(43012, "the app has no callback url")
        card = body.get("template_card")
        if card is not None:
            validate(card, update=True)
        elif not body.get("button", {}).get("replace_name"):
            raise ApiError(40058, "template_card or button missing")
        task_id = self._ledger.spend_code(body.get("response_code", ""))
        missed = [
            user for user in body.get("userids", [])
            if not self.change_card(user, task_id, card, closed=_closed_text(body))
        ]  # fmt: skip
        return ok(invaliduser=missed)

    async def recall(self, request: web.Request) -> web.Response:
        self._ledger.check_token(request.query.get("access_token", ""))
        body = read_json(await request.read())
        for bubble in self._ledger.recallable(body.get("msgid", "")):
            self._world.change(bubble, recalled=True)
        return ok()

    async def callback_ips(self, request: web.Request) -> web.Response:
        self._ledger.check_token(request.query.get("access_token", ""))
        return ok(ip_list=["127.0.0.1"])

    def change_card(self, user_id: str, task_id: str, card: dict[str, Any] | None, *, closed: str) -> bool:
        """Give a card new content, or only a text in place of its buttons; False if the person has none."""
        bubble = self._world.card("wecom", user_id, task_id)
        if bubble is None:
            return False
        fields = {"closed": closed} if card is None else {"closed": closed, "content": card}
        self._world.change(bubble.id, **fields)
        return True

    def _accept(self, body: dict[str, Any], corp: str = "") -> dict[str, Any]:
        """Post one message to everybody it names and return the answer's fields."""
        kind = body.get("msgtype", "")
        if kind not in _KINDS:
            raise ApiError(40008, "invalid message type")
        content = self._content(kind, body.get(kind) or {})
        found, missed = self._receivers(body.get("touser", ""), corp)
        task_id = content.get("task_id", "") if kind == "template_card" else ""
        if task_id:
            self._ledger.claim_task(task_id)
        bubbles = [
            self._world.post("wecom", user, kind, content, card_id=task_id).id
            for user in found
            if self._ledger.allows(user, minute=30, hour=1000)  # over the limit: dropped, and nobody is told
        ]
        answer = {"msgid": self._ledger.note_message(bubbles), "invaliduser": "|".join(missed)}
        if kind == "template_card" and content["card_type"] in INTERACTIVE:
            answer["response_code"] = self._ledger.new_code(task_id)
        return answer

    def _receivers(self, touser: str, corp: str) -> tuple[list[str], list[str]]:
        """Who gets it, as the world calls them, and who does not, in lower case."""
        named = [user.lower() for user in touser.split("|") if user]
        if not named:
            raise ApiError(82001, "touser, toparty and totag are all empty")
        if named == ["@all"]:
            return [user for platform, user in self._world.people if platform == "wecom"], []
        if len(named) > _RECEIVERS:
            raise ApiError(40032, "invalid user list size")
        missed = [user for user in named if not self._reaches(user, corp)]
        if missed == named:
            raise ApiError(81013, "user & party & tag all invalid")
        prefix = f"{corp}/" if corp else ""
        return [prefix + user for user in dict.fromkeys(named) if user not in missed], missed

    def _reaches(self, user: str, corp: str) -> bool:
        if corp and self._downstream is not None:
            return self._downstream.receiver(corp, user)
        hidden = self._world.facts.get("wecom:hidden", [])
        return self._world.person("wecom", user) is not None and user not in hidden

    def _content(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        if kind == "template_card":
            validate(content)
        elif kind in ("image", "voice", "video", "file"):
            self._ledger.media(content.get("media_id", ""))
        elif kind == "news":
            return {"articles": checked_articles(content.get("articles"))}
        elif kind == "textcard":
            if not all(content.get(name) for name in ("title", "description", "url")):
                raise ApiError(40058, "textcard.title, description and url are needed")
        else:
            return {"content": _checked_text(kind, content.get("content", ""))}
        if kind == "template_card" and not self._account.callback_url:
            raise ApiError(43012, "the app has no callback url")
        cut = {name: _cut(str(content.get(name, "")), most) for name, most in _TEXTS.get(kind, {}).items()}
        return {**content, **cut} if cut else content


def _checked_text(kind: str, text: str) -> str:
    """Text is cut without a word, markdown is refused: sheet section 2.3."""
    if not text.strip():
        raise ApiError(44004, "text content is empty")
    raw = text.encode()
    if kind == "markdown" and len(raw) > _BYTES:
        raise ApiError(45002, "markdown.content exceeds 2048 bytes")
    return raw[:_BYTES].decode(errors="ignore")


def checked_articles(articles: Any) -> list[dict[str, Any]]:
    """One to eight, each with a title and a page, cut like text. Raise ApiError."""
    if not isinstance(articles, list) or not articles:
        raise ApiError(40058, "news.articles")
    if len(articles) > 8:
        raise ApiError(45008, "article size out of limit")
    if not all(article.get("title") and (article.get("url") or article.get("appid")) for article in articles):
        raise ApiError(40058, "news.articles.title and url")
    return [
        {**a, "title": _cut(a["title"], 128), "description": _cut(a.get("description", ""), 512)}
        for a in articles
    ]


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")


def _closed_text(body: dict[str, Any]) -> str:
    if "template_card" in body:
        return str(body["template_card"].get("replace_text", ""))
    return str(body["button"]["replace_name"])
