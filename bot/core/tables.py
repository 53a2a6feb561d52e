"""Column kinds every slice uses."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, TypeDecorator
from sqlmodel import Field

from bot.core.clock import UTC

# SQLite only autoincrements INTEGER; PostgreSQL wants 64 bits
BigId = BigInteger().with_variant(Integer(), "sqlite")


class Moment(TypeDecorator[dt.datetime]):
    """A moment in UTC. Naive values are refused, and what comes back is aware on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a timezone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(
        self,
        value: dt.datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's signature
    ) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def moment(**options: Any) -> Any:
    """A required UTC moment."""
    return Field(sa_type=Moment, **options)


def maybe_moment(**options: Any) -> Any:
    """A UTC moment that may be missing."""
    return Field(default=None, sa_type=Moment, nullable=True, **options)


def json_list(**options: Any) -> Any:
    return Field(default_factory=list, sa_type=JSON, **options)


def json_dict(**options: Any) -> Any:
    return Field(default_factory=dict, sa_type=JSON, **options)


def big_id() -> Any:
    """A 64-bit key the database counts up."""
    return Field(default=None, sa_type=BigId, primary_key=True)


def one_of(column: str, words: type[Any]) -> str:
    """SQL of a check that *column* holds one of an enum's words."""
    return f"{column} IN ({', '.join(repr(str(w.value)) for w in words)})"
