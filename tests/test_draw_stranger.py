"""``docs/verify_draw.py`` is a stranger: written from the protocol's page, and it finds what we find."""

from __future__ import annotations

import ast
import datetime as dt
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

from bot.inspection.draws.barred import barred_spans
from bot.inspection.draws.matching import Need, OfficerFacts, match
from bot.inspection.draws.officers_file import officers_bytes, read_lines, sealed_lines
from tests.inspection.test_draw_privacy import LIES, both
from tests.inspection.test_draws import head_with, honest, lines, written
from tests.inspection.test_matching import cases

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "docs" / "verify_draw.py"
__all__ = ["both", "honest"]


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
    assert (code, said) == (0, "HOLDS: 8 of 40 objects, 8 teams, 0 changes after the lock\n")


def test_the_script_repeats_witnesses_leave_relations_and_every_change(
    both: tuple[dict[str, bytes], dict[str, bytes]], tmp_path: Path
) -> None:
    code, said = run(tmp_path / "bundle", both[0])
    assert (code, said) == (0, "HOLDS: 8 of 40 objects, 8 teams, 3 changes after the lock\n")


@pytest.mark.parametrize(("lie", "number"), LIES.values(), ids=LIES)
def test_the_script_names_a_change_by_hand(
    both: tuple[dict[str, bytes], dict[str, bytes]], tmp_path: Path, lie: Any, number: int
) -> None:
    changes = written(lie(lines(both[0], "changes.jsonl")))
    code, said = run(tmp_path / "bundle", both[0] | {"changes.jsonl": changes})
    assert (code, said) == (1, f"DOES NOT HOLD: change {number} after the lock\n")


def test_the_script_wants_two_different_witnesses_for_every_value(
    both: tuple[dict[str, bytes], dict[str, bytes]], tmp_path: Path
) -> None:
    [value] = json.loads(both[0]["draw.json"])["values"]
    for by in ([value["by"][0]] * 2, [value["by"][0], "a stranger"], value["by"][:1], []):
        code, said = run(tmp_path / "bundle", head_with(both[0], values=[value | {"by": by}]))
        assert (code, said) == (1, "DOES NOT HOLD: not confirmed by two witnesses\n")
    code, said = run(tmp_path / "bundle", head_with(both[0], values=[value | {"place": 2}]))
    assert said == "DOES NOT HOLD: the values are not those of the sources\n"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"id":1}\n'])
@pytest.mark.parametrize("name", ["draw.json", "rules.json", "pool.jsonl", "barred.jsonl", "changes.jsonl"])
def test_rubbish_is_a_fault_in_words_and_no_traceback(
    honest: dict[str, bytes], tmp_path: Path, name: str, body: bytes
) -> None:
    code, said = run(tmp_path / "bundle", honest | {name: body})
    if (name, body) in {("changes.jsonl", b""), ("barred.jsonl", b"")}:  # as in the honest bundle
        assert code == 0
    else:
        assert (code, said.splitlines()[1:]) == (1, [])
        assert said.startswith("DOES NOT HOLD: ")


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


@settings(max_examples=150)
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
    window = (dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    sealed = sealed_lines(officers, {o.id: "s" for o in officers})
    body = officers_bytes(officers, sealed, labels={"D": labels}, window=window)
    ranks = barred_spans(officers, [n.id for n in needs], [n.planned for n in needs], window=window)
    visits = [{"id": n.id, "department": "D", "district": n.district} for n in needs]
    staff = read_lines(body)[::-1]
    assert stranger.Matching(staff, visits, bool(labels), 2, seed, ranks).teams() == teams
