"""The account at the end of the demo, and the promises it must keep. Counted from the database and, for what
arrived, from the simulated services' own record."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.inspection.audit.service import verify
from bot.inspection.checklists.models import RecordSheet
from bot.inspection.draws.bundle import bundle
from bot.inspection.draws.models import Draw, DrawPick, DrawState
from bot.inspection.draws.verify import verify_bundle
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.notices.models import Attempt, Card, InboxEvent, InboxState, Notice, NoticeState
from bot.inspection.people.models import Account
from bot.inspection.publication.models import Publication
from bot.inspection.results.models import Review
from bot.inspection.tasks.models import OfficerState, Visit, VisitOfficer, VisitState
from bot.simulator.people import World

_ENDS = (
    NoticeState.SENT,
    NoticeState.FAILED,
    NoticeState.EXPIRED,
    NoticeState.WITHDRAWN,
    NoticeState.SKIPPED,
    NoticeState.MERGED,
)


@dataclass(slots=True)
class Report:
    """``rows`` are (what, total, by platform); ``broken`` names every promise that does not hold."""

    rows: list[tuple[str, int, dict[str, int]]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    fingerprint: str = ""


def account(session: Session, world: World) -> Report:
    report = Report(rows=_rows(session))
    for check in (_draws, _visits, _notices, _clocks, _arrivals, _inbox, _audit):
        report.broken += check(session, world)
    outcomes = session.exec(
        select(Visit.number, Visit.state, Visit.outcome).order_by(col(Visit.number))
    ).all()
    report.fingerprint = f"{zlib.crc32(repr([tuple(o) for o in outcomes]).encode()):08x}"
    return report


_TO_ENTERPRISES = ("enterprise_notice", "enterprise_published", "enterprise_order", "enterprise_record")
_ORDER = (
    "抽取（户）", "派发（人次）", "送达（条）", "接收（人次）", "回避并重抽", "提醒", "升级到负责人", "检查（户）",
    "拒签或无人签字", "退回后改正", "逾期", "公示（户）", "问题（项）", "整改完成", "告知企业（条）",
)  # fmt: skip


def _rows(session: Session) -> list[tuple[str, int, dict[str, int]]]:
    """Counts by the platform of the officer, told person or (for visits) of the visit's leader."""
    home = _homes(session)
    officers = session.exec(select(VisitOfficer)).all()
    leader = {o.visit_id: home.get(o.person_id, "") for o in officers if o.leader}
    counted = _of_officers(officers, home) | _of_messages(session) | _of_visits(session, leader)
    return [(what, sum(counted[what].values()), dict(counted[what])) for what in _ORDER]


def _of_officers(officers: Sequence[VisitOfficer], home: Mapping[int, str]) -> dict[str, Counter[str]]:
    def those(which: Callable[[VisitOfficer], bool]) -> Counter[str]:
        return Counter(home.get(o.person_id, "") for o in officers if which(o))

    return {
        "派发（人次）": those(lambda _: True),
        "接收（人次）": those(lambda o: o.accepted_at is not None),
        "回避并重抽": those(lambda o: o.state == OfficerState.REPLACED),
    }


def _of_messages(session: Session) -> dict[str, Counter[str]]:
    sent = session.exec(
        select(Notice.kind, Notice.platform, func.count())
        .where(Notice.state == NoticeState.SENT)
        .group_by(Notice.kind, Notice.platform)
    ).all()

    def told(*kinds: str) -> Counter[str]:
        return Counter(
            {p: sum(n for k, q, n in sent if q == p and (not kinds or k in kinds)) for _, p, _ in sent}
        )

    return {
        "送达（条）": told(),
        "提醒": told("assignment_reminder", "visit_window"),
        "升级到负责人": told("assignment_overdue", "window_ending"),
        "告知企业（条）": told(*_TO_ENTERPRISES),
    }


def _of_visits(session: Session, leader: Mapping[int, str]) -> dict[str, Counter[str]]:
    visits = session.exec(select(Visit)).all()
    published = {p.visit_id for p in session.exec(select(Publication))}
    returned = set(session.exec(select(Review.visit_id).where(Review.decision == "RETURNED")))
    refused = session.exec(select(RecordSheet.visit_id).where(RecordSheet.refusal_code != "")).all()
    follow = session.exec(select(FollowUp)).all()
    return {
        "抽取（户）": Counter(leader[v.id or 0] for v in visits),
        "检查（户）": Counter(leader[v.id or 0] for v in visits if v.submitted_at),
        "拒签或无人签字": Counter(leader[i] for i in refused),
        "退回后改正": Counter(leader[i] for i in returned),
        "逾期": Counter(leader[v.id or 0] for v in visits if v.ended_on and v.ended_on > v.due_on),
        "公示（户）": Counter(leader[i] for i in published),
        "问题（项）": Counter(leader[f.visit_id] for f in follow),
        "整改完成": Counter(leader[f.visit_id] for f in follow if f.state == FollowUpState.CLOSED),
    }


