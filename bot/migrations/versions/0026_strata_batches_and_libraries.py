"""Strata, uplifts and floors of a plan line; batches that open on their day; who confirmed which library."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATES = (
    "SCHEDULED", "ASSIGNED", "ACCEPTED", "ON_SITE", "RECORDED", "IN_REVIEW", "APPROVED", "PUBLISHED", "NON_PUBLIC",
)


def upgrade() -> None:
    for name in ("strata", "uplifts", "batch_opens"):
        op.add_column("planline", sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
    for name in ("floor", "exclude_months"):
        op.add_column("planline", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("task") as table:
        table.add_column(sa.Column("object_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("application_no", sa.String(length=60), nullable=False, server_default=""))
        table.create_foreign_key("fk_task_object", "inspectionobject", ["object_id"], ["id"])
    words = ", ".join(repr(state) for state in STATES)
    with op.batch_alter_table("visit") as table:
        table.drop_constraint("ck_visit_state", type_="check")
        table.create_check_constraint("ck_visit_state", f"state IN ({words})")
    op.create_table(
        "libraryconfirmation",
        sa.Column("id", BigId, nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("library", sa.String(length=10), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("changes", sa.String(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint("library IN ('OBJECTS', 'OFFICERS')", name="ck_library_confirmation"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_libraryconfirmation_task_id", "libraryconfirmation", ["task_id"])
    op.create_table(
        "taskbatch",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("opens_on", sa.Date(), nullable=False),
        sa.Column("opened_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.PrimaryKeyConstraint("task_id", "number"),
    )
    op.create_index(
        "ix_task_batch_waiting",
        "taskbatch",
        ["opens_on"],
        sqlite_where=sa.text("opened_at IS NULL"),
        postgresql_where=sa.text("opened_at IS NULL"),
    )
