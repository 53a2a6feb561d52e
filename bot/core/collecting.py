"""When the collector looks for cycles: seldom in a service that runs, and not in work that makes none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MADE = 20_000  # objects more than were let go of: some hundred requests, a few megabytes


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: over the million objects of a large draw it takes a fifth of the time and finds
    nothing. Whoever comes in while it is off already leaves it to the first to turn it on again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def look_seldom() -> None:
    """For a process that has started and serves from now on: what stands by now stays, and is not gone through again;
    what a request makes ends with it, so it is enough to look once in many requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_MADE, 10, 10)
