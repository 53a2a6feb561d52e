"""People's names of a round's own in its files, sizes of files, signatures of beacons. Rounds there are keep theirs."""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("draw") as table:
        table.add_column(sa.Column("own_names", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("drawword") as table:
        table.add_column(sa.Column("proof", sa.String(length=192), nullable=False, server_default=""))
    with op.batch_alter_table("drawfile") as table:
        table.add_column(sa.Column("size", sa.Integer(), nullable=False, server_default="0"))
    bodies, sizes = sa.text("SELECT draw_id, name FROM drawfile"), "UPDATE drawfile SET size = :size"
    connection = op.get_bind()
    for draw, name in connection.execute(bodies).all():  # one at a time: a pool may have a million lines
        where = {"draw": draw, "name": name}
        body = connection.execute(
            sa.text("SELECT body FROM drawfile WHERE draw_id = :draw AND name = :name"), where
        ).scalar_one()
        connection.execute(
            sa.text(f"{sizes} WHERE draw_id = :draw AND name = :name"),
            where | {"size": len(zlib.decompress(body))},
        )
