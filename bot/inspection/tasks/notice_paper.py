"""行政检查通知书 on paper: what it says, and the versions that were issued (C15, field guide 7.4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core import typeset
from bot.core.clock import china, china_day
from bot.inspection.audit.service import record
from bot.inspection.deadlines.shown import calendar_of, mark
from bot.inspection.tasks.codes import credentials, spoken
from bot.inspection.tasks.models import ApprovalState, NoticeDocument, Visit, VisitApproval
from bot.inspection.tasks.queries import VisitFacts, visit_facts
from bot.inspection.tasks.serving import MATERIALS

RIGHTS = (
    "执法人员少于两人、不出示执法证，或者证件与本人不符的，可以拒绝检查。",
    "执法人员与你单位有直接利害关系或者其他可能影响公正的关系的，可以申请回避；决定作出前不停止检查。",
    "可以陈述、申辩，要求核对检查记录；对记录有不同意见的，可以写明后签字。",
    "不涉及检查事项的商业秘密和个人信息，可以要求保密。",
)
PROHIBITIONS = (
    "严禁逐利检查：不收礼、不吃请，不向企业转嫁费用，不指定中介。",
    "严禁干扰企业正常生产经营：不强求法定代表人到场。",
    "严禁任性处罚：不乱查封、扣押、冻结，不随意责令停产停业。",
    "严禁下达检查指标：不以检查次数、罚没数额作考核。",
    "严禁变相检查：不以观摩、督导、考察等名义检查。",
)
DUTY = "如实提供情况和材料，配合检查。拒绝、阻挠检查情节严重的，依法处理并公示。"
# what may change without making another notice necessary
_MOVING = ("frequency", "approval", "issued", "provisional")
NOTICE_TEMPLATE = Path(__file__).with_name("notice.typ")


def notice_body(
    session: Session, *, visit_id: int, code: str, public_url: str, now: dt.datetime
) -> dict[str, Any]:
    """What the notice of a visit says now, in the words people read; *code* is its visitor code."""
    facts = visit_facts(session, visit_id)
    visit, task = facts.visit, facts.task
    return {
        "number": visit.number,
        "department": facts.department,
        "object_name": facts.object.name,
        "object_code": facts.object.code,
        "address": facts.object.address or "—",
        "source": f"个案线索核查（{task.number}）"
        if task.plan_line_id is None
        else f"“双随机、一公开”抽查：{task.name}（{task.number}），{'定向' if task.targeted else '不定向'}",
        "planned": f"{visit.planned_on:%Y年%m月%d日}",
        "due": f"{visit.due_on:%Y年%m月%d日}",
        "provisional": mark(calendar_of(session), visit.due_on),
        "method": facts.method or "实地检查",
        "frequency": f"本年度此前对你单位的检查 {visits_before(session, facts)} 次",
        "approval": approval_words(session, visit_id),
        "materials": MATERIALS,
        "items": [[item.name, item.content or "—", item.basis or "—"] for item in facts.items],
        "officers": [[c.name, c.certificate_no, c.department] for c in credentials(session, facts)],
        "rights": list(RIGHTS),
        "prohibitions": list(PROHIBITIONS),
        "duty": DUTY,
        "code": spoken(code),
        "verify_url": f"{public_url}/visit/{code}",
        "issued": f"{china(now):%Y年%m月%d日}",
    }


def latest_notice(session: Session, visit_id: int) -> NoticeDocument | None:
    """The newest notice that was issued for a visit."""
    query = select(NoticeDocument).where(NoticeDocument.visit_id == visit_id)
    return session.exec(query.order_by(col(NoticeDocument.version).desc()).limit(1)).first()


def says_the_same(issued: NoticeDocument, body: Mapping[str, Any]) -> bool:
    """Whether the issued notice still tells the enterprise what it must know."""
    return {k: v for k, v in issued.body.items() if k not in _MOVING} == {
        k: v for k, v in body.items() if k not in _MOVING
    }


def issue_notice(
    session: Session, *, visit_id: int, body: dict[str, Any], pdf_sha256: str, now: dt.datetime
) -> NoticeDocument:
    """Keep a notice as issued: version 1, or the next one when the team or the day changed."""
    session.get(Visit, visit_id, with_for_update=True)
    latest = latest_notice(session, visit_id)
    if latest is not None and says_the_same(latest, body):
        return latest
    made = NoticeDocument(
        visit_id=visit_id,
        version=latest.version + 1 if latest else 1,
        body=body,
        pdf_sha256=pdf_sha256,
        issued_at=now,
    )
    session.add(made)
    record(session, "notice.issued", f"visit:{visit_id}", now=now, version=made.version, pdf=pdf_sha256)
    return made


def render_notice(body: Mapping[str, Any], *, now: dt.datetime) -> bytes:
    """The notice as PDF with its fonts embedded."""
    return typeset.pdf(NOTICE_TEMPLATE, {**body, "qr": typeset.qr(body["verify_url"])}, now=now)


def visits_before(session: Session, facts: VisitFacts) -> int:
    """How often this object was inspected this year before this visit (field guide 7.2)."""
    year = facts.visit.planned_on.year
    return session.exec(
        select(func.count(col(Visit.id))).where(
            Visit.object_id == facts.object.id, Visit.id != facts.visit.id,
            col(Visit.ended_on) >= dt.date(year, 1, 1), col(Visit.ended_on) <= dt.date(year, 12, 31),
        )
    ).one()  # fmt: skip


def approval_words(session: Session, visit_id: int) -> str:
    """What the notice says about the head's approval."""
    approval = session.get(VisitApproval, visit_id)
    if approval is None:
        return "已列入年度抽查计划"
    if approval.state == ApprovalState.GRANTED and approval.decided_at:
        return f"已经单位负责人批准（{china_day(approval.decided_at):%Y年%m月%d日}）"
    return "紧急检查，事后补办批准" if approval.urgent else "待批准"
