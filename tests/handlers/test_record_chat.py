"""记录表 in chat: the signed sheet as a file, for who inspected or was inspected and nobody else (C18, C19)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.inspection.audit.models import AuditEntry
from bot.inspection.checklists.models import RecordSheet
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import OfficerState, Visit, VisitOfficer
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


async def test_nobody_else_gets_one_and_a_wrong_number_is_told_so(desk: Desk, tmp_path: Path) -> None:
    courier = Courier()
    assert "还没有" in (await says(desk, tmp_path, WANG, "记录表", courier)).text
    desk.close()
    for other in (STRANGER, REVIEWER):
        assert "还没有" in (await says(desk, tmp_path, other, "记录表", courier)).text
    for wrong, shown in {"999": "999", "%": "%", "_": r"\_", "[a](b)": r"\[a\](b)"}.items():
        reply = await says(desk, tmp_path, WANG, f"记录表 {wrong}", courier)
        assert reply.text == f"没有找到编号以“{shown}”结尾的记录表。"
    assert "没有找到" in (await says(desk, tmp_path, STRANGER, "记录表 001", courier)).text
    desk.db.write_now(_replace_wang)
    assert "还没有" in (await says(desk, tmp_path, WANG, "记录表", courier)).text
    assert courier.files == []


async def test_a_number_is_looked_for_among_all_sheets_and_several_are_listed(
    records: Desk, tmp_path: Path
) -> None:
    courier = Courier()
    whole = (await says(records, tmp_path, WANG, "记录表", courier)).text
    assert (whole.count("\n- "), "只列出最新的8份" in whole, NUMBER in whole) == (8, True, False)
    several = (await says(records, tmp_path, WANG, "记录表 1", courier)).text
    assert re.findall(r"- \S+-(\d{3})", several) == ["011", "001"]
    assert "已发给您" in (await says(records, tmp_path, WANG, "记录表 -001", courier)).text
    assert [name for _, name, _ in courier.files] == [f"检查记录表-{NUMBER}.pdf"]


@pytest.fixture
def records(db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    """The sheet of 001 and eleven later ones of the same officer."""
    desk = answered(db, clock, tmp_path / "evidence")
    desk.close()
    db.write_now(_eleven_more)
    return desk


def _eleven_more(session: Session) -> None:
    first, sheet = session.exec(select(Visit)).one(), session.exec(select(RecordSheet)).one()
    shop = session.get_one(InspectionObject, first.object_id)
    for n in range(2, 13):
        other = InspectionObject(**shop.model_dump(exclude={"id", "code"}), id=100 + n, code=f"later-{n}")
        session.add(other)
        session.flush()
        own = {"id": 100 + n, "number": f"{NUMBER[:-3]}{n:03}", "object_id": other.id, "rank": n}
        visit = Visit(**first.model_dump(exclude=set(own)), **own)
        session.add(visit)
        session.flush()
        later = {
            "visit_id": visit.id,
            "closed_at": sheet.closed_at + timedelta(days=n),
            "verify_code": f"{n:026}",
        }
        session.add(RecordSheet(**sheet.model_dump(exclude=set(later)), **later))
        session.add(VisitOfficer(visit_id=visit.id, person_id=WANG, **_seat(session, first)))


def _seat(session: Session, visit: Visit) -> dict[str, object]:
    mine = session.exec(
        select(VisitOfficer).where(VisitOfficer.visit_id == visit.id, VisitOfficer.person_id == WANG)
    ).one()
    return mine.model_dump(exclude={"id", "visit_id", "person_id"})


def _replace_wang(session: Session) -> None:
    mine = select(VisitOfficer).where(VisitOfficer.person_id == WANG)
    session.exec(mine).one().state = OfficerState.REPLACED
