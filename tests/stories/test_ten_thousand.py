"""A whole round of telling, one request in ten failing, processes killed and frozen: everybody ends in a named state,
equal to what the simulated services' own record says arrived.

The suite tells 300 people; ``make endurance`` tells 10,000.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.inspection.audit.service import verify
from bot.inspection.notices.models import Notice, NoticeState, Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Account, Person
from bot.messaging.compose import TWICE_UNKNOWN
from bot.migrations import migrate
from bot.simulator.people import World
from tests.stories.matrix import REPEAT
from tests.stories.outside import SALT, FastClock, exists, platform_of

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PEOPLE = int(os.environ.get("STORY_PEOPLE", "300"))
PERCENT = 10
IN_DOUBT = 3 * 64  # three batches under way: as many as two kills in a row can leave doubtful twice
PATIENCE = 60 + PEOPLE / 20  # seconds of a slow machine
_OPEN = (NoticeState.QUEUED, NoticeState.HELD, NoticeState.SENDING)


class Story:
    """The services outside, the database, and as many serving processes as were started."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.db = Database(url, info={"audit_salt": SALT})
        migrate(self.db)
        self.db.write_now(_promise)
        self.journal = folder / "world.jsonl"
        self.port = _free_port()
        self.running: list[subprocess.Popen[str]] = []
        self.start("simulate", str(self.port), str(self.journal), str(PERCENT), str(PEOPLE))

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-m", "tests.stories.outside", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("SUICHA_")},
        )  # fmt: skip
        self.running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def serve(self) -> subprocess.Popen[str]:
        return self.start("serve", self.url, f"http://127.0.0.1:{self.port}", str(self.folder))

    def ended(self) -> int:
        query = select(func.count()).select_from(Notice).where(col(Notice.state).not_in(_OPEN))
        return self.db.read_now(lambda s: s.exec(query).one())

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"{self.ended()} of {PEOPLE} after {PATIENCE:.0f} s"
            time.sleep(0.05)  # other processes work; their database is all one sees of it

    def stop(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        self.db.close()


@contextmanager
def story(url: str, folder: Path) -> Iterator[Story]:
    made = Story(url, folder)
    try:
        yield made
    finally:
        made.stop()


def _promise(session: Session) -> None:
    """One notice each; two in a hundred people have no account at all."""
    now = FastClock().now()
    session.execute(insert(Person), [
        {"id": n + 1, "code": f"P{n}", "name": f"检查员{n}", "mobile": "", "active": True} for n in range(PEOPLE)
    ])  # fmt: skip
    session.execute(insert(Account), [
        {"platform": platform_of(n), "user_id": f"u{n}", "person_id": n + 1, "bound_at": now, "dead_reason": ""}
        for n in range(PEOPLE) if n % 50 != 7
    ])  # fmt: skip
    enqueue_many(session, [
        row("platform_alarm", f"platform:{n}", recipient_id=n + 1, now=now, statutory=True, priority=Priority.ASSIGNMENT,
            data={"text": f"编号{n:06}号任务", "advice": "请接收"})
        for n in range(PEOPLE)
    ])  # fmt: skip


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _account(made: Story) -> Counter[str]:
    """Every state of ours beside what stands in that person's chat; raises for any that do not agree."""
    world = World(now=time.time, journal=made.journal)
    notices = made.db.read_now(lambda s: s.exec(select(Notice).where(Notice.kind == "platform_alarm")).all())
    assert len(notices) == PEOPLE
    seen: Counter[str] = Counter()
    for notice in notices:
        n = notice.recipient_id - 1
        chat = [
            str(b.content) for b in world.chat(platform_of(n), f"u{n}") if f"编号{n:06}号" in str(b.content)
        ]
        unmarked = sum(REPEAT not in text for text in chat)
        seen[notice.state] += 1
        seen["repeated"] += max(len(chat) - 1, 0)
        assert unmarked <= 1, f"{n} was told twice without a mark"
        assert len(chat) <= 2, f"{n} was told {len(chat)} times"
        reachable = exists(n) and n % 50 != 7
        if notice.state == NoticeState.SENT:
            assert chat, f"{n} is called told and was not"
        elif notice.detail == TWICE_UNKNOWN:
            seen["unknown"] += 1
        else:
            assert notice.state == NoticeState.FAILED, (n, notice.state)
            assert not chat, f"{n} was told and is called {notice.detail}"
            assert not reachable, f"{n} could be reached: {notice.detail}"
            assert notice.detail
    world.close()
    return seen


def test_everybody_ends_in_a_named_state_whatever_fails_and_whoever_is_killed(
    sqlite_url_empty: str, tmp_path: Path
) -> None:
    with story(sqlite_url_empty, tmp_path) as made:
        for kill in range(1, 4):
            server = made.serve()
            made.until(lambda kill=kill: made.ended() >= PEOPLE * kill // 4)  # type: ignore[misc]
            server.kill()
            server.wait()
        made.serve()
        made.until(lambda: made.ended() >= PEOPLE)
        seen = _account(made)
        sys.stdout.write(f"{dict(seen)}\n")
        assert seen[NoticeState.SENT] + seen["unknown"] >= PEOPLE * 0.93
        assert seen["unknown"] <= IN_DOUBT + PEOPLE * 0.03
        assert made.db.read_now(verify).broken_at is None


@pytest.mark.postgres
def test_three_processes_share_the_round_though_one_is_killed_and_one_frozen(
    empty_postgres_url: str, tmp_path: Path
) -> None:
    with story(empty_postgres_url, tmp_path) as made:
        killed, frozen, steady = made.serve(), made.serve(), made.serve()
        made.until(lambda: made.ended() >= PEOPLE // 4)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        frozen.send_signal(signal.SIGSTOP)
        made.until(lambda: made.ended() >= PEOPLE)
        frozen.send_signal(signal.SIGCONT)  # what it finds out now changes nothing
        time.sleep(1.0)  # it has no other way to show that it went on
        assert frozen.poll() is None
        assert steady.poll() is None
        seen = _account(made)
        sys.stdout.write(f"{dict(seen)}\n")
        assert seen[NoticeState.SENT] + seen["unknown"] >= PEOPLE * 0.93
        assert seen["unknown"] <= IN_DOUBT + PEOPLE * 0.03
        assert made.db.read_now(verify).broken_at is None


@pytest.fixture
def sqlite_url_empty(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'story.db'}"
