"""Mobile numbers a chat service was asked about, each once a month."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mobilelookup",
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("number_sha256", sa.String(length=64), nullable=False),
        sa.Column("found", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "number_sha256"),
    )
    op.create_index("ix_mobilelookup_at", "mobilelookup", ["at"])
