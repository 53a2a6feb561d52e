"""From what a slice says to what a platform can show: templates, buttons, signed links."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from bot.core.canonical import canonical
from bot.core.clock import at_china
from bot.core.ids import sha256_hex
from bot.core.links import Links
from bot.inspection.notices.message import Ask, Content, Page
from bot.messaging.actions import Action
from bot.platforms.base import Button, Capabilities, OutboundMessage

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "messages"
_DUE_HOUR = 18  # a day's work is due when it ends
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def escape_markdown(value: Any) -> str:
    """Take the meaning out of Markdown signs in what a person typed; line breaks become spaces."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def digest(message: OutboundMessage) -> str:
    """What a person would see of a card; two links to the same page look alike."""
    buttons = [(button.text, button.action, button.style) for button in message.buttons]
    seen = [message.title, message.body, list(message.facts), buttons, message.done]
    return sha256_hex(canonical(seen))


class Renderer:
    """Templates compiled once. ``message`` is pure but for reading them."""

    def __init__(self, links: Links, *, folder: Path = TEMPLATES) -> None:
        self.links = links
        self._environment = Environment(  # noqa: S701 - Markdown, not HTML; every typed value goes through |md
            loader=FileSystemLoader(folder), undefined=StrictUndefined, auto_reload=False, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._environment.filters["md"] = escape_markdown
        self._templates: dict[str, Template] = {}

    def message(
        self,
        kind: str,
        content: Content,
        *,
        subject: str,
        generation: int,
        person_id: int,
        capabilities: Capabilities,
        card_id: str = "",
        repeated: bool = False,
        at: dt.datetime | None = None,
        key: str = "",
    ) -> OutboundMessage:
        """The message for one person on one platform. Without callback buttons there, asks become signed links.
        *key* tells it from every other message, and is the same when it is repeated.

        Links are signed as of *at* (default: now), so that a repetition is the same to the last byte.
        """
        title = self._text(f"{kind}/title.txt.j2", content)
        body = self._text(f"{kind}/body.md.j2", content)
        callbacks = capabilities.cards and bool(card_id)
        buttons = [
            self._ask(ask, subject, generation, person_id, callbacks=callbacks, at=at) for ask in content.asks
        ]
        buttons += [Button(page.text, url=self.url(page, person_id, at=at)) for page in content.pages]
        return OutboundMessage(
            title=title,
            body=f"（可能重复）{body}" if repeated else body,
            facts=content.facts,
            buttons=() if content.closed else tuple(buttons[: capabilities.max_buttons]),
            url=next((b.url for b in buttons if b.url), ""),
            card_id=card_id if capabilities.cards else "",
            done=content.closed,
            key=key,
            due_at=at_china(content.due_on, _DUE_HOUR) if content.due_on else None,
            duty=subject if content.due_on else "",
            overdue=content.overdue and not content.closed,
        )

    def title(self, kind: str, content: Content) -> str:
        """The title alone, for a line among others."""
        return self._text(f"{kind}/title.txt.j2", content)

    def url(self, page: Page, person_id: int, *, at: dt.datetime | None = None) -> str:
        """The page's address, signed for this person."""
        if page.path:
            return page.path if page.path.startswith("https://") else f"{self.links.base}{page.path}"
        token = self.links.sign(page.purpose, [person_id, *page.value], at=at)
        return f"{self.links.base}/{page.purpose}/{token}{page.then}"

    def _ask(
        self,
        ask: Ask,
        subject: str,
        generation: int,
        person_id: int,
        *,
        callbacks: bool,
        at: dt.datetime | None,
    ) -> Button:
        action = Action(ask.verb, ask.subject or subject, generation).pack()
        if callbacks:
            return Button(ask.text, action=action, style=ask.style)
        token = self.links.sign("press", [person_id, action], at=at)
        return Button(ask.text, url=f"{self.links.base}/press/{token}", style=ask.style)

    def _text(self, name: str, content: Content) -> str:
        template = self._templates.get(name)
        if template is None:
            template = self._templates[name] = self._environment.get_template(name)
            template.globals = dict(
                template.globals
            )  # a chain of maps is copied ten times as slowly, each time
        return template.render(content.values).strip()
