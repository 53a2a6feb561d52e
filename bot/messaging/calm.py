"""One digest in place of a dozen messages: what is due to one person at once, and can wait for its reader, merges.

Assignments, statutory and urgent notices never merge: each of them is an act of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from bot.core.ids import new_id
from bot.inspection.audit.service import record
from bot.inspection.notices.message import Content, Kind, Page, Skip, Told
from bot.inspection.notices.models import Notice, NoticeState, Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.messaging.render import Renderer
from bot.messaging.saying import content_of

MOST = 8  # due at once to one person; more become one digest
MOST_WHEN_LOW = 2  # when the month's quota runs low
_KEPT = dt.timedelta(days=3)
_PAGES = 4
_ALL = Page("逐条查看和办理", purpose="inbox")  # with the buttons of each
_WAITING = col(Notice.state).in_([literal_column("'queued'"), literal_column("'held'")])
_CALM = (Priority.NORMAL, Priority.REMINDER, Priority.DIGEST)


def _mergeable(now: dt.datetime) -> ColumnElement[bool]:
    return and_(
        _WAITING, col(Notice.not_before) <= now, or_(col(Notice.expires_at).is_(None), col(Notice.expires_at) > now),
        col(Notice.priority).in_(_CALM), col(Notice.statutory).is_(False), col(Notice.attempts) == 0,
        col(Notice.kind).not_in(("digest", "reply")),
    )  # fmt: skip


def merge(session: Session, *, now: dt.datetime, most: int = MOST) -> int:
    """Make one digest for everybody who has *most* mergeable notices due; returns how many were merged."""
    many = (
        select(col(Notice.recipient_id))
        .where(_mergeable(now))
        .group_by(col(Notice.recipient_id))
        .having(func.count() >= most)
    )
    people = session.execute(many).scalars().all()
    if not people:
        return 0
    slot = new_id(now.timestamp())
    enqueue_many(session, [
        row("digest", f"person:{person}", recipient_id=person, now=now, slot=slot, priority=Priority.REMINDER,
            expires_at=now + _KEPT)
        for person in people
    ])  # fmt: skip
    digest = aliased(Notice)
    mine = (
        select(col(digest.id))
        .where(
            col(digest.kind) == "digest",
            col(digest.slot) == slot,
            col(digest.recipient_id) == col(Notice.recipient_id),
        )
        .scalar_subquery()
    )
    merged = session.execute(
        update(Notice)
        .where(_mergeable(now), col(Notice.recipient_id).in_(people))
        .values(state=NoticeState.MERGED, merged_into=mine, done_at=now, detail="并入汇总")
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    record(session, "notices.merged", f"digest:{slot}", now=now, people=len(people), notices=merged)
    return int(merged)


def make_kind(kinds: Mapping[str, Kind], renderer: Renderer) -> Kind:
    """The kind ``digest``: one line for each merged notice that is still true."""

    def digest(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
        lines: list[str] = []
        pages: list[Page] = []
        merged = session.execute(
            select(Notice).where(col(Notice.merged_into) == notice.id).order_by(col(Notice.id))
        ).scalars()
        for one in merged.all():
            content = content_of(kinds, session, one, now)
            if isinstance(content, Skip) or content.closed or (one.expires_at and one.expires_at <= now):
                continue
            lines.append(renderer.title(one.kind, content))
            pages += content.pages
        if not lines:
            return Skip("都已办完")
        return Content({"lines": lines}, pages=(_ALL, *tuple(dict.fromkeys(pages))[:_PAGES]))

    return Kind(
        "digest", digest, Content({"lines": ["03月16日检查幸福超市", "整改复查今天到期"]}, pages=(_ALL,))
    )
