"""Files and pictures that we send. Pure but for the upload. Sheet: section 4.4.

An uploaded file has a ``media_id`` that is good only inside DingTalk; robots show pictures, and files of six kinds.
"""

from __future__ import annotations

from pathlib import PurePath

from bot.platforms.base import ErrorClass, PlatformError

MEGABYTE = 1 << 20
PICTURES = ("jpg", "jpeg", "gif", "png", "bmp")
FILES = ("xlsx", "pdf", "zip", "rar", "doc", "docx")
MOST = 20 * MEGABYTE  # of a picture and of a file
NAME = 100  # characters of a file's name


def kind_of(name: str, size: int) -> str:
    """``image`` or ``file``, as the upload wants it. Raise PlatformError(BUG) for what a robot cannot show."""
    ending = _ending(name)
    if ending not in (*PICTURES, *FILES):
        raise PlatformError(
            "media.type",
            ending,
            cls=ErrorClass.BUG,
            advice=f"钉钉机器人只能发 {'、'.join((*PICTURES, *FILES))}。",
        )
    if not 0 < size <= MOST:
        raise PlatformError(
            "media.size", str(size), cls=ErrorClass.BUG, advice="文件应大于 0、不超过 20 MB。"
        )
    return "image" if ending in PICTURES else "file"


def shown(name: str, media_id: str) -> tuple[str, dict[str, str]]:
    """The ``msgKey`` and ``msgParam`` that show an uploaded file."""
    ending = _ending(name)
    if ending in PICTURES:
        return "sampleImageMsg", {"photoURL": media_id}
    stem = PurePath(name).stem[: NAME - len(ending) - 1]
    return "sampleFile", {"mediaId": media_id, "fileName": f"{stem}.{ending}", "fileType": ending}


def _ending(name: str) -> str:
    return PurePath(name).suffix.lower().removeprefix(".")
