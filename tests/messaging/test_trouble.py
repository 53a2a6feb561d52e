"""What the administrators are told about the chat services themselves, and files that are kept at once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.checklists.blobs import Bucket
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.notices.models import InboxEvent, InboxState, Notice
from bot.inspection.people.models import Role
from bot.messaging import replays
from bot.messaging.listening import Listener, Listeners
from bot.messaging.media import MediaKeeper, kept_files
from bot.messaging.router import Context, Reply
from bot.platforms.base import ErrorClass, InboundKind, Media, PlatformError
from handlers.chat import trouble
from tests.fakes.bucket import FakeBucket, running
from tests.fakes.builders import make_person
from tests.fakes.platform import FakePlatform
from tests.fakes.visits import picture
from tests.messaging.rig import Rig


def alarms(session: Session) -> list[Notice]:
    query = select(Notice).where(Notice.kind == "platform_alarm").order_by(col(Notice.id))
    return list(session.exec(query))


def administrators(session: Session) -> None:
    for role in (Role.ADMIN, Role.ADMIN, Role.COORDINATOR, Role.OFFICER):
        make_person(session, role=role)


async def test_a_silence_is_told_once_to_every_administrator_and_the_next_one_again(
    db: Database, clock: ManualClock
) -> None:
    db.write_now(administrators)
    since: list[dt.datetime | None] = [None]
    listener = Listener("dingtalk", "钉钉 Stream 连接", lambda: since[0], dt.timedelta(minutes=5))
    listeners = Listeners(db, clock, {"dingtalk": listener})
    assert await listeners.look() == 0
    since[0] = clock.now()
    clock.advance(minutes=4)
    assert await listeners.look() == 0  # a short break is nobody's business
    clock.advance(minutes=1)
    assert await listeners.look() == 2
    assert await listeners.look() == 0
    since[0] = clock.now()
    clock.advance(hours=1)
    assert await listeners.look() == 2
    told = await db.read(alarms)
    assert len(told) == 4
    assert "09:30 起收不到消息" in told[0].data["text"]


async def test_without_administrators_the_coordinators_are_told(db: Database, clock: ManualClock) -> None:
    db.write_now(lambda session: make_person(session, role=Role.COORDINATOR))
    listener = Listener("dingtalk", "钉钉", clock.now, dt.timedelta())
    assert await Listeners(db, clock, {"x": listener}).look() == 1


async def test_a_used_up_push_quota_is_told_once_a_day_and_never_answered(rig: Rig) -> None:
    rig.router.include(trouble.router)
    rig.db.write_now(administrators)
    for _ in range(3):
        event = rig.event(kind=InboundKind.OTHER, user_id="u1", raw={"reason": "push_quota_exhausted"})
        await rig.dispatcher.take(event)
        await rig.dispatcher.settle()
    assert len(await rig.db.read(alarms)) == 2
    assert rig.wecom.replied == []
    rig.clock.advance(days=1)
    await rig.dispatcher.take(rig.event(kind=InboundKind.OTHER, raw={"reason": "push_quota_exhausted"}))
    await rig.dispatcher.settle()
    assert len(await rig.db.read(alarms)) == 4


@pytest.mark.parametrize(("reason", "says"), [("unreadable", "读不了"), ("no_staff_id", "认不出您")])
async def test_what_cannot_be_read_is_said_so(rig: Rig, reason: str, says: str) -> None:
    rig.router.include(trouble.router)
    await rig.dispatcher.take(rig.event(kind=InboundKind.OTHER, user_id="", raw={"reason": reason}))
    await rig.dispatcher.settle()
    assert says in rig.wecom.replied[0][1].body


class Camera(FakePlatform):
    """Has each file once: a link that was followed is dead."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    async def fetch_media(self, media_id: str) -> Media:
        if self.script and (error := self.script.popleft()) is not None:
            raise error
        if media_id in self.fetched:
            raise PlatformError("gone", cls=ErrorClass.BUG)
        self.fetched.append(media_id)
        return Media(picture(len(media_id)) if media_id != "odd" else b"no picture", "image/jpeg")


