"""The whole round, played by people on simulated phones, must come out the same whatever goes wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    words = [
        sys.executable, str(ROOT / "suicha.py"), "demo", "--once", "--json", "--objects", "9000",
        "--folder", str(folder), "--port", str(free_port()), "--sim-port", str(free_port()), *options,
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SUICHA_")}
    return subprocess.Popen(  # noqa: S603 - our own demo
        words, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def play(folder: Path, *options: str) -> dict[str, Any]:
    process = start(folder, *options)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, f"{out[-3000:]}\n{err[-3000:]}"
    report: dict[str, Any] = json.loads(out)
    return report


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The account of an undisturbed round."""
    return play(tmp_path_factory.mktemp("calm") / "demo")


def test_a_round_keeps_every_promise(calm: dict[str, Any]) -> None:
    assert calm["broken"] == []
    rows = {what: row["total"] for what, row in calm["account"].items()}
    assert rows["抽取（户）"] == rows["检查（户）"] == rows["公示（户）"] > 20
    assert rows["回避并重抽"] > 0
    assert rows["退回后改正"] > 0
    assert rows["升级到负责人"] > 0
    assert rows["整改完成"] == rows["问题（项）"] > 0
    assert min(calm["account"]["接收（人次）"][p] for p in ("wecom", "dingtalk")) > 0


def test_an_authority_without_a_public_address_runs_its_round_through_the_smart_bot(tmp_path: Path) -> None:
    """WeCom by one outgoing socket only: every promise holds, people read, press, answer and send photos in it."""
    report = play(tmp_path / "demo", "--bot", "--objects", "3000")
    assert report["broken"] == []
    assert report["account"]["接收（人次）"]["wecom"] > 0
    assert report["account"]["公示（户）"]["wecom"] > 0


def test_ten_faults_in_a_hundred_change_nothing(calm: dict[str, Any], tmp_path: Path) -> None:
    stormy = play(tmp_path / "demo", "--faults", "10")
    assert stormy["broken"] == []
    assert stormy["fingerprint"] == calm["fingerprint"]


@pytest.mark.postgres
def test_the_round_comes_out_the_same_on_postgresql(
    calm: dict[str, Any], tmp_path: Path, empty_postgres_url: str
) -> None:
    report = play(tmp_path / "demo", "--database-url", empty_postgres_url)
    assert report["broken"] == []
    assert report["fingerprint"] == calm["fingerprint"]


def test_a_round_that_is_killed_goes_on_where_it_was(calm: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    process = start(folder)
    journal = folder / "world.jsonl"
    deadline = time.monotonic() + 120
    while not (journal.exists() and journal.read_text(encoding="utf-8").count('"clock"') > 12):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)  # another process plays; its journal is all one sees of it
    process.send_signal(signal.SIGKILL)
    process.communicate()
    report = play(folder)
    assert report["broken"] == []
    assert report["fingerprint"] == calm["fingerprint"]
