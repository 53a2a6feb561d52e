"""The ceremony's people: two who confirm a number, one who asks for a redraw and another who decides; what must be
ready; what comes after the lock; and a process that is killed between any two steps."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import String, cast, event, func
from sqlmodel import Session, col, select

from bot.core.clock import CHINA
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.deadlines.models import Deadline
from bot.inspection.deadlines.sources import derive_stale
from bot.inspection.draws import certificate
from bot.inspection.draws.batches import open_batches
from bot.inspection.draws.bundle import bundle
from bot.inspection.draws.certificate import certificate_of
from bot.inspection.draws.models import Draw, DrawState, DrawWord
from bot.inspection.draws.more_objects import draw_more, replace_object
from bot.inspection.draws.preparation import prepare_draw, standing, waive_check
from bot.inspection.draws.queries import live_draw, require_draw
from bot.inspection.draws.service import commit_draw, reveal_draw
from bot.inspection.draws.sources import check_sources
from bot.inspection.draws.values import GRACE, take_back_value, type_value
from bot.inspection.draws.verify import verify_bundle
from bot.inspection.draws.voiding import ask_void, decide_void
from bot.inspection.duties import VISITS
from bot.inspection.notices.models import Notice, NoticeState
from bot.inspection.notices.service import enqueue
from bot.inspection.people.models import Account, Officer, Person, Role, Training
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.creation import create_licensing_task
from bot.inspection.tasks.models import (
    EnterpriseNotice,
    Mode,
    Task,
    TaskState,
    Visit,
    VisitOfficer,
    VisitState,
)
from bot.inspection.tasks.serving import serve_on_paper
from tests.conftest import INFO
from tests.fakes.builders import NOW, make_object, make_officer, make_person
from tests.inspection.test_draws import (
    CALENDAR,
    PROFILE,
    SECRET,
    commit,
    counts,
    joint_setting,
    lines,
    lock,
    refused,
    setting,
    whole,
)

BALLS = {"kind": "witness", "how": "现场摇号", "digits": 6}
LATER = NOW + dt.timedelta(hours=1)
LOTTERY = {
    "kind": "published", "what": "福利彩票 3D", "issue": "2026060", "where": "中国福彩网", "known": LATER.isoformat(),
    "fallback": BALLS,
}  # fmt: skip


def ready(session: Session, sources: list[Any] | None = None, **options: Any) -> tuple[int, int, int]:
    """A prepared draw: (task, first witness, second witness)."""
    task = setting(session, **options)
    one, two = (make_person(session, role=Role.REVIEWER, account=f"w{n}").id or 0 for n in (1, 2))
    prepare_draw(session, task_id=task, sources=[BALLS] if sources is None else sources, witnesses=[one, two], now=NOW,
                 profile=PROFILE)  # fmt: skip
    return task, one, two


def say(session: Session, task: int, by: int, value: str = "415263", **options: Any) -> Draw:
    return type_value(session, task_id=task, place=1, value=value, by=by, **{"now": NOW} | options)


# -- sources and witnesses -----------------------------------------------------------------------------------


def test_a_number_that_two_people_confirm_decides_the_seed(db: Database) -> None:
    task, one, two = db.write_now(ready)
    db.write_now(commit, task)
    assert (
        refused(lambda: db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))).key == "values_missing"
    )
    db.write_now(lambda s: say(s, task, one))
    assert (
        refused(lambda: db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))).key == "values_missing"
    )
    db.write_now(lambda s: say(s, task, two, "４１５ ２６３"))  # full width, as a phone types
    draw = db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    assert draw.public_value == "witness=415263"
    db.write_now(lock, task)
    files = db.read_now(lambda s: bundle(s, require_draw(s, task)))
    assert verify_bundle(files) == ""
    head = json.loads(files["draw.json"])
    assert len(set(head["values"][0]["by"])) == 2
    told = db.read_now(
        lambda s: sorted(s.exec(select(Notice.recipient_id).where(Notice.kind == "draw_witness")))
    )
    assert told == sorted([one, two])


def test_a_witness_cannot_confirm_twice(db: Database) -> None:
    task, one, _ = db.write_now(ready)
    db.write_now(commit, task)
    db.write_now(lambda s: say(s, task, one))
    assert refused(lambda: db.write_now(lambda s: say(s, task, one))).key == "confirmed_twice"
    assert db.read_now(lambda s: len(s.exec(select(DrawWord)).all())) == 1


def test_a_value_that_differs_between_the_two_is_refused_and_nothing_of_it_kept(db: Database) -> None:
    task, one, two = db.write_now(ready)
    db.write_now(commit, task)
    db.write_now(lambda s: say(s, task, one))
    before = db.read_now(counts)
    problem = refused(lambda: db.write_now(lambda s: say(s, task, two, "415264")))
    assert (problem.key, problem.fields) == ("values_differ", {"先报": "415263", "后报": "415264"})
    assert db.read_now(counts) == before
    # the first was wrong: only who said it takes it back, and only while it is alone
    assert (
        refused(
            lambda: db.write_now(lambda s: take_back_value(s, task_id=task, place=1, by=two, now=NOW))
        ).key
        == "nothing_to_take_back"
    )
    db.write_now(lambda s: take_back_value(s, task_id=task, place=1, by=one, now=NOW))
    for who in (two, one):
        db.write_now(lambda s, who=who: say(s, task, who, "415264"))
    assert (
        refused(
            lambda: db.write_now(lambda s: take_back_value(s, task_id=task, place=1, by=one, now=NOW))
        ).key
        == "nothing_to_take_back"
    )
    assert db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW)).public_value == "witness=415264"


def test_strangers_wrong_digits_and_numbers_before_the_commitment_do_not_count(db: Database) -> None:
    task, one, _ = db.write_now(ready)
    assert refused(lambda: db.write_now(lambda s: say(s, task, one))).key == "not_committed"
    db.write_now(commit, task)
    stranger = db.write_now(lambda s: make_person(s, role=Role.REVIEWER).id or 0)
    assert refused(lambda: db.write_now(lambda s: say(s, task, stranger))).key == "not_witness"
    for wrong in ("41526", "4152633", "41526a", "", "-41526", "四一五二六三"):
        assert (
            refused(lambda wrong=wrong: db.write_now(lambda s: say(s, task, one, wrong))).key
            == "value_invalid"
        )
    assert (
        refused(
            lambda: db.write_now(lambda s: type_value(s, task_id=task, place=2, value="1", by=one, now=NOW))
        ).key
        == "source_unknown"
    )


def test_a_published_number_counts_from_its_moment_and_its_fallback_a_day_later(db: Database) -> None:
    task, one, two = db.write_now(lambda s: ready(s, [LOTTERY]))
    db.write_now(commit, task)
    assert refused(lambda: db.write_now(lambda s: say(s, task, one, "472"))).key == "too_early"
    late = {"now": LATER + GRACE, "fallback": True}
    early = {"now": LATER, "fallback": True}
    assert refused(lambda: db.write_now(lambda s: say(s, task, one, **early))).key == "too_early"
    db.write_now(lambda s: say(s, task, one, **late))
    mixed = refused(lambda: db.write_now(lambda s: say(s, task, two, now=LATER + GRACE)))
    assert mixed.key == "values_differ"  # the same digits, but as the lottery's
    db.write_now(lambda s: say(s, task, two, **late))
    draw = db.write_now(lambda s: reveal_draw(s, task_id=task, now=LATER + GRACE))
    assert draw.public_value == "witness=415263"
    assert draw.values[0]["fallback"] is True


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"kind": "dice"}, "kind 只能是"),
        ({"kind": "witness"}, "缺少 digits"),
        ({"kind": "witness", "digits": 0}, "digits"),
        ({"kind": "witness", "digits": "6"}, "digits"),
        ({"kind": "witness", "digits": 6, "dice": 1}, "不认识的字段 dice"),
        (LOTTERY | {"known": "昨天"}, "known 应是时刻"),
        (LOTTERY | {"known": "2026-03-10T09:00+08:00"}, "known 已经过去"),
        (LOTTERY | {"what": " "}, "what 不能为空"),
        (LOTTERY | {"fallback": {"kind": "published"}}, "缺少"),
        ({"kind": "drand", "chain": "x", "round": 1, "known": LATER.isoformat()}, "chain"),
        ({"kind": "drand", "chain": "a" * 64, "round": 0, "known": LATER.isoformat()}, "round"),
        ("dice", "kind 只能是"),
        (None, "kind 只能是"),
    ],
)
def test_a_source_that_is_wrong_is_refused_in_words(source: Any, why: str) -> None:
    problem = refused(lambda: check_sources([source], now=NOW))
    assert problem.key == "source_invalid"
    assert why in problem.fields["第1个来源"]


def test_drand_needs_no_network_only_two_people_and_64_hex_digits(db: Database) -> None:
    drand = {"kind": "drand", "chain": "a" * 64, "round": 4711, "known": LATER.isoformat()}
    task, one, two = db.write_now(lambda s: ready(s, [drand]))
    db.write_now(commit, task)
    assert refused(lambda: db.write_now(lambda s: say(s, task, one, "12", now=LATER))).key == "value_invalid"
    for who in (one, two):
        db.write_now(lambda s, who=who: say(s, task, who, "AB" * 32, now=LATER))
    draw = db.write_now(lambda s: reveal_draw(s, task_id=task, now=LATER))
    assert draw.public_value == "drand=" + "ab" * 32


def test_sources_want_two_witnesses_and_are_fixed_by_the_commitment(db: Database) -> None:
    def alone(session: Session) -> None:
        task = setting(session)
        who = make_person(session, role=Role.REVIEWER, account="w").id or 0
        prepare_draw(session, task_id=task, sources=[BALLS], witnesses=[who, who], now=NOW, profile=PROFILE)

    assert refused(lambda: db.write_now(alone)).key == "witnesses_missing"
    task, one, two = db.write_now(ready)
    db.write_now(commit, task)
    again = {"task_id": task, "sources": [], "witnesses": [one, two], "now": NOW, "profile": PROFILE}
    assert refused(lambda: db.write_now(lambda s: prepare_draw(s, **again))).key == "already_committed"


def test_a_source_that_has_spoken_before_the_commitment_is_none_any_more(db: Database) -> None:
    task, _, _ = db.write_now(lambda s: ready(s, [LOTTERY]))
    assert refused(lambda: db.write_now(commit, task, LATER)).key == "source_invalid"


# -- readiness -----------------------------------------------------------------------------------------------


def test_what_is_not_ready_is_named_and_waived_only_with_a_reason(db: Database) -> None:
    def prepare(session: Session) -> int:
        task = setting(session, officers=6)
        officers = session.exec(select(Officer).order_by(col(Officer.person_id))).all()
        officers[0].valid_to = dt.date(2026, 3, 20)
        session.delete(
            session.exec(select(Training).where(Training.person_id == officers[1].person_id)).one()
        )
        session.delete(session.exec(select(Account).where(Account.person_id == officers[2].person_id)).one())
        return task

    task = db.write_now(prepare)
    problem = refused(lambda: db.write_now(commit, task))
    assert problem.key == "not_ready"
    assert problem.fields == {
        "执法证有效": "1 人的执法证在检查期内到期，不参加抽取", "检查前培训": "1 人没有有效的检查前培训，不参加抽取",
        "人人收得到通知": "执法人员 1 人没有聊天账号",
    }  # fmt: skip

    def waive(session: Session, check: str, reason: str) -> None:
        waive_check(session, task_id=task, check=check, reason=reason, now=NOW, profile=PROFILE)

    assert refused(lambda: db.write_now(waive, "reachable", "  ")).key == "waiver_invalid"
    assert refused(lambda: db.write_now(waive, "staff", "不够")).key == "waiver_invalid"
    for check in ("certificates", "training", "reachable"):
        db.write_now(waive, check, f"{check}：已说明")
    draw = db.write_now(commit, task)
    assert [w["reason"] for w in json.loads(db.read_now(bundle, draw)["draw.json"])["waivers"]] == [
        "certificates：已说明", "training：已说明", "reachable：已说明",
    ]  # fmt: skip


def test_libraries_confirmed_yesterday_are_not_fresh(db: Database) -> None:
    task = db.write_now(setting)
    tomorrow = NOW + dt.timedelta(days=1)
    seen = db.read_now(lambda s: standing(s, task_id=task, profile=PROFILE, now=tomorrow))
    assert {c.key: c.missing for c in seen.checks if c.missing} == {
        "libraries": "检查对象名录库今天未确认、执法检查人员名录库今天未确认"
    }
    assert not seen.ready


def test_without_training_an_officer_is_not_drawn_where_the_locality_has_the_gate(db: Database) -> None:
    def prepare(session: Session) -> tuple[int, int]:
        task = setting(session, ratios={"B": 100})
        department = session.get_one(Task, task).lead_department_id
        untrained = make_officer(session, department, account="new").id or 0
        waive_check(session, task_id=task, check="reachable", reason="x", now=NOW, profile=PROFILE)
        return task, untrained

    task, untrained = db.write_now(prepare)
    assert refused(lambda: db.write_now(whole, task)).key == "not_ready"

    def drop(session: Session) -> None:
        for training in session.exec(select(Training).where(Training.person_id == untrained)):
            session.delete(training)

    db.write_now(drop)
    gateless = PROFILE.model_copy(update={"visit": PROFILE.visit.model_copy(update={"training_gate": False})})
    seen = db.read_now(lambda s: standing(s, task_id=task, profile=gateless, now=NOW))
    assert seen.ready


# -- one side only, licensing ----------------------------------------------------------------------------------


def test_c12_a_field_with_one_licensed_firm_draws_officers_only(db: Database) -> None:
    task = db.write_now(lambda s: setting(s, objects=1))
    draw = db.write_now(whole, task)
    rules = json.loads(db.read_now(bundle, draw)["rules.json"])
    assert (rules["mode"], rules["mode_reason"]) == ("PERSON_ONLY", "检查对象仅1户")
    assert draw.transcript["picks"] == 1
    assert verify_bundle(db.read_now(bundle, draw)) == ""


def test_c12_two_officers_in_the_department_draw_objects_only(db: Database) -> None:
    task = db.write_now(lambda s: setting(s, officers=2))
    draw = db.write_now(whole, task)
    rules = json.loads(db.read_now(bundle, draw)["rules.json"])
    assert (rules["mode"], rules["mode_reason"]) == ("OBJECT_ONLY", "执法检查人员仅2人")
    both = {tuple(sorted(v["officers"])) for v in lines(db.read_now(bundle, draw), "visits.jsonl")}
    assert len(both) == 1


def test_c12_a_licensing_visit_has_its_object_and_draws_officers(db: Database) -> None:
    def prepare(session: Session) -> tuple[int, str]:
        task = setting(session, objects=30)
        line = session.get_one(Task, task).plan_line_id
        applicant = session.exec(select(InspectionObject.code).order_by(col(InspectionObject.id))).all()[7]
        window = (dt.date(2026, 3, 11), dt.date(2026, 3, 20))
        values: dict[str, Any] = {
            "plan_line_id": line, "object_code": applicant, "application_no": "许可2026-17", "window": window, "now": NOW,
        }  # fmt: skip
        made = create_licensing_task(session, **values)
        assert create_licensing_task(session, **values).id == made.id  # the same application again
        made.state = TaskState.LIBRARIES_CONFIRMED
        return made.id or 0, applicant

    task, applicant = db.write_now(prepare)
    draw = db.write_now(whole, task)
    files = db.read_now(bundle, draw)
    assert [p["id"] for p in lines(files, "picks.jsonl")] == [applicant]
    assert json.loads(files["rules.json"])["mode_reason"] == "行政许可实地核查，申请号许可2026-17"
    assert len(lines(files, "visits.jsonl")[0]["officers"]) == 2
    assert verify_bundle(files) == ""
    db.write_now(voided, task, draw)
    again = db.read_now(bundle, db.write_now(whole, task))
    assert again["pool.jsonl"] == files["pool.jsonl"]
    assert json.loads(again["rules.json"])["mode_reason"] == "行政许可实地核查，申请号许可2026-17"


def test_one_side_alone_needs_a_reason_and_numbers_that_bear_it_out(db: Database) -> None:
    task = db.write_now(setting)
    prepare: dict[str, Any] = {"task_id": task, "now": NOW, "profile": PROFILE}
    assert (
        refused(lambda: db.write_now(lambda s: prepare_draw(s, mode=Mode.OBJECT_ONLY, **prepare))).key
        == "mode_without_reason"
    )
    db.write_now(lambda s: prepare_draw(s, mode=Mode.OBJECT_ONLY, mode_reason="人手紧", **prepare))
    assert (
        refused(lambda: db.write_now(commit, task)).key == "mode_not_allowed"
    )  # five officers are enough to draw
    db.write_now(lambda s: prepare_draw(s, mode=Mode.PERSON_ONLY, mode_reason="全部检查", **prepare))
    problem = refused(lambda: db.write_now(commit, task))  # whoever wants everybody plans 100 %
    assert (problem.key, problem.fields["户数"]) == ("mode_not_allowed", "40")
    db.write_now(lambda s: prepare_draw(s, mode=Mode.BOTH, **prepare))
    assert db.write_now(whole, task).transcript["picks"] == 4


# -- batches ---------------------------------------------------------------------------------------------------


def test_c11_the_second_batch_opens_on_its_date_and_only_then_notifies(db: Database) -> None:
    opens = ["2026-03-11", "2026-03-17", "2026-03-24"]
    task = db.write_now(
        lambda s: setting(s, objects=12, officers=4, ratios={"B": 100}, batch_size=4, batch_opens=opens)
    )
    db.write_now(whole, task)

    def batches(session: Session) -> dict[int, tuple[int, set[str], int]]:
        found = {}
        for batch in (1, 2, 3):
            visits = session.exec(select(Visit).where(Visit.task_id == task, Visit.batch == batch)).all()
            told = session.exec(
                select(Notice).where(
                    Notice.kind == "assignment", col(Notice.subject).in_([f"visit:{v.id}" for v in visits])
                )
            ).all()
            found[batch] = (len(visits), {v.state for v in visits}, len(told))
        return found

    first, closed = (4, {VisitState.ASSIGNED}, 8), (4, {VisitState.SCHEDULED}, 0)
    assert db.read_now(batches) == {1: first, 2: closed, 3: closed}

    def tick(day: int, hour: int = 9) -> int:
        at = dt.datetime(2026, 3, day, hour, 0, tzinfo=CHINA)
        return db.write_now(lambda s: open_batches(s, now=at, profile=PROFILE, calendar=CALENDAR))

    def remind(day: int) -> dict[int, int]:
        """Clocks of unanswered assignments by batch, after the tick that derives them."""
        at = dt.datetime(2026, 3, day, 9, 1, tzinfo=CHINA)
        db.write_now(derive_stale, source=VISITS, now=at, profile=PROFILE, calendar=CALENDAR)
        running = (
            select(Visit.batch, func.count())
            .join(Deadline, col(Deadline.about) == "visit:" + cast(col(Visit.id), String))
            .where(Visit.task_id == task, Deadline.kind == "assignment", col(Deadline.closed_at).is_(None))
            .group_by(col(Visit.batch))
        )
        return db.read_now(lambda s: dict(s.exec(running).all()))

    assert tick(16) == 0
    assert tick(17, hour=7) == 0  # nobody is woken
    assert db.read_now(batches) == {1: first, 2: closed, 3: closed}
    assert remind(16) == {1: 8}
    assert tick(17) == 1
    assert remind(17) == {1: 8, 2: 8}
    assert tick(17) == 0
    assert db.read_now(batches) == {1: first, 2: first, 3: closed}
    planned = db.read_now(
        lambda s: dict(s.exec(select(Visit.rank, Visit.planned_on).where(Visit.task_id == task)).all())
    )
    for rank, day in planned.items():
        batch = (rank - 1) // 4
        assert day >= dt.date.fromisoformat(opens[batch])
        assert batch == 2 or day < dt.date.fromisoformat(opens[batch + 1])


# -- grounds ----------------------------------------------------------------------------------------------------


def test_c39_no_ground_that_will_be_public_holds_a_phone_number(db: Database) -> None:
    task = db.write_now(setting)
    phone = "经营者王某１３８１２３４５６７８来电"
    say: dict[str, Any] = {"task_id": task, "now": NOW, "profile": PROFILE}
    waive = refused(lambda: db.write_now(waive_check, check="certificates", reason=phone, **say))
    side = refused(lambda: db.write_now(prepare_draw, mode=Mode.PERSON_ONLY, mode_reason=phone, **say))
    db.write_now(whole, task)
    lead, _ = db.write_now(two_leads, task)
    out = db.read_now(
        lambda s: s.exec(
            select(InspectionObject.code).join(Visit, col(Visit.object_id) == InspectionObject.id)
        ).first()
    )
    say = {"task_id": task, "now": NOW, "by": lead, "ground": phone}
    after = {"profile": PROFILE, "calendar": CALENDAR} | say
    void = refused(lambda: db.write_now(ask_void, **say))
    other = refused(lambda: db.write_now(replace_object, code=out, **after))
    more = refused(lambda: db.write_now(draw_more, stratum="B", count=1, **after))
    assert {one.key for one in (waive, side, void, other, more)} == {"private_data"}


# -- redraw ------------------------------------------------------------------------------------------------------


def two_leads(session: Session, task: int) -> tuple[int, int]:
    department = session.get_one(Task, task).lead_department_id
    lead = session.exec(
        select(Person.id).where(Person.department_id == department).order_by(col(Person.id))
    ).first()
    return lead or 0, make_person(session, role=Role.COORDINATOR, account="jco").id or 0


def test_d11_a_redraw_needs_a_ground_a_second_person_and_fresh_randomness_and_stays_public(
    db: Database,
) -> None:
    task = db.write_now(setting)
    first = db.write_now(whole, task)
    lead, other = db.write_now(two_leads, task)
    ask: dict[str, Any] = {"task_id": task, "now": NOW}
    assert (
        refused(lambda: db.write_now(lambda s: ask_void(s, ground=" ", by=lead, **ask))).key
        == "ground_missing"
    )
    stranger = db.write_now(lambda s: make_person(s, role=Role.REVIEWER).id or 0)
    assert (
        refused(lambda: db.write_now(lambda s: ask_void(s, ground="x", by=stranger, **ask))).key
        == "forbidden"
    )
    db.write_now(lambda s: ask_void(s, ground="名单导入有误", by=lead, **ask))
    decide: dict[str, Any] = {"draw_id": first.id or 0, "approved": True, "now": NOW}
    assert (
        refused(lambda: db.write_now(lambda s: decide_void(s, by=lead, **decide))).key
        == "second_person_needed"
    )
    assert db.write_now(lambda s: decide_void(s, by=other, **decide)).state == DrawState.VOID
    assert db.read_now(lambda s: s.exec(select(Visit)).all()) == []

    db.write_now(
        lambda s: commit_draw(s, task_id=task, secret=bytes(32), now=NOW, profile=PROFILE, calendar=CALENDAR)
    )
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    second = db.write_now(lock, task)
    assert second.round == 2
    assert second.seed_hex != first.seed_hex
    old = db.read_now(lambda s: bundle(s, s.get_one(Draw, first.id)))
    assert verify_bundle(old) == ""  # a voided round can still be repeated
    void = json.loads(old["draw.json"])["void"]
    assert void["ground"] == "名单导入有误"
    assert void["asked_by"] != void["approved_by"]
    told = db.read_now(lambda s: len(s.exec(select(Notice).where(Notice.kind == "draw_voided")).all()))
    assert told > 0


def voided(session: Session, task: int, draw: Draw) -> None:
    lead, other = two_leads(session, task)
    ask_void(session, task_id=task, ground="名单漏导", by=lead, now=NOW)
    decide_void(session, draw_id=draw.id or 0, approved=True, by=other, now=NOW)


def test_a_redraw_looks_again_at_which_side_leaves_no_choice(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: the one object of the first round made the second inspect all forty, and publish that there was one."""
    task = db.write_now(lambda s: setting(s, objects=1))
    first = db.write_now(whole, task)
    db.write_now(voided, task, first)
    db.write_now(lambda s: [make_object(s) for _ in range(39)])
    second = db.write_now(whole, task)
    assert (second.pool_size, second.transcript["picks"]) == (40, 4)
    rules = json.loads(db.read_now(bundle, second)["rules.json"])
    assert (rules["mode"], rules["mode_reason"]) == ("BOTH", "")
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(certificate, "typeset_pdf", lambda values, _: made.append(json.loads(values)) or b"")
    for key in (first.id, second.id):
        db.read_now(lambda s, key=key: certificate_of(s, s.get_one(Draw, key), public_url="http://void.test"))
    assert [one["mode"] for one in made] == ["只随机选派人员（检查对象仅1户）", "对象和人员都随机"]