def _homes(session: Session) -> dict[int, str]:
    return dict(session.exec(select(Account.person_id, Account.platform)).all())


def _draws(session: Session, _world: World) -> list[str]:
    broken = []
    for draw in session.exec(select(Draw).where(Draw.state == DrawState.LOCKED)):
        fault = verify_bundle(bundle(session, draw))
        picks = session.exec(
            select(func.count()).select_from(DrawPick).where(DrawPick.draw_id == draw.id)
        ).one()
        visits = session.exec(
            select(func.count()).select_from(Visit).where(Visit.task_id == draw.task_id)
        ).one()
        if fault:
            broken.append(f"抽取 {draw.id} 不能重算：{fault}")
        if picks != visits:
            broken.append(f"抽取 {draw.id} 有 {picks} 个对象，却有 {visits} 次检查")
    return broken


def _visits(session: Session, _world: World) -> list[str]:
    broken = []
    for visit in session.exec(select(Visit)):
        versions = session.exec(
            select(func.count()).where(Publication.visit_id == visit.id, Publication.version == 1)
        ).one()
        if visit.state == VisitState.PUBLISHED and versions != 1:
            broken.append(f"{visit.number} 已公示，却有 {versions} 份公示")
        if visit.state != VisitState.PUBLISHED:
            broken.append(f"{visit.number} 没有走完：{visit.state}")
    return broken


def _notices(session: Session, _world: World) -> list[str]:
    states = session.exec(select(Notice.state, func.count()).group_by(Notice.state)).all()
    return [f"{n} 条通知没有结局：{state}" for state, n in states if state not in _ENDS] + [
        f"通知 {notice.id}（{notice.kind}）失败而没有原因"
        for notice in session.exec(
            select(Notice).where(Notice.state == NoticeState.FAILED, Notice.detail == "")
        )
    ]


def _clocks(session: Session, _world: World) -> list[str]:
    """The nightly proof of every deadline found no gap."""
    pages = session.exec(select(Notice.slot, Notice.data).where(Notice.kind == "promises_broken")).all()
    return [f"夜间自查 {slot} 发现漏了提醒：{data['kinds']}" for slot, data in pages]


def _arrivals(session: Session, world: World) -> list[str]:
    """Every card that was sent stands in exactly one chat; every plain message arrived, and at most one more."""
    shown = Counter(m.card_id for m in world.messages.values() if m.card_id and not m.mine)
    cards = session.exec(
        select(Card.card_id)
        .join(Notice, col(Notice.id) == Card.notice_id)
        .where(Notice.state == NoticeState.SENT)
    ).all()
    broken = [f"卡片 {card} 送达 {shown[card]} 次" for card in cards if shown[card] != 1]
    plain = session.exec(
        select(Notice.id).where(Notice.state == NoticeState.SENT, Notice.card_id == "")
    ).all()
    arrived = sum(1 for m in world.messages.values() if not m.mine and not m.card_id)
    repeats = session.exec(select(func.count()).where(col(Attempt.repeated).is_(True))).one()
    if not len(plain) <= arrived <= len(plain) + repeats:
        broken.append(f"普通消息应到 {len(plain)} 条（另有可能重复 {repeats} 条），实到 {arrived} 条")
    return broken


def _inbox(session: Session, _world: World) -> list[str]:
    left = session.exec(select(InboxEvent).where(InboxEvent.state != InboxState.DONE)).all()
    return [f"收到的事件 {e.id} 没有处理完：{e.error or e.state}" for e in left]


def _audit(session: Session, _world: World) -> list[str]:
    chain = verify(session)
    return [] if chain.broken_at is None else [f"审计链在第 {chain.broken_at} 条断开：{chain.reason}"]


def as_json(report: Report) -> dict[str, Any]:
    return {
        "account": {what: {"total": total, **by} for what, total, by in report.rows},
        "broken": report.broken, "fingerprint": report.fingerprint,
    }  # fmt: skip
