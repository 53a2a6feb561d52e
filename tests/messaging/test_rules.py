"""The small rules of messaging: what a button carries, how often, when, and how words become a message."""

from __future__ import annotations

import asyncio
import datetime as dt
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from sqlmodel import Session

from bot.core.clock import CHINA
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.links import Links
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.message import Ask, Content, Page
from bot.inspection.people.syncing import LEFT
from bot.inspection.profile import load_profile
from bot.messaging.actions import Action, unpack
from bot.messaging.hours import is_quiet, quiet_ends
from bot.messaging.people import addresses, bury, person_of, revive, why_unreachable
from bot.messaging.render import Renderer, escape_markdown
from bot.messaging.router import Context, Reply, Router
from bot.messaging.talks import close_talk, current, open_talk
from bot.messaging.throttle import Throttle, limits_of
from bot.messaging.turns import Turns
from bot.platforms.base import Capabilities, Limit, Scope
from tests.fakes.builders import NOW, make_account, make_person

PROFILE = load_profile("default")
CALENDAR = WorkCalendar.load()
WORD = st.text(string.ascii_lowercase, min_size=1, max_size=12)


# -- actions ---------------------------------------------------------------


@given(WORD, WORD, st.integers(0, 10**17), st.integers(0, 10**6))
def test_what_a_button_carries_is_read_back(verb: str, name: str, number: int, generation: int) -> None:
    action = Action(verb, f"{name}:{number}", generation)
    assert unpack(action.pack()) == action
    assert action.subject_id == number


@given(st.text(max_size=40))
def test_whatever_else_a_button_carries_is_refused_in_words(packed: str) -> None:
    try:
        action = unpack(packed)
    except Problem as problem:
        key = problem.key
    else:
        key = "button_unknown" if action.subject_id < 10**18 else "too large"
    assert key == "button_unknown"


@pytest.mark.parametrize(
    "action", [Action("a|b", "visit:1"), Action("accept", "v|1"), Action("a" * 130, "visit:1")]
)
def test_a_payload_no_platform_takes_is_a_bug_at_once(action: Action) -> None:
    with pytest.raises(ValueError, match="not a button payload"):
        action.pack()


# -- throttle, quiet hours -------------------------------------------------


@given(st.lists(st.floats(0, 400), max_size=60).map(sorted), st.integers(1, 5), st.integers(2, 9))
def test_no_window_holds_more_than_its_limit(offsets: list[float], few: int, more: int) -> None:
    limits = (Limit(Scope.PERSON, few, 60.0), Limit(Scope.APP, more, 180.0))
    throttle, sent = Throttle(), []
    for offset in offsets:
        now = NOW + dt.timedelta(seconds=offset)
        wait = throttle.take("wecom", {Scope.PERSON: "u", Scope.APP: ""}, limits=limits, now=now)
        if not wait:
            sent.append(now)
        else:
            assert dt.timedelta() < wait <= dt.timedelta(seconds=180)
    for first in sent:
        assert sum(first <= one < first + dt.timedelta(minutes=1) for one in sent) <= few
        assert sum(first <= one < first + dt.timedelta(minutes=3) for one in sent) <= more


def test_the_named_wait_is_enough_and_people_do_not_share_it() -> None:
    throttle, limits = Throttle(), (Limit(Scope.PERSON, 1, 60.0),)

    def take(user: str, now: dt.datetime) -> dt.timedelta:
        return throttle.take("wecom", {Scope.PERSON: user}, limits=limits, now=now)

    assert not take("a", NOW)
    wait = take("a", NOW)
    assert not take("b", NOW)
    assert not take("a", NOW + wait)
    assert not throttle.take("wecom", {Scope.PERSON: "a"}, limits=(), now=NOW)


def test_what_other_processes_sent_counts_too() -> None:
    throttle, limits = Throttle(), (Limit(Scope.PERSON, 2, 60.0),)
    throttle.learn("wecom", Scope.PERSON, "a", [NOW - dt.timedelta(seconds=s) for s in (70, 20, 10)])
    wait = throttle.take("wecom", {Scope.PERSON: "a"}, limits=limits, now=NOW)
    assert wait == dt.timedelta(seconds=40)
    throttle.forget(before=NOW)
    assert not throttle.knows("wecom", Scope.PERSON, "a")