def test_a_redraw_asks_officers_again_where_there_were_too_few(db: Database) -> None:
    task = db.write_now(lambda s: setting(s, officers=2))
    first = db.write_now(whole, task)
    db.write_now(voided, task, first)

    def join(session: Session) -> None:
        for n in range(3):
            make_officer(
                session, session.get_one(Task, task).lead_department_id, trained=True, account=f"n{n}"
            )

    db.write_now(join)
    rules = json.loads(db.read_now(bundle, db.write_now(whole, task))["rules.json"])
    assert (rules["mode"], rules["mode_reason"]) == ("BOTH", "")


def _sent(session: Session) -> list[tuple[str, int]]:
    """Every notice to an enterprise has left."""
    notices = session.exec(select(Notice).where(Notice.kind == "enterprise_notice")).all()
    for notice in notices:
        notice.state = NoticeState.SENT
    return sorted((notice.subject, notice.recipient_id) for notice in notices)


def _cancelled(session: Session) -> list[Notice]:
    return list(session.exec(select(Notice).where(Notice.kind == "visit_cancelled").order_by(col(Notice.id))))


def test_an_enterprise_told_of_a_visit_hears_once_that_it_is_cancelled_and_why(db: Database) -> None:
    task = db.write_now(lambda s: setting(s, ratios={"B": 50}))
    draw = db.write_now(whole, task)
    told = db.write_now(_sent)
    assert len(told) > 5
    lead, other = db.write_now(two_leads, task)
    db.write_now(lambda s: ask_void(s, task_id=task, ground="名单导入有误", by=lead, now=NOW))
    assert db.read_now(_cancelled) == []  # one person alone cancels nothing
    for _ in range(2):
        db.write_now(lambda s: decide_void(s, draw_id=draw.id or 0, approved=True, by=other, now=NOW))
    cancelled = db.read_now(_cancelled)
    assert sorted(n.recipient_id for n in cancelled) == sorted(person for _, person in told)
    assert {n.data["reason"] for n in cancelled} == {"抽取已作废：名单导入有误"}
    assert all(n.statutory for n in cancelled)


