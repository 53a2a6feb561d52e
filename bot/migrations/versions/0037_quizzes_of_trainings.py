"""A training may end with a short quiz; every attempt is kept (C14)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("trainingsession") as table:
        table.add_column(sa.Column("quiz", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("pass_percent", sa.Integer(), nullable=True))
        table.create_check_constraint("ck_training_session_pass", "pass_percent BETWEEN 1 AND 100")
    with op.batch_alter_table("training") as table:
        table.add_column(sa.Column("quiz_due", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "trainingattempt",
        sa.Column("id", BigId, nullable=False),
        sa.Column("training_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name="ck_training_attempt_score"),
        sa.ForeignKeyConstraint(["training_id"], ["trainingsession.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("training_id", "person_id", "number", name="uq_training_attempt"),
    )
    op.create_index("ix_trainingattempt_person_id", "trainingattempt", ["person_id"])
