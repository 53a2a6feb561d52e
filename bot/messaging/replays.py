"""Remember what came under a signature that leaves the body out, so that a captured one carries nothing new."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col, select

from bot.inspection.notices.replays import SeenCallback

TOGETHER = dt.timedelta(seconds=5)  # messages of the same millisecond are signed alike and arrive together
KEPT = dt.timedelta(hours=2)  # a signature is too old after one


def admit(session: Session, *, signature: str, body: str, now: dt.datetime) -> bool:
    """Tell whether *body* may come under *signature*: the same again may, another one only within seconds."""
    session.execute(delete(SeenCallback).where(col(SeenCallback.at) < now - KEPT))
    seen = list(session.exec(select(SeenCallback).where(SeenCallback.signature == signature)))
    if any(one.body == body for one in seen):
        return True
    if seen and now - min(one.at for one in seen) > TOGETHER:
        return False
    make = sqlite_insert if session.get_bind().dialect.name == "sqlite" else pg_insert
    statement = make(SeenCallback).values(signature=signature, body=body, at=now)
    session.execute(statement.on_conflict_do_nothing())  # the same twice at once
    return True
