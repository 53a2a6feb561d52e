"""Files of an inspection, each stored once under its SHA-256 (C19); the rows that link to them only grow."""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import puremagic
from PIL import Image, UnidentifiedImageError

from bot.core.errors import Problem
from bot.core.ids import sha256_hex

IMAGES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
PDF = "application/pdf"
_OTHERS = {".pdf": PDF, ".mp4": "video/mp4", ".m4v": "video/mp4", ".amr": "audio/amr"}
_MAX_PIXELS = 80_000_000  # a phone makes 50; more is a decompression bomb
_MP4_BRANDS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV")
_REFUSED = "只收照片（JPG、PNG、WebP）、PDF、MP4 录像和 AMR 录音。"


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it lies in the store: size in bytes, type by content and never by name."""

    sha256: str
    size: int
    media_type: str


class EvidenceStore:
    """A folder of files named ``aa/bb/<sha256>``; nothing in it is ever changed or deleted."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def put(self, body: bytes) -> Stored:
        """Keep *body* once and for all; on return it has reached the disk.

        Raises ``Problem`` ``file_empty``, ``file_too_big`` or ``file_type``.
        """
        if not body:
            raise Problem("file_empty", "文件是空的，请重新拍照或选择。")
        if len(body) > self._max_bytes:
            raise Problem("file_too_big", f"文件超过 {self._max_bytes // 1024 // 1024} MB，请压缩后再传。")
        stored = Stored(sha256_hex(body), len(body), media_type(body))
        target = self._path(stored.sha256)
        if not target.exists():
            _write_once(target, body)
        return stored

    def open(self, sha256: str) -> BinaryIO:
        """The file for reading; raises ``Problem`` ``not_found``."""
        try:
            return self._path(sha256).open("rb")
        except FileNotFoundError as error:
            raise Problem("not_found", "没有找到这个文件。") from error

    def read(self, sha256: str) -> bytes:
        """The whole file; raises as ``open`` does."""
        with self.open(sha256) as file:
            return file.read()

    def _path(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise Problem("not_found", "没有找到这个文件。")
        return self._folder / sha256[:2] / sha256[2:4] / sha256


def media_type(body: bytes) -> str:
    """The type by content. Raises ``Problem`` ``file_type`` for what is no evidence or not whole."""
    picture = _picture(body)
    if picture:
        return picture
    if body[4:8] == b"ftyp":
        if body[8:12] in _MP4_BRANDS:
            return "video/mp4"
        raise Problem("file_type", _REFUSED)
    try:
        suffix = puremagic.from_string(body)
    except (puremagic.PureError, ValueError) as error:
        raise Problem("file_type", _REFUSED) from error
    if suffix not in _OTHERS:
        raise Problem("file_type", _REFUSED)
    return _OTHERS[suffix]


def _picture(body: bytes) -> str:
    """The image type, or nothing when it is no image. A broken or absurdly large one is refused."""
    try:
        with Image.open(io.BytesIO(body), formats=list(IMAGES)) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise Problem("file_type", "照片的像素太多，请用手机相机重新拍。")
            kind = IMAGES[image.format or ""]
            image.load()
            return kind
    except UnidentifiedImageError:
        return ""
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Problem("file_type", "照片不完整，请重新拍照或选择。") from error


def _write_once(target: Path, body: bytes) -> None:
    """A reader sees the whole file or none, also after a power cut."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
