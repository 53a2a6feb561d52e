"""What is posted to a group, and each try of each platform: a robot's window is read from them by all processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SENT = sa.text("result = 'SENT'")


def upgrade() -> None:
    op.create_table(
        "grouppost",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("useless_after", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "subject", name="uq_group_post"),
    )
    op.create_index("ix_grouppost_useless_after", "grouppost", ["useless_after"])
    op.create_table(
        "groupattempt",
        sa.Column("id", BigId, nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("result", sa.String(length=8), nullable=False),
        sa.Column("retry_at", Moment, nullable=True),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.CheckConstraint(
            "result IN ('SENDING', 'SENT', 'RETRY', 'UNKNOWN', 'FAILED')", name="ck_group_attempt_result"
        ),
        sa.ForeignKeyConstraint(["post_id"], ["grouppost.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("post_id", "platform", "n", name="uq_group_attempt"),
    )
    op.create_index(
        "uq_group_attempt_sent", "groupattempt", ["post_id", "platform"], unique=True, sqlite_where=_SENT,
        postgresql_where=_SENT,
    )  # fmt: skip
    op.create_index("ix_group_attempt_window", "groupattempt", ["platform", "at"])
