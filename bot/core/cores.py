"""Work that takes a core for longer than people should wait for an answer: never on all cores at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_FREE = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) - 1))


@contextmanager
def spared_core() -> Iterator[None]:
    """Wait until a core can be spared: one is left to those who answer. Blocking: for threads."""
    with _FREE:
        yield
