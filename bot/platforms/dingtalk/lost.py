"""HTTP events that DingTalk could not deliver: after two tries it keeps them until they are asked for. Sheet: 6.5.

Whether a fetched one is gone there is not documented, so each has an id of its own that is the same whenever it
comes. Events are hints: one that arrived before after all does no harm.
"""

from __future__ import annotations

import datetime as dt

from bot.core.ids import sha256_hex
from bot.platforms.base import InboundEvent
from bot.platforms.dingtalk.client import DingTalkClient
from bot.platforms.dingtalk.events import hook_event
from bot.platforms.dingtalk.fields import items, moment, nested, word
from bot.platforms.dingtalk.text import compact

PATH = "/call_back/get_call_back_failed_result"
MOST_CALLS = 20  # of up to 200 events each


async def lost_events(client: DingTalkClient, *, received: dt.datetime) -> list[InboundEvent]:
    """What was not delivered, each once. Raise PlatformError."""
    found: dict[str, InboundEvent] = {}
    for _ in range(MOST_CALLS):
        answer = await client.oapi("GET", PATH)
        known = len(found)
        for row in items(answer.get("failed_list")):
            event = _event(row, received=received)
            if event is not None:
                found[event.event_id] = event
        if (
            answer.get("has_more") is not True or len(found) == known
        ):  # the same page again would go on for ever
            break
    return list(found.values())


def _event(row: object, *, received: dt.datetime) -> InboundEvent | None:
    """One entry: ``call_back_tag`` names the event and the field that holds it."""
    if not isinstance(row, dict) or not (name := word(row, "call_back_tag")):
        return None
    at = moment(row.get("event_time"), received)
    data = {**nested(row.get(name)), "EventType": name}
    return hook_event(data, fallback_id=f"lost-{sha256_hex(compact(row).encode())}", received=at)
