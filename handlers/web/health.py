"""For machines: does the process answer, can it work, and its figures for whoever holds the token."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlmodel import Session

from bot.core.keys import DB, SETTINGS
from bot.core.log import log
from bot.core.metrics import REGISTRY
from bot.migrations import head

Probe = Callable[[], bool]
PROBES: web.AppKey[dict[str, Probe]] = web.AppKey("probes")  # loops that must be alive, by name


def add_routes(app: web.Application) -> None:
    """/metrics has no route unless its token is set."""
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    if app[SETTINGS].metrics_token is not None:
        app.router.add_get("/metrics", metrics)


async def healthz(_request: web.Request) -> web.Response:
    """The process answers."""
    return web.json_response({"ok": True})


async def readyz(request: web.Request) -> web.Response:
    """The database is reachable and of this code's version, and every loop lives; 503 names what is not."""
    found = {"database": await _database_is_current(request)}
    found |= {name: probe() for name, probe in request.app.get(PROBES, {}).items()}
    ready = all(found.values())
    return web.json_response({"ok": ready, **found}, status=200 if ready else 503)


async def _database_is_current(request: web.Request) -> bool:
    try:
        return await request.app[DB].read(_version) == head()
    except Exception as error:  # noqa: BLE001 - whatever keeps us from reading is the answer
        log.warning("not_ready", error=type(error).__name__)
        return False


def _version(session: Session) -> str:
    return str(session.execute(text("SELECT version_num FROM alembic_version")).scalar())


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text, for the bearer of the token."""
    token = request.app[SETTINGS].metrics_token
    assert token is not None
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode()):
        return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})
