"""What a bundle tells about people: enough to repeat the draw, nothing that follows an officer (C12, C10)."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.core.db import Database
from bot.inspection.audit.service import actor_digest
from bot.inspection.draws.algorithm import fingerprint
from bot.inspection.draws.barred import Ranks, barred_spans
from bot.inspection.draws.bundle import PRIVATE, bundle
from bot.inspection.draws.matching import Need, OfficerFacts, match
from bot.inspection.draws.models import DrawFile, DrawState
from bot.inspection.draws.officers_file import read_lines
from bot.inspection.draws.queries import require_draw, stored_files
from bot.inspection.draws.service import commit_draw
from bot.inspection.draws.verify import verify_bundle
from bot.inspection.people.models import Officer
from tests.conftest import INFO
from tests.fakes.builders import NOW
from tests.inspection.eventful import LABEL, eventful, finish, prepared
from tests.inspection.test_ceremony import two_leads
from tests.inspection.test_draws import (
    CALENDAR,
    PROFILE,
    commit,
    head_with,
    lines,
    refused,
    setting,
    whole,
    written,
)
from tests.inspection.test_matching import cases

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "draw-with-days.json"
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def both(sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, Files]:
    """The public and the sealed files of an eventful draw."""
    path = tmp_path_factory.mktemp("eventful") / "suicha.db"
    shutil.copy(sqlite_template, path)
    db = Database(f"sqlite:///{path}", info=INFO)
    task = db.write_now(eventful)

    def read(session: Session) -> tuple[Files, Files]:
        draw = require_draw(session, task)
        return bundle(session, draw), stored_files(session, draw, PRIVATE)

    found = db.read_now(read)
    db.close()
    return found


def old_bundle() -> Files:
    """A bundle that the version before wrote, with officers' days in it."""
    return {name: text.encode() for name, text in json.loads(SAMPLE.read_text(encoding="utf-8")).items()}


def test_an_eventful_draw_verifies_with_and_without_its_sealed_files(both: tuple[Files, Files]) -> None:
    public, sealed = both
    assert verify_bundle(public) == ""
    assert verify_bundle(public | sealed) == ""
    assert [line["kind"] for line in lines(public, "changes.jsonl")] == ["OFFICER", "OBJECT", "MORE"]
    assert lines(public, "barred.jsonl")


def test_no_public_file_has_a_day_a_reason_or_a_relation_of_an_officer(both: tuple[Files, Files]) -> None:
    public, _ = both
    allowed = {"id", "department", "load", "territory", "holds", "out", "sealed"}
    assert all(set(line) == allowed for line in lines(public, "officers.jsonl"))
    assert all(
        set(line) == {"id", "department", "district", "officers"} for line in lines(public, "visits.jsonl")
    )
    assert all(set(line) == {"id", "ranks"} for line in lines(public, "barred.jsonl"))
    people = b"".join(public[name] for name in ("officers.jsonl", "visits.jsonl", "barred.jsonl")).decode()
    assert "2026" not in people
    assert "食品" not in people
    assert not {"days.jsonl", "sealed.jsonl"} & set(public)
    assert json.loads(public["rules.json"])["officers_left_out"] == {"执法证不在有效期": 1}


def test_an_officer_on_leave_is_barred_from_the_visits_of_those_days_only(both: tuple[Files, Files]) -> None:
    public, sealed = both
    facts = {line["id"]: line for line in lines(sealed, "sealed.jsonl")}
    days = [line["planned"] for line in lines(sealed, "days.jsonl")[1:]]
    ids = [line["id"] for line in lines(public, "picks.jsonl")]
    barred = {
        line["id"]: {rank for first, last in line["ranks"] for rank in range(first, last + 1)}
        for line in lines(public, "barred.jsonl")
    }
    for officer, fact in facts.items():
        wanted = {
            rank
            for rank, (day, code) in enumerate(zip(days, ids, strict=True), 1)
            if any(first <= day <= last for first, last in fact["absent"]) or code in fact["recused"]
        }
        assert barred.get(officer, set()) == wanted
    assert sum(map(len, barred.values())) > 1


