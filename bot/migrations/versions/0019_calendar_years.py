"""Imported years of the working calendar, each version kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table("calendaryear",
    sa.Column("id", BigId, nullable=False),
    sa.Column("year", sa.Integer(), nullable=False),
    sa.Column("region", sa.String(length=40), nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("notice", sa.String(length=80), nullable=False),
    sa.Column("title", sa.String(length=200), nullable=False),
    sa.Column("body", sa.JSON(), nullable=False),
    sa.Column("sha256", sa.String(length=64), nullable=False),
    sa.Column("source", sa.String(length=200), nullable=False),
    sa.Column("imported_at", Moment, nullable=False),
    sa.CheckConstraint("notice <> ''", name="ck_calendar_has_notice"),
    sa.CheckConstraint("version >= 1", name="ck_calendar_version"),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("year", "region", "version", name="uq_calendar_year")
    )
