"""Transfers to other authorities and of suspected crimes, with their receipts (C23)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "transfer",
        sa.Column("id", BigId, nullable=False),
        sa.Column("follow_up_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("receiver", sa.String(length=200), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("proposed_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("decided_at", Moment, nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("sent_at", Moment, nullable=True),
        sa.Column("received_at", Moment, nullable=True),
        sa.Column("receipt", sa.String(length=100), nullable=False),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.CheckConstraint("kind IN ('AUTHORITY', 'CRIME')", name="ck_transfer_kind"),
        sa.CheckConstraint(
            "state IN ('PROPOSED', 'APPROVED', 'REFUSED', 'SENT', 'RECEIVED')", name="ck_transfer_state"
        ),
        sa.CheckConstraint("kind = 'CRIME' OR state IN ('SENT', 'RECEIVED')", name="ck_transfer_decided"),
        sa.CheckConstraint("state <> 'REFUSED' OR reason <> ''", name="ck_transfer_refusal"),
        sa.CheckConstraint("state NOT IN ('PROPOSED', 'APPROVED') OR due_at IS NOT NULL", name="ck_transfer_clock"),
        sa.ForeignKeyConstraint(["follow_up_id"], ["followup.id"]),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"]),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("follow_up_id", "kind", "round", name="uq_transfer"),
    )
    op.create_index("ix_transfer_follow_up_id", "transfer", ["follow_up_id"])
    changed = sa.text("reminded_on IS NULL")
    op.create_index("ix_transfer_changed", "transfer", ["id"], sqlite_where=changed, postgresql_where=changed)
