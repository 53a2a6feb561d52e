"""The legal office (法制机构) is a role: it hears of suspected crime."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("personrole") as table:
        table.drop_constraint("ck_person_role", type_="check")
        table.create_check_constraint(
            "ck_person_role",
            "role IN ('OFFICER', 'HEAD', 'LEAD', 'REVIEWER', 'COORDINATOR', 'ADMIN', 'LEGAL', 'ENTERPRISE')",
        )
