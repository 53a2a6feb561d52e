"""The simulator's page: everybody's phone in one window. Rendered here, refreshed by fragments; without its
script it still works by links and forms.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.core.clock import china
from bot.simulator.acts import MessageView
from bot.simulator.api import read_photo
from bot.simulator.faults import FaultPlan
from bot.simulator.markdown import plain_to_html, to_html
from bot.simulator.people import SimMessage, SimPerson
from bot.simulator.phone import PHOTO_TYPES, CannotDo, Phones

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
STATIC = TEMPLATES / "static" / "simulator"
PAGE = 50  # people on a page, bubbles at first sight of a chat
PLATFORMS = {"wecom": "企业微信", "dingtalk": "钉钉"}
SHOWN = {"all": "全部", "unread": "未读", **PLATFORMS}
WEEKDAYS = "一二三四五六日"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message ready for the template; ``day`` only where a new day begins."""

    message: SimMessage
    view: MessageView
    body: Markup
    picture: str
    clock: str
    day: str
    pressed: tuple[str, ...]


class Page:
    """Handlers for the page, its two fragments, its forms and the pictures."""

    def __init__(self, phones: Phones, faults: FaultPlan) -> None:
        self._phones = phones
        self._faults = faults
        env = Environment(
            loader=FileSystemLoader(TEMPLATES / "pages" / "simulator"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        env.globals.update(platforms=PLATFORMS, shown=SHOWN, chat_path=_chat_path, clock=_clock)
        env.globals.update(tint=_tint, static_version=_version(STATIC))
        env.filters["web_only"] = _web_only
        names = ("page", "people", "chat")
        self._templates = {name: env.get_template(f"{name}.html.j2") for name in names}

    def routes(self) -> list[web.AbstractRouteDef]:
        chat = "/chat/{platform}/{user_id}"
        return [
            web.get("/", self.show),
            web.get(chat, self.show),
            web.get("/part/people", self.part_people),
            web.get("/part/chat/{platform}/{user_id}", self.part_chat),
            web.post(chat + "/{act:press|say|photo|place}", self.form),
            web.get("/media/{media_id}", self.media),
            web.static("/static/simulator", STATIC),
        ]

    # -- handlers ---------------------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.Response:
        person = self._whose(request) if "user_id" in request.match_info else None
        data = self._list_data(request, person)
        data |= self._chat_data(request, person) if person else {"person": None}
        return self._html("page", data)

    async def part_people(self, request: web.Request) -> web.Response:
        return self._html("people", self._list_data(request, None))

    async def part_chat(self, request: web.Request) -> web.Response:
        return self._html("chat", self._chat_data(request, self._whose(request)))

    async def form(self, request: web.Request) -> web.Response:
        """An act without the script: do it, then show the chat again."""
        person, note = self._whose(request), ""
        try:
            await self._do(person, request)
        except CannotDo as no:
            note = str(no.status)
        raise web.HTTPSeeOther(_chat_path(person) + (f"?note={note}" if note else ""))

    async def media(self, request: web.Request) -> web.Response:
        found = self._phones.world.media.get(request.match_info["media_id"])
        if found is None:
            raise web.HTTPNotFound
        body, media_type, _name = found
        safe = media_type in PHOTO_TYPES
        headers = HEADERS | {"Cache-Control": "private, max-age=86400, immutable"}
        if not safe:
            headers["Content-Disposition"] = "attachment"
        kind = media_type if safe else "application/octet-stream"
        return web.Response(body=body, content_type=kind, headers=headers)

    # -- what the templates need ------------------------------------------------------------------------

    def _list_data(self, request: web.Request, person: SimPerson | None) -> dict[str, object]:
        query = request.query.get("q", "")
        show = request.query.get("show", "all")
        show = show if show in SHOWN else "all"
        rows = self._phones.rows(query, show)
        pages = max(1, math.ceil(len(rows) / PAGE))
        page = min(max(1, _number(request.query.get("page", ""), 1)), pages)
        current = request.query.get("current", _chat_path(person) if person else "")
        return {
            "rows": rows[(page - 1) * PAGE : page * PAGE],
            "total": len(rows),
            "page": page,
            "pages": pages,
            "query": query,
            "show": show,
            "current": current,
            "list_query": _list_query(query, show, page),
            "page_query": lambda number: _list_query(query, show, number),
            "revision": self._phones.world.revision,
            "now": _moment(self._phones.world.now()),
            "faults": self._faults.percent,
        }

    def _chat_data(self, request: web.Request, person: SimPerson) -> dict[str, object]:
        chat = self._phones.messages(person)
        count = max(PAGE, _number(request.query.get("count", ""), PAGE))
        return {
            "person": person,
            "bubbles": list(self._bubbles(chat[-count:])),
            "earlier": max(0, len(chat) - count),
            "more": count + 4 * PAGE,
            "unread": self._phones.unread(person),
            "note": _NOTES.get(request.query.get("note", ""), ""),
            "now": _moment(self._phones.world.now()),
        }

    def _bubbles(self, chat: list[SimMessage]) -> Iterator[Bubble]:
        before = ""
        for message in chat:
            view = self._phones.view(message)
            moment = _moment(message.at)
            day = f"{moment:%Y-%m-%d} 周{WEEKDAYS[moment.weekday()]}"
            texts = {b.key: b.text for b in (*view.buttons, *view.menu)}
            yield Bubble(
                message=message,
                view=view,
                body=plain_to_html(view.body) if message.mine else to_html(view.body, tables=view.tables),
                picture=self._phones.picture(view),
                clock=f"{moment:%H:%M}",
                day=day if day != before else "",
                pressed=tuple(texts[key] for key in message.pressed if key in texts),
            )
            before = day

    # -- inside -----------------------------------------------------------------------------------------

    def _html(self, name: str, data: dict[str, object]) -> web.Response:
        text = self._templates[name].render(data)
        headers = HEADERS | {"X-Revision": str(self._phones.world.revision)}
        return web.Response(text=text, content_type="text/html", headers=headers)

    def _whose(self, request: web.Request) -> SimPerson:
        try:
            return self._phones.person(request.match_info["platform"], request.match_info["user_id"])
        except CannotDo as no:
            raise web.HTTPNotFound(text=str(no), headers=HEADERS) from no

    async def _do(self, person: SimPerson, request: web.Request) -> None:
        act = request.match_info["act"]
        if act == "photo":
            await self._phones.send_photo(person, *await read_photo(request))
            return
        form = await request.post()
        typed = {name: str(value) for name, value in form.items()}
        if act == "press":
            chosen = {
                name.removeprefix("choose."): [str(value) for value in form.getall(name)]
                for name in form
                if name.startswith("choose.")
            }
            await self._phones.press(person, typed.get("message", ""), typed.get("key", ""), chosen)
        elif act == "say":
            await self._phones.say(person, typed.get("text", ""))
        else:
            place = _degrees(typed.get("latitude", "")), _degrees(typed.get("longitude", ""))
            await self._phones.send_place(person, *place, typed.get("label", ""))


_NOTES = {
    "400": "没有发出：内容不完整。",
    "404": "没有找到这条消息。",
    "409": "这条消息上没有这个按钮了。",
    "415": "请选一张照片（JPEG、PNG、WebP、GIF 或 HEIC）。",
    "502": "已发出，但服务没有应答。",
}


def _version(folder: Path) -> str:
    """Change with the files, so that no browser shows yesterday's style."""
    content = b"".join(file.read_bytes() for file in sorted(folder.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]


def _chat_path(person: SimPerson) -> str:
    return f"/chat/{person.platform}/{quote(person.user_id, safe='')}"


def _list_query(query: str, show: str, page: int) -> str:
    """The list's state as a query string that starts with ``?``, or nothing at its first sight."""
    parts = {"q": query, "show": "" if show == "all" else show, "page": str(page) if page > 1 else ""}
    chosen = {k: v for k, v in parts.items() if v}
    return f"?{urlencode(chosen)}" if chosen else ""


def _moment(at: float) -> dt.datetime:
    return china(dt.datetime.fromtimestamp(at, dt.UTC))


def _clock(at: float, now: dt.datetime) -> str:
    """The short time of a list line: the hour today, the date before."""
    moment = _moment(at)
    return f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment.month}月{moment.day}日"


def _tint(person: SimPerson) -> int:
    """One of eight colours, always the same for a person."""
    return zlib.crc32(person.user_id.encode()) % 8


def _web_only(url: str) -> str:
    """*url* if it leads to http or https, else nothing."""
    return url if url.lower().startswith(("http://", "https://")) else ""


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else otherwise


def _degrees(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan  # outside every range: the phone refuses it
