"""Signed links: opened by whom they were made for, and by nobody who changed a letter."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.clock import CHINA, ManualClock
from bot.core.errors import Problem
from bot.core.links import Links

DAY = dt.timedelta(days=1)
START = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA)


def links(secret: str = "a secret of sixteen characters") -> tuple[Links, ManualClock]:
    clock = ManualClock(START)
    return Links("https://x.test", secret, clock=clock), clock


def refused(made: Links, token: str, purpose: str = "form") -> str:
    with pytest.raises(Problem) as caught:
        made.open(purpose, token, max_age=DAY)
    return caught.value.key


@given(
    st.recursive(
        st.integers() | st.text() | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=3)
    )
)
def test_what_was_signed_is_what_is_opened(value: object) -> None:
    made, _ = links()
    assert made.open("form", made.sign("form", value), max_age=DAY) == value


def test_a_link_lasts_until_its_age_and_no_longer() -> None:
    made, clock = links()
    token = made.sign("form", [7, 1])
    clock.advance(hours=24)
    assert made.open("form", token, max_age=DAY) == [7, 1]
    clock.advance(seconds=1)
    assert refused(made, token) == "link_expired"


def test_another_purpose_another_secret_or_another_letter_do_not_open_it() -> None:
    made, _ = links()
    token = made.sign("form", [7, 1])
    assert refused(made, token, "press") == "link_broken"
    assert refused(links("another secret of 16 characters")[0], token) == "link_broken"
    for place in range(len(token)):
        other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        if other[-1] != token[-1]:
            continue  # the last letter of base64 has bits nobody reads
        assert refused(made, other) == "link_broken"


@given(st.text(max_size=60))
def test_rubbish_is_refused_in_words(token: str) -> None:
    assert refused(links()[0], token) == "link_broken"


def test_signed_as_of_the_same_moment_it_is_the_same_link() -> None:
    made, clock = links()
    first = made.sign("form", [7, 1], at=START)
    clock.advance(minutes=10)
    assert made.sign("form", [7, 1], at=START) == first
    assert made.sign("form", [7, 1]) != first
    assert made.open("form", first, max_age=DAY) == [7, 1]