def test_a_limit_that_was_set_stands_in_for_the_platforms_own_and_zero_lifts_it() -> None:
    own = Capabilities(limits=(Limit(Scope.PERSON, 25, 60.0), Limit(Scope.APP, 20, 1.0)))
    assert limits_of(own, {}) == own.limits
    assert Limit(Scope.PERSON, 9, 60.0) in limits_of(own, {("person", 60): 9})
    assert limits_of(own, {("person", 60): 0}) == (Limit(Scope.APP, 20, 1.0),)
    assert Limit(Scope.CORP, 100, 3600.0) in limits_of(own, {("corp", 3600): 100, ("calls", 0): 5000})
    assert limits_of(Capabilities(per_minute=30), {}) == (Limit(Scope.PERSON, 30, 60.0),)


@given(st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 12, 31)))  # noqa: DTZ001 - Chinese wall clock
def test_the_end_of_the_quiet_hours_is_not_quiet_and_nothing_before_it_is_loud(local: dt.datetime) -> None:
    now = local.replace(tzinfo=CHINA)
    end = quiet_ends(PROFILE, CALENDAR, now=now)
    assert not is_quiet(PROFILE, CALENDAR, now=end)
    assert end > now
    if is_quiet(PROFILE, CALENDAR, now=now):
        assert is_quiet(PROFILE, CALENDAR, now=end - dt.timedelta(seconds=1))


# -- rendering -------------------------------------------------------------


@pytest.fixture
def renderer(folder: Path) -> Renderer:
    return Renderer(Links("https://x.test", "a secret of sixteen characters"), folder=folder)


CONTENT = Content(
    {"state": "待接收"},
    (("对象", "企业"),),
    (Ask("收到", "accept", "primary"), Ask("回避", "recuse", subject="officer:9")),
    (Page("打开", "form", (7,)), Page("公示", path="/p/1")),
)


def made(renderer: Renderer, content: Content = CONTENT, *, card_id: str = "c1", **able: object) -> object:
    return renderer.message(
        "card",
        content,
        subject="visit:7",
        generation=3,
        person_id=5,
        capabilities=Capabilities(**able),
        card_id=card_id,  # type: ignore[arg-type]
    )


def test_with_callbacks_asks_are_buttons_that_carry_subject_and_generation(renderer: Renderer) -> None:
    message = made(renderer)
    assert [b.action for b in message.buttons] == ["accept|visit:7|3", "recuse|officer:9|3", "", ""]  # type: ignore[attr-defined]
    assert message.buttons[3].url == "https://x.test/p/1"  # type: ignore[attr-defined]
    assert message.card_id == "c1"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("cards", "card_id"), [(False, "c1"), (True, "")])
def test_without_callbacks_asks_are_links_signed_for_this_person(
    renderer: Renderer, cards: bool, card_id: str
) -> None:
    message = made(renderer, cards=cards, card_id=card_id)
    urls = [b.url for b in message.buttons]  # type: ignore[attr-defined]
    assert all(urls)
    token = urls[0].rpartition("/")[2]
    assert renderer.links.open("press", token, max_age=dt.timedelta(days=1)) == [5, "accept|visit:7|3"]
    form = urls[2].rpartition("/")[2]
    assert renderer.links.open("form", form, max_age=dt.timedelta(days=1)) == [5, 7]
    assert message.card_id == ""  # type: ignore[attr-defined]


def test_a_closed_message_has_no_buttons_and_few_buttons_are_the_first_ones(renderer: Renderer) -> None:
    closed = made(renderer, Content(CONTENT.values, asks=CONTENT.asks, closed="已接收"))
    assert (closed.buttons, closed.done) == ((), "已接收")  # type: ignore[attr-defined]
    assert [b.text for b in made(renderer, max_buttons=2).buttons] == ["收到", "回避"]  # type: ignore[attr-defined]


def test_a_value_the_template_needs_and_the_slice_forgot_is_an_error(renderer: Renderer) -> None:
    with pytest.raises(UndefinedError):
        made(renderer, Content({}))


@given(st.text(max_size=60))
def test_what_people_type_cannot_become_markdown_or_another_line(typed: str) -> None:
    shown = escape_markdown(typed)
    assert "\n" not in shown
    bare = shown.replace("\\\\", "")
    for sign in "*_[]<>`#|~":
        assert bare.count(sign) == bare.count("\\" + sign)


