"""Files of an inspection, each stored once under its SHA-256 (C19); the rows that link to them only grow."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import puremagic
from PIL import Image, UnidentifiedImageError

from bot.core.config import Settings
from bot.core.cores import spared_core
from bot.core.errors import Problem
from bot.core.ids import sha256_hex
from bot.inspection.checklists.blobs import Blobs, Bucket, Folder
from bot.inspection.checklists.exif import NO_TRACES, Traces, read_traces

IMAGES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
PDF = "application/pdf"
_OTHERS = {".pdf": PDF, ".mp4": "video/mp4", ".m4v": "video/mp4", ".amr": "audio/amr"}
_MAX_PIXELS = 80_000_000  # a phone makes 50; more is a decompression bomb
_MP4_BRANDS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV")
_REFUSED = "只收照片（JPG、PNG、WebP）、PDF、MP4 录像和 AMR 录音。"
_HEX = set("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it lies in the store: size in bytes, type by content and never by name, and what a camera wrote."""

    sha256: str
    size: int
    media_type: str
    traces: Traces = NO_TRACES


class EvidenceStore:
    """Takes only what is evidence, and keeps each file once; nothing in it is ever changed or deleted."""

    def __init__(self, place: Path | Blobs, max_bytes: int) -> None:
        self._blobs: Blobs = Folder(place) if isinstance(place, Path) else place
        self._max_bytes = max_bytes

    def put(self, body: bytes) -> Stored:
        """Keep *body* once and for all; on return it would survive a power cut. Blocking: call it in a thread.

        Raises ``Problem`` ``file_empty``, ``file_too_big``, ``file_type``, ``store_unreachable`` or
        ``store_refused``.
        """
        if not body:
            raise Problem("file_empty", "文件是空的，请重新拍照或选择。")
        if len(body) > self._max_bytes:
            raise Problem("file_too_big", f"文件超过 {self._max_bytes // 1024 // 1024} MB，请压缩后再传。")
        with spared_core():
            kind, traces = look_into(body)
        stored = Stored(sha256_hex(body), len(body), kind, traces)
        self._blobs.keep(stored.sha256, body, kind)
        return stored

    def read(self, sha256: str) -> bytes:
        """Give the whole file; raises ``Problem`` ``not_found`` or ``store_unreachable``. Blocking, as ``put``."""
        if len(sha256) != 64 or not set(sha256) <= _HEX:
            raise Problem("not_found", "没有找到这个文件。")
        return self._blobs.read(sha256)

    def check(self) -> str:
        """Say where files go, or raise the ``Problem`` that keeps them out."""
        return self._blobs.check()


def open_store(settings: Settings) -> EvidenceStore:
    """The store of the settings: the bucket where one is named, else a folder beside the database."""
    place: Path | Blobs = settings.data_dir / "evidence" if settings.s3 is None else Bucket(settings.s3)
    return EvidenceStore(place, settings.max_upload)


def media_type(body: bytes) -> str:
    """The type by content. Raises ``Problem`` ``file_type`` for what is no evidence or not whole."""
    return look_into(body)[0]


def look_into(body: bytes) -> tuple[str, Traces]:
    """The type by content, and the time and place a camera wrote into a photo. Raises as ``media_type``."""
    picture = _picture(body)
    if picture:
        return picture
    if body[4:8] == b"ftyp":
        if body[8:12] in _MP4_BRANDS:
            return "video/mp4", NO_TRACES
        raise Problem("file_type", _REFUSED)
    try:
        suffix = puremagic.from_string(body)
    except (puremagic.PureError, ValueError) as error:
        raise Problem("file_type", _REFUSED) from error
    if suffix not in _OTHERS:
        raise Problem("file_type", _REFUSED)
    return _OTHERS[suffix], NO_TRACES


def _picture(body: bytes) -> tuple[str, Traces] | None:
    """The image type, or None when it is no image. A broken or absurdly large one is refused."""
    try:
        with Image.open(io.BytesIO(body), formats=list(IMAGES)) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise Problem("file_type", "照片的像素太多，请用手机相机重新拍。")
            kind = IMAGES[image.format or ""]
            traces = read_traces(image.getexif())
            # an eighth of a JPEG's size: every byte is read, so a broken one is found, at a fifth of the cost
            image.draft("L", (image.width // 8, image.height // 8))
            image.load()
            return kind, traces
    except UnidentifiedImageError:
        return None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Problem("file_type", "照片不完整，请重新拍照或选择。") from error