@given(cases(most_needs=14, most_officers=9), st.binary(min_size=32, max_size=32))
def test_ranks_in_place_of_days_and_relations_draw_the_same_teams(
    case: tuple[list[Need], list[OfficerFacts]], seed: bytes
) -> None:
    needs, officers = case
    ids, days = [need.id for need in needs], [need.planned for need in needs]
    window = (dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    ranks = Ranks(barred_spans(officers, ids, days, window=window))
    seen = [
        replace(o, valid_from=dt.date.min, valid_to=dt.date.max, **ranks.facts(o.id, ids)) for o in officers
    ]
    again = [replace(need, planned=ranks.day(rank)) for rank, need in enumerate(needs, 1)]
    teams, shortages = match(needs, officers, seed=seed)
    repeated, missing = match(again, seen, seed=seed)
    assert repeated == teams
    assert [(s.id, s.found) for s in missing] == [(s.id, s.found) for s in shortages]


def test_two_draws_call_the_same_people_by_names_that_nobody_can_link(db: Database) -> None:
    """Neither over two tasks nor over two rounds of one."""
    one = db.write_now(setting)
    db.write_now(whole, one)

    def names(session: Session, task: int) -> set[str]:
        return {
            line["id"] for line in read_lines(bundle(session, require_draw(session, task))["officers.jsonl"])
        }

    first = db.read_now(names, one)
    lead, other = db.write_now(two_leads, one)

    def again(session: Session) -> None:
        from bot.inspection.draws.voiding import ask_void, decide_void  # noqa: PLC0415

        asked = ask_void(session, task_id=one, ground="名单导入有误", by=lead, now=NOW)
        decide_void(session, draw_id=asked.id or 0, approved=True, by=other, now=NOW)
        commit_draw(session, task_id=one, secret=bytes(32), now=NOW, profile=PROFILE, calendar=CALENDAR)

    db.write_now(again)
    second = db.read_now(names, one)
    assert len(first) == len(second) == 5
    assert not first & second
    digests = {actor_digest(INFO["audit_salt"], person) for person in range(1, 50)}
    assert not digests & (first | second)  # nor does the audit chain call them so


@pytest.mark.parametrize(
    ("name", "find", "put", "fault"),
    [
        (
            "sealed.jsonl",
            b'"absent":[["2026-03-11"',
            b'"absent":[["2026-03-12"',
            "封存的人员情况与抽取前公布的指纹不一致",
        ),
        ("days.jsonl", b"2026-03-1", b"2026-03-2", "检查日期与锁定时的指纹不一致"),
    ],
)
def test_a_sealed_file_that_was_changed_is_named(
    both: tuple[Files, Files], name: str, find: bytes, put: bytes, fault: str
) -> None:
    public, sealed = both
    assert find in sealed[name]
    assert verify_bundle(public | sealed | {name: sealed[name].replace(find, put, 1)}) == fault


def test_an_officer_barred_without_ground_is_found_by_who_may_see_the_sealed_files(
    both: tuple[Files, Files],
) -> None:
    """Public files alone cannot show it: that is what the sealed ones are for."""
    public, sealed = both
    free = next(
        line["id"] for line in lines(public, "officers.jsonl")
        if line["out"] is False and line["id"] not in public["barred.jsonl"].decode()
        and line["id"] not in public["visits.jsonl"].decode()
    )  # fmt: skip
    body = written(
        sorted([*lines(public, "barred.jsonl"), {"id": free, "ranks": [[1, 8]]}], key=lambda x: x["id"])
    )
    transcript = json.loads(public["draw.json"])["transcript"] | {"barred_jsonl": fingerprint(body)}
    lied = head_with(public, transcript=transcript) | {"barred.jsonl": body}
    assert verify_bundle(lied) == ""
    assert verify_bundle(lied | sealed) == "不能参加的名单与封存的人员情况不一致"


def _change(place: int, **put: Any) -> Any:
    return lambda rows: [row | put if n == place else row for n, row in enumerate(rows)]


def _another(rows: list[Any]) -> list[Any]:
    """Somebody else follows than the tickets say."""
    other = next((one for one, _ in rows[0]["choices"] if one != rows[0]["in"]), "nobody")
    return _change(0, **{"in": other})(rows)


def _other_team(rows: list[Any]) -> list[Any]:
    team = rows[1]["teams"][0]
    return _change(1, teams=[team | {"officers": team["officers"][::-1]}])(rows)


def _out_again(rows: list[Any]) -> list[Any]:
    """The same object is replaced a second time."""
    return [*rows, rows[1] | {"number": 4, "in": "x"}]


LIES = {
    "one is missing": (lambda rows: rows[1:], 1),
    "who leaves was not on the team": (lambda rows: _change(0, out=rows[0]["choices"][0][0])(rows), 1),
    "somebody else follows": (_another, 1),
    "an object that was not drawn is replaced": (_change(1, out="nobody"), 2),
    "another object follows": (lambda rows: _change(1, **{"in": rows[2]["in"]})(rows), 2),
    "another team goes": (_other_team, 2),
    "who left leaves again": (lambda rows: [*rows, rows[0] | {"number": 4}], 4),
    "an object is replaced twice": (_out_again, 4),
}


@pytest.mark.parametrize(("lie", "number"), LIES.values(), ids=LIES)
def test_a_change_by_hand_is_named(both: tuple[Files, Files], lie: Any, number: int) -> None:
    public, _ = both
    changes = written(lie(lines(public, "changes.jsonl")))
    assert verify_bundle(public | {"changes.jsonl": changes}) == f"锁定后的第 {number} 次变动不成立"


def test_a_bundle_of_the_version_before_still_verifies_and_its_lies_are_named() -> None:
    files = old_bundle()
    assert verify_bundle(files) == ""
    assert b"absent" in files["officers.jsonl"]
    changes = lines(files, "changes.jsonl")
    changes[0]["out"] = changes[0]["in"]
    assert verify_bundle(files | {"changes.jsonl": written(changes)}) == "锁定后的第 1 次变动不成立"


def test_a_round_committed_by_the_version_before_is_locked_as_it_was_published(db: Database) -> None:
    task, witnesses = db.write_now(prepared)
    db.write_now(commit, task)

    def before(session: Session) -> None:
        """The files as that version froze them: one for officers, days and all, under lasting names."""
        draw = require_draw(session, task)
        draw.own_names = False
        files = {f.name: f for f in session.exec(select(DrawFile).where(DrawFile.draw_id == draw.id))}
        public, sealed = (
            read_lines(zlib.decompress(files[n].body)) for n in ("officers.jsonl", "sealed.jsonl")
        )
        people = session.exec(select(Officer.person_id).order_by(col(Officer.person_id))).all()
        rows = [
            {**p, **s, "id": actor_digest(INFO["audit_salt"], person)}
            for p, s, person in zip(public, sealed, people, strict=True)
        ]
        for row in rows:
            for key in ("salt", "sealed", "out", "holds"):
                del row[key]
        body = b"".join(canonical(row) + b"\n" for row in sorted(rows, key=lambda row: row["id"]))
        rules = canonical(
            json.loads(zlib.decompress(files["rules.json"].body)) | {"officers_sha256": fingerprint(body)}
        )
        draw.rules_sha256 = fingerprint(rules)
        files["officers.jsonl"].body, files["rules.json"].body = zlib.compress(body), zlib.compress(rules)
        session.delete(files["sealed.jsonl"])

    db.write_now(before)
    db.write_now(finish, task, witnesses)
    files = db.read_now(lambda s: bundle(s, require_draw(s, task)))
    assert "barred.jsonl" not in files
    assert "planned" in lines(files, "visits.jsonl")[0]
    assert verify_bundle(files) == ""


def test_a_sealed_file_changed_in_the_database_stops_the_lock(db: Database) -> None:
    task, witnesses = db.write_now(prepared)
    db.write_now(commit, task)

    def tamper(session: Session) -> None:
        file = session.get_one(DrawFile, (require_draw(session, task).id, "sealed.jsonl"))
        file.body = zlib.compress(zlib.decompress(file.body).replace(LABEL.encode(), "食品".encode(), 1))

    db.write_now(tamper)
    problem = refused(lambda: db.write_now(finish, task, witnesses))
    assert (problem.key, problem.fields) == ("pool_changed", {"文件": "sealed.jsonl"})
    assert db.read_now(lambda s: require_draw(s, task).state) == DrawState.COMMITTED