def test_an_enterprise_that_was_not_told_yet_hears_of_no_cancellation(db: Database) -> None:
    task = db.write_now(lambda s: setting(s, ratios={"B": 50}))
    draw = db.write_now(whole, task)
    lead, other = db.write_now(two_leads, task)
    db.write_now(lambda s: ask_void(s, task_id=task, ground="x", by=lead, now=NOW))
    db.write_now(lambda s: decide_void(s, draw_id=draw.id or 0, approved=True, by=other, now=NOW))
    assert db.read_now(_cancelled) == []
    states = set(
        db.read_now(lambda s: s.exec(select(Notice.state).where(Notice.kind == "enterprise_notice")).all())
    )
    assert states == {NoticeState.WITHDRAWN}


def test_a_replaced_object_is_told_in_chat_or_by_the_team_that_brought_the_paper(db: Database) -> None:
    task = db.write_now(lambda s: setting(s, ratios={"B": 50}))
    db.write_now(whole, task)
    [subject, contact], *_ = db.write_now(_sent)
    lead, _ = db.write_now(two_leads, task)

    def replace(session: Session, visit: int) -> None:
        code = session.get_one(InspectionObject, session.get_one(Visit, visit).object_id).code
        replace_object(session, task_id=task, code=code, ground="已注销", by=lead, now=NOW, profile=PROFILE,
                       calendar=CALENDAR)  # fmt: skip

    db.write_now(replace, int(subject.partition(":")[2]))
    [notice] = db.read_now(_cancelled)
    assert (notice.recipient_id, notice.data["reason"]) == (contact, "检查对象已更换：已注销")

    def on_paper(session: Session) -> tuple[int, int, str]:
        alone = session.exec(
            select(EnterpriseNotice).where(EnterpriseNotice.delivery == "NOT_DELIVERED")
        ).first()
        assert alone is not None
        leader = session.exec(
            select(VisitOfficer.person_id).where(
                VisitOfficer.visit_id == alone.visit_id, col(VisitOfficer.leader)
            )
        ).one()
        serve_on_paper(session, visit_id=alone.visit_id, person_id=leader, now=NOW)
        inspected = session.get_one(Visit, alone.visit_id).object_id
        return alone.visit_id, leader, session.get_one(InspectionObject, inspected).name

    visit, leader, name = db.write_now(on_paper)
    db.write_now(replace, visit)
    voided = db.read_now(lambda s: s.exec(select(Notice).where(Notice.kind == "draw_voided")).all())
    assert [n.recipient_id for n in voided if n.data["on_paper"] == [name]] == [leader]
    assert len(db.read_now(_cancelled)) == 1


