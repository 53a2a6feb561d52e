"""Leave that was refused may be asked for again for the same days: only requests that were not refused are unique."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("leaverequest") as leave:
        leave.drop_constraint("uq_leave", type_="unique")
    stands = sa.text("state <> 'REFUSED'")
    op.create_index(
        "uq_leave", "leaverequest", ["person_id", "first_day", "last_day"], unique=True, sqlite_where=stands,
        postgresql_where=stands,
    )  # fmt: skip
