"""Which account of a person is tried next: chat first, then e-mail, then SMS, and then nobody. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.inspection.notices.message import Told
from bot.inspection.notices.models import Priority
from bot.messaging.tries import Earlier

Address = tuple[str, str]  # platform, user id
NO_ADDRESS = "没有可用的联系方式"
_LAST = ("email", "sms")  # in this order, after every chat
_WORTH_AN_SMS = (Priority.URGENT, Priority.ASSIGNMENT)


@dataclass(frozen=True, slots=True)
class Later:
    """Every account left is on a platform that rests until then."""

    until: dt.datetime
    why: str


def in_order(accounts: Sequence[Address], *, prefer: str) -> list[Address]:
    """The preferred chat, the other chats, e-mail, SMS; accounts of one platform in the order they were bound."""

    def rank(address: Address) -> int:
        platform = address[0]
        return 2 + _LAST.index(platform) if platform in _LAST else int(platform != prefer)

    return sorted(accounts, key=rank)


def asked_from(notice: Told) -> Address:
    """The account a reply answers."""
    return notice.data.get("platform", ""), notice.data.get("user_id", "")


def choose(
    notice: Told, accounts: Sequence[Address], before: Earlier, *, resting: Mapping[str, tuple[dt.datetime, str]],
    now: dt.datetime,
) -> Address | Later | None:  # fmt: skip
    """The account for this try; None when none is left.

    A reply goes back to where the question came from. What was sent of unknown outcome is repeated where it went.
    An SMS is spent on what is urgent, assigned or statutory only.
    """
    if before.in_doubt in accounts and before.in_doubt not in before.took | before.refused:
        return before.in_doubt
    if notice.kind == "reply" and asked_from(notice) in accounts and asked_from(notice) not in before.refused:
        return asked_from(notice)
    tried = before.refused | (before.took if notice.moved else set())
    costly = notice.statutory or notice.priority in _WORTH_AN_SMS
    left = [a for a in accounts if a not in tried and (a[0] != "sms" or costly)]
    open_ = [a for a in left if a[0] not in resting or resting[a[0]][0] <= now]
    if open_:
        return open_[0]
    rests = [resting[platform] for platform, _ in left]
    return Later(*min(rests)) if rests else None
