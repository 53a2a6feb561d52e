"""Whose part of a form is whose, and which departments are there to fill theirs (C16, C17, JZ-17.1).

In a joint visit every department works with officers of its own: two of one do not make up for one of another
(行政处罚法 art. 42, D14).
"""

from __future__ import annotations

from collections import Counter

from bot.core.errors import Problem
from bot.inspection.checklists.basics import FormBasics
from bot.inspection.registry.models import Item
from bot.inspection.tasks.basics import Named
from bot.inspection.tasks.presence import acts_for

LEAST = 2  # officers; the law's number, below which no locality goes


def is_own_section(facts: FormBasics, item: Item | Named, person_id: int) -> bool:
    """Whether an item is filled by this officer: one of the department that checks it.

    Where that department sent nobody, the lead department's officers fill it; where that sent nobody either, all do.
    """
    return owner_of(facts, item) in (None, department_of(facts, person_id))


def owner_of(facts: FormBasics, item: Item | Named) -> int | None:
    """The department whose officers fill an item; None where everybody does."""
    lead, sent = facts.visit.task.lead_department_id, _team(facts).values()
    wanted = facts.visit.sections.get(item.id or 0) or lead
    owner = wanted if wanted in sent else lead
    return owner if owner in sent else None


def department_of(facts: FormBasics, person_id: int) -> int | None:
    """The department of the task an officer of the visit acts for; None for anybody else."""
    return _team(facts).get(person_id)


def is_present(facts: FormBasics, person_id: int, *, least: int = LEAST) -> bool:
    """Whether *least* officers of this officer's department are there, or need not be. What was returned is corrected
    at the desk."""
    if not facts.on_site or facts.returned:
        return True
    return _there(facts)[department_of(facts, person_id)] >= least


def absent(facts: FormBasics, *, least: int) -> list[str]:
    """The departments with a part in the form of which fewer than *least* officers checked in, by name."""
    if not facts.on_site or facts.returned:
        return []
    there, lead = _there(facts), facts.visit.task.lead_department_id
    owners = dict.fromkeys(owner_of(facts, item) for item, _ in facts.checklists)
    missing = [o for o in owners if (there[o] if o is not None else there.total()) < least]
    return [facts.visit.departments.get(lead if o is None else o, facts.visit.department) for o in missing]


def require_present(facts: FormBasics, *, least: int) -> None:
    """Raise ``officers_missing`` naming each department that is not there as the law asks (C16)."""
    missing = absent(facts, least=least)
    if missing:
        raise Problem(
            "officers_missing", f"{'、'.join(missing)}签到的执法人员少于 {least} 人，签到后才能签字和提交。"
        )


def _team(facts: FormBasics) -> dict[int, int]:
    """Officer -> department of the task."""
    return {person.id or 0: acts_for(facts.visit.task, officer) for person, officer in facts.visit.officers}


def _there(facts: FormBasics) -> Counter[int | None]:
    """How many officers of each department checked in; who was replaced counts no more."""
    present = {check_in.person_id for check_in in facts.check_ins}
    return Counter(department for person, department in _team(facts).items() if person in present)
