"""Posts to the groups: claimed, sent, settled. Any number of processes share a robot's window, which is read from the
attempts of all; a robot is silenced for everybody when it speaks too fast.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.core.clock import Clock
from bot.core.db import Database
from bot.core.log import log
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.group_posts import GroupAttempt, GroupPost, PostResult
from bot.inspection.notices.message import Content, Kind
from bot.inspection.notices.models import Notice
from bot.inspection.people.alarms import tell_administrators
from bot.inspection.profile import Profile
from bot.messaging.hours import is_quiet
from bot.messaging.quotas import limits_set
from bot.messaging.render import Renderer
from bot.messaging.throttle import limits_of
from bot.platforms.base import (
    Capabilities,
    ErrorClass,
    Limit,
    OutboundMessage,
    Platform,
    PlatformError,
    Scope,
)

_LEASE = dt.timedelta(minutes=5)  # whoever has not settled by then is dead
_BACKOFF = (30.0, 120.0, 600.0, 1800.0, 3600.0)  # seconds
_AGAIN = (
    ErrorClass.RETRY,
    ErrorClass.TOKEN,
    ErrorClass.QUOTA,
    ErrorClass.CHANNEL,
)  # a person may mend a channel
_SKIPPED = "skipped"  # no longer true: nobody is to blame
_TURN = 0x5C_0002  # advisory lock on PostgreSQL: who looks at the windows


@dataclass(frozen=True, slots=True)
class Turn:
    """One try that may leave now. ``repeated``: the one before may have arrived."""

    attempt_id: int
    post: GroupPost
    platform: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class GroupPosts:
    """One per process, looked at by a tick."""

    db: Database
    clock: Clock
    platforms: Mapping[str, Platform]
    kinds: Mapping[str, Kind]
    renderer: Renderer
    profile: Profile
    calendar: WorkCalendar

    async def look(self) -> int:
        """Post what is due outside the quiet hours; returns how many tries were made."""
        able = [name for name, platform in self.platforms.items() if platform.capabilities.group_robot]
        if not able or is_quiet(self.profile, self.calendar, now=self.clock.now()):
            return 0
        if not await self.db.read(_anything, now=self.clock.now()):
            return 0
        tries = 0
        while turn := await self.db.write(self._begin, able, now=self.clock.now()):
            await self._post(turn)
            tries += 1
        return tries

    def _begin(self, session: Session, able: Sequence[str], *, now: dt.datetime) -> Turn | None:
        """Note the next try that a robot has room for."""
        if session.get_bind().dialect.name == "postgresql":
            session.execute(select(func.pg_advisory_xact_lock(_TURN)))
        set_ = limits_set(session)
        free = [name for name in able if self._has_room(session, name, set_.get(name, {}), now=now)]
        for post in session.exec(_open(now)):
            for name in free:
                before = _tries(session, post.id or 0, name)
                if may_try(before, now=now):
                    made = GroupAttempt(post_id=post.id or 0, platform=name, n=len(before) + 1, at=now)
                    session.add(made)
                    session.flush()
                    return Turn(made.id or 0, post, name, in_doubt(before))
        return None

    def _has_room(
        self, session: Session, name: str, set_: Mapping[tuple[str, int], int], *, now: dt.datetime
    ) -> bool:
        limits = limits_of(self.platforms[name].capabilities, set_)
        return all(
            _sent(session, name, limit, now=now) < limit.count
            for limit in limits
            if limit.scope is Scope.ROBOT
        )

    async def _post(self, turn: Turn) -> None:
        error: PlatformError | None = None
        try:
            message = await self.db.read(self._message, turn)
            if message is None:
                raise PlatformError(_SKIPPED, cls=ErrorClass.BUG)
            await self.platforms[turn.platform].announce(message)
        except PlatformError as refused:
            error = refused
        except Exception:  # noqa: BLE001 - logged; the try is settled, and the others go on
            log.exception("group_post_broke", kind=turn.post.kind, platform=turn.platform)
            error = PlatformError("broke", cls=ErrorClass.BUG)
        await self.db.write(_settle, turn, error, now=self.clock.now())

    def _message(self, session: Session, turn: Turn) -> OutboundMessage | None:
        """What is true now, without anything that is one person's: no button, no signed link."""
        now = self.clock.now()
        post = turn.post
        told = Notice(kind=post.kind, subject=post.subject, recipient_id=0, not_before=now, created_at=now)
        content = self.kinds[post.kind].content(session, told, now)
        if not isinstance(content, Content):
            return None
        return self.renderer.message(
            post.kind, replace(content, asks=(), pages=()), subject=post.subject, generation=0, person_id=0,
            capabilities=Capabilities(), repeated=turn.repeated, key=f"group-{post.id}",
        )  # fmt: skip


