"""Where the public part of the seed comes from: drand's rounds and signatures, and sources as coordinators write them."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.draws import drand
from bot.inspection.draws.bundle import bundle
from bot.inspection.draws.models import DrawWord
from bot.inspection.draws.queries import require_draw
from bot.inspection.draws.service import reveal_draw
from bot.inspection.draws.source_words import choice_of_form, read_choice
from bot.inspection.draws.sources import check_sources, read_proof, read_value
from bot.inspection.draws.verify import taken_on_trust, verify_bundle
from tests.fakes.beacon import public_key, signed
from tests.fakes.builders import NOW
from tests.inspection.test_ceremony import ready, say
from tests.inspection.test_draws import commit, head_with, lock, refused

# quicknet's answer for round 1000, https://api.drand.sh/52db…e971/public/1000
ROUND = 1000
SIGNATURE = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
RANDOMNESS = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"
NEXT = int((NOW.timestamp() - drand.GENESIS) // drand.PERIOD) + 1201  # an hour after the commitment
AFTER = drand.speaks_at(NEXT)


def test_a_real_round_of_quicknet_is_the_networks_and_no_other_is() -> None:
    assert drand.randomness(SIGNATURE) == RANDOMNESS
    assert drand.speaks_at(ROUND) == dt.datetime(2023, 8, 23, 15, 59, 24, tzinfo=dt.UTC)
    assert drand.is_signed(ROUND, SIGNATURE)
    assert not drand.is_signed(ROUND + 1, SIGNATURE)
    assert not drand.is_signed(ROUND, signed(ROUND, 4711))


@pytest.mark.parametrize(
    "broken", ["", "00", "c0" + "00" * 47, "ff" * 48, SIGNATURE[:-2], SIGNATURE + "00", "a" * 96]
)
def test_what_is_no_signature_is_none_and_no_crash(broken: str) -> None:
    assert not drand.is_signed(ROUND, broken)


def test_a_key_of_our_own_signs_and_verifies_the_same_way() -> None:
    key = public_key(4711)
    assert drand.is_signed(7, signed(7, 4711), public_key=key)
    assert not drand.is_signed(8, signed(7, 4711), public_key=key)


def test_checking_a_signature_leaves_the_recursion_limit_as_it_was() -> None:
    """Bug: py_ecc sets it to 100,000 for the process, and a deeply nested document then overflows the stack."""
    words = (
        "import sys; from bot.inspection.draws import drand; before = sys.getrecursionlimit(); "
        f"assert drand.is_signed({ROUND}, '{SIGNATURE}'); assert sys.getrecursionlimit() == before"
    )
    subprocess.run([sys.executable, "-c", words], check=True)  # noqa: S603 - our own words


def test_randomness_follows_from_the_signature_however_the_two_are_typed() -> None:
    source = {"kind": "drand", "chain": drand.QUICKNET, "round": ROUND}
    for typed in (SIGNATURE, f"{RANDOMNESS} {SIGNATURE}", f"{SIGNATURE}\n{RANDOMNESS}", SIGNATURE.upper()):
        assert (read_value(source, typed), read_proof(source, typed)) == (RANDOMNESS, SIGNATURE)
    assert (read_value(source, RANDOMNESS), read_proof(source, RANDOMNESS)) == (RANDOMNESS, "")
    for wrong in ("ab" * 32 + SIGNATURE, SIGNATURE[:-1], "x" * 64, ""):
        assert refused(lambda wrong=wrong: read_value(source, wrong)).key == "value_invalid"


def test_a_round_has_its_moment_by_itself_and_one_that_has_spoken_is_refused() -> None:
    [checked] = check_sources([{"kind": "drand", "round": NEXT}], now=NOW)
    assert checked["chain"] == drand.QUICKNET
    assert dt.datetime.fromisoformat(checked["known"]) <= AFTER
    late = (NOW + dt.timedelta(days=9)).isoformat()
    spoken = {"kind": "drand", "round": ROUND, "known": late}
    assert "已经过去" in refused(lambda: check_sources([spoken], now=NOW)).fields["第1个来源"]
    early = {"kind": "drand", "round": NEXT, "known": (NOW + dt.timedelta(minutes=1)).isoformat()}
    assert "早于" in refused(lambda: check_sources([early], now=NOW)).fields["第1个来源"]
    for broken in (0, -1, 10**18, "7", None):
        source = {"kind": "drand", "round": broken}
        assert refused(lambda source=source: check_sources([source], now=NOW)).key == "source_invalid"


@pytest.mark.parametrize("later", range(20))
def test_a_round_at_any_second_of_a_minute_stands_the_look_at_the_commitment(later: int) -> None:
    """Bug: the moment was kept without its seconds and then found to lie before the round."""
    chosen = check_sources([{"kind": "drand", "round": NEXT + later}], now=NOW)
    assert check_sources(chosen, now=NOW) == chosen
    assert dt.datetime.fromisoformat(chosen[0]["known"]) == drand.speaks_at(NEXT + later)


def test_a_round_chosen_before_seconds_were_kept_can_still_be_committed(sqlite_db: Database) -> None:
    task, *_ = sqlite_db.write_now(ready, [{"kind": "drand", "round": NEXT + 7}])

    def as_it_was_kept(session: Session) -> None:
        draw = require_draw(session, task)
        known = drand.speaks_at(NEXT + 7).replace(second=0).isoformat(timespec="minutes")
        draw.sources = [draw.sources[0] | {"known": known}]
        session.add(draw)

    sqlite_db.write_now(as_it_was_kept)
    committed = sqlite_db.write_now(commit, task)
    assert dt.datetime.fromisoformat(committed.sources[0]["known"]) == drand.speaks_at(NEXT + 7)


def _drawn(session: Session, *, typed: str) -> dict[str, bytes]:
    task, one, two = ready(session, [{"kind": "drand", "round": NEXT}])
    commit(session, task)
    for who in (one, two):
        say(session, task, who, typed, now=AFTER)
    reveal_draw(session, task_id=task, now=AFTER)
    lock(session, task, AFTER)
    return bundle(session, require_draw(session, task))


def test_a_signature_in_the_bundle_is_held_against_the_networks_key(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = signed(NEXT, 4711)
    files = sqlite_db.write_now(_drawn, typed=signature)
    assert sqlite_db.read_now(lambda s: set(s.exec(select(DrawWord.proof)))) == {signature}
    assert verify_bundle(files) == f"第1个来源的签名不是 drand quicknet 第 {NEXT} 轮的"
    monkeypatch.setattr(drand.is_signed, "__kwdefaults__", {"public_key": public_key(4711)})
    assert verify_bundle(files) == ""
    assert taken_on_trust(files) == []
    [value] = json.loads(files["draw.json"])["values"]
    other = head_with(files, values=[value | {"signature": signed(NEXT + 1, 4711)}])
    assert verify_bundle(other) == "第1个来源的随机数不是由签名得出的"
    monkeypatch.setattr(drand, "can_check", lambda: False)
    assert verify_bundle(files) == ""
    assert "suicha[drand]" in taken_on_trust(files)[0]


def test_a_value_without_signature_verifies_and_says_what_was_not_checked(sqlite_db: Database) -> None:
    files = sqlite_db.write_now(_drawn, typed="ab" * 32)
    assert verify_bundle(files) == ""
    assert taken_on_trust(files) == ["第1个来源（drand）没有附签名，没有核对它是不是 drand 的。"]
    head = json.loads(files["draw.json"])
    source = head["sources"][0] | {"round": ROUND}
    assert verify_bundle(head_with(files, sources=[source])) == "第1个来源在公布承诺之前已经产生"


def test_sources_and_witnesses_in_the_words_of_a_chat() -> None:
    choice = read_choice(
        "现场 6位 摇号机\n公布 福利彩票3D 2026060 中国福彩网 2026-03-10T21:30 备用 现场 8\n\ndrand 4711\n见证人 GL003、GL004"
    )
    assert choice.witnesses == ["GL003", "GL004"]
    assert choice.sources == [
        {"kind": "witness", "digits": 6, "how": "摇号机"},
        {"kind": "published", "what": "福利彩票3D", "issue": "2026060", "where": "中国福彩网", "known": "2026-03-10T21:30",
         "fallback": {"kind": "witness", "digits": 8}},
        {"kind": "drand", "round": 4711},
    ]  # fmt: skip
    assert read_choice("无").sources == []


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("现场", "第1行"), ("现场 六", "第1行"), ("现场 6\n公布 福彩", "第2行"), ("骰子 6", "第1行"), ("drand", "第1行"),
        ("drand -1", "第1行"), ("现场 6 备用", "第1行"), ("现场 " + "9" * 40, "第1行"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_source_is_named(text: str, field: str) -> None:
    problem = refused(lambda: read_choice(text))
    assert (problem.key, list(problem.fields)) == ("source_invalid", [field])


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"witness": "1"}, "位数"), ({"published": "1", "what": "3D"}, "期号"), ({"drand": "1", "round": "x"}, "轮次"),
        ({"drand": "1", "round": "7", "fallback_digits": "many"}, "备用号码位数"),
    ],
)  # fmt: skip
def test_a_field_of_the_page_that_is_wrong_is_named(form: dict[str, Any], field: str) -> None:
    problem = refused(lambda: choice_of_form(form))
    assert isinstance(problem, Problem)
    assert list(problem.fields) == [field]
