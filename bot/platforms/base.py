"""The port every chat service implements. It knows people as opaque user ids and messages as plain text, facts
and buttons; it knows nothing of inspections.

``WeComPlatform`` and ``DingTalkPlatform`` implement :class:`Platform`; what differs is in :class:`Capabilities`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from bot.platforms.shared import Budget


class InboundKind(StrEnum):
    TEXT = "text"
    IMAGE = "image"  # media_id is to be fetched at once: links die in minutes or days
    FILE = "file"  # a voice message, video or document; as IMAGE, ``raw`` has its ``name`` and ``msgtype``
    LOCATION = "location"
    BUTTON = "button"  # action holds what the button carried; card_id the card it sat on
    ENTER = "enter"  # opened the chat
    CONTACT = "contact"  # directory changed
    OTHER = "other"  # understood as an envelope, nothing to do; still stored and acknowledged


class InboundEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing a person did, the same whatever service it came through; the inbox keeps it as JSON.

    A Struct, which is made in a tenth of a dataclass's time: storms of these come in.
    """

    platform: str
    event_id: str  # stable over redelivery: the inbox is unique by (platform, event_id)
    kind: InboundKind
    user_id: str  # empty for directory events
    at: dt.datetime  # when the service says it happened, UTC
    text: str = ""
    action: str = ""
    card_id: str = ""
    card_token: str = ""  # WeCom response_code: one update, 72 h
    media_id: str = ""
    latitude: float | None = None  # WGS-84, whatever the service itself uses
    longitude: float | None = None
    label: str = ""  # address of a location
    conversation: str = ""  # group id, empty in a single chat
    reply_token: str = ""  # DingTalk sessionWebhook, if given
    reply_until: dt.datetime | None = None
    raw: dict[str, Any] = msgspec.field(
        default_factory=dict
    )  # what the handlers of rare kinds need; no secrets


@dataclass(frozen=True, slots=True)
class Button:
    """A button: either ``action`` (calls back) or ``url`` (opens a page)."""

    text: str
    action: str = ""
    url: str = ""
    style: str = "default"  # default | primary | danger


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """What is to be said, before a platform decides how it looks.

    ``card_id`` is set when the message has callback buttons or will be updated; it is unique per app, at most
    100 bytes of ``[0-9A-Za-z_@-]`` and the same on every retry, so platforms with idempotency keys use it.
    ``body`` is the Markdown subset both platforms show (headings, bold, lists, quotes, links).
    """

    title: str
    body: str
    facts: tuple[tuple[str, str], ...] = ()
    buttons: tuple[Button, ...] = ()
    url: str = ""
    card_id: str = ""
    source: str = "随查"
    done: str = ""  # when set the card is closed: its buttons are replaced by this text
    key: str = (
        ""  # the same on every retry, different in every other message; for services that drop equal texts
    )
    due_at: dt.datetime | None = None  # for services with a to-do list; with ``done`` the entry is finished
    duty: str = ""  # what it is about, the same in every message to this person about it: names the entry
    overdue: bool = False  # for services with something stronger than a message


CLOSED = "closed"  # what the button of a card carries that is over: pressing it asks for nothing


@dataclass(frozen=True, slots=True)
class Sent:
    """What the platform gave back. ``ref`` recalls or queries the message; ``card_token`` updates it.

    ``earlier``: the platform says that the card stands there since a try before, so it shows what was true then.
    """

    ref: str
    card_token: str = ""
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class CardRef:
    """A card on somebody's screen."""

    user_id: str
    card_id: str
    card_token: str = ""


@dataclass(frozen=True, slots=True)
class Media:
    """A file fetched from the platform."""

    body: bytes
    media_type: str
    name: str = ""


class ErrorClass(StrEnum):
    RETRY = "retry"  # try again after retry_after seconds
    TOKEN = "token"  # noqa: S105 - a word, no secret: the client refreshed once already and failed again
    QUOTA = "quota"  # wait for the quota window
    RECIPIENT = "recipient"  # this person cannot be reached here
    CARD = "card"  # the card cannot be updated any more: send a new one
    CHANNEL = "channel"  # configuration: stop the channel, page the administrator
    BUG = "bug"  # our payload is wrong
    UNKNOWN = "unknown"  # the request may have arrived: outcome unknown


