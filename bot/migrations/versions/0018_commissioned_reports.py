"""Reports commissioned from institutions, what rests on them, and facts for liability (C20)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "commission",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("institution", sa.String(length=120), nullable=False),
        sa.Column("qualification_no", sa.String(length=60), nullable=False),
        sa.Column("qualification_valid_to", sa.Date(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reused_from", sa.String(), nullable=False),
        sa.Column("ordered_by", sa.Integer(), nullable=False),
        sa.Column("ordered_at", Moment, nullable=False),
        sa.Column("report_sha256", sa.String(length=64), nullable=False),
        sa.Column("conclusion", sa.String(), nullable=False),
        sa.Column("reported_at", Moment, nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", Moment, nullable=True),
        sa.Column("decision_note", sa.String(), nullable=False),
        sa.Column("false_ground", sa.String(), nullable=False),
        sa.Column("false_by", sa.Integer(), nullable=True),
        sa.Column("false_at", Moment, nullable=True),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "state IN ('ORDERED', 'REPORTED', 'ADOPTED', 'REJECTED', 'FALSE')", name="ck_commission_state"
        ),
        sa.CheckConstraint("state = 'ORDERED' OR report_sha256 <> ''", name="ck_commission_report"),
        sa.CheckConstraint("state <> 'FALSE' OR false_ground <> ''", name="ck_commission_false_ground"),
        sa.CheckConstraint("state <> 'REJECTED' OR decision_note <> ''", name="ck_commission_rejected_note"),
        sa.ForeignKeyConstraint(["contact_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["false_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
        sa.ForeignKeyConstraint(["ordered_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("ix_commission_visit_id", "commission", ["visit_id"])
    op.create_index("ix_commission_reminded", "commission", ["reminded_on"])
    op.create_table(
        "adoption",
        sa.Column("id", BigId, nullable=False),
        sa.Column("commission_id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("by", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["by"], ["person.id"]),
        sa.ForeignKeyConstraint(["commission_id"], ["commission.id"]),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("commission_id", "visit_id", "item_id", name="uq_adoption"),
    )
    op.create_index("ix_adoption_commission_id", "adoption", ["commission_id"])
    op.create_index("ix_adoption_visit_id", "adoption", ["visit_id"])
    op.create_table(
        "liabilityfact",
        sa.Column("id", BigId, nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id", "item_id", "code", "source", name="uq_liability_fact"),
    )
    op.create_index("ix_liabilityfact_visit_id", "liabilityfact", ["visit_id"])
