"""The quota ledger and limits somebody set."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quotaspend",
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("budget", sa.String(length=8), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.CheckConstraint("n >= 0", name="ck_quota_spend"),
        sa.PrimaryKeyConstraint("platform", "budget", "day"),
    )
    op.create_table(
        "sendlimit",
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("count >= 0 AND seconds >= 0", name="ck_send_limit"),
        sa.PrimaryKeyConstraint("platform", "scope", "seconds"),
    )
