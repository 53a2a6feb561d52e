"""Deadlines with their policies and clocks: what is promised to whom until a duty is done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table("heartbeat",
    sa.Column("name", sa.String(length=24), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.PrimaryKeyConstraint("name")
    )
    op.create_table("reminderpolicy",
    sa.Column("id", BigId, nullable=False),
    sa.Column("sha256", sa.String(length=64), nullable=False),
    sa.Column("kind", sa.String(length=24), nullable=False),
    sa.Column("steps", sa.JSON(), nullable=False),
    sa.Column("remind_at", sa.String(length=5), nullable=False),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("sha256")
    )
    op.create_table("reminderclock",
    sa.Column("id", BigId, nullable=False),
    sa.Column("key", sa.String(length=80), nullable=False),
    sa.Column("policy_id", sa.Integer(), nullable=False),
    sa.Column("started_on", sa.Date(), nullable=False),
    sa.Column("due_on", sa.Date(), nullable=True),
    sa.Column("due_at", Moment, nullable=True),
    sa.ForeignKeyConstraint(["policy_id"], ["reminderpolicy.id"], ),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("key")
    )
    op.create_table("deadline",
    sa.Column("id", BigId, nullable=False),
    sa.Column("kind", sa.String(length=24), nullable=False),
    sa.Column("subject", sa.String(length=60), nullable=False),
    sa.Column("root", sa.String(length=60), nullable=False),
    sa.Column("about", sa.String(length=60), nullable=False),
    sa.Column("above", sa.String(length=60), nullable=False),
    sa.Column("tag", sa.String(length=24), nullable=False),
    sa.Column("generation", sa.Integer(), nullable=False),
    sa.Column("department_id", sa.Integer(), nullable=False),
    sa.Column("clock_id", sa.Integer(), nullable=False),
    sa.Column("provisional", sa.Boolean(), nullable=False),
    sa.Column("next_at", Moment, nullable=True),
    sa.Column("opened_at", Moment, nullable=False),
    sa.Column("closed_at", Moment, nullable=True),
    sa.CheckConstraint("closed_at IS NULL OR next_at IS NULL", name="ck_deadline_closed_is_silent"),
    sa.ForeignKeyConstraint(["clock_id"], ["reminderclock.id"], ),
    sa.ForeignKeyConstraint(["department_id"], ["department.id"], ),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("kind", "subject", name="uq_deadline")
    )
    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.create_index("ix_deadline_clock_id", ["clock_id"], unique=False)
        batch_op.create_index("ix_deadline_next", ["next_at", "clock_id"], unique=False, sqlite_where=sa.text("next_at IS NOT NULL"), postgresql_where=sa.text("next_at IS NOT NULL"))
        batch_op.create_index("ix_deadline_root", ["root"], unique=False)

    op.create_table("dutyholder",
    sa.Column("department_id", sa.Integer(), nullable=False),
    sa.Column("who", sa.String(length=12), nullable=False),
    sa.Column("person_id", sa.Integer(), nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.ForeignKeyConstraint(["department_id"], ["department.id"], ),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], ),
    sa.PrimaryKeyConstraint("department_id", "who", "person_id")
    )
    op.create_table("deadlinemember",
    sa.Column("deadline_id", sa.Integer(), nullable=False),
    sa.Column("person_id", sa.Integer(), nullable=False),
    sa.Column("who", sa.String(length=12), nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.ForeignKeyConstraint(["deadline_id"], ["deadline.id"], ),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], ),
    sa.PrimaryKeyConstraint("deadline_id", "person_id")
    )
    op.create_table("hush",
    sa.Column("deadline_id", sa.Integer(), nullable=False),
    sa.Column("person_id", sa.Integer(), nullable=False),
    sa.Column("kind", sa.String(length=12), nullable=False),
    sa.Column("until", Moment, nullable=False),
    sa.Column("reason", sa.String(), nullable=False),
    sa.Column("snoozes", sa.Integer(), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.CheckConstraint("kind <> 'SNOOZED' OR reason <> ''", name="ck_hush_reason"),
    sa.CheckConstraint("kind IN ('ACKNOWLEDGED', 'SNOOZED')", name="ck_hush_kind"),
    sa.ForeignKeyConstraint(["deadline_id"], ["deadline.id"], ),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], ),
    sa.PrimaryKeyConstraint("deadline_id", "person_id")
    )
