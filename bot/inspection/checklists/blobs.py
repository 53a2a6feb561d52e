"""Where files of evidence lie: a folder, or a bucket of an S3-compatible store. Each file is named by its SHA-256."""

from __future__ import annotations

import http.client
import os
import ssl
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from bot.core.clock import Clock, SystemClock
from bot.core.config import S3Settings
from bot.core.errors import Problem
from bot.core.ids import sha256_hex
from bot.core.sigv4 import EMPTY, Keys, quoted_path, signed_headers

_TRIES = 3
_MISSING = "没有找到这个文件。"
_MOST = 512 * 1024 * 1024  # bytes of an object that are read
_WORDS = 64 * 1024  # bytes of what a store says
_PATIENCE = 20  # time-outs until an answer that trickles in is given up
TROUBLE = frozenset({"store_unreachable", "store_refused"})  # the file is sound, and may be kept later


class Blobs(Protocol):
    """A place that keeps files for good. Blocking: called in threads. Nothing in it is ever changed or deleted."""

    def keep(self, sha256: str, body: bytes, media_type: str) -> None:
        """Keep *body*; on return it would survive a power cut. Twice is once."""

    def read(self, sha256: str) -> bytes:
        """Give the whole file; raises ``Problem`` ``not_found`` or ``store_unreachable``."""

    def check(self) -> str:
        """Say in Chinese where files go, or raise ``Problem`` when none can be kept there."""


class Folder:
    """Files on disk, named ``aa/bb/<sha256>``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, sha256: str, body: bytes, media_type: str) -> None:  # noqa: ARG002 - a disk keeps no type
        target = self._path(sha256)
        if not target.exists():
            _write_once(target, body)

    def read(self, sha256: str) -> bytes:
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise Problem("not_found", _MISSING) from error

    def check(self) -> str:
        return f"目录 {self._folder}"

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256[2:4] / sha256


class _Answer(NamedTuple):
    """What a store answered; ``length`` is what it says the object has."""

    status: int
    body: bytes
    length: int | None


class Bucket:
    """Objects ``<prefix>aa/bb/<sha256>`` of one bucket, over HTTPS with Signature Version 4.

    One connection for each call: a photo takes longer than the handshake, and a thread may end at any time. A call
    that fails on the way is repeated: the same object under the same name is the same object. Nothing counts as kept
    that the store does not show afterwards.
    """

    def __init__(
        self, settings: S3Settings, *, clock: Clock | None = None, patience: float | None = None
    ) -> None:
        self._settings = settings
        self._patience = patience or _PATIENCE * settings.timeout
        self._clock = clock or SystemClock()
        self._keys = Keys(settings.access_key, settings.secret_key.get_secret_value(), settings.region)
        address = urlsplit(settings.endpoint)
        self._secure = address.scheme == "https"
        self._host = address.netloc if settings.path_style else f"{settings.bucket}.{address.netloc}"
        self._base = f"{address.path.rstrip('/')}/{settings.bucket}/" if settings.path_style else "/"
        self._trust = ssl.create_default_context(cafile=settings.ca_bundle) if self._secure else None

    def keep(self, sha256: str, body: bytes, media_type: str) -> None:
        if self._holds(sha256, len(body)) and self._is_sound(sha256):
            return
        for _ in range(_TRIES):
            put = self._call("PUT", self._name(sha256), body=body, media_type=media_type)
            if put.status != 200:
                raise self._refused(put)
            if self._holds(sha256, len(body)):
                return
        # what says 200 to everything keeps nothing
        raise Problem("store_refused", "证据存储说已收下，却查不到这个文件，请管理员检查 SUICHA_S3 设置。")

    def read(self, sha256: str) -> bytes:
        for _ in range(_TRIES):
            got = self._call("GET", self._name(sha256))
            if got.status == 404:
                raise Problem("not_found", _MISSING)
            if got.status != 200:
                raise self._refused(got)
            if sha256_hex(got.body) == sha256:
                return got.body
        raise Problem("store_unreachable", "对象存储给出的文件与指纹不符，没有使用。")

    def _holds(self, sha256: str, size: int) -> bool:
        """Whether an object of that name and length is there."""
        seen = self._call("HEAD", self._name(sha256))
        return seen.status == 200 and seen.length == size

    def _is_sound(self, sha256: str) -> bool:
        """Whether what is there is the file: one that is not is kept anew."""
        got = self._call("GET", self._name(sha256))
        return got.status == 200 and sha256_hex(got.body) == sha256

    def check(self) -> str:
        seen = self._call("HEAD", "")
        if seen.status not in (200, 404):  # a bucket may forbid listing and still take files
            raise self._refused(seen)
        return f"对象存储 {self._settings.endpoint} 的 {self._settings.bucket}"

    def _name(self, sha256: str) -> str:
        return f"{self._settings.prefix}{sha256[:2]}/{sha256[2:4]}/{sha256}"

    def _call(self, method: str, name: str, *, body: bytes = b"", media_type: str = "") -> _Answer:
        """One request, repeated when the way or the store is broken. Raises ``store_unreachable``."""
        reason = ""
        for _ in range(_TRIES):
            try:
                answer = self._once(method, self._base + name, body, media_type)
            except (OSError, http.client.HTTPException) as error:
                reason = type(error).__name__
                continue
            if answer.status < 500 and answer.status != 429:
                return answer
            reason = f"HTTP {answer.status}"
        raise Problem("store_unreachable", "证据存储暂时连不上，请稍后再试。", 原因=reason)

    def _once(self, method: str, path: str, body: bytes, media_type: str) -> _Answer:
        headers = signed_headers(
            self._keys, method=method, host=self._host, path=path, now=self._clock.now(),
            payload_sha256=sha256_hex(body) if body else EMPTY,
            headers={"content-type": media_type} if media_type else {},
        )  # fmt: skip
        timeout = self._settings.timeout
        connection = (
            http.client.HTTPSConnection(self._host, timeout=timeout, context=self._trust)
            if self._secure
            else http.client.HTTPConnection(self._host, timeout=timeout)
        )
        try:
            connection.request(method, quoted_path(path), body=body or None, headers=headers)
            answer = connection.getresponse()
            length = answer.headers.get("Content-Length", "")
            found = _whole(
                answer, most=_MOST if method == "GET" else _WORDS, until=time.monotonic() + self._patience
            )
            return _Answer(answer.status, found, int(length) if length.isdecimal() else None)
        finally:
            connection.close()

    def _refused(self, answer: _Answer) -> Problem:
        """What the store said, by its code alone: its answer may quote our request."""
        code = answer.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode(errors="replace")[:60]
        return Problem(
            "store_refused",
            "证据存储拒绝了请求，请管理员检查 SUICHA_S3 设置。",
            状态=f"{answer.status} {code}".strip(),
        )


def _whole(answer: http.client.HTTPResponse, *, most: int, until: float) -> bytes:
    """The body, all of it: raises where it breaks off, never ends, or trickles past *until*."""
    pieces, size = [], 0
    while piece := answer.read1(_WORDS):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise http.client.HTTPException("the answer has no end")
        if time.monotonic() > until:
            raise TimeoutError
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    return b"".join(pieces)


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