def test_after_a_redraw_everybody_of_the_new_round_is_told(db: Database) -> None:
    """Bug: SQLite gave the new visits the ids of the old ones, whose messages stood in the way of theirs."""
    task = db.write_now(setting)
    draw = db.write_now(whole, task)
    before = set(db.read_now(lambda s: s.exec(select(Visit.id)).all()))
    lead, other = db.write_now(two_leads, task)
    db.write_now(lambda s: ask_void(s, task_id=task, ground="x", by=lead, now=NOW))
    db.write_now(lambda s: decide_void(s, draw_id=draw.id or 0, approved=True, by=other, now=NOW))
    db.write_now(
        lambda s: commit_draw(s, task_id=task, secret=bytes(32), now=NOW, profile=PROFILE, calendar=CALENDAR)
    )
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    db.write_now(lock, task)

    def look(session: Session) -> None:
        assert not before & set(session.exec(select(Visit.id)))
        due = {(f"visit:{o.visit_id}", o.person_id) for o in session.exec(select(VisitOfficer))}
        waiting = select(Notice.subject, Notice.recipient_id).where(
            Notice.kind == "assignment", Notice.state == NoticeState.QUEUED
        )
        assert set(session.exec(waiting)) == due

    db.read_now(look)


def test_what_was_told_about_a_visit_that_is_taken_back_counts_as_withdrawn(db: Database) -> None:
    task = db.write_now(setting)
    draw = db.write_now(whole, task)

    def tell(session: Session) -> list[str]:
        officer = session.exec(select(VisitOfficer)).first()
        assert officer is not None
        enqueue(session, "officer_replaced", f"officer:{officer.id}", recipient_id=officer.person_id, now=NOW)
        states = (NoticeState.SENT, NoticeState.MERGED, NoticeState.FAILED, NoticeState.QUEUED)
        about = select(Notice).where(col(Notice.kind).in_(("assignment", "officer_replaced")))
        for notice, state in zip(session.exec(about).all(), cycle(states), strict=False):
            notice.state, notice.done_at = state, NOW if state != NoticeState.QUEUED else None
        return [f"officer:{officer.id}", *(f"visit:{key}" for key in session.exec(select(Visit.id)))]

    subjects = db.write_now(tell)
    later = NOW + dt.timedelta(hours=1)
    lead, other = db.write_now(two_leads, task)
    db.write_now(lambda s: ask_void(s, task_id=task, ground="名单漏导", by=lead, now=NOW))
    db.write_now(lambda s: decide_void(s, draw_id=draw.id or 0, approved=True, by=other, now=later))
    query = select(Notice.state, Notice.detail, Notice.done_at).where(col(Notice.subject).in_(subjects))
    ends = {(state, why, at and at > NOW) for state, why, at in db.read_now(lambda s: s.exec(query).all())}
    assert ends == {
        (NoticeState.WITHDRAWN, "抽取已作废", moved) for moved in (False, True)
    }  # when it was sent stands


