"""Fetch what a person sent at once and keep it: the services' own links die in minutes or days."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import structs
from sqlalchemy import update
from sqlmodel import Session, col

from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.log import log
from bot.inspection.checklists.blobs import TROUBLE
from bot.inspection.checklists.evidence import EvidenceStore, Stored
from bot.inspection.notices.models import InboxEvent
from bot.platforms.base import InboundEvent, InboundKind, Platform, PlatformError

KEPT = "kept"  # in ``raw``: what lies in the evidence store, or why it does not
LOST = "照片没有取到，请再发一次。"


class MediaKeeper:
    """Fetch each file of an event once, before anything else is done about it."""

    def __init__(self, db: Database, platforms: Mapping[str, Platform], store: EvidenceStore) -> None:
        self._db = db
        self._platforms = platforms
        self._store = store

    async def keep(self, row_id: int, event: InboundEvent) -> InboundEvent:
        """The event with its files in the store. Raise PlatformError, or Problem of the store,
        where trying again may help."""
        if event.kind not in (InboundKind.IMAGE, InboundKind.FILE) or KEPT in event.raw:
            return event
        event = await fetched(event, self._platforms[event.platform], self._store)
        await self._db.write(_note, row_id, event=event)
        return event


async def fetched(event: InboundEvent, platform: Platform, store: EvidenceStore) -> InboundEvent:
    """The event with its files in *store*, or with the reason why one is not."""
    ids = [event.media_id, *event.raw.get("more_media", ())]
    kept = [await _keep(platform, store, media_id) for media_id in ids if media_id]
    return structs.replace(event, raw={**event.raw, KEPT: kept})


async def _keep(platform: Platform, store: EvidenceStore, media_id: str) -> dict[str, Any]:
    try:
        media = await platform.fetch_media(media_id)
        stored = await asyncio.to_thread(store.put, media.body)
    except PlatformError as error:
        if not error.permanent:
            raise
        log.warning("media_lost", platform=platform.name, code=error.code)
        return {"problem": LOST}
    except Problem as problem:
        if problem.key in TROUBLE:  # the service has it for days: it is fetched again
            raise
        return {"problem": str(problem)}
    return {"sha256": stored.sha256, "size": stored.size, "media_type": stored.media_type}


def kept_files(event: InboundEvent) -> list[Stored]:
    """The files of an event that was kept. Raise ``Problem`` ``media_lost`` with the reason when there are none."""
    found = event.raw.get(KEPT, ())
    files = [Stored(**one) for one in found if "sha256" in one]
    if not files:
        reasons = [one["problem"] for one in found if "problem" in one]
        raise Problem("media_lost", reasons[0] if reasons else LOST)
    return files


def _note(session: Session, row_id: int, *, event: InboundEvent) -> None:
    session.execute(
        update(InboxEvent).where(col(InboxEvent.id) == row_id).values(body=msgspec.to_builtins(event))
    )
