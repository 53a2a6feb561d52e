"""The draw: fingerprints before, seed and picks after, every round kept (C10, protocol suicha-draw/1)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.core.tables import big_id, json_dict, json_list, maybe_moment, moment, one_of


class DrawState(StrEnum):
    PREPARED = "PREPARED"  # sources, witnesses and waivers are chosen; nothing is fixed
    COMMITTED = "COMMITTED"  # fingerprints public, secret sealed
    REVEALED = "REVEALED"  # secret and public value known, seed fixed
    LOCKED = "LOCKED"  # picks are final; visits exist
    VOID = "VOID"  # a redraw replaced it: ground and approver recorded


class Draw(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("task_id", "round", name="uq_draw_round"),
        CheckConstraint(one_of("state", DrawState), name="ck_draw_state"),
        CheckConstraint("state IN ('PREPARED', 'COMMITTED', 'VOID') OR seed_hex <> ''", name="ck_draw_seed"),
        CheckConstraint("state = 'PREPARED' OR pool_sha256 <> ''", name="ck_draw_committed"),
        CheckConstraint("state <> 'VOID' OR void_ground <> ''", name="ck_draw_void_ground"),
        CheckConstraint(
            "void_approved_by IS NULL OR void_approved_by <> void_asked_by", name="ck_draw_void_two_people"
        ),
        Index(
            "uq_draw_live",
            "task_id",
            unique=True,
            sqlite_where=text("state <> 'VOID'"),
            postgresql_where=text("state <> 'VOID'"),
        ),
    )
    id: int | None = big_id()
    task_id: int = Field(foreign_key="task.id")
    round: int = 1
    state: str = Field(default=DrawState.PREPARED, max_length=10)
    pool_size: int = 0
    pool_sha256: str = Field(default="", max_length=64)
    rules_sha256: str = Field(default="", max_length=64)
    secret_sha256: str = Field(default="", max_length=64)
    secret_hex: str = Field(
        default="", max_length=64
    )  # sealed until the reveal: no page, log or export shows it before
    sources: list[Any] = json_list()
    public_value: str = ""
    seed_hex: str = Field(default="", max_length=64)
    transcript: dict[str, Any] = json_dict()
    witness_ids: list[int] = json_list()  # people who may type what a source says
    waivers: list[Any] = (
        json_list()
    )  # {"check", "reason", "by"}: what was not ready and why it was drawn all the same
    own_names: bool = True  # files call people by names of this round alone; not so in rounds from before
    outlook: dict[str, Any] = json_dict()  # how it looked when it was prepared: pool, take, what is not ready
    values: list[Any] = json_list()  # what each source said, in their order, and who confirmed it
    prepared_at: dt.datetime | None = maybe_moment()
    committed_at: dt.datetime | None = maybe_moment()
    revealed_at: dt.datetime | None = maybe_moment()
    locked_at: dt.datetime | None = maybe_moment()
    void_ground: str = ""
    void_asked_by: int | None = Field(default=None, foreign_key="person.id")
    void_asked_at: dt.datetime | None = maybe_moment()
    void_at: dt.datetime | None = maybe_moment()
    void_approved_by: int | None = Field(default=None, foreign_key="person.id")


class DrawWord(SQLModel, table=True):
    """What one person typed for one source. Two different people must type the same; one counts once."""

    __table_args__ = (
        UniqueConstraint("draw_id", "place", "person_id", name="uq_draw_word"),
        CheckConstraint("value <> '' OR fallback", name="ck_draw_word_value"),
    )
    id: int | None = big_id()
    draw_id: int = Field(foreign_key="draw.id")
    place: int  # of the source in ``Draw.sources``, from 1
    person_id: int = Field(foreign_key="person.id")
    value: str = Field(max_length=200)
    fallback: bool = False  # the source failed and its fallback is used
    proof: str = Field(default="", max_length=192)  # the signature that came with the value (drand)
    at: dt.datetime = moment()


class DrawChange(SQLModel, table=True):
    """What came after the lock: an officer or an object replaced, more objects drawn. ``facts`` lets anybody repeat
    the choice."""

    __table_args__ = (UniqueConstraint("draw_id", "number", name="uq_draw_change"),)
    id: int | None = big_id()
    draw_id: int = Field(foreign_key="draw.id")
    number: int  # from 1 within the draw
    kind: str = Field(max_length=16)  # OFFICER | OBJECT | MORE
    facts: dict[str, Any] = json_dict()
    at: dt.datetime = moment()


class DrawFile(SQLModel, table=True):
    """A file of the bundle as it was hashed, compressed with zlib."""

    draw_id: int = Field(foreign_key="draw.id", primary_key=True)
    name: str = Field(primary_key=True, max_length=20)
    body: bytes = Field(sa_type=LargeBinary)
    size: int = 0  # in bytes, as hashed


class DrawPick(SQLModel, table=True):
    __table_args__ = (UniqueConstraint("draw_id", "object_id", name="uq_draw_pick"),)
    id: int | None = big_id()
    draw_id: int = Field(foreign_key="draw.id")
    object_id: int = Field(foreign_key="inspectionobject.id", index=True)
    stratum: str = Field(max_length=60)
    ticket: str = Field(max_length=64)
    rank: int  # in ticket order over all strata, from 1
    batch: int = 1
