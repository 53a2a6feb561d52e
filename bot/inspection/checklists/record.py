"""The record sheet (市场监管领域随机抽查情况记录表) as PDF. Values enter it as data, never as markup."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from bot.core import typeset

TITLE = "市场监管领域随机抽查情况记录表"
SUPPLEMENT = f"{TITLE}（补充）"
RIGHTS = (
    "检查人员已出示行政执法证件，说明检查的来源、依据、内容和要求，并告知：执法检查人员少于两人或证件不符的，"
    "被检查单位有权拒绝检查；认为检查人员与本次检查有利害关系的，有权申请回避；对记录有异议的，可以当场说明。"
)
_TEMPLATE = Path(__file__).with_name("sheet.typ")
_SIGNATURE_BOX = (900, 330)  # pixels: 60 × 22 mm at 380 dpi


@dataclass(frozen=True, slots=True)
class OfficerMark:
    """An officer's signature as printed; ``ink`` is a PNG, empty where the signature was a press in the chat."""

    name: str
    department: str
    sections: str
    words: str
    at: str
    ink: bytes = b""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on the sheet, already in the words people read.

    Rows are tuples of text in the order of the printed columns; a row of one in ``answers`` is a heading.
    ``signature`` is a PNG, empty when ``refusal`` says why nobody signed.
    """

    number: str
    verify_url: str
    task_name: str
    task_number: str
    kind: str
    object_name: str
    object_code: str
    address: str
    method: str
    started: str
    ended: str
    department: str
    contact: str
    officers: tuple[tuple[str, str, str, str], ...]
    items: tuple[tuple[str, str, str, str], ...]
    answers: tuple[tuple[str, ...], ...]
    evidence: tuple[tuple[str, str, str, str], ...]
    closed: str
    signed_by: str = ""
    signature: bytes = b""
    refusal: str = ""
    witness: str = ""
    marks: tuple[OfficerMark, ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()  # of a supplementary sheet: what, as signed before, now
    title: str = TITLE
    rights: str = RIGHTS


def render_pdf(sheet: Sheet, *, now: dt.datetime) -> bytes:
    """The sheet as PDF with its fonts embedded; the same sheet at the same moment gives the same bytes."""
    return typeset.pdf(_TEMPLATE, _values(sheet), now=now)


def render_pages(sheet: Sheet, *, ppi: float = 110.0) -> list[bytes]:
    """The sheet as one PNG a page, for looking at it on a screen."""
    return typeset.pictures(_TEMPLATE, _values(sheet), ppi=ppi)


@lru_cache(maxsize=64)  # each who signs later has the sheet drawn again with the earlier names on it
def clean_signature(body: bytes) -> bytes:
    """The signature as a small PNG on white: cropped to the ink, free of the camera's metadata."""
    with Image.open(io.BytesIO(body), formats=["PNG", "JPEG", "WEBP"]) as image:
        drawn = image.convert("RGBA")
        flat = Image.new("RGB", image.size, "white")
        flat.paste(drawn, mask=drawn.getchannel("A"))
    grey = flat.convert("L")
    ink = grey.point(lambda value: 255 if value < 128 else 0).getbbox()
    grey = grey.crop(ink) if ink else grey
    grey.thumbnail(_SIGNATURE_BOX)
    out = io.BytesIO()
    grey.save(out, "PNG", optimize=True)
    return out.getvalue()


def has_ink(body: bytes) -> bool:
    """Whether anything is drawn on this signature, or the pad is empty."""
    with Image.open(io.BytesIO(clean_signature(body))) as image:
        return min(image.convert("L").tobytes(), default=255) < 128


def _values(sheet: Sheet) -> dict[str, Any]:
    values = asdict(sheet)
    values["signature"] = list(clean_signature(sheet.signature)) if sheet.signature else []
    for mark in values["marks"]:
        mark["ink"] = list(clean_signature(mark["ink"])) if mark["ink"] else []
    values["qr"] = typeset.qr(sheet.verify_url)
    return values
