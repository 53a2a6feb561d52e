"""Pages on paper: a Typst template and plain values become a PDF with its fonts embedded. Values enter as data, never
as markup."""

from __future__ import annotations

import datetime as dt
import functools
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn
import segno
import typst

_one_at_a_time = threading.Lock()  # a compiler keeps its last input


def pdf(template: Path, values: Mapping[str, Any], *, now: dt.datetime) -> bytes:
    """The page as PDF; the same values at the same moment give the same bytes. The template reads ``sys.inputs.sheet``."""
    with _one_at_a_time:
        made = _compiler(template).compile(
            format="pdf",
            sys_inputs={"sheet": json.dumps(values, ensure_ascii=False)},
            timestamp=int(now.timestamp()),
        )
    assert isinstance(made, bytes)
    return made


def pictures(template: Path, values: Mapping[str, Any], *, ppi: float = 110.0) -> list[bytes]:
    """The pages as PNG, for looking at them on a screen."""
    with _one_at_a_time:
        pages = _compiler(template).compile(
            format="png", ppi=ppi, sys_inputs={"sheet": json.dumps(values, ensure_ascii=False)}
        )
    return [page for page in (pages if isinstance(pages, list) else [pages]) if page is not None]


def qr(address: str) -> str:
    """A QR code as SVG."""
    return str(segno.make(address, error="m").svg_inline(border=1, omitsize=True))


@functools.cache
def _compiler(template: Path) -> typst.Compiler:
    """One kept compiler for each template: the first page pays for the fonts, the next take milliseconds."""
    fonts = typst.Fonts(
        include_system_fonts=True,
        include_embedded_fonts=False,
        font_paths=[str(pylopdf_fonts_zh_cn.sans_path().parent)],
    )
    return typst.Compiler(str(template), font_paths=fonts)
