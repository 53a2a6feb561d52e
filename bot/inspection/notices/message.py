"""What a slice says about a message, before anybody knows how it looks: values, facts, asks, pages, or a skip."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlmodel import Session


@dataclass(frozen=True, slots=True)
class Ask:
    """A button that calls back: ``verb`` names the handler, ``subject`` overrides the notice's own."""

    text: str
    verb: str
    style: str = "default"  # default | primary | danger
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A button that opens a page of ours. ``purpose`` and ``value`` become a signed link for the recipient:
    ``{public_url}/{purpose}/{token}`` with token = links.sign(purpose, [recipient person id, *value]);
    ``then`` is a page below it. A ``path`` opens that public address instead, an ``https://`` one somebody else's."""

    text: str
    purpose: str = ""
    value: tuple[Any, ...] = ()
    path: str = ""
    then: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """The truth about the subject right now. ``closed`` takes the buttons away and stands in their place."""

    values: dict[str, Any] = field(default_factory=dict)
    facts: tuple[tuple[str, str], ...] = ()
    asks: tuple[Ask, ...] = ()
    pages: tuple[Page, ...] = ()
    closed: str = ""
    due_on: dt.date | None = None  # for services with a to-do list
    overdue: bool = False  # for services with something stronger than a message


@dataclass(frozen=True, slots=True)
class Skip:
    """Nobody needs this any more; the reason (zh-CN) is stored and closes a card that is out already."""

    reason: str


class Told(Protocol):
    """What of a notice it takes to say it: the row itself, or just these columns of many."""

    @property
    def id(self) -> int | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def generation(self) -> int: ...
    @property
    def recipient_id(self) -> int: ...
    @property
    def slot(self) -> str: ...
    @property
    def priority(self) -> str: ...
    @property
    def statutory(self) -> bool: ...
    @property
    def data(self) -> dict[str, Any]: ...
    @property
    def created_at(self) -> dt.datetime: ...
    @property
    def attempts(self) -> int: ...
    @property
    def card_id(self) -> str: ...
    @property
    def moved(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One message kind; its templates are ``templates/messages/<name>/``. ``card``: has buttons that call back or
    a state that changes, so what was sent is kept up to date. ``sample`` renders it in the template check."""

    name: str
    content: Callable[[Session, Told, dt.datetime], Content | Skip]
    sample: Content
    card: bool = False
