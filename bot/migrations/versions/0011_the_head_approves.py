"""The head of the authority approves visits, and the notice is kept as it was issued (C15)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("personrole") as table:
        table.drop_constraint("ck_person_role", type_="check")
        table.create_check_constraint(
            "ck_person_role", "role IN ('OFFICER', 'HEAD', 'LEAD', 'REVIEWER', 'COORDINATOR', 'ADMIN', 'ENTERPRISE')"
        )
    op.create_table(
        "visitapproval",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("asked_at", Moment, nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("urgent_reason", sa.String(), nullable=False),
        sa.Column("urgent_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", Moment, nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=False),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.CheckConstraint("NOT urgent OR urgent_reason <> ''", name="ck_visit_approval_urgent"),
        sa.CheckConstraint("state <> 'REFUSED' OR decision_reason <> ''", name="ck_visit_approval_refused"),
        sa.CheckConstraint("state IN ('ASKED', 'GRANTED', 'REFUSED')", name="ck_visit_approval_state"),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["urgent_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("visit_id"),
    )
    op.create_index("ix_visit_approval_state_reminded", "visitapproval", ["state", "reminded_on"])
    op.create_table(
        "noticedocument",
        sa.Column("id", BigId, nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=False),
        sa.Column("issued_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id", "version", name="uq_notice_document"),
    )
    op.create_index("ix_noticedocument_visit_id", "noticedocument", ["visit_id"])
    op.create_index("ix_noticedocument_pdf_sha256", "noticedocument", ["pdf_sha256"])
