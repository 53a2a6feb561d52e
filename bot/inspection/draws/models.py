"""The draw: fingerprints before, seed and picks after, every round kept (C10, protocol suicha-draw/1)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.core.tables import big_id, json_dict, json_list, maybe_moment, moment, one_of


class DrawState(StrEnum):
    COMMITTED = "COMMITTED"  # fingerprints public, secret sealed
    REVEALED = "REVEALED"  # secret and public value known, seed fixed
    LOCKED = "LOCKED"  # picks are final; visits exist
    VOID = "VOID"  # a redraw replaced it: ground and approver recorded


class Draw(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("task_id", "round", name="uq_draw_round"),
        CheckConstraint(one_of("state", DrawState), name="ck_draw_state"),
        CheckConstraint("state = 'COMMITTED' OR state = 'VOID' OR seed_hex <> ''", name="ck_draw_seed"),
        CheckConstraint("state <> 'VOID' OR void_ground <> ''", name="ck_draw_void_ground"),
        Index(
            "uq_draw_live",
            "task_id",
            unique=True,
            sqlite_where=text("state <> 'VOID'"),
            postgresql_where=text("state <> 'VOID'"),
        ),
    )
    id: int | None = big_id()
    task_id: int = Field(foreign_key="task.id", index=True)
    round: int = 1
    state: str = Field(default=DrawState.COMMITTED, max_length=10)
    pool_size: int
    pool_sha256: str = Field(max_length=64)
    rules_sha256: str = Field(max_length=64)
    secret_sha256: str = Field(max_length=64)
    secret_hex: str = Field(max_length=64)  # sealed until the reveal: no page, log or export shows it before
    sources: list[Any] = json_list()
    public_value: str = ""
    seed_hex: str = Field(default="", max_length=64)
    transcript: dict[str, Any] = json_dict()
    committed_at: dt.datetime = moment()
    revealed_at: dt.datetime | None = maybe_moment()
    locked_at: dt.datetime | None = maybe_moment()
    void_ground: str = ""
    void_approved_by: int | None = Field(default=None, foreign_key="person.id")


class DrawFile(SQLModel, table=True):
    """pool.jsonl and rules.json as they were hashed, compressed with zlib."""

    draw_id: int = Field(foreign_key="draw.id", primary_key=True)
    name: str = Field(primary_key=True, max_length=20)
    body: bytes = Field(sa_type=LargeBinary)


class DrawPick(SQLModel, table=True):
    __table_args__ = (UniqueConstraint("draw_id", "object_id", name="uq_draw_pick"),)
    id: int | None = big_id()
    draw_id: int = Field(foreign_key="draw.id", index=True)
    object_id: int = Field(foreign_key="inspectionobject.id", index=True)
    stratum: str = Field(max_length=60)
    ticket: str = Field(max_length=64)
    rank: int  # in ticket order over all strata, from 1
    batch: int = 1
