"""Held and merged notices, what the platform tells of them, where each attempt went, and mass tellings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STATES = (
    "state IN ('queued', 'held', 'sending', 'sent', 'failed', 'expired', 'withdrawn', 'skipped', 'merged')"
)
_DUE = sa.text("state IN ('queued', 'held')")
_UNSEEN = sa.text("state = 'sent' AND read_at IS NULL AND clicked_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "masstelling",
        sa.Column("id", BigId, nullable=False),
        sa.Column("caused_by", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.Column("leaves_at", Moment, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("stopped_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(["caused_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _notice()
    op.add_column("attempt", sa.Column("target", sa.String(length=200), nullable=False, server_default=""))
    op.create_index("ix_attempt_target", "attempt", ["platform", "target", "at"])


def _notice() -> None:
    op.drop_index("ix_notice_due", "notice")
    with op.batch_alter_table("notice") as batch:
        batch.drop_constraint("ck_notice_state", type_="check")
        batch.create_check_constraint("ck_notice_state", sa.text(_STATES))
        batch.add_column(sa.Column("delivered_at", Moment, nullable=True))
        batch.add_column(sa.Column("clicked_at", Moment, nullable=True))
        batch.add_column(sa.Column("moved", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("merged_into", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("mass_id", sa.Integer(), nullable=True))
        batch.create_foreign_key("fk_notice_merged_into", "notice", ["merged_into"], ["id"])
        batch.create_foreign_key("fk_notice_mass_id", "masstelling", ["mass_id"], ["id"])
    op.create_index("ix_notice_merged_into", "notice", ["merged_into"])
    op.create_index("ix_notice_mass_id", "notice", ["mass_id"])
    op.create_index(
        "ix_notice_due", "notice", ["not_before", "priority"], sqlite_where=_DUE, postgresql_where=_DUE
    )
    op.create_index("ix_notice_sent", "notice", ["done_at"], sqlite_where=_UNSEEN, postgresql_where=_UNSEEN)
