"""A slice of ``make fuzz``, which runs 200,000 inputs: the same parsers, the same mutations, another seed each."""

from __future__ import annotations

import pytest

from tests.platforms.wecom.fuzz import parsers, run


@pytest.mark.parametrize("name", sorted(parsers()))
def test_hostile_input_is_read_or_refused_by_name(name: str) -> None:
    tried = 300 if name == "card maker" else 5000
    outcomes = run(tried, seed=20260310, only=name)
    assert sum(outcomes.values()) == tried
    assert len(outcomes) > (0 if name == "card maker" else 1)  # the mutations reach more than one way out
