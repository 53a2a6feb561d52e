"""What is due stands in its index in the order in which it goes out, and attempts lose an index that repeated another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_DUE = sa.text("state IN ('queued', 'held')")


def upgrade() -> None:
    op.drop_index("ix_notice_due", "notice")
    op.create_index(
        "ix_notice_due", "notice", ["priority", "not_before", "id"], sqlite_where=_DUE, postgresql_where=_DUE
    )
    op.drop_index("ix_attempt_notice_id", "attempt")  # uq_attempt begins with the same column
