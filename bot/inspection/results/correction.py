"""更正: after the approval a result changes only as a new version with a reason (C21). The old one stays readable."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlmodel import Session

from bot.core.errors import Problem
from bot.core.words import said, says_something
from bot.inspection.audit.service import record
from bot.inspection.checklists.outcomes import check_item, settle_visit, worst
from bot.inspection.notices.service import enqueue, touch_cards
from bot.inspection.results.models import ItemResult
from bot.inspection.results.service import item_results, require_reviewer
from bot.inspection.tasks.models import Task, Visit, VisitState
from bot.inspection.tasks.queries import get_visit, leads_of, live_officers
from bot.inspection.tasks.service import subject_of

DECIDED = (VisitState.APPROVED, VisitState.PUBLISHED, VisitState.NON_PUBLIC)


def correct_result(
    session: Session, *, visit_id: int, codes: Mapping[int, Sequence[str]], reason: str, by: int, now: dt.datetime,
    problems: Mapping[int, str] | None = None,
) -> list[ItemResult]:  # fmt: skip
    """New versions of the results of some items (by item id) of an approved visit; returns those that changed.

    An outcome of the whole visit (R04, R06, R07, R21 to R25) holds for every item. Raises ``forbidden`` (an officer
    of the visit, or no reviewer of its departments), ``wrong_state``, ``reason_missing``, ``result_conflict``,
    ``not_found`` (no such item) or ``nothing_changed``.
    """
    visit = get_visit(session, visit_id, lock=True)
    require_reviewer(session, visit_id, by)
    if visit.state not in DECIDED:
        raise Problem("wrong_state", "还没有审核通过的结果不用更正：退回检查人员修改即可。")
    reason = said(reason, 500)
    if not says_something(reason):
        raise Problem("reason_missing", "更正要写明理由。", 理由="不能为空")
    changed = keep_versions(
        session, visit, codes=codes, problems=problems or {}, reason=reason, by=by, now=now
    )
    if not changed:
        raise Problem("nothing_changed", "更正后的结果与现在的相同。")
    _tell(session, visit, reason=reason, by=by, now=now)
    return changed


def keep_versions(
    session: Session, visit: Visit, *, codes: Mapping[int, Sequence[str]], problems: Mapping[int, str], reason: str,
    by: int, now: dt.datetime,
) -> list[ItemResult]:  # fmt: skip
    """Store a next version where codes or words differ, and the visit's outcome after it. For callers that checked
    who may; raises ``not_found`` and ``result_conflict``."""
    standing = {result.item_id: result for result in item_results(session, visit.id or 0)}
    if unknown := set(codes) - set(standing):
        raise Problem("not_found", "这次检查没有这个事项。", 事项=str(min(unknown)))
    wanted = {str(item): check_item(codes.get(item, result.codes)) for item, result in standing.items()}
    settled = settle_visit(wanted)
    changed = []
    for item, result in standing.items():
        problem = problems.get(item, result.problem)
        if (settled[str(item)], problem) == (result.codes, result.problem):
            continue
        made = ItemResult(
            visit_id=visit.id or 0, item_id=item, version=result.version + 1, codes=settled[str(item)], problem=problem,
            at=now, person_id=by, reason=reason,
        )  # fmt: skip
        session.add(made)
        changed.append(made)
    if changed:
        visit.outcome = worst(code for found in settled.values() for code in found) or ""
        session.add(visit)
        session.flush()
        items = sorted(made.item_id for made in changed)
        record(session, "result.corrected", subject_of(visit.id or 0), now=now, actor=by, items=items,
               outcome=visit.outcome)  # fmt: skip
    return changed


def _tell(session: Session, visit: Visit, *, reason: str, by: int, now: dt.datetime) -> None:
    """The officers and the lead hear what became of their result."""
    task = session.get_one(Task, visit.task_id)
    officers = [officer.person_id for officer in live_officers(session, visit.id or 0)]
    for person in dict.fromkeys([*officers, *leads_of(session, task.lead_department_id)]):
        if person != by:
            enqueue(session, "result_corrected", subject_of(visit.id or 0), recipient_id=person, now=now,
                    slot=now.isoformat(timespec="seconds"), data={"reason": reason})  # fmt: skip
    touch_cards(session, subject_of(visit.id or 0), now=now)
