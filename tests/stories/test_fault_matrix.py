"""Everything that goes wrong, on both services and both databases: nothing lost, nothing repeated without a mark.

A run of the whole matrix writes its table into ``docs/fault-matrix.md``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import Session, func, select

from bot.core.clock import at_china
from bot.core.db import Database
from bot.inspection.audit.service import verify
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.late import tick_reminders
from bot.inspection.deadlines.models import Deadline, DeadlineMember
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Book
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import InboxEvent, InboxState, Notice
from bot.inspection.people.models import Department
from bot.inspection.profile import load_profile
from bot.inspection.profile.schedule import Span
from bot.messaging import delivery as road
from bot.messaging import inbox
from bot.simulator.faults import Fault
from tests.fakes.builders import make_person
from tests.stories.matrix import (
    SERVICES,
    STEPS,
    Cell,
    Killed,
    Toll,
    cell,
    effect,
    failing_commits,
    heard,
    killed_after,
)

pytestmark = pytest.mark.slow
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "fault-matrix.md"
OUTBOUND = {
    "5xx": Fault.SERVER_ERROR,
    "超时，请求没有到": Fault.LOST,
    "超时，其实已收下": Fault.LATE_ANSWER,
    "连接被重置": Fault.RESET,
    "200 里的错误码": Fault.BUSY,
    "令牌中途失效": Fault.DEAD_TOKEN,
    "频率超限": Fault.RATE_LIMIT,
    "额度用完": Fault.QUOTA_GONE,
    "应答很慢": Fault.SLOW,
}
INBOUND = ("回调推三次", "回调乱序", "回调晚一天", *(f"收：第 {n} 步后被杀" for n in range(1, 6)))
ROWS = (
    *OUTBOUND,
    "一批里有人不在",
    "数据库被锁",
    "磁盘写满",
    *(f"发：第 {n} 步（{name}）后被杀" for n, name in STEPS.items()),
    *INBOUND,
    "提醒：提交前被杀",
    "提醒：提交后被杀",
)
_seen: dict[tuple[str, str, str], Toll] = {}


@pytest.fixture(scope="module", autouse=True)
def document() -> Iterator[None]:
    """Written only by a run that filled every cell."""
    yield
    wanted = {(row, s, d) for row in ROWS for s in SERVICES for d in ("sqlite", "postgresql")}
    if wanted <= set(_seen):
        DOCUMENT.write_text(_page(), encoding="utf-8")


def _page() -> str:
    columns = [(s, d) for s in SERVICES for d in ("sqlite", "postgresql")]
    names = {"wecom": "企业微信", "dingtalk": "钉钉", "sqlite": "SQLite", "postgresql": "PostgreSQL"}
    lines = [
        "# Fault matrix",
        "",
        "Written by `tests/stories/test_fault_matrix.py` itself, not by hand. Each cell is *lost / repeated /",
        "repeated without the mark 「可能重复」*, counted in the simulated service's own chats over real HTTP.",
        "*Lost* is what neither arrived nor has a named end. Steps: "
        + " · ".join(f"{n} {name}" for n, name in STEPS.items())
        + " (sending); 1 verified · 2 stored · 3 claimed · 4 handled · 5 finished (receiving).",
        "",
        "| 故障 | " + " | ".join(f"{names[s]} {names[d]}" for s, d in columns) + " |",
        "|" + " --- |" * (len(columns) + 1),
    ]
    lines += [f"| {row} | " + " | ".join(str(_seen[row, s, d]) for s, d in columns) + " |" for row in ROWS]
    return "\n".join(lines) + "\n"


def settled(row: str, service: str, made: Cell, *, repeats: int = 0) -> None:
    """Store the cell; nothing lost, nothing unexplained, the inbox empty, the audit chain whole."""
    toll, db = made.toll(), made.rig.db
    _seen[row, service, db.url.get_backend_name()] = toll
    assert (toll.lost, toll.unexplained) == (0, 0), (row, toll)
    assert toll.repeated <= repeats, (row, toll)
    new = select(func.count()).select_from(InboxEvent).where(InboxEvent.state == InboxState.NEW)
    assert db.read_now(lambda s: s.exec(new).one()) == 0
    assert db.read_now(verify).broken_at is None


def both(made: Cell) -> None:
    for user in made.pair.people:
        for kind in ("told", "card"):
            made.promise(user, kind)


@pytest.fixture(params=list(SERVICES))
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(road, "_SETTLE", (0.0,) * 6)


@pytest.mark.parametrize("row", OUTBOUND)
async def test_the_service_or_the_network_fails_twice(
    row: str, service: str, db: Database, tmp_path: Path
) -> None:
    async with cell(service, db, tmp_path) as made:
        both(made)
        made.pair.faults.script[:] = [OUTBOUND[row]] * 2
        await made.to_rest()
        assert made.pair.faults.happened[OUTBOUND[row]] == 2
        settled(row, service, made, repeats=2)


async def test_somebody_of_a_batch_is_not_there(service: str, db: Database, tmp_path: Path) -> None:
    async with cell(service, db, tmp_path) as made:
        made.rig.truth["told"] = lambda *_: Content({"name": "同一句话"})
        made.promise(made.pair.stranger, "told")
        for user in made.pair.people:
            made.promise(user, "told")
        *_, first, second, third = made.promised.items()
        for words, _ in (first, second, third):
            del made.promised[words]
        made.pair.platform.capabilities = replace(made.pair.platform.capabilities, batch=20)
        await made.to_rest()
        states = [made.rig.notice(notice).state for _, (_, notice) in (first, second, third)]
        assert states == ["failed", "sent", "sent"]
        assert made.rig.notice(first[1][1]).detail.startswith("没有可用的联系方式：")
        for user in made.pair.people:
            assert sum("同一句话" in str(b.content) for b in made.pair.chat(user)) == 1
        settled("一批里有人不在", service, made)


@pytest.mark.parametrize(
    ("row", "text"), [("数据库被锁", "database is locked"), ("磁盘写满", "database or disk is full")]
)
async def test_the_database_refuses_to_commit(
    row: str, text: str, service: str, db: Database, tmp_path: Path
) -> None:
    """The claim, the note of the attempt and the outcome each fail once."""
    async with cell(service, db, tmp_path) as made:
        both(made)
        with failing_commits(db, text, which={1, 3, 6}):
            await made.to_rest()
        settled(row, service, made, repeats=4)


@pytest.mark.parametrize("step", STEPS)
async def test_the_process_is_killed_after_each_step_of_sending(
    step: int, service: str, db: Database, tmp_path: Path
) -> None:
    async with cell(service, db, tmp_path) as made:
        both(made)
        with killed_after(made.rig.delivery, step), pytest.raises(Killed):
            await made.rig.delivery.run_once()
        made.rig.delivery = made.rig.make_delivery()
        await made.to_rest()
        settled(f"发：第 {step} 步（{STEPS[step]}）后被杀", service, made, repeats=2)


@pytest.mark.parametrize("row", INBOUND)
async def test_what_comes_in_has_one_effect_and_one_answer(
    row: str, service: str, db: Database, tmp_path: Path
) -> None:
    async with cell(service, db, tmp_path) as made:
        await made.pair.listen()
        first, second = await heard(made.pair, "办理 甲", "办理 乙")
        dispatcher = made.rig.dispatcher
        match row:
            case "回调推三次":
                assert [await dispatcher.take(e) for e in (first, first, second, first)] == [
                    True,
                    False,
                    True,
                    False,
                ]
            case "回调乱序":
                for one in (second, first):
                    await dispatcher.take(one)
            case "回调晚一天":
                made.rig.clock.advance(days=1)
                for one in (first, second):
                    await dispatcher.take(one)
            case _:
                await _killed_receiving(made, int(row[4]), first)
                made.rig.dispatcher = made.rig.make_dispatcher()
                for one in (
                    first,
                    second,
                ):  # nobody was answered, or the platform is not sure: it pushes again
                    await made.rig.dispatcher.take(one)
        await made.rig.dispatcher.settle()
        await made.to_rest()
        for words in ("甲", "乙"):
            answers = [b for b in made.pair.chat() if f"办好了：{words}" in str(b.content)]
            assert len(answers) == 1, (row, words)
        settled(row, service, made)


async def _killed_receiving(made: Cell, step: int, event: object) -> None:
    """The first *step* steps of taking an event, and nothing after them."""
    db, now = made.rig.db, made.rig.clock.now()
    if step >= 2:
        stored = db.write_now(inbox.store, event, now=now)  # type: ignore[arg-type]
        assert stored is not None
        if step >= 3:
            assert db.write_now(inbox.claim, stored, now=now) is not None
        if step >= 4:
            db.write_now(effect, words="甲", now=now)
        if step >= 5:
            made.rig.clock.advance(seconds=inbox.LEASE.total_seconds())
            await made.rig.dispatcher.sweep()
            await made.rig.dispatcher.settle()


@pytest.mark.parametrize("row", ["提醒：提交前被杀", "提醒：提交后被杀"])
async def test_a_tick_of_reminders_is_killed(row: str, service: str, db: Database, tmp_path: Path) -> None:
    """Two ticks at once, or one after a death, promise each reminder once."""
    profile, calendar = load_profile("default"), WorkCalendar.load()
    morning = at_china(dt.date(2026, 3, 17), 9)

    def tick() -> None:
        db.write_now(tick_reminders, now=morning, profile=profile, calendar=calendar)

    async with cell(service, db, tmp_path) as made:
        db.write_now(_five_deadlines, profile=profile, calendar=calendar, now=morning)
        if row == "提醒：提交前被杀":
            with failing_commits(db, "killed", which={1}), pytest.raises(Exception, match="killed"):
                tick()
        tick()
        tick()
        mine = (
            select(Notice.subject, func.count())
            .where(Notice.kind == "publicity_reminder")
            .group_by(Notice.subject)
        )
        assert dict(db.read_now(lambda s: s.exec(mine).all())) == {f"visit:{n}": 1 for n in range(900, 905)}
        settled(row, service, made)


def _five_deadlines(session: Session, *, profile: object, calendar: WorkCalendar, now: dt.datetime) -> None:
    session.add(Department(id=77, code="D77", name="市场监管局"))
    person = make_person(session).id or 0
    today = now.date()
    clock = Book(session, calendar).clock(
        policy_of("publicity", profile),  # type: ignore[arg-type]
        Span(today - dt.timedelta(days=30), calendar.add_workdays(today, 5)),
    )
    for n in range(900, 905):
        about = f"visit:{n}"
        session.add(
            Deadline(id=n, kind="publicity", subject=about, root=about, about=about, above="task:1", generation=1,
                     department_id=77, clock_id=clock, next_at=now, opened_at=now)
        )  # fmt: skip
        session.flush()
        session.add(DeadlineMember(deadline_id=n, person_id=person, who="officer", since=now))
