"""The tables of the sheet as a validator: what each kind of DingTalk message must have, and how long it may be.

Sheet: sections 1.3, 4.4, 4.6 and 5.2. Raises :class:`Broken` with the name of the field.
"""

from __future__ import annotations

import json
from typing import Any

TITLED = ("title", "text")
MSG_KEYS: dict[str, tuple[str, ...]] = {
    "sampleText": ("content",),
    "sampleMarkdown": TITLED,
    "sampleImageMsg": ("photoURL",),
    "sampleLink": (*TITLED, "picUrl", "messageUrl"),
    "sampleActionCard": (*TITLED, "singleTitle", "singleURL"),
    **{
        f"sampleActionCard{count}": (
            *TITLED,
            *(f"{name}{number}" for number in range(1, count + 1) for name in ("actionTitle", "actionURL")),
        )
        for count in range(2, 6)
    },
    "sampleActionCard6": (*TITLED, "buttonTitle1", "buttonUrl1", "buttonTitle2", "buttonUrl2"),
    "sampleAudio": ("mediaId", "duration"),
    "sampleFile": ("mediaId", "fileName", "fileType"),
    "sampleVideo": ("duration", "videoMediaId", "videoType", "picMediaId"),
}
WEBHOOK: dict[str, tuple[str, ...]] = {
    "text": ("content",),
    "link": (*TITLED, "messageUrl"),
    "markdown": TITLED,
    "actionCard": TITLED,
}
NOTICE: dict[str, tuple[str, ...]] = {
    "text": ("content",),
    "markdown": TITLED,
    "action_card": ("title", "markdown"),
}
PARAM_BYTES, WEBHOOK_BYTES, NOTICE_BYTES, VALUE_BYTES, KEY_BYTES = 15_000, 20_000, 2048, 1024, 100
MOST_MENTIONED, MOST_BUTTONS = 50, 5


class Broken(ValueError):  # noqa: N818 - it is what the message is
    """A rule of the sheet does not hold; the text is the field."""


def check_sample(key: str, param: str) -> dict[str, str]:
    """``msgKey`` and ``msgParam``, a JSON string of strings. Returns what it holds."""
    if key not in MSG_KEYS:
        raise Broken("msgKey")
    if len(param.encode()) > PARAM_BYTES:
        raise Broken("msgParam.tooLong")
    values = _json(param)
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise Broken("msgParam")
    for name in MSG_KEYS[key]:
        if not values.get(name):
            raise Broken(f"msgParam.{name}")
    return values


def check_webhook(body: dict[str, Any]) -> None:
    """A body for a custom robot or a ``sessionWebhook``."""
    kind = str(body.get("msgtype", ""))
    if kind == "feedCard":
        links = _rows(body.get("feedCard"), "links", ("title", "messageURL"))
        if not links:
            raise Broken("feedCard.links")
    elif kind not in WEBHOOK:
        raise Broken("msgtype")
    else:
        _required(body.get(kind), WEBHOOK[kind], kind)
    if _size(body) > WEBHOOK_BYTES:
        raise Broken("size")
    _check_mentions(body)
    if kind == "actionCard":
        _check_action_card(body["actionCard"])


def check_notice(message: dict[str, Any]) -> None:
    """``msg`` of a work notice."""
    kind = str(message.get("msgtype", ""))
    if kind not in NOTICE:
        raise Broken("msgtype")
    _required(message.get(kind), NOTICE[kind], kind)
    if _size(message) > NOTICE_BYTES:
        raise Broken("size")
    for button in _rows(message[kind], "btn_json_list", ("title", "action_url")):
        if len(button["title"]) > 20 or len(button["action_url"]) > 700:
            raise Broken("btn_json_list")


def check_card(body: dict[str, Any], variables: tuple[str, ...]) -> None:
    """A card that is created or updated: every variable there, a string, within its bytes."""
    if not 0 < len(str(body.get("outTrackId", ""))) <= 100:
        raise Broken("outTrackId")
    data = body.get("cardData")
    params = data.get("cardParamMap") if isinstance(data, dict) else None
    if not isinstance(params, dict) or tuple(params) != variables:
        raise Broken("cardParamMap")
    for name, value in params.items():
        if not isinstance(value, str) or len(value.encode()) > VALUE_BYTES or len(name.encode()) > KEY_BYTES:
            raise Broken(f"cardParamMap.{name}")
    for name in ("facts", "buttons"):
        if not isinstance(_json(params[name]), list):
            raise Broken(f"cardParamMap.{name}")
    if params["done"] not in ("true", "false"):
        raise Broken("cardParamMap.done")


def _check_mentions(body: dict[str, Any]) -> None:
    at = body.get("at") or {}
    listed = [at.get(name) or [] for name in ("atUserIds", "atMobiles")] if isinstance(at, dict) else [""]
    if not all(isinstance(one, list) for one in listed):
        raise Broken("at")
    people = [one for many in listed for one in many]
    text = json.dumps(body, ensure_ascii=False)
    if len(people) > MOST_MENTIONED or not all(f"@{one}" in text for one in people):
        raise Broken("at")


def _check_action_card(card: dict[str, Any]) -> None:
    if card.get("btns") is None:
        if not card.get("singleTitle") or not card.get("singleURL"):
            raise Broken("actionCard.singleURL")
    elif len(_rows(card, "btns", ("title", "actionURL"))) > MOST_BUTTONS:
        raise Broken("actionCard.btns")


def _required(inner: object, names: tuple[str, ...], kind: str) -> None:
    if not isinstance(inner, dict):
        raise Broken(kind)
    for name in names:
        if not isinstance(inner.get(name), str) or not inner[name]:
            raise Broken(f"{kind}.{name}")


def _rows(holder: object, name: str, wanted: tuple[str, ...]) -> list[dict[str, str]]:
    """The list *name* of objects that each have the *wanted* words; empty where there is none."""
    rows = holder.get(name, []) if isinstance(holder, dict) else []
    if not isinstance(rows, list):
        raise Broken(name)
    for row in rows:
        _required(row, wanted, name)
    return rows


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Broken("msgParam") from None


def _size(body: dict[str, Any]) -> int:
    """Bytes of it on the wire."""
    return len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
