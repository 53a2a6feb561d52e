from __future__ import annotations

import pytest

from bot.platforms.base import ErrorClass
from bot.platforms.dingtalk.codes import CODES, verdict_of


@pytest.mark.parametrize(
    ("code", "cls"),
    [
        ("InvalidAuthentication", ErrorClass.TOKEN),
        ("invalidClientIdOrSecret", ErrorClass.CHANNEL),
        ("60011", ErrorClass.CHANNEL),
        ("310000", ErrorClass.CHANNEL),
        ("Forbidden.AccessDenied.ApiCountLimitForOrg", ErrorClass.QUOTA),
        ("90018", ErrorClass.RETRY),
        ("130101", ErrorClass.RETRY),
        ("staffId.notExisted", ErrorClass.RECIPIENT),
        ("param.cardNotExist", ErrorClass.CARD),
        ("param.templateNotExist", ErrorClass.CHANNEL),
        ("unknown.send.result", ErrorClass.UNKNOWN),
        ("430104", ErrorClass.BUG),
        ("notAllowed.sendOTO", ErrorClass.BUG),
    ],
)
def test_a_code_means_what_the_sheet_says(code: str, cls: ErrorClass) -> None:
    assert verdict_of(code).cls is cls


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (400, ErrorClass.BUG),
        (401, ErrorClass.TOKEN),
        (403, ErrorClass.CHANNEL),
        (429, ErrorClass.RETRY),
        (502, ErrorClass.RETRY),
        (504, ErrorClass.UNKNOWN),
    ],
)
def test_an_unknown_code_is_judged_by_its_status(status: int, cls: ErrorClass) -> None:
    assert verdict_of("something.new", status).cls is cls


def test_what_stops_a_channel_tells_the_administrator_what_to_do() -> None:
    stops = (ErrorClass.CHANNEL, ErrorClass.QUOTA, ErrorClass.TOKEN)
    assert all(verdict.advice for verdict in CODES.values() if verdict.cls in stops)


def test_what_is_to_be_repeated_says_after_how_long() -> None:
    assert all(verdict.retry_after > 0 for verdict in CODES.values() if verdict.cls is ErrorClass.RETRY)
