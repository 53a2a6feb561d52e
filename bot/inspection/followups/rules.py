"""What a problem found leads to: which follow-up, with which term, which moves it may make (C23). Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.calendar import Calendar
from bot.inspection.followups.models import FollowUpState
from bot.inspection.results.labels import LABELS, ResultCode

S = FollowUpState
R = ResultCode

PROBLEMS = frozenset(code for code, label in LABELS.items() if label.is_problem)
ORDERED_BY_RULE = frozenset({R.R02, R.R05})  # the order to correct is part of the result itself
ABNORMAL_LIST = frozenset({R.R03, R.R04})  # proposal to the list of abnormal operation within a term
PENDING_UNTIL_HANDLED = frozenset({R.R02, R.R03, R.R08})  # published as 发现问题待后续处理 until then (D5)
ORDER_WORKDAYS = 10  # field guide 2.2: ordered to publish or correct within a term; no profile sets another
ON_THE_SPOT = "当场改正，无需复查"
CORRECTED = "检查结果已更正，不再是问题"

MOVES: dict[FollowUpState, frozenset[FollowUpState]] = {
    S.OPEN: frozenset({S.ORDERED, S.CASE_FILED, S.TRANSFERRED, S.NO_PENALTY, S.CLOSED}),
    S.ORDERED: frozenset({S.RECHECK_DUE, S.CASE_FILED, S.TRANSFERRED, S.CLOSED}),
    S.RECHECK_DUE: frozenset({S.ORDERED, S.CORRECTED, S.CASE_FILED, S.TRANSFERRED, S.CLOSED}),
    S.CORRECTED: frozenset({S.CLOSED}),
    S.CASE_FILED: frozenset({S.NO_PENALTY, S.TRANSFERRED, S.CLOSED}),
    S.TRANSFERRED: frozenset({S.CLOSED}),
    S.NO_PENALTY: frozenset({S.CLOSED}),
    S.CLOSED: frozenset(),
}
NAMES: dict[FollowUpState, str] = {
    S.OPEN: "待处理",
    S.ORDERED: "限期整改中",
    S.RECHECK_DUE: "待复查",
    S.CORRECTED: "已改正",
    S.CASE_FILED: "已立案",
    S.TRANSFERRED: "已移送",
    S.NO_PENALTY: "不予处罚",
    S.CLOSED: "已办结",
}
# what the public record says; nothing a person typed
PUBLISHED: dict[FollowUpState, str] = {
    S.OPEN: "",
    S.ORDERED: "已责令限期改正",
    S.RECHECK_DUE: "已责令限期改正",
    S.CORRECTED: "已改正",
    S.CASE_FILED: "已立案查处",
    S.TRANSFERRED: "已移送有关部门",
    S.NO_PENALTY: "依法不予行政处罚",
    S.CLOSED: "已处理完毕",
}


class Handling(StrEnum):
    """What an officer may record about a problem that is not closed, by the words they type."""

    ORDER = "责令改正"
    CASE = "立案"
    TRANSFER = "移送"
    CRIME = "涉嫌犯罪"
    NO_PENALTY = "不予处罚"
    LISTED = "列入异常"
    CLOSE = "办结"


STATE_AFTER: dict[Handling, FollowUpState] = {
    Handling.ORDER: S.ORDERED,
    Handling.CASE: S.CASE_FILED,
    Handling.TRANSFER: S.TRANSFERRED,
    Handling.CRIME: S.TRANSFERRED,  # once the head has approved and it is handed over
    Handling.NO_PENALTY: S.NO_PENALTY,
    Handling.LISTED: S.CLOSED,
    Handling.CLOSE: S.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Opening:
    """How a follow-up begins. ``workdays`` is the term, None when nothing runs."""

    state: FollowUpState
    workdays: int | None = None


def opening(codes: Collection[str], *, with_term: bool, abnormal_list_workdays: int) -> Opening | None:
    """What the codes of one item lead to; None when they are no problem.

    A decision somebody must still take outweighs an order. *with_term* says whether the correction of R05 was
    ordered with a term; corrected on the spot, the follow-up is closed from the start and counts as handled.
    """
    found = {ResultCode(code) for code in codes} & PROBLEMS
    if not found:
        return None
    if found - ORDERED_BY_RULE:
        return Opening(S.OPEN, abnormal_list_workdays if found & ABNORMAL_LIST else None)
    if R.R02 in found or with_term:
        return Opening(S.ORDERED, ORDER_WORKDAYS)
    return Opening(S.CLOSED)


def order_text(codes: Collection[str], problem: str) -> str:
    """The words of the order to correct."""
    what = "依法公示应当公示的信息" if R.R02 in codes else "改正检查发现的问题"
    return f"请在期限内{what}：{problem}" if problem else f"请在期限内{what}。"


def check_move(current: str, to: FollowUpState) -> None:
    """Raise ``wrong_state`` when a follow-up in *current* cannot become *to*."""
    if to not in MOVES[FollowUpState(current)]:
        now = NAMES[FollowUpState(current)]
        raise Problem("wrong_state", f"这项后续处置现在是“{now}”，不能改为“{NAMES[to]}”。")


def read_handling(words: str) -> tuple[Handling, str] | None:
    """The handling that *words* begin with and the explanation after it; None when there is neither."""
    words = " ".join(words.split())
    for handling in Handling:
        if words.startswith(handling):
            return handling, words.removeprefix(handling).strip(" ，,。：:")
    return None


def handlings(current: str) -> list[Handling]:
    """What may be recorded about a follow-up in this state; nothing when it is closed."""
    return [handling for handling in Handling if STATE_AFTER[handling] in MOVES[FollowUpState(current)]]


def term_in(words: str, *, now: dt.datetime, calendar: Calendar) -> dt.date:
    """The term in *words* (5日内, 10个工作日内), else ten working days."""
    match = re.search(r"(\d{1,3})\s*个?(工作日|天|日)", words)
    if match is None or int(match[1]) == 0:
        return calendar.add_workdays(china_day(now), ORDER_WORKDAYS)
    if match[2] == "工作日":
        return calendar.add_workdays(china_day(now), int(match[1]))
    return china_day(now) + dt.timedelta(days=int(match[1]))
