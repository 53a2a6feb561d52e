"""Work that takes a core for longer than people should wait for an answer: not on all cores at once, where there are
several."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_FREE = threading.BoundedSemaphore(max(1, _CORES - 1))


@contextmanager
def spared_core() -> Iterator[None]:
    """Wait until a core can be spared. Blocking: for threads."""
    with _FREE:
        yield
