"""Which checklist an item is inspected with: published once, pinned by the task, then never changed."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.checklists.definition import Checklist, all_checklists, parse_checklist
from bot.inspection.checklists.models import ChecklistVersion
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import Task


def publish_checklist(session: Session, *, checklist: Checklist, now: dt.datetime) -> ChecklistVersion:
    """Store a version once; the same version with other content is refused (``checklist_changed``)."""
    same = select(ChecklistVersion).where(
        ChecklistVersion.code == checklist.code, ChecklistVersion.version == checklist.version
    )
    stored = session.exec(same).one_or_none()
    if stored is not None:
        if stored.sha256 != checklist.sha256():
            raise Problem("checklist_changed", f"检查表 {checklist.code} 这个版本已发布，修改请用新版本号。")
        return stored
    stored = ChecklistVersion(
        code=checklist.code,
        version=checklist.version,
        name=checklist.name,
        sha256=checklist.sha256(),
        definition=checklist.definition(),
    )
    session.add(stored)
    session.flush()
    record(session, "checklist.published", f"checklist:{stored.id}", now=now, sha256=stored.sha256)
    return stored


def withdraw_checklist(
    session: Session, *, code: str, version: int, reason: str, now: dt.datetime
) -> ChecklistVersion:
    """撤下: no new task takes this version; what was pinned is filled, signed and reviewed to its end.

    Twice is once. Raises ``checklist_unknown`` or ``reason_missing``.
    """
    if not reason.strip():
        raise Problem("reason_missing", "请写明撤下的理由。", 理由="不能为空")
    same = select(ChecklistVersion).where(ChecklistVersion.code == code, ChecklistVersion.version == version)
    stored = session.exec(same.with_for_update()).one_or_none()
    if stored is None:
        raise Problem("checklist_unknown", f"没有发布过检查表 {code} 的第 {version} 版。")
    if stored.withdrawn_at is None:
        stored.withdrawn_at = now
        session.add(stored)
        record(session, "checklist.withdrawn", f"checklist:{stored.id}", now=now, reason=reason.strip()[:200])
    return stored


def published(session: Session) -> list[tuple[ChecklistVersion, int]]:
    """Every version with the number of tasks that are pinned to it, newest first within a code."""
    pinned = Counter(version for ids in session.exec(select(Task.checklist_ids)) for version in set(ids))
    query = select(ChecklistVersion).order_by(
        col(ChecklistVersion.code), col(ChecklistVersion.version).desc()
    )
    return [(version, pinned[version.id or 0]) for version in session.exec(query)]


def latest_checklist(session: Session, code: str) -> ChecklistVersion | None:
    """The newest version of *code* that is not withdrawn: what a dispatch pins."""
    query = select(ChecklistVersion).where(
        ChecklistVersion.code == code, col(ChecklistVersion.withdrawn_at).is_(None)
    )
    return session.exec(query.order_by(col(ChecklistVersion.version).desc())).first()


def pin_checklists(session: Session, *, task_id: int, now: dt.datetime) -> list[int]:
    """Pin one version per item of the task, in order; a second call changes nothing.

    An item takes the newest published version of its checklist, a shipped one when none was published, and a
    list of two general questions when it names none.
    """
    task = session.get_one(Task, task_id, with_for_update=True)
    if not task.checklist_ids:
        versions = [_version_for(session, session.get_one(Item, item), now=now) for item in task.item_ids]
        task.checklist_ids = [version.id for version in versions if version.id is not None]
        session.add(task)
        record(session, "task.checklists_pinned", f"task:{task_id}", now=now, versions=task.checklist_ids)
    return task.checklist_ids


def general_checklist(item: Item) -> Checklist:
    """Two questions for an item without a checklist of its own."""
    bad = {"codes": ["R05", "R08"], "action": "CORRECT", "text": "写明问题和处理意见"}
    return parse_checklist(
        {
            "code": f"G-{item.id}",
            "version": 1,
            "name": item.name,
            "basis": [item.basis] if item.basis else [],
            "questions": [
                {
                    "key": "1",
                    "text": f"“{item.name}”是否符合要求？",
                    "type": "YN",
                    "starred": True,
                    "guidance": item.content,
                    "article": item.basis,
                    "on_bad": bad,
                },
                {"key": "2", "text": "检查情况", "type": "TEXT"},
            ],
        }
    )


def _version_for(session: Session, item: Item, *, now: dt.datetime) -> ChecklistVersion:
    published = latest_checklist(session, item.checklist_code) if item.checklist_code else None
    if published is not None:
        return published
    shipped = next((c for c in all_checklists() if c.code == item.checklist_code), None)
    version = publish_checklist(session, checklist=shipped or general_checklist(item), now=now)
    if version.withdrawn_at is not None:
        text = f"检查表 {version.code} 的各个版本都已撤下，请先导入新版本，再打开检查表。"
        raise Problem("checklist_withdrawn", text, 检查表=version.code)
    return version
