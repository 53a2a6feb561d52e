"""Requests to the lead: a later last day, and leave with its hand-over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table('leaverequest',
    sa.Column('id', BigId, nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('first_day', sa.Date(), nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('asked_at', Moment, nullable=False),
    sa.Column('decided_at', Moment, nullable=True),
    sa.Column('decided_by', sa.Integer(), nullable=True),
    sa.Column('handed_over', sa.Integer(), nullable=False),
    sa.Column('stayed', sa.Integer(), nullable=False),
    sa.CheckConstraint("reason <> ''", name='ck_leave_reason'),
    sa.CheckConstraint("state IN ('ASKED', 'GRANTED', 'REFUSED')", name='ck_leave_state'),
    sa.CheckConstraint('first_day <= last_day', name='ck_leave_days'),
    sa.ForeignKeyConstraint(['decided_by'], ['person.id'], ),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('person_id', 'first_day', 'last_day', name='uq_leave')
    )
    with op.batch_alter_table('leaverequest', schema=None) as batch_op:
        batch_op.create_index('ix_leaverequest_person_id', ['person_id'], unique=False)

    op.create_table('extension',
    sa.Column('id', BigId, nullable=False),
    sa.Column('deadline_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('asked_at', Moment, nullable=False),
    sa.Column('decided_at', Moment, nullable=True),
    sa.Column('decided_by', sa.Integer(), nullable=True),
    sa.CheckConstraint("reason <> ''", name='ck_extension_reason'),
    sa.CheckConstraint("state = 'ASKED' OR decided_at IS NOT NULL", name='ck_extension_decided'),
    sa.CheckConstraint("state IN ('ASKED', 'GRANTED', 'REFUSED')", name='ck_extension_state'),
    sa.CheckConstraint('until > due_on', name='ck_extension_later'),
    sa.ForeignKeyConstraint(['deadline_id'], ['deadline.id'], ),
    sa.ForeignKeyConstraint(['decided_by'], ['person.id'], ),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('extension', schema=None) as batch_op:
        batch_op.create_index('ix_extension_deadline_id', ['deadline_id'], unique=False)

