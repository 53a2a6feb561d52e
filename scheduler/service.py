"""APScheduler with a memory store and a handful of fixed ticks: it knows when, never what."""

from __future__ import annotations

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.core.log import log
from scheduler.jobs import Ticks


def make_scheduler(ticks: Ticks, *, seconds: float) -> AsyncIOScheduler:
    """Tick every *seconds*; a tick that is late runs once, a tick that still runs is not run twice."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    for name in ticks.jobs():
        scheduler.add_job(
            _guarded, "interval", seconds=seconds, args=(ticks, name), id=name, coalesce=True, max_instances=1,
            misfire_grace_time=None,
        )  # fmt: skip
    return scheduler


async def _guarded(ticks: Ticks, name: str) -> None:
    try:
        await ticks.run(name)
    except Exception:  # noqa: BLE001 - logged; the next tick tries again
        log.exception("tick_failed", job=name)
