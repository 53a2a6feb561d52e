"""A joint task names its departments, and each item of a task the department that checks it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task", sa.Column("joint_department_ids", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("taskitem") as table:
        table.add_column(sa.Column("department_id", sa.Integer(), nullable=True))
        table.create_foreign_key("fk_taskitem_department", "department", ["department_id"], ["id"])
    # until now only the lead sent officers
    op.execute(
        "UPDATE taskitem SET department_id = "
        "(SELECT task.lead_department_id FROM task WHERE task.id = taskitem.task_id)"
    )
