"""收到 and 稍后提醒: a person's own say in how they are chased. It stops the chase for them alone, and it ends (C28)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, select

from bot.core.clock import at_china, china, china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.models import (
    Deadline,
    DeadlineMember,
    DutyHolder,
    Hush,
    HushKind,
    ReminderClock,
)
from bot.inspection.deadlines.telling import TELLINGS
from bot.inspection.notices.message import Ask, Told
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, touch_cards, withdraw
from bot.inspection.profile import Profile
from bot.inspection.profile.schedule import shown_moment
from bot.inspection.profile.terms import Role

_REASON = 200


def acknowledge(
    session: Session,
    *,
    deadline_id: int,
    person_id: int,
    now: dt.datetime,
    profile: Profile,
    calendar: WorkCalendar,
) -> Hush:
    """收到: this person is left alone for the profile's working days, at most to the morning of the last day; the
    others of the team are not. Pressed again while it holds, nothing changes. Raises ``not_found``, ``forbidden``."""
    deadline, clock, _ = _own(session, deadline_id, person_id)
    hush = session.get(Hush, (deadline_id, person_id))
    if hush is not None and hush.until > now:
        return hush
    until = _morning(calendar.add_workdays(china_day(now), profile.messages.ack_workdays), profile)
    hush = _silence(hush, deadline, person_id, now=now)
    hush.kind, hush.until, hush.reason = (
        HushKind.ACKNOWLEDGED,
        _capped(until, clock, now, profile, calendar),
        "",
    )
    return _keep(session, deadline, hush, "deadline.acknowledged", now=now)


def snooze(
    session: Session, *, deadline_id: int, person_id: int, reason: str, now: dt.datetime, profile: Profile,
    calendar: WorkCalendar,
) -> Hush:  # fmt: skip
    """稍后提醒: once more on the next working morning, with a reason, as often as the profile allows and never past the
    last day. Raises ``reason_missing``, ``snooze_spent``, ``snooze_late``, ``not_found``, ``forbidden``."""
    reason = " ".join(reason.split())[:_REASON]
    if not reason:
        raise Problem("reason_missing", "请写明稍后办理的原因。", 原因="不能为空")
    deadline, clock, who = _own(session, deadline_id, person_id)
    hush = session.get(Hush, (deadline_id, person_id))
    if hush is not None and hush.snoozes >= profile.messages.snooze_max:
        raise Problem("snooze_spent", f"已经推迟过 {hush.snoozes} 次，不能再推迟，请办理或申请延期。")
    until = _morning(calendar.next_workday(china_day(now)), profile)
    if clock.due_on is not None and china_day(until) > calendar.last_workday_on_or_before(clock.due_on):
        raise Problem("snooze_late", "期限将到或已过，不能推迟，请办理或申请延期。")
    hush = _silence(hush, deadline, person_id, now=now)
    hush.kind, hush.until, hush.reason, hush.snoozes = HushKind.SNOOZED, until, reason, hush.snoozes + 1
    telling = TELLINGS[deadline.kind, who]
    enqueue(
        session, telling.kind, deadline.above if telling.together else deadline.about, recipient_id=person_id, now=now,
        slot=f"{deadline.tag}:snooze-{hush.snoozes}", not_before=until, generation=deadline.generation,
        priority=Priority.REMINDER, expires_at=until + dt.timedelta(days=1), data={"deadline": deadline_id},
    )  # fmt: skip
    return _keep(session, deadline, hush, "deadline.snoozed", now=now)


def chase_asks(session: Session, notice: Told, *, now: dt.datetime) -> tuple[tuple[Ask, ...], str]:
    """The buttons of a reminder about its deadline, or the words that stand in their place once one was pressed."""
    deadline_id = int(notice.data.get("deadline", 0))
    if not deadline_id:
        return (), ""
    hush = session.get(Hush, (deadline_id, notice.recipient_id))
    if hush is not None and hush.until > now and hush.at > notice.created_at:
        word = "已收到" if hush.kind == HushKind.ACKNOWLEDGED else "稍后提醒"
        return (), f"{word}，{shown_moment(hush.until)} 后再提醒"
    subject = f"deadline:{deadline_id}"
    return (Ask("收到", "got_it", "primary", subject), Ask("稍后提醒", "snooze", subject=subject)), ""


def _own(session: Session, deadline_id: int, person_id: int) -> tuple[Deadline, ReminderClock, Role]:
    """The open deadline, its clock and the person's part in it."""
    deadline = session.get(Deadline, deadline_id, with_for_update=True)
    if deadline is None or deadline.closed_at is not None:
        raise Problem("not_found", "这件事已经办结，不会再提醒。")
    clock = session.get_one(ReminderClock, deadline.clock_id)
    member = session.get(DeadlineMember, (deadline_id, person_id))
    if member is not None:
        return deadline, clock, Role(member.who)
    office = select(DutyHolder.who).where(
        DutyHolder.department_id == deadline.department_id, col(DutyHolder.person_id) == person_id
    )
    for who in session.exec(office):
        if (deadline.kind, Role(who)) in TELLINGS:
            return deadline, clock, Role(who)
    raise Problem("forbidden", "这项提醒不是发给您的。")


def _silence(hush: Hush | None, deadline: Deadline, person_id: int, *, now: dt.datetime) -> Hush:
    hush = hush or Hush(
        deadline_id=deadline.id or 0, person_id=person_id, kind=HushKind.ACKNOWLEDGED, until=now, at=now
    )
    hush.at = now
    return hush


def _keep(session: Session, deadline: Deadline, hush: Hush, action: str, *, now: dt.datetime) -> Hush:
    """Store it; what was queued for this person meanwhile is taken back, and the cards say so."""
    session.add(hush)
    record(session, action, f"deadline:{deadline.id}", now=now, actor=hush.person_id, until=hush.until.isoformat(),
           snoozes=hush.snoozes)  # fmt: skip
    if hush.kind == HushKind.ACKNOWLEDGED:
        kinds = {telling.kind for (kind, _), telling in TELLINGS.items() if kind == deadline.kind}
        withdraw(
            session,
            deadline.about,
            kinds=kinds,
            recipient_id=hush.person_id,
            reason="本人已确认收到",
            now=now,
        )
    for subject in {deadline.about, deadline.above}:
        touch_cards(session, subject, now=now)
    return hush


def _morning(day: dt.date, profile: Profile) -> dt.datetime:
    hour, minute = map(int, profile.messages.remind_at.split(":"))
    return at_china(day, hour, minute)


def _capped(
    until: dt.datetime, clock: ReminderClock, now: dt.datetime, profile: Profile, calendar: WorkCalendar
) -> dt.datetime:  # fmt: skip
    """Not past the morning of the last working day; once that is over, for the rest of the day only."""
    if clock.due_on is None:
        return until
    last = _morning(calendar.last_workday_on_or_before(clock.due_on), profile)
    if china(now) < china(last):
        return min(until, last)
    return min(until, _morning(calendar.next_workday(china_day(now)), profile))
