"""Answers are looked up by visit through their unique key; a second index only made each submission dearer.

Revision ID: 0040
Revises: 0039
"""

from __future__ import annotations

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_answer_visit_id", "answer")


def downgrade() -> None:
    op.create_index("ix_answer_visit_id", "answer", ["visit_id"])
