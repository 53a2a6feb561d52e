"""Which moves a visit may make (field guide 8.2). Pure."""

from __future__ import annotations

from bot.core.errors import Problem
from bot.inspection.tasks.models import OfficerState, VisitState

S = VisitState

MOVES: dict[VisitState, frozenset[VisitState]] = {
    S.SCHEDULED: frozenset({S.ASSIGNED}),  # its batch opens
    S.ASSIGNED: frozenset({S.ACCEPTED, S.ON_SITE}),  # an officer who starts has accepted
    S.ACCEPTED: frozenset({S.ASSIGNED, S.ON_SITE, S.RECORDED}),  # back when a replacement has yet to accept
    S.ON_SITE: frozenset({S.RECORDED}),
    S.RECORDED: frozenset({S.IN_REVIEW}),
    S.IN_REVIEW: frozenset({S.RECORDED, S.APPROVED}),  # RECORDED again: returned
    S.APPROVED: frozenset({S.PUBLISHED, S.NON_PUBLIC}),
    S.PUBLISHED: frozenset(),
    S.NON_PUBLIC: frozenset(),
}
NAMES: dict[VisitState, str] = {
    S.SCHEDULED: "待启动",
    S.ASSIGNED: "待接收",
    S.ACCEPTED: "已接收",
    S.ON_SITE: "检查中",
    S.RECORDED: "待提交",
    S.IN_REVIEW: "待审核",
    S.APPROVED: "待公示",
    S.PUBLISHED: "已公示",
    S.NON_PUBLIC: "不予公示",
}
BEFORE_SUBMIT = (S.ASSIGNED, S.ACCEPTED, S.ON_SITE, S.RECORDED)
BEFORE_VISIT = (S.ASSIGNED, S.ACCEPTED)
BEFORE_RECORD = (*BEFORE_VISIT, S.ON_SITE)  # the window's clock runs: from RECORDED on it is the publicity's
SUBMITTED = (S.IN_REVIEW, S.APPROVED, S.PUBLISHED, S.NON_PUBLIC)
LIVE = (OfficerState.ASSIGNED, OfficerState.ACCEPTED, OfficerState.RECUSAL_ASKED)


def may_move(current: str, to: VisitState) -> bool:
    """Whether a visit in state *current* may become *to*."""
    return to in MOVES[VisitState(current)]


def moved(state: str, *steps: VisitState) -> tuple[str, int]:
    """The state after *steps*, and how many moves that takes. Raises Problem ``wrong_state``."""
    moves = 0
    for to in steps:
        if state == to:
            continue
        if not may_move(state, to):
            raise Problem(
                "wrong_state", f"这次检查现在是“{NAMES[VisitState(state)]}”，不能改为“{NAMES[to]}”。"
            )
        state, moves = to, moves + 1
    return state, moves
