"""“未发现问题” is an act (ZJ-3.3.e, D23): somebody says it for each item, after the last answer it rests on. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

PREFIX = "item:"  # of the draft key; the item's row id follows
NOTHING_FOUND = "未发现问题"


def conclusion_key(item_id: int | None) -> str:
    """The draft key under which an item's conclusion is kept."""
    return f"{PREFIX}{item_id}"


def is_concluded(draft: Mapping[str, Mapping[str, Any]], item_id: int | None) -> bool:
    """Whether somebody said of this item that nothing was found."""
    return draft.get(conclusion_key(item_id), {}).get("value") == NOTHING_FOUND


def void_by(changed: Collection[str], items: Iterable[tuple[int | None, str]]) -> set[str]:
    """The conclusions that no longer stand once the draft keys *changed* have new answers.

    *items* are (item, code of its checklist).
    """
    codes = {key.partition(":")[0] for key in changed}
    return {conclusion_key(item) for item, code in items if code in codes}
