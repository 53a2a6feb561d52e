"""What a person can be told (``Problem``) and nothing else."""

from __future__ import annotations

from typing import Any


class Problem(Exception):  # noqa: N818 - a word of the trade, see architecture.md section 5
    """A refusal with a reason that a person can act on.

    ``key`` is stable and in English (for code and tests); ``text`` is the zh-CN sentence the person reads;
    ``fields`` names the form field, row or setting at fault, each with its own sentence.
    """

    def __init__(self, key: str, text: str, **fields: Any) -> None:
        super().__init__(text)
        self.key = key
        self.text = text
        self.fields: dict[str, Any] = fields

    def __str__(self) -> str:
        if not self.fields:
            return self.text
        return self.text + "（" + "；".join(f"{k}：{v}" for k, v in self.fields.items()) + "）"
