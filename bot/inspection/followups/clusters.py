"""Many clues of one industry and area: a special check by targeted random draw is proposed (YL-3.7.b, LZ-2.7.b)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, func, select

from bot.inspection.audit.service import record
from bot.inspection.followups.clue_rules import suggested_ratio
from bot.inspection.followups.models import Clue, SpecialProposal
from bot.inspection.notices.service import enqueue
from bot.inspection.people.models import Role
from bot.inspection.profile import Profile
from bot.inspection.registry.models import InspectionObject, ObjectStatus
from bot.inspection.tasks.queries import people_with_role


def propose_special(session: Session, clue: Clue, *, now: dt.datetime, profile: Profile) -> None:
    """专项抽查 to the joint-conference office once clues of one industry and area pile up; once in the period."""
    since = now - dt.timedelta(days=profile.clue.cluster_days)
    same = (Clue.industry == clue.industry, Clue.district == clue.district, col(Clue.received_at) > since)
    clues, hit = session.exec(
        select(func.count(), func.count(col(Clue.object_id).distinct())).where(*same)
    ).one()
    proposed = select(SpecialProposal.id).where(
        SpecialProposal.industry == clue.industry, SpecialProposal.district == clue.district,
        SpecialProposal.proposed_at > since,
    )  # fmt: skip
    if not clue.industry or clues < profile.clue.cluster_min or session.exec(proposed).first():
        return
    objects = session.exec(
        select(func.count()).where(
            InspectionObject.industry == clue.industry, InspectionObject.district == clue.district,
            InspectionObject.status == ObjectStatus.ACTIVE,
        )
    ).one()  # fmt: skip
    made = SpecialProposal(
        industry=clue.industry, district=clue.district, clues=clues, days=profile.clue.cluster_days, objects=objects,
        ratio=suggested_ratio(hit=hit, objects=objects), proposed_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    record(session, "special.proposed", f"special:{made.id}", now=now, clues=clues, ratio=made.ratio)
    for person in people_with_role(session, Role.COORDINATOR):
        enqueue(session, "special_proposed", f"special:{made.id}", recipient_id=person, now=now)
