"""A slice of ``make fuzz``, which runs 200,000 inputs: the same parsers, the same mutations, another seed each."""

from __future__ import annotations

import pytest

from tests.platforms.dingtalk.fuzz import MODULES, targets
from tests.platforms.fuzzing import check

TARGETS = targets()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_hostile_input_is_read_or_refused_by_name(name: str) -> None:
    check(name, TARGETS[name], MODULES, tried=40 if name == "card maker" else 3000)
