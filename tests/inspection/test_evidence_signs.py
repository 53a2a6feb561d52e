"""What a photo says about itself is compared with the visit and shown to a person; nothing is refused (C19)."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.inspection.audit.models import AuditEntry
from bot.inspection.checklists.evidence import look_into
from bot.inspection.checklists.exif import NO_TRACES, Sign, Traces, distance, signs
from bot.inspection.checklists.keeping import add_evidence, take_back
from bot.inspection.checklists.models import Evidence
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Visit
from tests.fakes.desk import GOOD, Desk, refused
from tests.fakes.visits import LI, VISIT, WANG, make_visit, picture

SHOP = (22.63, 110.15)
NINE = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA)


def photo(
    taken: str = "2026:03:10 09:41:00",
    point: tuple[float, float] | None = SHOP,
    software: str = "",
    offset: str = "",
) -> bytes:
    exif = Image.Exif()
    if software:
        exif[0x0131] = software
    inner = exif.get_ifd(0x8769)
    if taken:
        inner[0x9003] = taken
    if offset:
        inner[0x9011] = offset
    if point:
        gps = exif.get_ifd(0x8825)
        gps[1], gps[2] = ("N" if point[0] >= 0 else "S"), (abs(point[0]), 0.0, 0.0)
        gps[3], gps[4] = ("E" if point[1] >= 0 else "W"), (abs(point[1]), 0.0, 0.0)
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 120, 160)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_time_and_place_are_read_as_the_camera_wrote_them() -> None:
    kind, traces = look_into(photo(point=(-22.5, -110.25), software="Snapseed 2.0\0"))
    assert kind == "image/jpeg"
    assert traces.taken_at == dt.datetime(2026, 3, 10, 1, 41, tzinfo=dt.UTC)  # China, where none is said
    assert traces.point == pytest.approx((-22.5, -110.25))
    assert traces.software == "Snapseed 2.0"
    assert look_into(photo(offset="+00:00"))[1].taken_at == dt.datetime(2026, 3, 10, 9, 41, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "0001:01:01 00:00:00", "soon", "2026-03-10", "9999:12:31 23:59:59"]
)
def test_a_time_that_is_none_is_left_out(taken: str) -> None:
    assert look_into(photo(taken, point=None))[1] == NO_TRACES


def test_a_place_that_is_none_is_left_out() -> None:
    for point in ((91.0, 0.0), (float("nan"), 0.0), (1e300, 3.0)):
        try:
            body = photo("", point=point)
        except (ValueError, OverflowError):  # Pillow itself cannot write it
            continue
        assert look_into(body)[1].point is None


@given(st.binary(max_size=300))
def test_broken_tags_never_spoil_a_photo(tags: bytes) -> None:
    body = picture()
    segment = b"\xff\xe1" + (len(tags) + 8).to_bytes(2, "big") + b"Exif\0\0" + tags
    kind, traces = look_into(body[:2] + segment + body[2:])
    assert kind == "image/jpeg"
    assert isinstance(traces, Traces)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"traces": Traces(NINE - dt.timedelta(minutes=29), *SHOP)}, []),
        ({"traces": Traces(NINE - dt.timedelta(minutes=31), *SHOP)}, [Sign.EARLIER]),
        ({"traces": Traces(NINE - dt.timedelta(days=9)), "arrived_at": None}, []),
        ({"traces": Traces(NINE, 22.64, 110.15)}, [Sign.FAR_AWAY]),
        ({"phone": (22.634, 110.15)}, []),
        ({"phone": (22.64, 110.15)}, [Sign.FAR_AWAY]),
        ({"phone": (22.64, 110.15), "check_ins": []}, []),
        ({"traces": Traces(NINE, *SHOP, "Adobe Photoshop 25")}, [Sign.EDITED]),
        ({"traces": NO_TRACES}, []),
        ({"traces": NO_TRACES, "camera_only": True}, [Sign.NO_CAMERA]),
        ({"used_elsewhere": True}, [Sign.ELSEWHERE]),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], found: list[Sign]) -> None:
    fits: dict[str, Any] = {
        "traces": Traces(NINE, *SHOP), "phone": SHOP, "arrived_at": NINE, "check_ins": [SHOP, (22.6301, 110.15)],
        "camera_only": False, "used_elsewhere": False,
    }  # fmt: skip
    assert signs(**{**fits, **changes}) == found
    assert all(sign.text for sign in Sign)


def test_a_degree_of_latitude_is_a_hundred_and_eleven_kilometres() -> None:
    assert distance((22.0, 110.0), (23.0, 110.0)) == pytest.approx(111_195, abs=50)
    assert distance(SHOP, SHOP) == 0


@pytest.fixture
def desk(db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    db.write_now(make_visit, now=clock.now())
    desk = Desk(db, clock, tmp_path)
    desk.arrive(WANG, LI)
    desk.open()
    return desk


def keep(desk: Desk, body: bytes, **more: Any) -> Evidence:
    evidence: Evidence = desk.do(
        add_evidence,
        form_id=desk.form.id,
        person_id=WANG,
        question="CL-1:2",
        stored=desk.store.put(body),
        **more,
    )
    return evidence


def test_c19_a_photo_of_three_megabytes_keeps_hash_time_place_and_uploader(desk: Desk) -> None:
    noise = Image.effect_noise((1800, 1400), 90).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=97)
    assert len(out.getvalue()) > 3_000_000
    kept = keep(desk, out.getvalue(), latitude=22.63, longitude=110.15)
    again = keep(desk, out.getvalue())
    other = desk.do(
        add_evidence,
        form_id=desk.form.id,
        person_id=LI,
        question="CL-1:3",
        stored=desk.store.put(out.getvalue()),
    )

    assert (kept.person_id, kept.at, kept.latitude, kept.longitude) == (WANG, desk.clock.now(), 22.63, 110.15)
    assert again.id == kept.id
    assert (other.sha256, other.id) != (kept.sha256, kept.id)
    assert desk.store.read(kept.sha256) == out.getvalue()


def test_c19_a_photo_is_taken_back_before_it_is_handed_in_and_never_after(desk: Desk) -> None:
    wrong, right = keep(desk, photo()), keep(desk, picture())
    values = {"form_id": desk.form.id, "person_id": WANG, "evidence_id": wrong.id}
    assert refused(lambda: desk.do(take_back, **{**values, "person_id": LI})).key == "forbidden"
    desk.do(take_back, **values)
    desk.do(take_back, **values)
    assert desk.rows(Evidence, Evidence.id == wrong.id)[0].removed_by == WANG
    assert desk.store.read(wrong.sha256) == photo()
    assert keep(desk, photo()).id == wrong.id  # the same photo counts again
    desk.do(take_back, **values)

    desk.save(GOOD)
    desk.close()
    assert refused(lambda: desk.do(take_back, **{**values, "evidence_id": right.id})).key == "record_closed"
    receipt = desk.submit()
    assert wrong.sha256 not in {file["sha256"] for file in receipt.files}
    assert refused(lambda: desk.do(take_back, **{**values, "evidence_id": right.id})).key == "form_closed"
    desk.hand_back("请补充说明")
    assert refused(lambda: desk.do(take_back, **{**values, "evidence_id": right.id})).key == "evidence_kept"
    desk.clock.advance(minutes=1)
    late = keep(desk, picture(33))
    desk.do(take_back, **{**values, "evidence_id": late.id})
    acts = [e.action for e in desk.rows(AuditEntry) if e.action.startswith("evidence.")]
    assert acts.count("evidence.taken_back") == 3


def test_signs_are_noted_on_the_link_and_the_photo_is_taken_all_the_same(desk: Desk) -> None:
    kept = keep(desk, photo("2026:03:01 08:00:00", point=None), latitude=22.63, longitude=110.15)
    assert kept.signs == ["EARLIER"]
    assert kept.taken_at == dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    assert keep(desk, picture(12), latitude=999.0, longitude=0.0).latitude is None


def test_the_same_photo_in_another_visit_is_noticed(desk: Desk) -> None:
    used = desk.store.put(picture(5))

    def another(session: Any) -> None:
        target = session.get_one(InspectionObject, 1).model_dump()
        session.add(InspectionObject(**{**target, "id": 2, "code": "92440802MA4W1X2Y4X"}))
        session.flush()
        visit = session.get_one(Visit, VISIT).model_dump()
        session.add(Visit(**{**visit, "id": 2, "number": "450900202603090001-002", "object_id": 2}))
        session.flush()
        session.add(
            Evidence(visit_id=2, question="CL-1:1", sha256=used.sha256, size=1, media_type="image/jpeg",
                     person_id=WANG, at=desk.clock.now())
        )  # fmt: skip

    assert keep(desk, picture(6)).signs == []
    desk.db.write_now(another)
    assert keep(desk, picture(5)).signs == ["ELSEWHERE"]
