"""The risk index of objects, and which change of credit was warned of (C27)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("inspectionobject", sa.Column("risk_index", sa.Integer(), nullable=True))
    with op.batch_alter_table("credithistory") as table:
        table.add_column(sa.Column("risk_index", sa.Integer(), nullable=True))
        table.add_column(sa.Column("checked_at", Moment, nullable=True))
        table.add_column(sa.Column("warning", sa.String(length=12), nullable=False, server_default=""))
        table.add_column(sa.Column("batch_id", sa.Integer(), nullable=True))
        table.create_foreign_key("fk_credithistory_batch", "importbatch", ["batch_id"], ["id"])
        table.create_check_constraint("ck_credit_warning", "warning IN ('', 'CLASS_DROP', 'INDEX_JUMP')")
    op.execute("UPDATE credithistory SET checked_at = since")  # what came in before nobody was warned of
    unchecked, warned = sa.text("checked_at IS NULL"), sa.text("warning <> ''")
    op.create_index(
        "ix_credit_unchecked", "credithistory", ["id"], sqlite_where=unchecked, postgresql_where=unchecked
    )
    op.create_index(
        "ix_credit_warned", "credithistory", ["batch_id"], sqlite_where=warned, postgresql_where=warned
    )
