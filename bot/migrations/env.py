"""What Alembic runs, on the connection of ``bot.migrations``: the writing engine's, in a transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.environment import NameFilterParentNames, NameFilterType

from bot.core.tables import BigId, Moment
from bot.inspection.tables import METADATA


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our column kinds by the names that script.py.mako defines, so no migration imports a model."""
    if kind == "type" and isinstance(item, Moment):
        return "Moment"
    if kind == "type" and item is BigId:
        return "BigId"
    if kind == "type" and type(item).__name__ == "AutoString":
        return f"sa.String({f'length={item.length}' if item.length else ''})"
    return False


def _ours(name: str | None, kind: NameFilterType, _parents: NameFilterParentNames) -> bool:
    """Leave other programs' tables in the same database alone."""
    return kind != "table" or name in METADATA.tables


def run() -> None:
    """Apply what is asked for on the connection that was handed in."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=_render,
        include_name=_ours,
        transactional_ddl=True,
    )
    context.run_migrations()


run()
