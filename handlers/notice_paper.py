"""Issue a visit's notice from any page: gather, render outside the transaction, keep."""

from __future__ import annotations

import asyncio
import datetime as dt

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.tasks.approval import require_approval
from bot.inspection.tasks.codes import visit_code
from bot.inspection.tasks.models import NoticeDocument
from bot.inspection.tasks.notice_paper import (
    issue_notice,
    latest_notice,
    notice_body,
    render_notice,
    says_the_same,
)


async def issued_notice(
    db: Database, store: EvidenceStore, *, visit_id: int, now: dt.datetime, public_url: str
) -> tuple[NoticeDocument, bytes]:
    """The notice in force and its PDF; issued now where there is none or it no longer says the truth.

    Raises ``not_approved`` while the head has not approved the visit.
    """
    await db.read(require_approval, visit_id)
    code = await db.write(visit_code, visit_id=visit_id, now=now)
    body = await db.read(notice_body, visit_id=visit_id, code=code, public_url=public_url, now=now)
    issued = await db.read(latest_notice, visit_id)
    if issued is None or not says_the_same(issued, body):
        pdf = await asyncio.to_thread(lambda: store.put(render_notice(body, now=now)))
        issued = await db.write(issue_notice, visit_id=visit_id, body=body, pdf_sha256=pdf.sha256, now=now)
    try:
        return issued, await asyncio.to_thread(store.read, issued.pdf_sha256)
    except Problem as problem:
        raise Problem("not_found", "通知书文件不在证据库里，请联系系统管理员。") from problem
