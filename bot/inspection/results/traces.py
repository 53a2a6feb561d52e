"""What a visit left behind, gathered for the quality signs (C32)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.clock import at_china, china_day
from bot.core.coordinates import Point, on_earth
from bot.inspection.checklists.answers import is_bad
from bot.inspection.checklists.models import Answer
from bot.inspection.checklists.outcomes import CLEAN
from bot.inspection.checklists.queries import form_facts
from bot.inspection.notices.models import Notice
from bot.inspection.registry.places import place_of
from bot.inspection.results.judgement import judge
from bot.inspection.results.models import Review
from bot.inspection.results.quality import Trace, farthest, nearest, widest
from bot.inspection.results.signing import signatures_of
from bot.inspection.results.supplement import left_at
from bot.inspection.tasks.models import CheckIn, Visit, VisitOfficer
from bot.inspection.tasks.queries import VisitFacts

_LOOKED_BACK = 5  # visits
_ONE_YEAR = dt.timedelta(days=365)


def trace(session: Session, facts: VisitFacts) -> Trace:
    """The traces of one visit, in a dozen small queries."""
    assert facts.visit.id is not None
    form = form_facts(session, facts.visit.id)
    judged = judge(form, attempts_min=0)
    photos = form.photos()
    here = places_of(form.check_ins)
    bad = [given.key for given in judged.given if is_bad(given.question, given.answer)]
    return Trace(
        on_site=form.on_site and not judged.outcome,
        checked_in=len(form.check_ins),
        began_at=min((c.present_at for c in form.check_ins), default=None),
        ended_at=left_at(session, form) or facts.visit.submitted_at,
        same_text=_same_text(session, facts),
        bad_without_photo=tuple(key for key in bad if not photos[key]),
        late=facts.visit.late,
        clean_visits=_clean_visits(session, facts),
        submitted_at=facts.visit.submitted_at,
        unsigned=form.record is not None and bool(form.record.refusal_code) and not judged.outcome,
        dissent=form.record is not None
        and not all(signature.agrees for signature in signatures_of(session, form.record)),
        familiar=_familiar(session, facts),
        apart=widest(here),
        elsewhere=nearest(here, _found_before(session, facts)) if here else None,
        away=farthest(here, place_of(facts.object)),
    )


def places_of(check_ins: Iterable[CheckIn]) -> list[Point]:
    """Where officers checked in; who registered late was somewhere else by then."""
    return [
        place
        for c in check_ins
        if not c.late_reason and (place := on_earth(c.latitude, c.longitude)) is not None
    ]


def _found_before(session: Session, facts: VisitFacts) -> list[Point]:
    """Where officers checked in at this object in the last visits that were let pass."""
    passed = (
        select(Visit.id)
        .where(
            Visit.object_id == facts.visit.object_id,
            Visit.id != facts.visit.id,
            col(Visit.reviewed_at).is_not(None),
        )
        .order_by(col(Visit.id).desc())
        .limit(_LOOKED_BACK)
    )
    return places_of(session.exec(select(CheckIn).where(col(CheckIn.visit_id).in_(passed))))


def _same_text(session: Session, facts: VisitFacts) -> int:
    """How many visits handed in on this day by these officers carry the same words as this one."""
    submitted = facts.visit.submitted_at
    if submitted is None:
        return 1
    start = at_china(china_day(submitted))
    rows = session.exec(
        select(Answer.visit_id, Answer.note)
        .join(Visit, col(Visit.id) == Answer.visit_id)
        .where(
            col(Answer.person_id).in_([person.id for person, _ in facts.officers]),
            Answer.note != "",
            col(Visit.submitted_at) >= start,
            col(Visit.submitted_at) < start + dt.timedelta(days=1),
        )
        .order_by(col(Answer.visit_id), col(Answer.question), col(Answer.version))
    ).all()
    words: dict[int, list[str]] = defaultdict(list)
    for visit, note in rows:
        words[visit].append(" ".join(note.split()))
    mine = words.get(facts.visit.id or 0)
    return sum(other == mine for other in words.values()) if mine else 1


def _clean_visits(session: Session, facts: VisitFacts) -> int:
    """The most visits without a finding that one of these officers made to this object within a year."""
    if facts.visit.outcome != CLEAN or facts.visit.ended_on is None:
        return 0
    counts = session.exec(
        select(func.count(col(Visit.id)))
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .where(
            Visit.object_id == facts.visit.object_id,
            Visit.outcome == CLEAN,
            col(Visit.ended_on) > facts.visit.ended_on - _ONE_YEAR,
            col(Visit.ended_on) <= facts.visit.ended_on,
            col(VisitOfficer.person_id).in_([person.id for person, _ in facts.officers]),
        )
        .group_by(col(VisitOfficer.person_id))
    ).all()
    return max(counts, default=0)


def _familiar(session: Session, facts: VisitFacts) -> int:
    """How many results of one of these officers the reviewer asked now let pass within a year; 0 once one came back."""
    subject = f"visit:{facts.visit.id}"
    asked = select(Notice.recipient_id).where(Notice.kind == "review_request", Notice.subject == subject)
    if facts.visit.submitted_at is None:
        return 0
    rows = session.exec(
        select(Review.decision, func.count(func.distinct(Review.visit_id)))
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Review.visit_id)
        .where(
            col(Review.reviewer_id).in_(asked),
            col(Review.at) > facts.visit.submitted_at - _ONE_YEAR,
            col(Review.visit_id) != facts.visit.id,
            col(VisitOfficer.person_id).in_([person.id for person, _ in facts.officers]),
        )
        .group_by(col(VisitOfficer.person_id), col(Review.decision))
    ).all()
    if any(decision == "RETURNED" for decision, _ in rows):
        return 0
    return max((int(n) for _, n in rows), default=0)
