"""Payloads of the sheet's shape, and what wraps them on the socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bot.platforms.dingtalk.frames import Frame, parse_frame

FOLDER = Path(__file__).parents[2] / "samples" / "dingtalk"
PAYLOADS: dict[str, dict[str, Any]] = json.loads((FOLDER / "payloads.json").read_text(encoding="utf-8"))
VECTORS: dict[str, Any] = json.loads((FOLDER / "crypto.json").read_text(encoding="utf-8"))


def frame_of(data: object, *, kind: str = "CALLBACK", topic: str = "", **headers: str) -> Frame:
    return parse_frame(frame_text(data, kind=kind, topic=topic, **headers))


def frame_text(data: object, *, kind: str = "CALLBACK", topic: str = "", **headers: str) -> str:
    known = {"topic": topic, "messageId": "mid-1", "contentType": "application/json", "time": "1767225600123"}
    frame = {"specVersion": "1.0", "type": kind, "headers": {**known, **headers}, "data": json.dumps(data)}
    return json.dumps(frame)
