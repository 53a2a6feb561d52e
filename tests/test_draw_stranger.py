"""``docs/verify_draw.py`` is a stranger: written from the protocol's page, and it finds what we find."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inspection.draws.matching import Need, OfficerFacts, match
from bot.inspection.draws.officers_file import officers_bytes
from tests.inspection.test_draws import head_with, honest, lines, written
from tests.inspection.test_matching import cases

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "docs" / "verify_draw.py"
__all__ = ["honest"]


@pytest.fixture(scope="module")
def stranger() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_draw", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(folder: Path, files: dict[str, bytes]) -> tuple[int, str]:
    folder.mkdir(exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", str(SCRIPT), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_script_is_short_and_needs_nothing_but_python() -> None:
    source = SCRIPT.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 150
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_the_script_says_an_honest_bundle_holds(honest: dict[str, bytes], tmp_path: Path) -> None:
    code, said = run(tmp_path / "bundle", honest)
    assert (code, said) == (0, "HOLDS: 8 of 40 objects, 8 teams\n")


def _swapped(files: dict[str, bytes]) -> dict[str, bytes]:
    rows = lines(files, "visits.jsonl")
    rows[0]["officers"] = rows[0]["officers"][::-1]
    body = written(rows)
    from bot.inspection.draws.algorithm import fingerprint  # noqa: PLC0415

    head = json.loads(files["draw.json"])
    return head_with(files, transcript=head["transcript"] | {"visits_jsonl": fingerprint(body)}) | {
        "visits.jsonl": body
    }


@pytest.mark.parametrize(
    ("lie", "fault"),
    [
        (
            lambda f: f | {"pool.jsonl": f["pool.jsonl"].replace(b'"B"', b'"A"', 1)},
            "fingerprint of pool.jsonl",
        ),
        (lambda f: f | {"rules.json": f["rules.json"] + b" "}, "fingerprint of rules.json"),
        (lambda f: f | {"officers.jsonl": b""}, "fingerprint of officers.jsonl"),
        (lambda f: head_with(f, secret="00" * 32), "fingerprint of the secret"),
        (lambda f: head_with(f, public_value="witness=1"), "public value"),
        (lambda f: head_with(f, round=2), "seed"),
        (lambda f: f | {"picks.jsonl": b""}, "fingerprint of picks.jsonl"),
        (_swapped, "officers of"),
    ],
)
def test_the_script_names_the_first_thing_that_does_not_hold(
    honest: dict[str, bytes], tmp_path: Path, lie: Any, fault: str
) -> None:
    code, said = run(tmp_path / "bundle", lie(honest))
    assert code == 1
    assert said.startswith(f"DOES NOT HOLD: {fault}")


@settings(max_examples=150, deadline=None)
@given(cases(most_needs=14, most_officers=9), st.booleans(), st.binary(min_size=32, max_size=32))
def test_the_script_draws_the_same_teams(
    stranger: ModuleType, case: tuple[list[Need], list[OfficerFacts]], labelled: bool, seed: bytes
) -> None:
    needs, officers = case
    labels = frozenset("x") if labelled else frozenset()
    needs = [
        Need(n.id, "D", n.last_day, n.planned, officers=2, labels=labels, district=n.district) for n in needs
    ]
    teams, shortages = match(needs, officers, seed=seed)
    if shortages:
        return
    staff = [json.loads(line) for line in officers_bytes(officers).splitlines()][::-1]
    visits = [
        {"id": n.id, "department": "D", "planned": n.planned.isoformat(), "district": n.district}
        for n in needs
    ]
    rules = {"officers_per_visit": 2, "window": ["2026-03-01", "2026-03-31"]}
    assert stranger.Matching(staff, visits, set(labels), rules, seed).teams() == teams
