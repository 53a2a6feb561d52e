"""Browsers that may open a person's forms, and the time spent on each section."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "formdevice",
        sa.Column("id", BigId, nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_at", Moment, nullable=False),
        sa.Column("bound_at", Moment, nullable=True),
        sa.Column("gone_at", Moment, nullable=True),
        sa.CheckConstraint("bound_at IS NULL OR code = ''", name="ck_form_device_code_used"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_sha256"),
    )
    op.create_index("ix_formdevice_person_id", "formdevice", ["person_id"])
    with op.batch_alter_table("visitform") as form:
        form.add_column(sa.Column("times", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("visitform") as form:
        form.alter_column("times", server_default=None)
