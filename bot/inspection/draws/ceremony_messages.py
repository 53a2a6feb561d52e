"""What coordinators, leads and witnesses are told in the course of a draw (C10)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.core.clock import china
from bot.inspection.draws.cancelling import KINDS as CANCELLING
from bot.inspection.draws.models import Draw, DrawState
from bot.inspection.draws.sources import words_of
from bot.inspection.draws.values import next_place, words_at
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.people.models import Person
from bot.inspection.tasks.models import Task

Facts = tuple[tuple[str, str], ...]
_SHORT = 16  # of a fingerprint, for comparing by eye
_COMMIT = Ask("公布承诺", "commit_draw", "primary")
_CHOOSE = Ask("选来源和见证人", "choose_draw_sources")
_REVEAL = Ask("揭示种子", "reveal_draw", "primary")
_LOCK = Ask("锁定名单", "lock_draw", "primary")


def _known(session: Session, notice: Told) -> tuple[Draw, Task]:
    draw = session.get_one(Draw, int(notice.subject.rpartition(":")[2]))
    return draw, session.get_one(Task, draw.task_id)


def _values(draw: Draw, task: Task) -> dict[str, Any]:
    return {
        "task": task.name, "number": task.number, "round": draw.round, "pool": draw.pool_size or draw.outlook.get("pool", 0),
        "take": draw.transcript.get("picks") or draw.outlook.get("take", 0), "open": draw.outlook.get("open", {}),
        "waived": draw.outlook.get("waived", {}), "excluded": draw.outlook.get("excluded", {}),
        "sources": [words_of(source) for source in draw.sources], "pool_sha256": draw.pool_sha256,
        "rules_sha256": draw.rules_sha256, "secret_sha256": draw.secret_sha256, "ground": draw.void_ground,
    }  # fmt: skip


def _page(draw: Draw, task: Task) -> tuple[Page, ...]:
    return (Page("公开记录", path=f"/public/draws/{task.number}/{draw.round}"),)


def ceremony(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """The coordinator's card: what stands, and the one next step."""
    draw, task = _known(session, notice)
    values = _values(draw, task) | {"state": draw.state}
    facts: Facts = (("名单", f"{values['pool']} 户"), ("拟抽", f"{values['take']} 户"))
    if draw.state == DrawState.PREPARED:
        waiting = "、".join(values["open"])
        facts += (("检查", f"未就绪：{waiting}" if waiting else "均已就绪"),)
        facts += (("来源", "；".join(values["sources"])), ("见证人", f"{len(draw.witness_ids)} 人"))
        return Content(values, facts, (_COMMIT, _CHOOSE))
    if draw.state == DrawState.VOID:
        return Content(values, closed="本轮已作废")
    if draw.state == DrawState.LOCKED:
        return Content(
            values, (("抽中", f"{values['take']} 户"),), (), _page(draw, task), closed="名单已锁定"
        )
    if draw.void_asked_by is not None:
        return Content(values, facts, closed="已申请作废，待另一人决定")
    if draw.state == DrawState.REVEALED:
        return Content(values, (*facts, ("种子", draw.seed_hex[:_SHORT] + "…")), (_LOCK,), _page(draw, task))
    place = next_place(draw)
    if place is not None:
        waits = (("等待", words_of(draw.sources[place - 1])),)
        return Content(values, facts + waits, (), _page(draw, task))
    return Content(values, facts, (_REVEAL,), _page(draw, task))


