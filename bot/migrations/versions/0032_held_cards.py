"""A card that one process is changing is held, so that no other changes it at the same time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("card") as table:
        table.add_column(sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
