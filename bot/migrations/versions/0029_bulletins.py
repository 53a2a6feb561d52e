"""Bulletins (通报) and the supervision orders that come of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table('bulletin',
    sa.Column('id', BigId, nullable=False),
    sa.Column('period', sa.String(length=7), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('rows', sa.JSON(), nullable=False),
    sa.Column('drafted_at', Moment, nullable=False),
    sa.Column('issued_at', Moment, nullable=True),
    sa.Column('issued_by', sa.Integer(), nullable=True),
    sa.CheckConstraint("state = 'DRAFT' OR issued_at IS NOT NULL", name='ck_bulletin_issued'),
    sa.CheckConstraint("state IN ('DRAFT', 'ISSUED')", name='ck_bulletin_state'),
    sa.ForeignKeyConstraint(['issued_by'], ['person.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('period')
    )
    op.create_table('supervisionorder',
    sa.Column('id', BigId, nullable=False),
    sa.Column('bulletin_id', sa.Integer(), nullable=False),
    sa.Column('department_id', sa.Integer(), nullable=False),
    sa.Column('finding', sa.String(length=400), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('reply', sa.String(), nullable=False),
    sa.Column('opened_at', Moment, nullable=False),
    sa.Column('replied_at', Moment, nullable=True),
    sa.Column('closed_at', Moment, nullable=True),
    sa.Column('reminded_on', sa.Date(), nullable=True),
    sa.CheckConstraint("state = 'OPEN' OR reply <> ''", name='ck_supervision_reply'),
    sa.CheckConstraint("state IN ('OPEN', 'REPLIED', 'CLOSED')", name='ck_supervision_state'),
    sa.ForeignKeyConstraint(['bulletin_id'], ['bulletin.id'], ),
    sa.ForeignKeyConstraint(['department_id'], ['department.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('bulletin_id', 'department_id', name='uq_supervision_order')
    )
    with op.batch_alter_table('supervisionorder', schema=None) as batch_op:
        batch_op.create_index('ix_supervisionorder_department_id', ['department_id'], unique=False)

