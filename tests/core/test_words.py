"""What people type is kept as far as a database can keep it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.words import said, says_something


@given(st.text(st.characters(codec=None)), st.integers(0, 50))
def test_whatever_is_typed_can_be_kept_by_every_database(text: str, longest: int) -> None:
    kept = said(text, longest)
    assert "\x00" not in kept
    kept.encode()  # no halves of characters
    assert len(kept) <= longest
    assert said(kept, longest) == kept


@pytest.mark.parametrize(
    ("text", "something"), [("没有信号", True), ("。", False), ("x", False), ("", False), ("12", True)]
)
def test_a_full_stop_is_no_reason(text: str, something: bool) -> None:
    assert says_something(text) is something
