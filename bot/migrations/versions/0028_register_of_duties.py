"""The register of duties (责任清单): what each department owes by a day of the year."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table('dutyentry',
    sa.Column('id', BigId, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('year', sa.Integer(), nullable=False),
    sa.Column('department_id', sa.Integer(), nullable=False),
    sa.Column('basis', sa.String(length=200), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('opened_at', Moment, nullable=False),
    sa.Column('filed_at', Moment, nullable=True),
    sa.Column('filed_by', sa.Integer(), nullable=True),
    sa.Column('evidence', sa.String(length=200), nullable=False),
    sa.Column('reminded_on', sa.Date(), nullable=True),
    sa.CheckConstraint("filed_at IS NULL OR evidence <> ''", name='ck_duty_evidence'),
    sa.CheckConstraint("kind IN ('plan', 'joint_plan', 'yearly_results')", name='ck_duty_kind'),
    sa.ForeignKeyConstraint(['department_id'], ['department.id'], ),
    sa.ForeignKeyConstraint(['filed_by'], ['person.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('kind', 'year', 'department_id', name='uq_duty_entry')
    )
    with op.batch_alter_table('dutyentry', schema=None) as batch_op:
        batch_op.create_index('ix_dutyentry_department_id', ['department_id'], unique=False)

