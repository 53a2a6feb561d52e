"""Cycles are looked for again afterwards, whatever happens."""

from __future__ import annotations

import gc

import pytest

from bot.core.collecting import look_seldom, uncollected


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


def test_what_stands_when_the_service_has_started_is_not_gone_through_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The suite's own collector stays as it is."""
    before, asked = gc.get_threshold(), []
    monkeypatch.setattr(gc, "freeze", lambda: asked.append("freeze"))
    try:
        look_seldom()
        assert gc.get_threshold()[0] > before[0]
        assert gc.isenabled()
    finally:
        gc.set_threshold(*before)
    assert asked == ["freeze"]
