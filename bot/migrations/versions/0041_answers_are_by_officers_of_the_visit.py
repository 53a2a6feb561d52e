"""An answer is known by visit, question and version, and its author is an officer of the visit, once drawn for it: one
key to check where there were two, and one index less. A form that phones save all the while gets room on its page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_KEY = ("visit_id", "question", "version")
_COLUMNS = (*_KEY, "value", "note", "person_id", "at", "reason")
_OFFICER = (["visit_id", "person_id"], ["visitofficer.visit_id", "visitofficer.person_id"])


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _made_anew()
        return
    for name in ("answer_visit_id_fkey", "answer_person_id_fkey", "uq_answer_version", "answer_pkey"):
        op.drop_constraint(name, "answer")
    op.drop_column("answer", "id")
    op.create_primary_key("answer_pkey", "answer", list(_KEY))
    op.create_foreign_key("fk_answer_officer", "answer", "visitofficer", _OFFICER[0], ["visit_id", "person_id"])
    op.execute("ALTER TABLE visitform SET (fillfactor = 50)")


def _made_anew() -> None:
    op.create_table(
        "answer_by_officer",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint(*_KEY),
        sa.ForeignKeyConstraint(*_OFFICER, name="fk_answer_officer"),
        sa.CheckConstraint("version = 1 OR reason <> ''", name="ck_answer_change_has_reason"),
        sqlite_with_rowid=False,
    )
    names = ", ".join(_COLUMNS)
    op.execute(f"INSERT INTO answer_by_officer ({names}) SELECT {names} FROM answer")  # noqa: S608 - our own names
    op.drop_table("answer")
    op.rename_table("answer_by_officer", "answer")
