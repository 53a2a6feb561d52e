"""What a message says now, for those who look at several: one that can no longer be said hides no other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from bot.core.errors import Problem
from bot.core.log import log
from bot.inspection.notices.message import Content, Kind, Skip, Told


def content_of(kinds: Mapping[str, Kind], session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """The content, or why there is none: what it was about is gone, or its slice broke, which is logged."""
    try:
        return kinds[notice.kind].content(session, notice, now)
    except DBAPIError:
        raise
    except Problem as gone:
        return Skip(str(gone))
    except Exception:  # noqa: BLE001 - the others are said all the same
        log.exception("message_broke", notice=notice.id, kind=notice.kind)
        return Skip("程序错误")