def test_while_a_redraw_is_asked_for_nothing_goes_on_and_a_refusal_lets_it(db: Database) -> None:
    task = db.write_now(setting)
    draw = db.write_now(commit, task)
    lead, other = db.write_now(two_leads, task)
    db.write_now(lambda s: ask_void(s, task_id=task, ground="规则写错", by=lead, now=NOW))
    assert refused(lambda: db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))).key == "void_asked"
    db.write_now(lambda s: decide_void(s, draw_id=draw.id or 0, approved=False, by=other, now=NOW))
    assert db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW)).state == DrawState.REVEALED


def test_once_an_inspection_has_begun_there_is_no_redraw(db: Database) -> None:
    task = db.write_now(setting)
    db.write_now(whole, task)
    lead, _ = db.write_now(two_leads, task)

    def begin(session: Session) -> None:
        session.exec(select(Visit)).first().state = VisitState.ON_SITE  # type: ignore[union-attr]

    db.write_now(begin)
    ask = lambda: db.write_now(lambda s: ask_void(s, task_id=task, ground="x", by=lead, now=NOW))  # noqa: E731
    assert refused(ask).key == "visits_begun"


def test_a_round_voided_before_its_reveal_never_shows_its_secret(db: Database) -> None:
    task = db.write_now(setting)
    draw = db.write_now(commit, task)
    lead, other = db.write_now(two_leads, task)
    db.write_now(lambda s: ask_void(s, task_id=task, ground="x", by=lead, now=NOW))
    db.write_now(lambda s: decide_void(s, draw_id=draw.id or 0, approved=True, by=other, now=NOW))
    shown = db.read_now(lambda s: b"".join(bundle(s, s.get_one(Draw, draw.id)).values()))
    assert SECRET.hex().encode() not in shown