async def test_a_photo_is_kept_before_its_handler_runs_and_fetched_only_once(
    db: Database, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    camera = Camera()
    rig = make_rig(db, clock, tmp_path, camera)
    rig.person("wecom:u1")
    seen: list[int] = []

    @rig.router.photo("")
    async def photo(ctx: Context) -> Reply:
        seen.append(len(kept_files(ctx.event)))
        if len(seen) == 1:
            raise RuntimeError("the handler broke")
        return Reply("收到")

    camera.then(PlatformError("busy", cls=ErrorClass.RETRY))
    event = rig.event(kind=InboundKind.IMAGE, user_id="u1", media_id="a", raw={"more_media": ["bb"]})
    await rig.dispatcher.take(event)
    await rig.dispatcher.settle()
    for _ in range(3):
        clock.advance(minutes=5)
        await rig.dispatcher.sweep()
        await rig.dispatcher.settle()
    assert camera.fetched == ["a", "bb"]
    assert seen == [2, 2]
    row = await db.read(lambda session: session.exec(select(InboxEvent)).one())
    assert row.state == InboxState.DONE
    assert [one["media_type"] for one in row.body["raw"]["kept"]] == ["image/jpeg"] * 2


async def test_a_photo_in_chat_is_fetched_again_when_the_store_is_back(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    """A store that was down for a minute cost the officer's photo; the chat service still had it."""
    rig = make_rig(sqlite_db, clock, tmp_path, Camera())
    person, bucket = rig.person("wecom:u1"), FakeBucket()

    @rig.router.photo("")
    async def photo(ctx: Context) -> Reply:
        return Reply(f"{len(kept_files(ctx.event))} 个文件")

    with running(bucket) as port:
        store = EvidenceStore(Bucket(bucket.settings(port)), 5_000_000)
        rig.dispatcher.media = MediaKeeper(sqlite_db, {"wecom": FakePhotos()}, store)
        bucket.trouble = [503] * 3
        await rig.dispatcher.take(rig.event(kind=InboundKind.IMAGE, user_id="u1", media_id="a"))
        await rig.dispatcher.settle()
        assert (bucket.objects, await sqlite_db.read(_replies, person)) == ({}, [])
        clock.advance(minutes=5)
        await rig.dispatcher.sweep()
        await rig.dispatcher.settle()
    assert len(bucket.objects) == 1
    assert "1 个文件" in (await sqlite_db.read(_replies, person))[0]


class FakePhotos(FakePlatform):
    async def fetch_media(self, media_id: str) -> Media:
        return Media(picture(len(media_id)), "image/jpeg")


async def test_a_file_that_is_no_evidence_or_gone_is_said_so(
    db: Database, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    camera = Camera()
    camera.fetched.append("gone")
    rig = make_rig(db, clock, tmp_path, camera)
    person = rig.person("wecom:u1")

    @rig.router.photo("")
    async def photo(ctx: Context) -> Reply:
        return Reply(f"{len(kept_files(ctx.event))} 个文件")

    for media_id in ("odd", "gone"):
        await rig.dispatcher.take(rig.event(kind=InboundKind.FILE, user_id="u1", media_id=media_id))
        await rig.dispatcher.settle()
    replies = await db.read(_replies, person)
    assert ["只收" in replies[0], "再发一次" in replies[1]] == [True, True]


def make_rig(db: Database, clock: ManualClock, folder: Path, camera: Camera) -> Rig:
    from tests.messaging.rig import write_templates  # noqa: PLC0415 - beside the folder it writes to

    templates = folder / "templates"
    templates.mkdir()
    return Rig(db, clock, write_templates(templates), camera)


def _replies(session: Session, person: int) -> list[Any]:
    query = select(Notice).where(Notice.recipient_id == person).order_by(col(Notice.id))
    return [notice.data["text"] for notice in session.exec(query)]


def test_a_signature_admits_what_came_with_it_and_later_nothing_else(
    db: Database, clock: ManualClock
) -> None:
    def admit(body: str, signature: str = "s") -> bool:
        return db.write_now(replays.admit, signature=signature, body=body, now=clock.now())

    assert admit("a")
    assert admit("b")  # of the same moment
    clock.advance(seconds=6)
    assert admit("a")
    assert not admit("c")
    assert admit("c", "another")
    clock.advance(hours=3)  # the signature is long too old; nothing is kept for ever
    assert admit("d", "third")
    assert db.write_now(lambda session: len(session.exec(select(replays.SeenCallback)).all())) == 1
