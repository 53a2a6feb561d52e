"""When the directory of a chat service is compared with our library again: every night, its departments when asked.

Only a directory that somebody brought in once by hand is compared: the first time needs eyes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, or_, select, update

from bot.core.clock import at_china, china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import may_fail
from bot.inspection.people.alarms import report_to_administrators, tell_administrators
from bot.inspection.people.directory import Act, Change, Entry, count
from bot.inspection.people.models import DirectoryWatch
from bot.inspection.people.syncing import sync
from bot.inspection.people.unit_syncing import sync_units
from bot.inspection.people.units import Place, UnitChange, count_units

NIGHT = 3  # o'clock in China, when the service is asked
AGAIN = dt.timedelta(hours=1)  # after a failure, or a process that died at it
PATIENCE = 12  # failures after which the administrators hear of it
_WORDS = {
    "bind": "绑定",
    "create": "新增",
    "change": "更改",
    "back": "恢复",
    "leave": "停用",
    "unclear": "待人工核对",
}
_UNIT_WORDS = {"bind": "对上部门", "create": "新增部门", "rename": "部门改名", "move": "部门移动", "back": "恢复部门",
               "gone": "撤销部门"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Due:
    """A directory to be read now; *whole*: its people too."""

    platform: str
    whole: bool


def watch(session: Session, *, platform: str, now: dt.datetime) -> None:
    """Compare this directory every night from now on; it has just been done by hand."""
    row = session.get(DirectoryWatch, platform) or DirectoryWatch(platform=platform, whole_at=now)
    row.whole_at, row.units_at, row.failures = tonight(now), None, 0
    session.add(row)


def bring_in(
    session: Session, *, platform: str, places: Sequence[Place], entries: Sequence[Entry], now: dt.datetime,
    force: bool = False,
) -> tuple[list[UnitChange], list[Change]]:  # fmt: skip
    """Departments and people by hand, in one transaction; from then on every night. Raises what the two raise."""
    units = sync_units(session, platform=platform, places=places, now=now, force=force)
    people = sync(session, platform=platform, entries=entries, now=now, force=force)
    watch(session, platform=platform, now=now)
    return units, people


def ask_for_units(session: Session, *, platform: str, now: dt.datetime) -> None:
    """A change of departments was heard: the next tick reads them, once for however many were heard."""
    row = session.get(DirectoryWatch, platform)
    if row is not None and row.units_at is None:
        row.units_at = now
        session.add(row)


def claim_due(session: Session, *, platforms: Sequence[str], now: dt.datetime) -> list[Due]:
    """The directories to read now, for the one process that gets them; not done, they come again in an hour."""
    query = select(DirectoryWatch).where(
        col(DirectoryWatch.platform).in_(list(platforms)),
        or_(col(DirectoryWatch.whole_at) <= now, col(DirectoryWatch.units_at) <= now),
    )
    found = []
    for row in session.exec(query).all():
        whole = row.whole_at <= now
        mine = session.execute(
            update(DirectoryWatch)
            .where(col(DirectoryWatch.platform) == row.platform)
            .where(
                col(DirectoryWatch.whole_at) == row.whole_at,
                col(DirectoryWatch.units_at).is_not_distinct_from(row.units_at),
            )
            .values({"whole_at": now + AGAIN} if whole else {"units_at": now + AGAIN})
            .returning(col(DirectoryWatch.platform))
        )
        if mine.first() is not None:
            found.append(Due(row.platform, whole))
    return found


def reconcile(
    session: Session, due: Due, *, places: Sequence[Place], entries: Sequence[Entry], now: dt.datetime
) -> int:
    """Do what the directory says, and report it to the administrators; returns how many changes it made.

    A directory in which too much is missing changes nothing and is an alarm, once a day.
    """
    row = session.get_one(DirectoryWatch, due.platform)
    row.units_at, row.failures = None, 0
    if due.whole:
        row.whole_at = tonight(now)
    session.add(row)
    try:
        with may_fail(session):
            units = sync_units(session, platform=due.platform, places=places, now=now)
            people = sync(session, platform=due.platform, entries=entries, now=now) if due.whole else []
    except Problem as problem:
        _stopped(session, due, problem, now=now)
        return 0
    done = len(units) + sum(one.act is not Act.UNCLEAR for one in people)
    if done:  # what is unclear stays so every night and is no news by itself
        said = "、".join(_said(count(people), _WORDS) + _said(count_units(units), _UNIT_WORDS))
        report_to_administrators(
            session, platform=due.platform, slot=f"contacts:{now.isoformat()}", text=f"通讯录核对：{said}。",
            advice="逐条记录：suicha audit tail", now=now,
        )  # fmt: skip
    return done


def unread(session: Session, due: Due, *, code: str, advice: str, now: dt.datetime) -> None:
    """The directory could not be read; it is tried again in an hour, and told when that goes on for long."""
    row = session.get_one(DirectoryWatch, due.platform)
    row.failures += 1
    session.add(row)
    if row.failures == PATIENCE:
        text = f"通讯录已连续 {PATIENCE} 次没有读成（{code}），离职人员可能没有停用。"
        tell_administrators(
            session, platform=due.platform, slot=f"contacts-unread:{china_day(now)}", text=text,
            advice=advice or "检查应用的通讯录权限和服务器网络，再运行 suicha doctor。", now=now,
        )  # fmt: skip


def tonight(now: dt.datetime) -> dt.datetime:
    """The next hour of the night."""
    today = china_day(now)
    at = at_china(today, NIGHT)
    return at if at > now else at_china(today + dt.timedelta(days=1), NIGHT)


def _said(counted: dict[str, int], words: dict[str, str]) -> list[str]:
    return [f"{words[act]} {number}" for act, number in counted.items() if number]


def _stopped(session: Session, due: Due, problem: Problem, *, now: dt.datetime) -> None:
    slot, advice = (
        f"contacts-stopped:{china_day(now)}",
        f"逐条查看：suicha contacts sync {due.platform} --dry-run",
    )
    tell_administrators(
        session, platform=due.platform, slot=slot, text=f"通讯录核对：{problem.text}", advice=advice, now=now
    )
