"""Access tokens shared by all processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "platformtoken",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("renew_at", Moment, nullable=True),
        sa.Column("ends_at", Moment, nullable=True),
        sa.Column("lease_until", Moment, nullable=True),
        sa.Column("lease_by", sa.String(length=40), nullable=False),
        sa.Column("error", sa.JSON(), nullable=False),
        sa.Column("error_until", Moment, nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