# -- router, talks, people, turns ------------------------------------------


async def nothing(_ctx: Context) -> Reply:
    return Reply()


def test_the_longest_command_wins_and_two_handlers_for_one_word_are_an_error() -> None:
    router, other = Router(), Router()
    router.command("待办")(nothing)
    other.command("待办任务")(nothing)
    router.include(other)
    assert router.find_command("待办任务 明天") == (nothing, "明天")
    assert router.find_command("没有") is None
    with pytest.raises(ValueError, match="two handlers"):
        router.include(other)


def test_a_new_talk_replaces_the_old_one_and_a_day_later_it_is_forgotten(db: Database) -> None:
    db.write_now(open_talk, "wecom:u1", topic="reason", now=NOW, visit=7)
    db.write_now(open_talk, "wecom:u1", topic="ask", now=NOW, visit=8)
    talk = db.read_now(current, "wecom:u1", now=NOW + dt.timedelta(hours=23))
    assert talk is not None
    assert (talk.topic, talk.data) == ("ask", {"visit": 8})
    assert db.read_now(current, "wecom:u1", now=NOW + dt.timedelta(hours=24)) is None
    db.write_now(close_talk, "wecom:u1")
    db.write_now(close_talk, "wecom:u1")
    assert db.read_now(current, "wecom:u1", now=NOW) is None


def test_addresses_prefer_the_wanted_service_and_leave_out_the_dead(db: Database) -> None:
    def prepare(session: object) -> int:
        person = make_person(session).id or 0  # type: ignore[arg-type]
        for platform, user in (("dingtalk", "d1"), ("wecom", "w1"), ("wecom", "w2"), ("fax", "f")):
            make_account(session, person, user_id=user, platform=platform)  # type: ignore[arg-type]
        return person

    person = db.write_now(prepare)
    both = ["wecom", "dingtalk"]
    look = lambda prefer: db.read_now(addresses, {person}, platforms=both, prefer=prefer).get(person)  # noqa: E731
    assert look("wecom") == [("wecom", "w1"), ("wecom", "w2"), ("dingtalk", "d1")]
    assert look("dingtalk") == [("dingtalk", "d1"), ("wecom", "w1"), ("wecom", "w2")]
    db.write_now(bury, platform="wecom", user_id="w1", reason="已离职", now=NOW)
    assert look("wecom") == [("wecom", "w2"), ("dingtalk", "d1")]
    assert db.read_now(why_unreachable, person, platforms=both) == "已离职"
    assert (
        db.read_now(person_of, platform="wecom", user_id="w1") == person
    )  # who writes from there is still known
    db.write_now(revive, platform="wecom", user_id="w1")
    assert look("wecom") == [("wecom", "w1"), ("wecom", "w2"), ("dingtalk", "d1")]


def test_who_has_left_the_directory_is_nobody_even_with_another_living_account(db: Database) -> None:
    """Bug: an event from the account of somebody who had left acted for them and brought the account back."""

    def prepare(session: Session) -> int:
        person = make_person(session).id or 0
        for platform, user in (("dingtalk", "d1"), ("wecom", "w1")):
            make_account(session, person, user_id=user, platform=platform)
        return person

    person = db.write_now(prepare)
    db.write_now(bury, platform="wecom", user_id="w1", reason=LEFT, now=NOW)
    assert db.read_now(person_of, platform="wecom", user_id="w1") is None
    db.write_now(revive, platform="wecom", user_id="w1")
    assert db.read_now(person_of, platform="wecom", user_id="w1") is None
    assert db.read_now(person_of, platform="dingtalk", user_id="d1") == person


async def test_turns_are_taken_in_order_and_forgotten_when_nobody_waits() -> None:
    turns, order = Turns(), []

    async def take(key: str, name: str) -> None:
        async with turns.of(key):
            order.append(f"{name}+")
            await asyncio.sleep(0)
            order.append(f"{name}-")
            if name == "a":
                tasks.append(asyncio.create_task(take("k", "late")))  # comes while b waits

    tasks = [asyncio.create_task(take("k", name)) for name in "abc"]
    while pending := [task for task in tasks if not task.done()]:
        await asyncio.gather(*pending)
    assert order == ["a+", "a-", "b+", "b-", "c+", "c-", "late+", "late-"]
    assert not turns._locks
