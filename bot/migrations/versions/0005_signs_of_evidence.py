"""When and where a photo says it was taken, what does not fit, and what was taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("evidence") as evidence:
        evidence.add_column(sa.Column("taken_at", Moment, nullable=True))
        evidence.add_column(sa.Column("taken_latitude", sa.Float(), nullable=True))
        evidence.add_column(sa.Column("taken_longitude", sa.Float(), nullable=True))
        evidence.add_column(sa.Column("signs", sa.JSON(), nullable=False, server_default="[]"))
        evidence.add_column(sa.Column("removed_at", Moment, nullable=True))
        evidence.add_column(sa.Column("removed_by", sa.Integer(), nullable=True))
        evidence.create_foreign_key("fk_evidence_removed_by", "person", ["removed_by"], ["id"])
        evidence.create_check_constraint("ck_evidence_removed_by", "removed_at IS NULL OR removed_by IS NOT NULL")
    with op.batch_alter_table("evidence") as evidence:
        evidence.alter_column("signs", server_default=None)
