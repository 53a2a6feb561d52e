"""What became of a notice, in words a lead understands. Pure."""

from __future__ import annotations

from bot.core.clock import china
from bot.inspection.notices.models import Notice, NoticeState

_ENDED = {
    NoticeState.FAILED: "没有送达",
    NoticeState.EXPIRED: "过时未发",
    NoticeState.WITHDRAWN: "已撤回",
    NoticeState.SKIPPED: "无需发送",
    NoticeState.MERGED: "已并入汇总",
}


def fate(notice: Notice | None) -> str:
    """One line: how far it came, by the most the platform told, or the named reason."""
    if notice is None:
        return "没有通知记录"
    match notice.state:
        case NoticeState.SENT:
            return _sent(notice)
        case NoticeState.QUEUED | NoticeState.SENDING:
            again = f"，第 {notice.attempts} 次没有成功" if notice.attempts else ""
            return f"等待发送{again}{_why(notice)}"
        case NoticeState.HELD:
            return f"暂缓到 {china(notice.not_before):%m月%d日 %H:%M}{_why(notice)}"
    return f"{_ENDED[NoticeState(notice.state)]}{_why(notice)}"


def _sent(notice: Notice) -> str:
    if notice.clicked_at is not None:
        return "已打开，未答复"
    if notice.read_at is not None:
        return f"{china(notice.read_at):%m月%d日 %H:%M} 已读，未答复"
    return f"已送达，未答复{_why(notice)}"


def _why(notice: Notice) -> str:
    return f"：{notice.detail}" if notice.detail else ""
