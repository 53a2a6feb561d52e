"""A form in one line of fields (``5``, ``5.note``, ``5.reading``), as the rules read it from a draft."""

from __future__ import annotations

from collections.abc import Mapping

from bot.inspection.checklists.definition import Checklist
from bot.inspection.checklists.reading import Filled, read_draft


def read_fields(
    checklist: Checklist,
    fields: Mapping[str, str],
    photos: Mapping[str, int] | None = None,
    *,
    prefix: str = "",
) -> Filled:
    """What ``read_draft`` makes of *fields*."""
    draft: dict[str, dict[str, str]] = {}
    for name, typed in fields.items():
        key, _, part = name.partition(".")
        draft.setdefault(key, {})[part or "value"] = typed
    return read_draft(checklist, draft, photos or {}, prefix=prefix)
