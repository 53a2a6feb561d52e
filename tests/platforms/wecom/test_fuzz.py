"""A slice of ``make fuzz``, which runs 200,000 inputs: the same parsers, the same mutations, another seed each."""

from __future__ import annotations

import pytest

from tests.platforms.fuzzing import run
from tests.platforms.wecom.fuzz import MODULES, targets

TARGETS = targets()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_hostile_input_is_read_or_refused_by_name(name: str) -> None:
    tried = 60 if name == "card maker" else 3000
    report = run({name: TARGETS[name]}, MODULES, tried, seed=20260310)
    assert report.inputs == tried
    if name != "card maker":  # whose seeds take every step and which has one way out
        assert report.grown[name] > len(TARGETS[name].seeds)  # coverage grew, and with it the seeds
        assert len(report.outcomes) > 1
