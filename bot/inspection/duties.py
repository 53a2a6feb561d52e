"""Every source of deadlines there is, from every slice."""

from __future__ import annotations

from sqlmodel import Session

from bot.core.clock import china_day
from bot.inspection.commissions import duties as commissions
from bot.inspection.deadlines import certificates
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.followups import duties as followups
from bot.inspection.followups import return_duties as returns
from bot.inspection.followups import transfer_duties as transfers
from bot.inspection.followups.clue_duties import clue_duties
from bot.inspection.metrics import supervision_duties as supervision
from bot.inspection.plans import register
from bot.inspection.publication.duties import publicity_duties
from bot.inspection.results.duties import review_duties
from bot.inspection.tasks import approval_duties as approvals
from bot.inspection.tasks.duties import LIBRARIES, look_at, running_visits, stale_visits, visit_duties


def _derive_visits(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    """A visit's clocks from its first answer to the day its result is public."""
    duties: dict[str, list[Duty]] = {}
    for looked in look_at(session, ids):
        looked.visit.reminded_on = china_day(context.now)
        session.add(looked.visit)
        duties[looked.subject] = [
            *visit_duties(looked, context),
            *review_duties(session, looked, context),
            *publicity_duties(session, looked, context),
            *clue_duties(session, looked, context),
        ]
    return duties


VISITS = Source("visit", stale_visits, _derive_visits, running_visits)
SOURCES: tuple[Source, ...] = (
    VISITS,
    followups.SOURCE,
    transfers.SOURCE,
    returns.SOURCE,
    commissions.SOURCE,
    LIBRARIES,
    register.SOURCE,
    supervision.SOURCE,
    approvals.SOURCE,
    certificates.SOURCE,
)
