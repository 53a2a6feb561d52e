"""Close and sign a record sheet from the web or the chat: prepare, render outside the transaction, keep."""

from __future__ import annotations

import asyncio
import datetime as dt

from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.ids import new_id
from bot.inspection.checklists.evidence import EvidenceStore, Stored
from bot.inspection.checklists.models import RecordSheet
from bot.inspection.checklists.record import Sheet, has_ink, render_pdf
from bot.inspection.profile import Profile
from bot.inspection.results.closing import Closing, close_record, prepare_sheet
from bot.inspection.results.signing import Mark, prepare_signing, sign_record

_AT_ONCE = 20  # officers who may sign in one moment: in each turn one of them comes through


async def close_sheet(
    db: Database, store: EvidenceStore, *, form_id: str, person_id: int, closing: Closing, shown: int | None,
    now: dt.datetime, profile: Profile, public_url: str,
) -> RecordSheet:  # fmt: skip
    """The closed sheet with its PDF in the store. Raises what the services raise.

    *shown* is the draft version the signer saw, None when it was not on a page (a refusal in chat).
    """
    signature = await asyncio.to_thread(_signature, store, closing)
    code = new_id(now.timestamp())
    sheet, version = await db.read(
        prepare_sheet,
        form_id=form_id,
        person_id=person_id,
        closing=closing,
        signature=signature,
        verify_url=f"{public_url}/record/{code}",
        now=now,
        profile=profile,
    )
    if shown is not None and shown != version:
        raise Problem("draft_changed", "同伴刚刚改了回答，请再核对一遍。")
    pdf = await asyncio.to_thread(store.put, await asyncio.to_thread(render_pdf, sheet, now=now))
    return await db.write(
        close_record,
        form_id=form_id,
        person_id=person_id,
        closing=closing,
        draft_version=version,
        pdf=pdf,
        verify_code=code,
        now=now,
        profile=profile,
    )


def _signature(store: EvidenceStore, closing: Closing) -> bytes:
    """The picture of the signature, empty where there is none. Blocking: call it in a thread."""
    if closing.signature is None or closing.refusal_code:
        return b""
    picture = store.read(closing.signature.sha256)
    if closing.signature.media_type.startswith("image/") and not has_ink(picture):
        raise Problem("signature_missing", "签字框是空的，请被检查单位负责人签字。", signature="没有笔迹")
    return picture


async def sign_sheet(
    db: Database, store: EvidenceStore, *, form_id: str, person_id: int, mark: Mark, now: dt.datetime,
    profile: Profile, public_url: str,
) -> bool:  # fmt: skip
    """Put an officer's name under the closed sheet; True when nobody's is missing any more.

    Several officers may sign at the same moment: each signs the sheet with the names of those before on it.
    """
    if mark.ink is not None and not has_ink(await asyncio.to_thread(store.read, mark.ink.sha256)):
        raise Problem("signature_missing", "签名框是空的，请在框内手写签名。", signature="没有笔迹")
    for left in reversed(range(_AT_ONCE)):
        prepared = await db.read(
            prepare_signing, form_id=form_id, person_id=person_id, mark=mark, ink=store.read,
            public_url=public_url, now=now, profile=profile,
        )  # fmt: skip
        pdf, replaces = await asyncio.to_thread(_render_signed, store, prepared, now)
        try:
            return await db.write(sign_record, form_id=form_id, person_id=person_id, mark=mark,
                                  replaces=replaces, pdf=pdf, now=now)  # fmt: skip
        except Problem as problem:
            if problem.key != "sheet_changed" or not left:
                raise
    raise AssertionError("the last try returns or raises")


def _render_signed(
    store: EvidenceStore, prepared: tuple[Sheet, str] | None, now: dt.datetime
) -> tuple[Stored | None, str]:
    """The stored PDF and what it replaces; nothing to draw for who has signed already. Blocking."""
    if prepared is None:
        return None, ""
    sheet, replaces = prepared
    return store.put(render_pdf(sheet, now=now)), replaces
