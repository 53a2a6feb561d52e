"""Small pictures of evidence, made when looked at: the files themselves are never changed."""

from __future__ import annotations

import io

from PIL import Image

from bot.core.cores import spared_core

_SIZE = (288, 288)  # pixels: 96 at three times the density


def small_picture(body: bytes) -> bytes:
    """A JPEG thumbnail. Blocking: call it in a thread."""
    with spared_core(), Image.open(io.BytesIO(body)) as image:
        image.draft("RGB", _SIZE)
        small = image.convert("RGB")
        small.thumbnail(_SIZE)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=80)
    return out.getvalue()