def committed(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To leads and witnesses, before anything is drawn: the fingerprints they can compare afterwards."""
    draw, task = _known(session, notice)
    if draw.state == DrawState.VOID:
        return Skip("本轮已作废")
    assert draw.committed_at is not None
    facts = (
        ("名单", f"{draw.pool_size} 户"), ("名单指纹", draw.pool_sha256[:_SHORT] + "…"),
        ("规则指纹", draw.rules_sha256[:_SHORT] + "…"), ("公布时间", f"{china(draw.committed_at):%m-%d %H:%M}"),
    )  # fmt: skip
    return Content(_values(draw, task), facts, (), _page(draw, task))


def witness(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To each witness: say what the source gave, or confirm what another said."""
    draw, task = _known(session, notice)
    values = _values(draw, task)
    if draw.state == DrawState.VOID:
        return Content(values | {"source": "", "said": ""}, closed="本轮已作废")
    place = next_place(draw)
    if draw.state != DrawState.COMMITTED or place is None:
        return Content(values | {"source": "", "said": ""}, closed="数值已由两人确认")
    source, words = words_of(draw.sources[place - 1]), words_at(session, draw, place)
    values |= {"source": source, "said": words[0].value if words else ""}
    if not words:
        return Content(values, (("来源", source),), (Ask("报出号码", "type_draw_value", "primary"),))
    facts = (("来源", source), ("先报的号码", words[0].value or "启用备用来源"))
    if words[0].person_id == notice.recipient_id:
        return Content(
            values,
            (*facts, ("状态", "等另一位见证人确认")),
            (Ask("报错了，撤回", "take_back_draw_value", subject=f"word:{words[0].id}"),),
        )
    word = f"word:{words[0].id}"  # what is confirmed is what the card shows
    asks = (
        Ask("一致，确认", "confirm_draw_value", "primary", word), Ask("不一致", "deny_draw_value", "danger", word),
    )  # fmt: skip
    return Content(values, facts, asks)


def void_request(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """A second person decides on a redraw (D11)."""
    draw, task = _known(session, notice)
    values = _values(draw, task) | {"person": ""}
    if draw.state == DrawState.VOID:
        return Content(values, closed="已同意作废")
    if draw.void_asked_by is None:
        return Content(values, closed="没有作废")
    person = session.get_one(Person, draw.void_asked_by).name
    return Content(
        values | {"person": person}, (("申请人", person), ("理由", draw.void_ground)),
        (Ask("同意作废", "approve_void", "danger"), Ask("不同意", "refuse_void")),
    )  # fmt: skip


def voided(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To officers whose visits were taken back."""
    task = session.get_one(Task, int(notice.subject.rpartition(":")[2]))
    values = {"reason": "抽取已作废", "on_paper": [], **notice.data}
    return Content({"task": task.name, "number": task.number, **values})


_SAMPLE: dict[str, Any] = {
    "task": "餐饮服务食品安全抽查", "number": "YX-2026-20260309-0002", "round": 1, "pool": 980, "take": 30,
    "open": {"执法证有效": "2 人的执法证在检查期内到期，不参加抽取"}, "waived": {}, "excluded": {"已注销、吊销或迁出": 12},
    "sources": ["现场摇号，6 位数字"], "pool_sha256": "a" * 64, "rules_sha256": "b" * 64, "secret_sha256": "c" * 64,
    "ground": "名单导入有误", "source": "现场摇号，6 位数字", "said": "415263", "person": "王一", "state": "PREPARED",
}  # fmt: skip
_ROWS = (("名单", "980 户"), ("拟抽", "30 户"))
KINDS = (
    Kind("draw_ceremony", ceremony, Content(_SAMPLE, _ROWS, (_COMMIT, _CHOOSE)), card=True),
    Kind("draw_committed", committed, Content(_SAMPLE, _ROWS)),
    Kind("draw_witness", witness,
         Content(_SAMPLE, (("来源", "现场摇号，6 位数字"),), (Ask("报出号码", "type_draw_value", "primary"),)), card=True),
    Kind("draw_void_request", void_request,
         Content(_SAMPLE, (("申请人", "王一"),),
                 (Ask("同意作废", "approve_void", "danger"), Ask("不同意", "refuse_void"))), card=True),
    Kind("draw_voided", voided,
         Content({"task": "餐饮服务食品安全抽查", "number": "YX-2026-20260309-0002", "reason": "抽取已作废",
                  "on_paper": ["云溪县某某餐饮店"]})),
    *CANCELLING,
)  # fmt: skip
