"""Cycles are looked for again afterwards, whatever happens."""

from __future__ import annotations

import gc

import pytest

from bot.core.collecting import uncollected


@uncollected()
def work(*, breaks: bool) -> bool:
    with uncollected():
        inside = gc.isenabled()
    if breaks:
        raise ValueError("broken")
    return inside or gc.isenabled()


def test_the_collector_rests_during_the_work_and_only_then() -> None:
    assert gc.isenabled()
    assert not work(breaks=False)
    assert gc.isenabled()
    with pytest.raises(ValueError, match="broken"):
        work(breaks=True)
    assert gc.isenabled()