# -- after the lock --------------------------------------------------------------------------------------------


def test_the_next_ticket_replaces_an_ineligible_object_and_extends_a_raised_number(db: Database) -> None:
    task = db.write_now(setting)
    draw = db.write_now(whole, task)
    lead, _ = db.write_now(two_leads, task)
    before = lines(db.read_now(bundle, draw), "picks.jsonl")
    after: dict[str, Any] = {
        "task_id": task,
        "by": lead,
        "now": NOW,
        "profile": PROFILE,
        "calendar": CALENDAR,
    }
    out = before[1]["id"]
    assert (
        refused(lambda: db.write_now(lambda s: replace_object(s, code=out, ground="", **after))).key
        == "ground_missing"
    )
    visit = db.write_now(lambda s: replace_object(s, code=out, ground="已注销", **after))
    assert visit.rank == 5
    assert (
        refused(lambda: db.write_now(lambda s: replace_object(s, code=out, ground="x", **after))).key
        == "not_found"
    )
    more = db.write_now(lambda s: draw_more(s, stratum="B", count=2, ground="提高比例", **after))
    assert [v.rank for v in more] == [6, 7]
    files = db.read_now(lambda s: bundle(s, require_draw(s, task)))
    assert verify_bundle(files) == ""
    assert lines(files, "picks.jsonl") == before  # earlier picks stay
    changes = lines(files, "changes.jsonl")
    assert [(c["kind"], c["number"]) for c in changes] == [("OBJECT", 1), ("MORE", 2), ("MORE", 3)]
    changes[1]["in"], changes[2]["in"] = changes[2]["in"], changes[1]["in"]
    body = b"".join(json.dumps(c, ensure_ascii=False).encode() + b"\n" for c in changes)
    assert verify_bundle(files | {"changes.jsonl": body}) == "锁定后的第 2 次变动不成立"
    with pytest.raises(Problem, match="已经全部抽完"):
        db.write_now(lambda s: draw_more(s, stratum="B", count=40, ground="x", **after))
    teams = db.read_now(
        lambda s: len(s.exec(select(VisitOfficer).where(VisitOfficer.visit_id == visit.id)).all())
    )
    assert teams == 2


