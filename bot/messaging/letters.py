"""The kinds that delivery itself says, beside those of the slices."""

from __future__ import annotations

from collections.abc import Mapping

from bot.inspection.notices.message import Kind
from bot.messaging import calm, unreached
from bot.messaging.dispatch import REPLY
from bot.messaging.render import Renderer


def all_kinds(
    slices: Mapping[str, Kind], renderer: Renderer, *, titles: Mapping[str, str]
) -> dict[str, Kind]:
    """Every kind there is; *titles* are their short names (zh-CN)."""
    kinds = {**slices, REPLY.name: REPLY}
    for own in (calm.make_kind(kinds, renderer), unreached.make_kind(titles)):
        kinds[own.name] = own
    return kinds
