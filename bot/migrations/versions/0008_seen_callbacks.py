"""The bodies that came under a callback signature, so that a replayed signature carries no new one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seencallback",
        sa.Column("signature", sa.String(length=64), nullable=False),
        sa.Column("body", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("signature", "body"),
    )
    op.create_index("ix_seencallback_at", "seencallback", ["at"])
