"""Calm, escalation and second thoughts: digests, the next account when nobody answers, leads, stopped masses."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.audit.service import verify
from bot.inspection.notices import mass
from bot.inspection.notices.message import Ask, Content, Kind, Skip, Told
from bot.inspection.notices.models import MassTelling, Notice, NoticeState, Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Department, Person, PersonRole, Role
from bot.messaging import calm, quotas, unreached
from bot.messaging.budgets import Budgets
from bot.messaging.chase import Chase
from bot.messaging.mass import resume_mass, stop_mass
from bot.messaging.quotas import Ledger
from bot.platforms.base import Capabilities, Receipt
from bot.platforms.shared import Budget
from tests.fakes.platform import FakePlatform
from tests.messaging.rig import CALENDAR, PROFILE, Rig


@pytest.fixture
def complete(small: Rig) -> Rig:
    """The rig with the kinds that delivery itself says; their templates are the real ones."""
    small.kinds = small.delivery.composer.kinds = dict(small.kinds) | {
        "digest": calm.make_kind(small.kinds, small.renderer),
        "unreached": unreached.make_kind({"told": "通知"}),
        "mass_telling": mass.KINDS[0],
        "platform_alarm": Kind("platform_alarm", lambda _s, n, _t: Content(dict(n.data)), Content()),
    }
    for name in ("digest", "unreached", "mass_telling", "platform_alarm"):
        small.use_template(name)
    return small


def _of_kind(rig: Rig, kind: str) -> list[Notice]:
    query = select(Notice).where(Notice.kind == kind).order_by(col(Notice.id))
    return list(rig.db.read_now(lambda s: s.exec(query).all()))


# -- calm -------------------------------------------------------------------


async def test_twelve_reminders_due_at_once_are_one_digest(complete: Rig) -> None:
    person, other = complete.person("wecom:u1"), complete.person("wecom:u2")
    many = [complete.promise(person, priority=Priority.REMINDER) for _ in range(12)]
    few = [complete.promise(other, priority=Priority.REMINDER) for _ in range(3)]
    await complete.until_quiet()
    [message] = complete.wecom.to("u1")
    assert (message.title, message.body.count("标题")) == ("您有 12 条待办", 12)
    assert message.buttons[0].text == "逐条查看和办理"
    assert "/inbox/" in message.buttons[0].url
    assert len(complete.wecom.to("u2")) == 3
    [digest] = _of_kind(complete, "digest")
    rows = [complete.notice(n) for n in many]
    assert {(r.state, r.merged_into) for r in rows} == {(NoticeState.MERGED, digest.id)}
    assert {complete.notice(n).state for n in few} == {NoticeState.SENT}
    assert complete.db.read_now(verify).broken_at is None


async def test_assignments_statutory_and_urgent_notices_never_merge(complete: Rig) -> None:
    person = complete.person("wecom:u1")
    fields: list[dict[str, Any]] = [
        {"priority": Priority.ASSIGNMENT}, {"priority": Priority.URGENT}, {"statutory": True},
    ]  # fmt: skip
    for one in fields:
        for _ in range(9):
            complete.promise(person, **one)
    await complete.until_quiet()
    assert _of_kind(complete, "digest") == []
    assert len(complete.wecom.to("u1")) == 27


async def test_what_was_done_meanwhile_is_left_out_of_the_digest(complete: Rig) -> None:
    person = complete.person("wecom:u1")
    for n in range(9):
        complete.promise(person, subject=f"visit:{700 + n}", priority=Priority.REMINDER)
    complete.truth["told"] = lambda _s, notice, _t: (
        Skip("已办") if notice.subject < "visit:705" else Content({"name": "x"})
    )
    await complete.until_quiet()
    assert complete.wecom.to("u1")[0].title == "您有 4 条待办"
    complete.truth["told"] = lambda *_: Skip("已办")
    for n in range(9):
        complete.promise(person, subject=f"visit:{800 + n}", priority=Priority.REMINDER)
    await complete.until_quiet()
    assert (_of_kind(complete, "digest")[-1].state, len(complete.wecom.to("u1"))) == (NoticeState.SKIPPED, 1)


async def test_one_message_that_cannot_be_said_does_not_take_the_digest_along(complete: Rig) -> None:
    """Bug: what was about a visit that is gone, or broke, made the whole digest fail, and nobody was told anything."""
    person = complete.person("wecom:u1")

    def told(_session: Session, notice: Told, _now: dt.datetime) -> Content:
        if notice.subject == "visit:700":
            raise Problem("not_found", "没有找到这次检查。")
        if notice.subject == "visit:701":
            raise ValueError
        return Content({"name": "x"})

    complete.truth["told"] = told
    for n in range(9):
        complete.promise(person, subject=f"visit:{700 + n}", priority=Priority.REMINDER)
    await complete.until_quiet()
    assert [message.title for message in complete.wecom.to("u1")] == ["您有 7 条待办"]


# -- nobody answers -----------------------------------------------------------


def _chase(rig: Rig, *, within: float = 4) -> Chase:
    messages = PROFILE.messages.model_copy(update={"answer_hours": {"card": within}})
    profile = PROFILE.model_copy(update={"messages": messages})
    return Chase(
        rig.db, rig.clock, platforms=rig.platforms, kinds=rig.kinds, profile=profile, calendar=CALENDAR
    )


def _with_lead(rig: Rig, *people: int) -> int:
    lead = rig.person("wecom:lead")

    def arrange(session: Session) -> None:
        department = Department(code="d1", name="市场监管局")
        session.add(department)
        session.flush()
        session.add(PersonRole(person_id=lead, role=Role.LEAD))
        for person in (lead, *people):
            session.get_one(Person, person).department_id = department.id

    rig.db.write_now(arrange)
    return lead


async def test_who_neither_reads_nor_answers_is_told_on_the_next_account_and_then_the_lead_is(
    complete: Rig,
) -> None:
    complete.platforms["dingtalk"] = FakePlatform("dingtalk")
    person = complete.person("wecom:u1", "dingtalk:d1")
    _with_lead(complete, person)
    notice, chase = complete.promise(person, "card"), _chase(complete)
    await complete.until_quiet()
    complete.clock.advance(hours=3)
    assert await chase.look() == 0
    complete.clock.advance(hours=1)
    assert await chase.look() == 1
    assert await chase.look() == 0
    await complete.until_quiet()
    assert [user for user, _ in complete.platforms["dingtalk"].shown] == ["d1"]
    complete.clock.advance(hours=4)
    assert await chase.look() == 1
    await complete.until_quiet()
    row_ = complete.notice(notice)
    assert (row_.state, row_.detail) == (NoticeState.SENT, unreached.NO_ANSWER)
    complete.clock.advance(minutes=3)
    await complete.until_quiet()
    [message] = complete.wecom.to("lead")
    assert message.title == "1 人没有收到消息"
    assert unreached.NO_ANSWER in message.body
    complete.clock.advance(hours=5)
    assert await chase.look() == 0


async def test_an_answer_or_a_reading_ends_the_chase(complete: Rig) -> None:
    complete.wecom.capabilities = Capabilities(read_receipts=True)
    answered, read, unread = (
        complete.promise(complete.person(f"wecom:{u}"), "card") for u in ("a", "r", "u")
    )
    chase = _chase(complete)
    await complete.until_quiet()
    refs = {n: complete.attempts(n)[0].ref for n in (answered, read, unread)}
    complete.wecom.told = {refs[read]: {"r": Receipt.READ}, refs[unread]: {"u": Receipt.UNREAD}}
    ask = (Ask("收到", "accept"),)
    done = complete.notice(answered).id
    complete.truth["card"] = lambda _s, n, _t: (
        Content({"state": "x"}, closed="已接收") if n.id == done else Content({"state": "x"}, asks=ask)
    )
    complete.clock.advance(hours=5)
    assert await chase.look() == 1
    assert complete.notice(answered).clicked_at == complete.clock.now()
    assert complete.notice(read).read_at == complete.clock.now()
    assert complete.notice(unread).delivered_at == complete.clock.now()
    assert [complete.notice(n).state for n in (answered, read, unread)] == ["sent", "sent", "queued"]


async def test_who_cannot_be_reached_at_all_is_told_to_the_lead_in_one_message(complete: Rig) -> None:
    people = [complete.person() for _ in range(12)]
    _with_lead(complete, *people)
    for person in people:
        complete.promise(person)
    await complete.until_quiet()
    assert complete.wecom.to("lead") == []
    complete.clock.advance(minutes=2)
    await complete.until_quiet()
    [message] = complete.wecom.to("lead")
    assert message.title == "12 人没有收到消息"
    assert "还有 2 条" in message.body
    assert "通知，没有可用的联系方式" in message.body


# -- masses -------------------------------------------------------------------


def _mass(rig: Rig, by: int | None, size: int) -> MassTelling | None:
    people = [rig.person(f"wecom:m{n}") for n in range(size)]

    def make(session: Session) -> MassTelling | None:
        now = rig.clock.now()
        rows = [row("told", f"visit:{900 + n}", recipient_id=p, now=now) for n, p in enumerate(people)]
        held = mass.hold_mass(session, rows, caused_by=by, what="任务", now=now)
        enqueue_many(session, rows)
        return held

    return rig.db.write_now(make)


async def test_a_mass_waits_and_its_causer_can_stop_it_and_send_it_after_all(complete: Rig) -> None:
    by = complete.person("wecom:boss")
    held = _mass(complete, by, 60)
    assert held is not None
    assert held.id is not None
    await complete.until_quiet()
    [(user, card)] = complete.wecom.shown
    assert (user, card.title, [b.text for b in card.buttons]) == (
        "boss",
        "将向 60 人次发送任务",
        ["停止发送"],
    )
    now = complete.clock.now()
    with pytest.raises(Problem, match="发起人"):
        complete.db.write_now(stop_mass, mass_id=held.id, by=by + 1, now=now)
    assert complete.db.write_now(stop_mass, mass_id=held.id, by=by, now=now) == 60
    complete.clock.advance(minutes=5)
    await complete.until_quiet()
    assert len(complete.wecom.shown) == 1
    assert complete.db.write_now(resume_mass, mass_id=held.id, by=by, now=complete.clock.now()) == 60
    await complete.until_quiet()
    assert len(complete.wecom.shown) == 61
    with pytest.raises(Problem, match="已经发出"):
        complete.db.write_now(stop_mass, mass_id=held.id, by=by, now=complete.clock.now())
    assert complete.db.read_now(verify).broken_at is None


async def test_an_unstopped_mass_leaves_after_its_time(complete: Rig) -> None:
    _mass(complete, complete.person("wecom:boss"), 50)
    await complete.until_quiet()
    complete.clock.advance(seconds=89)
    await complete.until_quiet()
    assert len(complete.wecom.shown) == 1
    complete.clock.advance(seconds=1)
    await complete.until_quiet()
    assert len(complete.wecom.shown) == 51


@pytest.mark.parametrize(("known", "size"), [(False, 60), (True, 49)])
async def test_few_notices_or_nobodys_act_leave_at_once(complete: Rig, known: bool, size: int) -> None:
    by = complete.person("wecom:boss") if known else None
    assert _mass(complete, by, size) is None
    await complete.until_quiet()
    assert len(complete.wecom.shown) == size


# -- budgets ------------------------------------------------------------------


async def test_a_low_month_merges_earlier_and_tells_the_administrators_once_and_a_gone_one_rests(
    complete: Rig,
) -> None:
    complete.wecom.capabilities = Capabilities(budgets=((Budget.CALLS, 100),))
    admin, person = complete.person("wecom:admin"), complete.person("wecom:u1")
    complete.db.write_now(lambda s: s.add(PersonRole(person_id=admin, role=Role.ADMIN)))
    budgets = Budgets(complete.db, complete.clock, complete.platforms, CALENDAR, complete.delivery)
    ledger = Ledger(complete.clock)
    assert await budgets.look() == 0

    ledger.spent("wecom", Budget.CALLS, 85)
    await ledger.flush(complete.db)
    assert [await budgets.look(), await budgets.look()] == [1, 0]
    for _ in range(2):
        complete.promise(person, priority=Priority.REMINDER)
    digest = complete.promise(
        person, priority=Priority.DIGEST, statutory=False, not_before=complete.clock.now()
    )
    await complete.until_quiet()
    assert [m.title for m in complete.wecom.to("u1")] == ["您有 3 条待办"]
    assert complete.notice(digest).state == NoticeState.MERGED
    assert len(complete.wecom.to("admin")) == 1
    assert "85/100" in complete.wecom.to("admin")[0].body

    ledger.spent("wecom", Budget.CALLS, 15)
    await ledger.flush(complete.db)
    await budgets.look()
    waiting = complete.promise(person, priority=Priority.ASSIGNMENT)
    await complete.until_quiet()
    held = complete.notice(waiting)
    assert (held.state, held.detail) == (NoticeState.HELD, "本月接口额度已用完")
    assert held.not_before == dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC)  # 1 April in China
    complete.db.write_now(
        quotas.set_limit, platform="wecom", scope="calls", seconds=0, count=100_000, now=complete.clock.now()
    )
    await budgets.look()
    complete.clock.move_to(held.not_before + dt.timedelta(hours=9))
    await complete.until_quiet()
    assert complete.notice(waiting).state == NoticeState.SENT