def test_whoever_joins_a_batch_that_is_closed_is_told_when_it_opens(db: Database) -> None:
    """Bug: an object drawn into a later batch was told at once, and its visit planned for tomorrow (C11)."""
    opens = ["2026-03-11", "2026-03-17", "2026-03-24"]
    batches = {"objects": 12, "officers": 4, "ratios": {"B": 50}, "batch_size": 2, "batch_opens": opens}
    task = db.write_now(lambda s: setting(s, **batches))
    db.write_now(whole, task)
    lead, _ = db.write_now(two_leads, task)
    after: dict[str, Any] = {
        "task_id": task, "by": lead, "ground": "已停业", "now": NOW, "profile": PROFILE, "calendar": CALENDAR,
    }  # fmt: skip

    def change(session: Session) -> list[Visit]:
        drawn = select(InspectionObject.code, Visit.batch).join(
            Visit, col(Visit.object_id) == InspectionObject.id
        )
        codes = {batch: code for code, batch in session.exec(drawn)}
        replaced = [replace_object(session, code=codes[batch], **after) for batch in (1, 2)]
        return [*replaced, *draw_more(session, stratum="B", count=1, **after)]

    visits = db.write_now(change)
    assert [(visit.batch, visit.state) for visit in visits] == [
        (1, VisitState.ASSIGNED), (2, VisitState.SCHEDULED), (3, VisitState.SCHEDULED),
    ]  # fmt: skip
    begins = [dt.date.fromisoformat(day) for day in opens]
    assert begins[0] <= visits[0].planned_on < begins[1] <= visits[1].planned_on < begins[2]
    assert begins[2] <= visits[2].planned_on <= dt.date(2026, 3, 31)

    def told(session: Session) -> list[int]:
        about = select(func.count()).select_from(Notice).where(Notice.kind == "assignment")
        return [session.exec(about.where(Notice.subject == f"visit:{visit.id}")).one() for visit in visits]

    assert db.read_now(told) == [2, 0, 0]
    for day, expected in ((17, [2, 2, 0]), (24, [2, 2, 2])):
        at = dt.datetime(2026, 3, day, 9, 0, tzinfo=CHINA)
        db.write_now(lambda s, at=at: open_batches(s, now=at, profile=PROFILE, calendar=CALENDAR))
        assert db.read_now(told) == expected
    assert verify_bundle(db.read_now(lambda s: bundle(s, require_draw(s, task)))) == ""


def test_the_certificate_names_witnesses_only_for_the_file(db: Database) -> None:
    task, one, two = db.write_now(ready)
    db.write_now(commit, task)
    for who in (one, two):
        db.write_now(lambda s, who=who: say(s, task, who))
    db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    db.write_now(lock, task)
    made = [
        db.read_now(
            lambda s, names=names: certificate_of(
                s, require_draw(s, task), public_url="http://suicha.test", names=names
            )
        )
        for names in (False, True, True)
    ]
    assert all(pdf.startswith(b"%PDF") for pdf in made)
    assert made[1] == made[2] != made[0]


