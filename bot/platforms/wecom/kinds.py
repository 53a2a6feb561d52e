"""Every kind of message as a type, and the one place to add another: its fields, and its channels. Pure.

Sheet sections 2.3, 3 and 4.4. A new kind is a struct here and a row of ``KINDS``; its limits are rows of
``limits``; its golden file is made by ``tests/platforms/wecom/test_golden.py``.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from bot.platforms.wecom.limits import Channel, Fitted, bug, fit
from bot.platforms.wecom.templates import Card, card_of


class Kind(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message. Subclasses add their fields, named as WeCom names them."""


class Text(Kind, frozen=True, kw_only=True):
    content: str
    mentioned_list: list[str] = []  # group robot
    mentioned_mobile_list: list[str] = []


class Markdown(Kind, frozen=True, kw_only=True):
    content: str


class MarkdownV2(Kind, frozen=True, kw_only=True):
    """Tables, lists and pictures, no colours and no mentions; old clients show it as plain text."""

    content: str


class TextCard(Kind, frozen=True, kw_only=True):
    title: str
    description: str
    url: str
    btntxt: str = ""


class Article(Kind, frozen=True, kw_only=True):
    title: str
    url: str
    description: str = ""
    picurl: str = ""


class News(Kind, frozen=True, kw_only=True):
    articles: list[Article]


class Image(Kind, frozen=True, kw_only=True):
    media_id: str


class Voice(Kind, frozen=True, kw_only=True):
    media_id: str


class Video(Kind, frozen=True, kw_only=True):
    media_id: str
    title: str = ""
    description: str = ""


class File(Kind, frozen=True, kw_only=True):
    media_id: str


class InlineImage(Kind, frozen=True, kw_only=True):
    """A picture in the request itself, at most 2 MB: group robot."""

    base64: str
    md5: str


class TemplateCard(Kind, frozen=True, kw_only=True):
    card: Card


_A, _R, _B = Channel.APP, Channel.ROBOT, Channel.BOT
KINDS: dict[type[Kind], tuple[str, frozenset[Channel]]] = {
    Text: ("text", frozenset({_A, _R})),
    Markdown: ("markdown", frozenset({_A, _R, _B})),
    MarkdownV2: ("markdown_v2", frozenset({_R})),
    TextCard: ("textcard", frozenset({_A})),
    News: ("news", frozenset({_A, _R})),
    Image: ("image", frozenset({_A, _B})),
    InlineImage: ("image", frozenset({_R})),
    Voice: ("voice", frozenset({_A, _R, _B})),
    Video: ("video", frozenset({_A, _B})),
    File: ("file", frozenset({_A, _R, _B})),
    TemplateCard: ("template_card", frozenset({_A, _R, _B})),
}
_PICTURE_BYTES = 2 << 20


def content_of(kind: Kind, channel: Channel) -> Fitted:
    """``{"msgtype": …, …}`` within the limits of *channel*. Raise PlatformError(BUG)."""
    name, channels = KINDS[type(kind)]
    if channel not in channels:
        raise bug("msgtype", f"{channel} 不能发送 {name}")
    if isinstance(kind, TemplateCard):
        fitted = card_of(kind.card, channel)
    else:
        fitted = fit(msgspec.to_builtins(kind), channel, prefix=name)
        _check(kind, fitted.content)
    fitted.content = {"msgtype": name, name: fitted.content}
    return fitted


def inline_image(body: bytes) -> InlineImage:
    """A JPG or PNG for the group robot. Raise PlatformError(BUG) above 2 MB."""
    if not body or len(body) > _PICTURE_BYTES:
        raise bug("image", "图片为空或超过 2 MB")
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return InlineImage(base64=base64.b64encode(body).decode(), md5=digest)


def _check(kind: Kind, content: dict[str, Any]) -> None:
    if "content" in content and not content["content"].strip():
        raise bug("content", "没有内容")
    if isinstance(kind, News) and not kind.articles:
        raise bug("news.articles", "没有内容")
    for linked in (
        *(kind.articles if isinstance(kind, News) else ()),
        *([kind] if isinstance(kind, TextCard) else ()),
    ):
        if "://" not in linked.url:
            raise bug("url", "不是完整地址")
    if isinstance(kind, TextCard) and not (kind.title and kind.description):
        raise bug("textcard", "标题和说明都要有")
