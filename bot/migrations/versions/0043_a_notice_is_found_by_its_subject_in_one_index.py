"""The key of a notice begins with its subject, by which notices are looked up: the index on that alone can go, and each
version of a row is written to one index less."""

from __future__ import annotations

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("notice") as notice:
        notice.drop_constraint("uq_notice", type_="unique")
        notice.create_unique_constraint("uq_notice", ["subject", "kind", "recipient_id", "slot"])
        notice.drop_index("ix_notice_subject")
