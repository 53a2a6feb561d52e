"""Files are kept once, whole and by content; the record sheet prints what it is given (C18, C19)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import Problem
from bot.inspection.checklists.evidence import EvidenceStore, media_type
from bot.inspection.checklists.record import Sheet, clean_signature, has_ink, render_pages, render_pdf
from tests.fakes.visits import picture, signature

NOW = dt.datetime(2026, 3, 10, 3, 0, tzinfo=dt.UTC)
SHEET = Sheet(
    number="450900202603090001-001",
    verify_url="https://suicha.example/record/" + "0" * 26,
    task_name="餐饮服务部门联合抽查",
    task_number="450900202603090001",
    kind="不定向抽查",
    object_name="云溪县老街面馆",
    object_code="92440802MA4W1X2Y3Z",
    address="人民路 8 号",
    method="实地检查",
    started="2026-03-10 09:30",
    ended="2026-03-10 11:00",
    department="云溪县市场监督管理局",
    contact="陈联络",
    officers=(("王建国", "粤K00001", "云溪县市场监督管理局", "2026-03-10 09:30"),),
    items=(("公示信息检查", "未发现问题", "—", "—"),),
    answers=(("公示信息检查",), ("1★", "能否联系到企业？", "是", "")),
    evidence=(("CL-1 第5项", "ab" * 16, "照片", "2026-03-10 10:00"),),
    closed="2026-03-10 11:00",
    signed_by="陈建国",
    signature=signature(),
)


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path, max_bytes=200_000)


def test_a_file_is_stored_under_its_hash_and_only_once(store: EvidenceStore, tmp_path: Path) -> None:
    one, two = store.put(picture()), store.put(picture())
    assert one == two
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()] == [
        f"{one.sha256[:2]}/{one.sha256[2:4]}/{one.sha256}"
    ]
    assert store.read(one.sha256) == picture()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (picture(), "image/jpeg"),
        (picture(kind="PNG"), "image/png"),
        (picture(kind="WEBP"), "image/webp"),
        (b"%PDF-1.7\n1 0 obj\n", "application/pdf"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2", "video/mp4"),
        (b"#!AMR\n\x3c\x91", "audio/amr"),
    ],
)
def test_the_type_is_what_the_content_says(body: bytes, kind: str) -> None:
    assert media_type(body) == kind


@pytest.mark.parametrize(
    "body",
    [b"<html><script>alert(1)</script>", b"MZ\x90\x00", picture(kind="GIF"), b"plain words", picture()[:-400],
     b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", b"<?xml version='1.0'?><svg onload='x'/>"],
)  # fmt: skip
def test_what_is_no_evidence_or_broken_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        media_type(body)
    assert caught.value.key == "file_type"


def test_an_empty_or_too_large_file_is_refused_and_leaves_nothing(
    store: EvidenceStore, tmp_path: Path
) -> None:
    for body, key in ((b"", "file_empty"), (b"\xff" * 200_001, "file_too_big")):
        with pytest.raises(Problem) as caught:
            store.put(body)
        assert caught.value.key == key
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64])
def test_a_name_that_is_no_stored_hash_opens_nothing(store: EvidenceStore, name: str) -> None:
    with pytest.raises(Problem) as caught:
        store.read(name)
    assert caught.value.key == "not_found"


def test_an_empty_pad_has_no_ink_and_a_signature_loses_its_margins() -> None:
    assert has_ink(signature())
    assert not has_ink(picture(255, "PNG"))
    assert clean_signature(signature()).startswith(b"\x89PNG")


def test_the_sheet_embeds_its_fonts_and_is_the_same_each_time() -> None:
    pdf = render_pdf(SHEET, now=NOW)
    assert pdf == render_pdf(SHEET, now=NOW)
    assert b"NotoSansSC" in pdf
    assert pdf != render_pdf(
        replace(SHEET, signature=b"", refusal="拒绝签字：不同意", witness="张三"), now=NOW
    )


def test_what_people_type_is_never_read_as_markup() -> None:
    wild = '#panic("x") *b* _i_ $x$ @ref <label> \\ // #{ } "quoted" [a] `c` = h'
    rows = tuple((str(n), wild, "否", wild) for n in range(60))
    sheet = replace(
        SHEET, object_name=wild, task_name=wild, address=wild, answers=rows, signed_by=wild, contact=wild
    )
    assert len(render_pages(sheet, ppi=30)) > 2