def may_try(before: Sequence[GroupAttempt], *, now: dt.datetime) -> bool:
    """Whether one more try is due: after a refusal that may pass, and once after an end nobody knows."""
    if not before:
        return True
    last = before[-1]
    if last.result == PostResult.RETRY:
        return last.retry_at is None or last.retry_at <= now
    lost = last.result == PostResult.UNKNOWN or (
        last.result == PostResult.SENDING and last.at <= now - _LEASE
    )
    return lost and not in_doubt(before[:-1])


def in_doubt(before: Sequence[GroupAttempt]) -> bool:
    """Whether one of these tries may have arrived without our knowing."""
    return any(one.result in (PostResult.UNKNOWN, PostResult.SENDING) for one in before)


def _anything(session: Session, *, now: dt.datetime) -> bool:
    return session.exec(_open(now).limit(1)).first() is not None


def _open(now: dt.datetime) -> SelectOfScalar[GroupPost]:
    return select(GroupPost).where(col(GroupPost.useless_after) > now).order_by(col(GroupPost.id))


def _tries(session: Session, post_id: int, platform: str) -> list[GroupAttempt]:
    query = select(GroupAttempt).where(GroupAttempt.post_id == post_id, GroupAttempt.platform == platform)
    return list(session.exec(query.order_by(col(GroupAttempt.n))))


def _sent(session: Session, platform: str, limit: Limit, *, now: dt.datetime) -> int:
    """Tries of any process within the window."""
    since = now - dt.timedelta(seconds=limit.seconds)
    query = select(func.count(col(GroupAttempt.id))).where(
        GroupAttempt.platform == platform, col(GroupAttempt.at) > since
    )
    return session.exec(query).one()


def _settle(session: Session, turn: Turn, error: PlatformError | None, *, now: dt.datetime) -> None:
    """What became of the try; a robot that only a person can mend is told of once a post."""
    made = session.get_one(GroupAttempt, turn.attempt_id)
    session.add(made)
    if error is None and not _arrived(session, made):
        made.result = PostResult.SENT
        record(
            session, "group.posted", turn.post.subject, now=now, platform=turn.platform, kind=turn.post.kind
        )
        return
    if error is None:  # this process stood still, and another posted it meanwhile
        made.result = PostResult.UNKNOWN
        return
    made.code = error.code[:60]
    if error.cls is ErrorClass.UNKNOWN:
        made.result = PostResult.UNKNOWN
    elif error.cls in _AGAIN:
        made.result = PostResult.RETRY
        pause = error.retry_after or _BACKOFF[min(made.n, len(_BACKOFF)) - 1]
        made.retry_at = now + dt.timedelta(seconds=pause)
    else:
        made.result = PostResult.FAILED
    if error.cls is ErrorClass.CHANNEL or (made.result == PostResult.FAILED and error.code != _SKIPPED):
        tell_administrators(
            session, platform=turn.platform, slot=f"group-post:{turn.post.id}", now=now,
            text="通报没有发到群里。", advice=error.advice or "请检查群机器人的设置。",
        )  # fmt: skip


def _arrived(session: Session, made: GroupAttempt) -> bool:
    return any(one.result == PostResult.SENT for one in _tries(session, made.post_id, made.platform))
