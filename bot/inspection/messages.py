"""Every message kind there is, from every slice."""

from __future__ import annotations

from bot.inspection.checklists import messages as checklists
from bot.inspection.commissions import messages as commissions
from bot.inspection.deadlines import messages as deadlines
from bot.inspection.draws import ceremony_messages as ceremony
from bot.inspection.draws import messages as draws
from bot.inspection.followups import messages as followups
from bot.inspection.metrics import morning as metrics
from bot.inspection.notices import mass
from bot.inspection.notices.message import Kind
from bot.inspection.people import messages as people
from bot.inspection.plans import messages as plans
from bot.inspection.publication import messages as publication
from bot.inspection.publication import withholding_messages
from bot.inspection.results import messages as results
from bot.inspection.tasks import messages as tasks

KINDS: dict[str, Kind] = {
    kind.name: kind
    for slice_ in (
        mass,
        people,
        deadlines,
        plans,
        tasks,
        ceremony,
        checklists,
        results,
        publication,
        withholding_messages,
        followups,
        commissions,
        draws,
        metrics,
    )
    for kind in slice_.KINDS
}
