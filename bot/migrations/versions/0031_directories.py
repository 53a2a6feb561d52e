"""Departments of the chat services' directories, and when each directory is compared again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "directoryunit",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("department_id", sa.Integer(), sa.ForeignKey("department.id"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("parent_unit_id", sa.String(length=64), nullable=False),
        sa.Column("made", sa.Boolean(), nullable=False),
        sa.Column("gone_since", Moment, nullable=True),
        sa.UniqueConstraint("platform", "unit_id", name="uq_directoryunit"),
    )
    op.create_index("ix_directoryunit_department_id", "directoryunit", ["department_id"])
    op.create_table(
        "directorywatch",
        sa.Column("platform", sa.String(length=16), primary_key=True),
        sa.Column("whole_at", Moment, nullable=False),
        sa.Column("units_at", Moment, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
    )
