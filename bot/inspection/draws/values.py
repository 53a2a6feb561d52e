"""What the public sources said, typed and confirmed by two different people (C10)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from bot.core.clock import china
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.draws.models import Draw, DrawState, DrawWord
from bot.inspection.draws.names import names_of
from bot.inspection.draws.queries import require_draw
from bot.inspection.draws.sources import NO_FALLBACK, known_from, read_proof, read_value
from bot.inspection.notices.service import touch_cards

GRACE = dt.timedelta(hours=24)  # so long a source may be late before its fallback counts


def type_value(
    session: Session,
    *,
    task_id: int,
    place: int,
    value: str,
    by: int,
    now: dt.datetime,
    fallback: bool = False,
) -> Draw:
    """One person says what the source at *place* (from 1) gave. The second who says the same confirms it.

    Raises Problem ``values_differ`` when the second says something else (nothing is kept of it),
    ``confirmed_twice`` when it is the same person, ``not_witness``, ``too_early``, ``value_invalid``.
    """
    draw = _open_draw(session, task_id)
    if by not in draw.witness_ids:
        raise Problem("not_witness", "您不是这次抽取指定的见证人。")
    source = _source(draw, place, fallback=fallback, now=now)
    read = read_value(source, value)
    words = words_at(session, draw, place)
    _require_same(words, read, fallback=fallback, by=by)
    session.add(
        DrawWord(draw_id=draw.id or 0, place=place, person_id=by, value=read, fallback=fallback, at=now,
                 proof=read_proof(source, value))
    )  # fmt: skip
    session.flush()
    if words:
        _confirm(session, draw, place, source, now=now)
    record(session, "draw.value_typed", f"draw:{draw.id}", now=now, actor=by, place=place, value=read,
           fallback=fallback, confirmed=bool(words))  # fmt: skip
    for subject in (f"draw:{draw.id}", f"witness:{draw.id}"):
        touch_cards(session, subject, now=now)
    return draw


def _require_same(words: Sequence[DrawWord], read: str, *, fallback: bool, by: int) -> None:
    """A second person, who says what the first said."""
    if any(word.person_id == by for word in words):
        raise Problem("confirmed_twice", "您已经报过这个号码，须由另一位见证人确认。")
    if len(words) >= 2:
        raise Problem("value_confirmed", "这个来源的数值已由两人确认，不能再改。")
    if words and (words[0].value, words[0].fallback) != (read, fallback):
        raise Problem(
            "values_differ", "两人报的数值不一致，没有记录。请当面核对；如第一位报错，请其撤回后重报。",
            先报=words[0].value, 后报=read,
        )  # fmt: skip


def take_back_value(session: Session, *, task_id: int, place: int, by: int, now: dt.datetime) -> Draw:
    """Who typed first may take it back while nobody has confirmed it. Both stay in the audit chain."""
    draw = _open_draw(session, task_id)
    words = words_at(session, draw, place)
    if len(words) != 1 or words[0].person_id != by:
        raise Problem("nothing_to_take_back", "没有可以撤回的数值：只能撤回自己报出、还没有人确认的数值。")
    record(
        session,
        "draw.value_taken_back",
        f"draw:{draw.id}",
        now=now,
        actor=by,
        place=place,
        value=words[0].value,
    )
    session.delete(words[0])
    session.flush()
    for subject in (f"draw:{draw.id}", f"witness:{draw.id}"):
        touch_cards(session, subject, now=now)
    return draw


def words_at(session: Session, draw: Draw, place: int) -> list[DrawWord]:
    """What was said about one source, the first first."""
    query = (
        select(DrawWord)
        .where(DrawWord.draw_id == draw.id, DrawWord.place == place)
        .order_by(col(DrawWord.id))
    )
    return list(session.exec(query))


def next_place(draw: Draw) -> int | None:
    """The first source that still lacks two people's word."""
    known = {value["place"] for value in draw.values}
    return next(
        (n for n, source in enumerate(draw.sources, 1) if source["kind"] != "none" and n not in known), None
    )


def _open_draw(session: Session, task_id: int) -> Draw:
    draw = require_draw(session, task_id)
    if draw.state == DrawState.PREPARED:
        raise Problem("not_committed", "尚未公布抽取承诺，这时的数值不算数。")
    if draw.state != DrawState.COMMITTED:
        raise Problem("already_revealed", "随机种子已经揭示，数值不能再改。")
    if draw.void_asked_by is not None:
        raise Problem("void_asked", "已有人申请作废这次抽取，等另一人决定。", 理由=draw.void_ground)
    return draw


def _source(draw: Draw, place: int, *, fallback: bool, now: dt.datetime) -> dict[str, Any]:
    """The source (or its fallback) whose value may be typed now."""
    if not 1 <= place <= len(draw.sources) or draw.sources[place - 1]["kind"] == "none":
        raise Problem("source_unknown", "没有这个公开随机来源。", 来源=str(place))
    source: dict[str, Any] = draw.sources[place - 1]
    known = known_from(source)
    if fallback:
        if source["fallback"] == NO_FALLBACK:
            raise Problem(
                "no_fallback", "这个来源没有备用来源；得不到数值时，本轮须作废重抽。", 来源=str(place)
            )
        late = (known or draw.committed_at or now) + GRACE
        if now < late:
            raise Problem(
                "too_early", "备用来源要等原来源迟到 24 小时才能用。", 最早=f"{china(late):%m-%d %H:%M}"
            )
        source = source["fallback"]
        known = known_from(source)
    if known is not None and now < known:
        raise Problem("too_early", "这个来源还没有公布数值。", 公布时间=f"{china(known):%m-%d %H:%M}")
    return source


def _confirm(session: Session, draw: Draw, place: int, source: dict[str, Any], *, now: dt.datetime) -> None:
    words, names = words_at(session, draw, place), names_of(session, draw)
    value = {
        "place": place, "kind": source["kind"], "value": words[0].value, "fallback": words[0].fallback,
        "by": [names.of(word.person_id) for word in words], "at": now.astimezone(dt.UTC).isoformat(),
    }  # fmt: skip
    if proof := next((word.proof for word in words if word.proof), ""):
        value["signature"] = proof
    draw.values = sorted([*draw.values, value], key=lambda one: int(one["place"]))
    session.add(draw)
