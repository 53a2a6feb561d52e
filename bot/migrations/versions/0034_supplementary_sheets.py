"""A corrected result gets a record sheet of its own; the one signed before stays readable beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("recordsheet") as table:
        table.add_column(sa.Column("round", sa.Integer(), nullable=False, server_default="1"))
    op.create_table(
        "earliersheet",
        sa.Column("verify_code", sa.String(length=26), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_by", sa.String(length=40), nullable=False),
        sa.Column("signature_sha256", sa.String(length=64), nullable=False),
        sa.Column("refusal_code", sa.String(length=20), nullable=False),
        sa.Column("refusal_text", sa.String(), nullable=False),
        sa.Column("witness", sa.String(), nullable=False),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("verify_code"),
    )
    op.create_index("ix_earliersheet_visit_id", "earliersheet", ["visit_id"])