def test_the_certificate_of_a_round_is_typeset_once_however_often_anybody_asks(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, *_ = db.write_now(ready)
    db.write_now(commit, task)
    made, typeset = [], certificate.typeset_pdf
    monkeypatch.setattr(certificate, "typeset_pdf", lambda *given: made.append(given) or typeset(*given))
    asked = {
        db.read_now(lambda s: certificate_of(s, require_draw(s, task), public_url=f"http://{id(db)}.test"))
        for _ in range(3)
    }
    assert (len(asked), len(made)) == (1, 1)


# -- refusals that leave nothing ---------------------------------------------------------------------------------


def test_c9_a_ratio_over_the_cap_stops_the_commitment(db: Database) -> None:
    item = {"klass": "GENERAL", "cap_percent": 5}
    task = db.write_now(lambda s: setting(s, item=item))  # 10 % of the pool
    before = db.read_now(counts)
    problem = refused(lambda: db.write_now(commit, task))
    assert (problem.key, problem.fields["总体比例"]) == ("ratio_over_cap", "10%")
    assert db.read_now(counts) == before


def test_c9_an_object_at_its_yearly_ceiling_is_excluded_with_that_reason(db: Database) -> None:
    rules = PROFILE.rules_2025.model_copy(update={"frequency_ceiling": True, "white_list": True})
    ceiling = PROFILE.frequency.model_copy(update={"ceiling_per_year": 1})
    profile = PROFILE.model_copy(update={"rules_2025": rules, "frequency": ceiling})

    def prepare(session: Session) -> int:
        earlier = setting(session, objects=3, ratios={"B": 100})
        whole(session, earlier)
        task = setting(session, objects=5)  # other items, the eight objects of both
        make_object(session, labels=["白名单"])
        return task

    task = db.write_now(prepare)
    seen = db.read_now(lambda s: standing(s, task_id=task, profile=profile, now=NOW))
    assert seen.preview.excluded == {"已达年度检查频次上限": 3}
    assert seen.preview.pool == 6  # KEY items are not spared by the white list


def test_whoever_was_inspected_within_some_months_is_left_alone_when_the_line_says_so(db: Database) -> None:
    def prepare(session: Session) -> tuple[int, int]:
        whole(session, setting(session, objects=3, ratios={"B": 100}))
        sparing, other = (setting(session, objects=0, exclude_months=months) for months in (6, 0))
        return sparing, other

    sparing, other = db.write_now(prepare)
    look: Callable[[int], Any] = lambda task: db.read_now(  # noqa: E731
        lambda s: standing(s, task_id=task, profile=PROFILE, now=NOW).preview
    )
    assert (look(sparing).pool, look(sparing).excluded) == (0, {"近6个月内已查": 3})
    assert (look(other).pool, look(other).excluded) == (3, {})


def test_named_strata_uplifts_and_a_floor_are_in_the_rules_and_verify(db: Database) -> None:
    options: dict[str, Any] = {
        "ratios": {"A": 0, "B": 10, "C": 0, "D": 0}, "floor": 9,
        "strata": [{"name": "新区", "who": {"districts": ["新区"]}, "rule": {"number": 2}}],
        "uplifts": [{"label": "投诉举报多", "times": "3"}, {"label": "严重违法失信", "ratio": "50"}],
    }  # fmt: skip

    def prepare(session: Session) -> int:
        task = setting(session, objects=20, **options)
        for n in range(10):
            make_object(session, labels=["投诉举报多"] if n < 6 else ["严重违法失信"])
        for _ in range(5):
            make_object(session, district="新区", labels=["投诉举报多"])  # a fixed number is not raised
        return task

    task = db.write_now(prepare)
    seen = db.read_now(lambda s: standing(s, task_id=task, profile=PROFILE, now=NOW)).preview
    takes = {s.klass: (s.size, s.take, s.rule.uplift) for s in seen.strata if s.size}
    assert takes == {
        "B": (20, 3, ""), "B↑投诉举报多": (6, 2, "投诉举报多：10%×3"), "B↑严重违法失信": (4, 2, "严重违法失信：不低于50%"),
        "新区": (5, 2, ""),
    }  # fmt: skip
    draw = db.write_now(whole, task)
    assert draw.transcript["picks"] == 9
    assert verify_bundle(db.read_now(bundle, draw)) == ""


# -- killed between any two steps ---------------------------------------------------------------------------------


def _advance(db: Database, task: int, witnesses: tuple[int, int]) -> bool:
    """What a person does next, whatever stands; False when the list is locked."""

    def look(session: Session) -> tuple[str, int, int]:
        draw = live_draw(session, task)
        words = session.exec(select(DrawWord)).all()
        return (draw.state if draw else "", len(words), len(draw.values) if draw else 0)

    state, words, values = db.read_now(look)
    if state == "":
        db.write_now(
            lambda s: prepare_draw(
                s, task_id=task, sources=[BALLS], witnesses=list(witnesses), now=NOW, profile=PROFILE
            )
        )
    elif state == DrawState.PREPARED:
        db.write_now(commit, task)
    elif state == DrawState.COMMITTED and not values:
        db.write_now(lambda s: say(s, task, witnesses[words]))
    elif state == DrawState.COMMITTED:
        db.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    elif state == DrawState.REVEALED:
        db.write_now(lock, task)
    return bool(state != DrawState.LOCKED)


def _live_until_killed(url: str, task: int, witnesses: tuple[int, int], dies_at: int, *, after: bool) -> None:
    """A process that kills itself at its n-th commit, just before it or just after."""
    db = Database(url, info=INFO)
    seen = 0

    def die(_connection: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def count(connection: object) -> None:
        nonlocal seen
        seen += 1
        if seen == dies_at:
            die(connection)

    if not after:
        event.listen(db.engine, "commit", count)
    done = 0
    while _advance(db, task, witnesses):
        done += 1
        if after and done == dies_at:
            die(None)


def _outcome(db: Database, task: int) -> tuple[list[str], str, dict[str, str]]:
    def look(session: Session) -> tuple[list[str], str, dict[str, str]]:
        draw = require_draw(session, task)
        actions = session.exec(select(AuditEntry.action).order_by(col(AuditEntry.seq))).all()
        return list(actions), verify_bundle(bundle(session, draw)), draw.transcript

    return db.read_now(look)


@pytest.mark.parametrize("after", [False, True], ids=["before its commit", "after its commit"])
@pytest.mark.parametrize("step", range(1, 7))
def test_a_process_killed_at_any_step_leaves_nothing_half_written_and_the_next_goes_on(
    sqlite_url: str, step: int, after: bool
) -> None:
    db = Database(sqlite_url, info=INFO)

    def people(session: Session) -> tuple[int, int, int]:
        task = setting(session)
        return task, *(make_person(session, role=Role.REVIEWER, account=f"w{n}").id or 0 for n in (1, 2))

    task, one, two = db.write_now(people)
    db.close()
    child = multiprocessing.get_context("fork").Process(
        target=_live_until_killed, args=(sqlite_url, task, (one, two), step), kwargs={"after": after}
    )
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL

    db = Database(sqlite_url, info=INFO)
    while _advance(db, task, (one, two)):
        pass
    actions, fault, transcript = _outcome(db, task)
    db.close()
    assert fault == ""
    assert transcript["picks"] == 4
    assert actions == [
        "draw.prepared", "draw.committed", "draw.value_typed", "draw.value_typed", "draw.revealed", "task.dispatched",
        "draw.locked",
    ]  # fmt: skip


def test_a_joint_draw_with_balls_verifies(db: Database) -> None:
    task = db.write_now(joint_setting)
    db.write_now(whole, task)
    assert db.read_now(lambda s: verify_bundle(bundle(s, require_draw(s, task)))) == ""
