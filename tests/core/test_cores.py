"""Heavy work leaves a core to those who answer."""

from __future__ import annotations

import threading

import pytest

from bot.core import cores
from bot.core.cores import spared_core


def test_no_more_than_the_spared_cores_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_FREE", threading.BoundedSemaphore(2))
    inside, go, entered = threading.Semaphore(0), threading.Event(), list[int]()

    def work(n: int) -> None:
        with spared_core():
            entered.append(n)
            inside.release()
            assert go.wait(5)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=5)
    assert inside.acquire(timeout=5)
    assert not inside.acquire(timeout=0.05)  # the third waits
    go.set()
    for thread in threads:
        thread.join(5)
    assert sorted(entered) == list(range(5))


def test_a_failure_gives_the_core_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_FREE", threading.BoundedSemaphore(1))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), spared_core():
            raise ZeroDivisionError
