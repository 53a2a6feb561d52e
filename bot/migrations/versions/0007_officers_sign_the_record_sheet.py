"""Officers sign the record sheet, or say what they see differently (C18)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sheetsignature",
        sa.Column("id", BigId, nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("verify_code", sa.String(length=26), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("department", sa.String(length=100), nullable=False),
        sa.Column("sections", sa.String(), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("objection", sa.String(), nullable=False),
        sa.Column("signature_sha256", sa.String(length=64), nullable=False),
        sa.Column("way", sa.String(length=12), nullable=False),
        sa.Column("seen_sha256", sa.String(length=64), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint("agrees OR objection <> ''", name="ck_sheet_signature_objection"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("verify_code", "person_id", name="uq_sheet_signature"),
    )
    op.create_index("ix_sheetsignature_visit_id", "sheetsignature", ["visit_id"])
