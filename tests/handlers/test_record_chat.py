"""记录表 in chat: the signed sheet as a file, for who inspected or was inspected and nobody else (C18, C19)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.inspection.audit.models import AuditEntry
from bot.inspection.tasks.models import OfficerState, VisitOfficer
from bot.messaging.router import Reply
from bot.platforms.base import ErrorClass, PlatformError, Sent
from tests.fakes.chatting import ROUTER, Person
from tests.fakes.desk import Desk, answered
from tests.fakes.platform import FakePlatform
from tests.fakes.visits import CONTACT, LI, REVIEWER, STRANGER, WANG

NUMBER = "450900202603090001-001"


class Courier(FakePlatform):
    """A service that takes files."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.files: list[tuple[str, str, bytes]] = []
        self.broken = broken

    async def send_file(self, user_id: str, name: str, body: bytes) -> Sent:
        if self.broken:
            raise PlatformError("45009", cls=ErrorClass.QUOTA)
        self.files.append((user_id, name, body))
        return Sent(ref="1")


@pytest.fixture
def desk(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    return answered(sqlite_db, clock, tmp_path / "evidence")


async def says(desk: Desk, folder: Path, person: int, words: str, platform: FakePlatform) -> Reply:
    context = Person(desk.db, person, desk.clock)._context()
    settings = Settings(data_dir=folder, _env_file=None)  # type: ignore[call-arg]
    command = ROUTER.find_command(words)
    assert command is not None
    return await command[0](replace(context, words=command[1], settings=settings, platform=platform))


@pytest.mark.parametrize("who", [WANG, LI, CONTACT])
async def test_c18_officers_and_the_enterprise_get_the_sheet_as_a_file(
    desk: Desk, tmp_path: Path, who: int
) -> None:
    sheet, courier = desk.close(), Courier()
    desk.submit()
    reply = await says(desk, tmp_path, who, "记录表", courier)
    assert "已发给您" in reply.text
    newest = desk.rows(type(sheet))[0].pdf_sha256  # with the officers' names under it
    assert courier.files == [(f"u{who}", f"检查记录表-{NUMBER}.pdf", desk.store.read(newest))]
    seen = select(AuditEntry).where(AuditEntry.action == "evidence.seen")
    assert [e.data["sha256"] for e in desk.db.read_now(lambda s: s.exec(seen).all())] == [newest]


@pytest.mark.parametrize(
    "platform", [FakePlatform(), Courier(broken=True)], ids=["takes none", "out of quota"]
)
async def test_where_no_file_goes_through_there_is_a_link(
    desk: Desk, tmp_path: Path, platform: FakePlatform
) -> None:
    desk.close()
    reply = await says(desk, tmp_path, WANG, "记录表 0001-001", platform)
    assert [text for text, _ in reply.links] == ["打开记录表"]
    assert "/file/" in reply.links[0][1]


async def test_nobody_else_gets_one_and_a_wrong_number_gets_the_list(desk: Desk, tmp_path: Path) -> None:
    courier = Courier()
    assert "还没有" in (await says(desk, tmp_path, WANG, "记录表", courier)).text
    desk.close()
    for other in (STRANGER, REVIEWER):
        assert "还没有" in (await says(desk, tmp_path, other, "记录表", courier)).text
    assert NUMBER in (await says(desk, tmp_path, WANG, "记录表 999", courier)).text
    desk.db.write_now(_replace_wang)
    assert "还没有" in (await says(desk, tmp_path, WANG, "记录表", courier)).text
    assert courier.files == []


def _replace_wang(session: Session) -> None:
    mine = select(VisitOfficer).where(VisitOfficer.person_id == WANG)
    session.exec(mine).one().state = OfficerState.REPLACED
