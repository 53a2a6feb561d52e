"""What changed since its clocks were derived is found by an index of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_visit_state_reminded", table_name="visit")
    for table, index in (("visit", "ix_visit_changed"), ("followup", "ix_follow_up_changed")):
        changed = sa.text("reminded_on IS NULL")
        op.create_index(index, table, ["id"], sqlite_where=changed, postgresql_where=changed)
        op.execute(f"UPDATE {table} SET reminded_on = NULL")  # every clock is derived once
