"""How a send ended for each person, and what of it had to be cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from bot.platforms.base import ErrorClass, PlatformError, Sent

log = structlog.get_logger(__name__)

_MISSED = {"invaliduser": "不在应用可见范围，或已离职", "unlicenseduser": "没有接口许可"}


def say_cut(fields: Sequence[str]) -> None:
    """Tell the log which fields lost their end; never what stood in them."""
    if fields:
        log.warning("wecom_cut", fields=list(fields))


def only_end(ends: Mapping[str, Sent | PlatformError]) -> Sent:
    (end,) = ends.values()
    if isinstance(end, PlatformError):
        raise end
    return end


def was_shown(error: PlatformError) -> bool:
    """A task_id is good once: that it is taken says that the card of an earlier try arrived.

    The service names the field; its words are not documented (unverified).
    """
    return error.code == "40058" and "task_id" in error.detail


def missed_in(tree: Mapping[str, object]) -> dict[str, PlatformError]:
    """RECIPIENT by lower-case user id where a success names people as not reached. Sheet sections 2.2, 2.6."""
    found: dict[str, PlatformError] = {}
    for name, why in _MISSED.items():
        listed = tree.get(name) or ()
        people = listed.split("|") if isinstance(listed, str) else listed if isinstance(listed, list) else ()
        for person in people:
            advice = f"{why}：管理后台 → 应用管理 → 该应用 → 可见范围，核对此人。"
            found[str(person).lower()] = PlatformError(name, why, cls=ErrorClass.RECIPIENT, advice=advice)
    return found
