"""A card in a group or a forwarded one is pressed by whoever sees it: what counts is who pressed. Sheet: section 5.4."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.audit.models import AuditEntry
from bot.inspection.notices.models import Notice
from bot.inspection.tasks.models import OfficerState, VisitOfficer
from bot.platforms.base import Button, OutboundMessage
from handlers.chat import make_router
from tests.fakes.builders import make_account, make_person, make_visit, team_of
from tests.messaging.rig import Rig as Messaging
from tests.messaging.rig import write_templates
from tests.platforms.dingtalk.rig import dingtalk

pytestmark = pytest.mark.slow


def prepared(session: Session) -> int:
    """A visit whose officer is u1001; u1002 works elsewhere."""
    visit = make_visit(session, team=1)
    (officer,) = team_of(session, visit.id or 0)
    make_account(session, officer, user_id="u1001", platform="dingtalk")
    stranger = make_person(session)
    make_account(session, stranger.id or 0, user_id="u1002", platform="dingtalk")
    return visit.id or 0


async def test_only_the_officer_of_the_visit_accepts_it_whoever_else_presses(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    folder = tmp_path / "messages"
    folder.mkdir()
    visit = sqlite_db.write_now(prepared)
    async with dingtalk() as rig:
        messaging = Messaging(sqlite_db, clock, write_templates(folder))
        messaging.router.include(make_router())
        messaging.platforms["dingtalk"] = rig.platform
        rig.platform.stream._on_event = messaging.dispatcher.take
        await rig.connect()
        action = f"accept|visit:{visit}|1"
        card = OutboundMessage(
            "检查任务", "幸福超市", buttons=(Button("收到", action=action),), card_id="card-1"
        )
        await rig.platform.send("u1001", card)
        (bubble,) = rig.chat()

        async def press(user_id: str, key: str = action) -> None:
            await rig.server.press(user_id, bubble.id, key)
            await messaging.dispatcher.settle()

        await press("u1002")  # a colleague to whom it was forwarded
        await press("nobody-we-know")
        await press("u1001", "accept|visit:999999|1")  # a made-up number
        await press("u1001", "drop_tables|visit:1|1")  # a made-up verb
        assert sqlite_db.read_now(_states) == [OfficerState.ASSIGNED]
        refusals = sqlite_db.read_now(_replies)
        assert len(refusals) == 3
        for _ in range(2):  # the right one, twice: nothing more happens
            await press("u1001")
        assert sqlite_db.read_now(_states) == [OfficerState.ACCEPTED]
        assert sqlite_db.read_now(_accepted) == 1
        assert rig.server._cards.updated_inside == []


def _states(session: Session) -> list[str]:
    return list(session.exec(select(VisitOfficer.state)))


def _replies(session: Session) -> list[str]:
    return [one.data["text"] for one in session.exec(select(Notice).where(Notice.kind == "reply"))]


def _accepted(session: Session) -> int:
    query = select(AuditEntry.seq).where(AuditEntry.action == "visit.accepted")
    return len(session.exec(query).all())
