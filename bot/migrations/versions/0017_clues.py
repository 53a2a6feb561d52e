"""Case clues, their tasks outside every plan, and proposals of special checks (C25)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("task") as table:
        table.alter_column("plan_line_id", existing_type=sa.Integer(), nullable=True)
        table.create_check_constraint("ck_task_planned", "source = 'CLUE' OR plan_line_id IS NOT NULL")
    with op.batch_alter_table("inspectionobject") as table:
        table.drop_constraint("ck_object_status", type_="check")
        table.create_check_constraint(
            "ck_object_status", "status IN ('ACTIVE', 'DEREGISTERED', 'REVOKED', 'MOVED', 'UNREGISTERED')"
        )
    op.create_table(
        "clue",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=True),
        sa.Column("object_name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("industry", sa.String(length=60), nullable=False),
        sa.Column("district", sa.String(length=60), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=True),
        sa.Column("hindrance", sa.String(), nullable=False),
        sa.Column("case_number", sa.String(length=60), nullable=False),
        sa.CheckConstraint(
            "source IN ('COMPLAINT', 'TRANSFER', 'MONITORING', 'FOUND', 'UNLICENSED')", name="ck_clue_source"
        ),
        sa.CheckConstraint("content <> ''", name="ck_clue_content"),
        sa.ForeignKeyConstraint(["object_id"], ["inspectionobject.id"]),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"]),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("task_id"),
    )
    op.create_index("ix_clue_object_id", "clue", ["object_id"])
    op.create_index("ix_clue_department_id", "clue", ["department_id"])
    op.create_index("ix_clue_cluster", "clue", ["industry", "district", "received_at"])
    op.create_table(
        "specialproposal",
        sa.Column("id", BigId, nullable=False),
        sa.Column("industry", sa.String(length=60), nullable=False),
        sa.Column("district", sa.String(length=60), nullable=False),
        sa.Column("clues", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("ratio", sa.Integer(), nullable=False),
        sa.Column("proposed_at", Moment, nullable=False),
        sa.CheckConstraint("ratio > 0 AND ratio <= 100", name="ck_special_ratio"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_special_proposal", "specialproposal", ["industry", "district"])
