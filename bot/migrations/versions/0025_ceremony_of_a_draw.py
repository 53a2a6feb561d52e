"""The draw as a ceremony: prepared, sources typed by two, a redraw decided by a second person, changes after it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATES = ("PREPARED", "COMMITTED", "REVEALED", "LOCKED", "VOID")


def upgrade() -> None:
    words = ", ".join(repr(state) for state in STATES)
    with op.batch_alter_table("draw") as table:
        table.drop_constraint("ck_draw_state", type_="check")
        table.drop_constraint("ck_draw_seed", type_="check")
        for name in ("witness_ids", "waivers", "values"):
            table.add_column(sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("outlook", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("prepared_at", Moment, nullable=True))
        table.add_column(sa.Column("void_asked_by", sa.Integer(), nullable=True))
        table.add_column(sa.Column("void_asked_at", Moment, nullable=True))
        table.add_column(sa.Column("void_at", Moment, nullable=True))
        table.alter_column("committed_at", existing_type=Moment, nullable=True)
        table.create_foreign_key("fk_draw_void_asked_by", "person", ["void_asked_by"], ["id"])
        table.create_check_constraint("ck_draw_state", f"state IN ({words})")
        table.create_check_constraint(
            "ck_draw_seed", "state IN ('PREPARED', 'COMMITTED', 'VOID') OR seed_hex <> ''"
        )
        table.create_check_constraint("ck_draw_committed", "state = 'PREPARED' OR pool_sha256 <> ''")
        table.create_check_constraint(
            "ck_draw_void_two_people", "void_approved_by IS NULL OR void_approved_by <> void_asked_by"
        )
    op.execute("UPDATE draw SET prepared_at = committed_at")
    op.create_table(
        "drawword",
        sa.Column("id", BigId, nullable=False),
        sa.Column("draw_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("fallback", sa.Boolean(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint("value <> '' OR fallback", name="ck_draw_word_value"),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("draw_id", "place", "person_id", name="uq_draw_word"),
    )
    op.create_index("ix_drawword_draw_id", "drawword", ["draw_id"])
    op.create_table(
        "drawchange",
        sa.Column("id", BigId, nullable=False),
        sa.Column("draw_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("draw_id", "number", name="uq_draw_change"),
    )
    op.create_index("ix_drawchange_draw_id", "drawchange", ["draw_id"])