class PlatformError(Exception):
    """A send that did not succeed. Never leaves ``bot.messaging``; ``code`` and ``advice`` hold no secrets."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        cls: ErrorClass = ErrorClass.RETRY,
        retry_after: float = 0.0,
        advice: str = "",
    ) -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code = code
        self.detail = detail
        self.cls = cls
        self.retry_after = retry_after
        self.advice = advice

    @property
    def permanent(self) -> bool:
        return self.cls not in (ErrorClass.RETRY, ErrorClass.QUOTA, ErrorClass.UNKNOWN, ErrorClass.TOKEN)


class Scope(StrEnum):
    """What a limit of the platform counts."""

    PERSON = "person"
    CONVERSATION = "conversation"
    ROBOT = "robot"
    APP = "app"
    CORP = "corp"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most *count* sends in any *seconds* for each person, conversation, robot, app or corp."""

    scope: Scope
    count: int
    seconds: float


class Receipt(StrEnum):
    """What the platform tells of one person and one message."""

    UNREAD = "unread"  # arrived
    READ = "read"
    NOT_DELIVERED = "not_delivered"
    RECALLED = "recalled"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this platform can do; messaging degrades by these flags and never by the platform's name."""

    cards: bool = True  # callback buttons
    card_updates: bool = True
    resend_is_safe: bool = True  # the same card_id sent twice is shown once
    plain_resend_is_safe: bool = True  # so is the same message without a card_id
    read_receipts: bool = False
    media: bool = True
    group_robot: bool = False
    max_buttons: int = 6
    body_bytes: int = 2048
    per_minute: int | None = 30  # to one person
    limits: tuple[Limit, ...] = ()
    budgets: tuple[tuple[Budget, int], ...] = ()  # of the smallest edition, by the month
    batch: int = 1  # people in one ``send_many``; 1: one by one
    recall: bool = False
    receipts_tell_outcome: bool = False  # ``receipts`` says whether a send of unknown outcome arrived


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of ``suicha doctor``: ok, and in zh-CN what was seen and what to click if it is not."""

    name: str
    ok: bool
    seen: str
    advice: str = ""


class Sends(Protocol):
    """Whatever sends to one person."""

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send to one person. Raise PlatformError; time-out after the request left is ErrorClass.UNKNOWN."""
        ...


class Platform(Sends, Protocol):
    """A chat service, outbound."""

    name: str
    capabilities: Capabilities

    async def start(self) -> None:
        """Open sockets that this platform needs (Stream, long connection)."""
        ...

    async def close(self) -> None:
        """Close them; what was claimed has been finished by then."""
        ...

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """Send the same to up to ``capabilities.batch`` people; each has an end of their own.

        Raise PlatformError where the call failed as a whole.
        """
        ...

    async def receipts(self, ref: str) -> dict[str, Receipt]:
        """What became of the message *ref* by user id; empty where the platform does not tell."""
        ...

    async def recall(self, ref: str) -> None:
        """Take a message back. Raise PlatformError(BUG) where the platform cannot."""
        ...

    async def update(self, card: CardRef, message: OutboundMessage) -> Sent:
        """Replace a card's content. Raise PlatformError(cls=CARD) where a new card is needed."""
        ...

    async def reply(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        """Answer in the conversation the event came from, the cheapest way the platform has."""
        ...

    async def fetch_media(self, media_id: str) -> Media:
        """Fetch a file a person sent."""
        ...

    async def announce(self, message: OutboundMessage) -> None:
        """Post to the configured group robot; raise Problem-free PlatformError(CHANNEL) when none is set."""
        ...

    async def check(self) -> list[CheckResult]:
        """Look at every setting for ``suicha doctor``."""
        ...


async def one_by_one(
    platform: Sends, user_ids: Sequence[str], message: OutboundMessage
) -> dict[str, Sent | PlatformError]:
    """``send_many`` for a platform that has no batch."""
    ended: dict[str, Sent | PlatformError] = {}
    for user_id in user_ids:
        try:
            ended[user_id] = await platform.send(user_id, message)
        except PlatformError as error:
            ended[user_id] = error
    return ended
