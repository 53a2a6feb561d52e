"""Error codes as decisions."""

from __future__ import annotations

import pytest

from bot.platforms.base import ErrorClass
from bot.platforms.wecom import codes


@pytest.mark.parametrize(
    ("code", "cls"),
    [
        (-1, ErrorClass.RETRY),
        (45009, ErrorClass.QUOTA),
        (40014, ErrorClass.TOKEN),
        (42001, ErrorClass.TOKEN),
        (60020, ErrorClass.CHANNEL),
        (43012, ErrorClass.CHANNEL),
        (81013, ErrorClass.RECIPIENT),
        (40033, ErrorClass.BUG),
        (60140, ErrorClass.CARD),
        (93000, ErrorClass.CHANNEL),
        (123456, ErrorClass.BUG),
    ],
)
def test_a_code_decides_what_is_done(code: int, cls: ErrorClass) -> None:
    assert codes.verdict(code).cls is cls


def test_a_wrong_secret_is_the_operators_and_a_dead_token_is_ours() -> None:
    assert codes.verdict(40001, asking_for_token=True).cls is ErrorClass.CHANNEL
    assert codes.verdict(40001).cls is ErrorClass.TOKEN


def test_no_code_stands_in_two_classes() -> None:
    listed = [code for group in codes._CODES.values() for code in group]
    assert len(listed) == len(set(listed))


def test_every_verdict_tells_the_operator_something_in_chinese() -> None:
    assert all(any("\u4e00" <= c <= "\u9fff" for c in verdict.advice) for verdict in codes._CODES)


def test_only_what_passes_by_itself_is_worth_a_retry() -> None:
    assert codes.error(45009, "").retry_after == 60
    assert not codes.error(45009, "").permanent
    assert codes.error(81013, "").permanent
