"""Return visits: the recorded sample, its visits, their officers (C31)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "returnsample",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Float(), nullable=False),
        sa.Column("pool", sa.JSON(), nullable=False),
        sa.Column("pool_sha256", sa.String(length=64), nullable=False),
        sa.Column("rules_sha256", sa.String(length=64), nullable=False),
        sa.Column("secret_hex", sa.String(length=64), nullable=False),
        sa.Column("seed_hex", sa.String(length=64), nullable=False),
        sa.Column("drawn_at", Moment, nullable=False),
        sa.CheckConstraint("percent > 0 AND percent <= 100", name="ck_return_sample_percent"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("ix_returnsample_task_id", "returnsample", ["task_id"])
    op.create_table(
        "returnvisit",
        sa.Column("id", BigId, nullable=False),
        sa.Column("sample_id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("ticket", sa.String(length=64), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("finding", sa.String(length=8), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("differs", sa.Boolean(), nullable=False),
        sa.Column("done_at", Moment, nullable=True),
        sa.Column("done_by", sa.Integer(), nullable=True),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.CheckConstraint("finding = '' OR finding IN ('CLEAN', 'PROBLEM')", name="ck_return_finding"),
        sa.CheckConstraint("finding <> 'PROBLEM' OR note <> ''", name="ck_return_note"),
        sa.CheckConstraint("(finding = '') = (done_at IS NULL)", name="ck_return_done"),
        sa.ForeignKeyConstraint(["sample_id"], ["returnsample.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.ForeignKeyConstraint(["done_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id", name="uq_return_visit"),
    )
    op.create_index("ix_returnvisit_sample_id", "returnvisit", ["sample_id"])
    changed = sa.text("reminded_on IS NULL")
    op.create_index("ix_return_changed", "returnvisit", ["id"], sqlite_where=changed, postgresql_where=changed)
    op.create_table(
        "returnofficer",
        sa.Column("return_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("ticket", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["return_id"], ["returnvisit.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("return_id", "person_id"),
    )
    op.create_index("ix_returnofficer_person_id", "returnofficer", ["person_id"])
