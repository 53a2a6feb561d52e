"""The bodies of photos and files in the simulated world, kept over a kill."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from urllib.parse import quote

TypeAndName = tuple[str, str]


class MediaShelf(MutableMapping[str, tuple[bytes, str, str]]):
    """Media id -> (body, media type, file name).

    With a ``folder`` each body is a file named by its id, written whole before ``record`` notes it in the
    journal: an id that a replay brings back always has its body.
    """

    def __init__(self, folder: Path | None, record: Callable[[str, TypeAndName], None]) -> None:
        self._folder = folder
        self._record = record
        self._known: dict[str, TypeAndName] = {}
        self._bodies: dict[str, bytes] = {}

    def note(self, media_id: str, kind: TypeAndName) -> None:
        """Know a body that is on the shelf already (a replayed line)."""
        self._known[media_id] = kind

    def __getitem__(self, media_id: str) -> tuple[bytes, str, str]:
        kind = self._known[media_id]
        body = self._bodies[media_id] if self._folder is None else self._file(media_id).read_bytes()
        return (body, *kind)

    def __setitem__(self, media_id: str, value: tuple[bytes, str, str]) -> None:
        body, *kind = value
        if self._folder is None:
            self._bodies[media_id] = body
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._file(media_id)
            half = file.with_name(file.name + ".half")
            half.write_bytes(body)
            half.replace(file)
        self._record(media_id, (kind[0], kind[1]))

    def __delitem__(self, media_id: str) -> None:
        raise TypeError("a simulated service forgets no media")

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def _file(self, media_id: str) -> Path:
        """The body's file; ids with slashes or of great length stay inside the folder."""
        assert self._folder is not None
        name = quote(media_id, safe="@+=").replace(".", "%2E")
        if len(name) > 150:
            name = hashlib.sha256(media_id.encode()).hexdigest()
        return self._folder / name
