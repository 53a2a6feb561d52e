"""A slice of ``make fuzz``, which runs 200,000 inputs: the same parsers, the same mutations, another seed each."""

from __future__ import annotations

import pytest

from tests.platforms.dingtalk.fuzz import MODULES, targets
from tests.platforms.fuzzing import run

TARGETS = targets()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_hostile_input_is_read_or_refused_by_name(name: str) -> None:
    tried = 40 if name == "card maker" else 3000
    report = run({name: TARGETS[name]}, MODULES, tried, seed=20260310)
    assert report.inputs == tried
    assert (
        report.grown[name] > len(TARGETS[name].seeds) or not TARGETS[name].grows
    )  # by what they newly reached
    assert len(report.outcomes) > 1 or not TARGETS[name].refusals
