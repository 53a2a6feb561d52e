"""Where an object is registered on the map; positions WeCom sent before become WGS-84 like all others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.core.coordinates import to_wgs84

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_CHECK_INS = sa.table(
    "checkin", sa.column("id"), sa.column("latitude"), sa.column("longitude"), sa.column("place")
)


def upgrade() -> None:
    with op.batch_alter_table("inspectionobject") as table:
        table.add_column(sa.Column("latitude", sa.Float(), nullable=True))
        table.add_column(sa.Column("longitude", sa.Float(), nullable=True))
        table.create_check_constraint(
            "ck_object_place",
            "(latitude IS NULL) = (longitude IS NULL) AND"
            " (latitude IS NULL OR (latitude BETWEEN 3 AND 54 AND longitude BETWEEN 73 AND 136))",
        )
    _straighten(op.get_bind())


def _straighten(connection: sa.Connection) -> None:
    """Only a WeCom position, which is GCJ-02, came with the words of an address."""
    at = _CHECK_INS.c
    sent = sa.select(at.id, at.latitude, at.longitude).where(
        at.place != "", at.latitude.is_not(None), at.longitude.is_not(None)
    )
    for row_id, latitude, longitude in connection.execute(sent).all():
        north, east = to_wgs84((latitude, longitude))
        connection.execute(sa.update(_CHECK_INS).where(at.id == row_id).values(latitude=north, longitude=east))
