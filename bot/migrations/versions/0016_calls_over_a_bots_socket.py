"""Processes without a smart bot's socket ask the one that has it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "botcall",
        sa.Column("id", BigId, nullable=False),
        sa.Column("bot", sa.String(length=100), nullable=False),
        sa.Column("cmd", sa.String(length=40), nullable=False),
        sa.Column("req_id", sa.String(length=200), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("asked_at", Moment, nullable=False),
        sa.CheckConstraint("state IN ('new', 'taken', 'done')", name="ck_botcall_state"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_botcall_new",
        "botcall",
        ["bot", "id"],
        sqlite_where=sa.text("state = 'new'"),
        postgresql_where=sa.text("state = 'new'"),
    )
