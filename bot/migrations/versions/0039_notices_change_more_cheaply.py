"""A change of a notice or an attempt touches fewer indexes: those that few rows need hold only these, one that nobody
asks is gone, and PostgreSQL keeps room beside each row for its next version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_notice_card_id", "notice")
    for column in ("merged_into", "mass_id"):
        some = sa.text(f"{column} IS NOT NULL")
        op.drop_index(f"ix_notice_{column}", "notice")
        op.create_index(f"ix_notice_{column}", "notice", [column], sqlite_where=some, postgresql_where=some)
    if op.get_bind().dialect.name == "postgresql":
        for table in ("notice", "attempt"):
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 60)")
