"""A submission with photos is killed between any two steps; sent again, it is whole, once (C17, C19)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_killed_at_any_step_a_submission_sent_again_is_whole_and_the_receipt_lists_what_is_stored(
    tmp_path: Path,
) -> None:
    words = [sys.executable, "-m", "tests.inspection.killed", str(tmp_path)]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)  # noqa: S603
    assert run.returncode == 0, run.stderr[-2000:]
    outcomes = [json.loads(line) for line in run.stdout.splitlines()]

    assert len(outcomes) > 30  # steps of one submission
    assert [one["ended"] for one in outcomes] == [False] * (len(outcomes) - 1) + [True]
    for one in outcomes:
        assert one | {"at": 0, "ended": True} == {
            "at": 0, "ended": True, "listed_is_linked": True, "photos": 2, "answers": 12, "asked": 1, "chain": True, "torn": 0,
        }, one  # fmt: skip
