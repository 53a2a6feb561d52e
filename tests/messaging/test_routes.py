"""Which account is tried next."""

from __future__ import annotations

import datetime as dt

from bot.inspection.notices.models import Notice
from bot.messaging.routes import choose
from bot.messaging.tries import Earlier

NOW = dt.datetime(2026, 3, 9, 6, tzinfo=dt.UTC)
CHAT = ("wecom", "insp007")


def next_account(before: Earlier, *, moved: int) -> object:
    notice = Notice(
        kind="assignment", subject="visit:1", recipient_id=1, not_before=NOW, created_at=NOW, moved=moved
    )
    return choose(notice, [CHAT], before, resting={}, now=NOW)


def test_a_try_in_doubt_is_repeated_where_it_went() -> None:
    assert next_account(Earlier(unknown=1, in_doubt=CHAT), moved=0) == CHAT


def test_a_doubt_that_the_repeat_settled_keeps_nobody_on_the_account_that_took_it() -> None:
    """Found by the round with faults: four hours later the same card went to the same account, without end."""
    assert next_account(Earlier(unknown=1, in_doubt=CHAT, took={CHAT}), moved=1) is None


def test_a_doubt_that_ended_in_a_refusal_goes_to_no_account_that_refused() -> None:
    assert next_account(Earlier(unknown=1, in_doubt=CHAT, refused={CHAT}), moved=0) is None
