"""The same words to many in one call: each person has an end of their own, whatever became of the call."""

from __future__ import annotations

import pytest

from bot.inspection.notices.models import NoticeState
from bot.messaging import outbox
from bot.platforms.base import Capabilities, ErrorClass, PlatformError, Receipt
from tests.fakes.platform import FakePlatform, Killed, arrived
from tests.messaging.rig import Rig

MANY = Capabilities(batch=20)


def lost() -> PlatformError:
    return arrived(PlatformError("no_answer", cls=ErrorClass.UNKNOWN))


def told(rig: Rig, number: int) -> list[int]:
    rig.wecom.capabilities = MANY
    return [rig.promise(rig.person(f"wecom:u{n:02}")) for n in range(number)]


async def test_fifty_people_are_told_the_same_in_three_calls(rig: Rig) -> None:
    notices = told(rig, 50)
    await rig.until_quiet()
    assert [len(batch) for batch in rig.wecom.batches] == [20, 20, 10]
    assert {rig.notice(n).state for n in notices} == {NoticeState.SENT}
    assert len({user for user, _ in rig.wecom.shown}) == len(rig.wecom.shown) == 50


async def test_who_is_not_there_is_named_inside_the_batch_and_the_others_are_told(rig: Rig) -> None:
    notices = told(rig, 10)
    rig.wecom.absent = {"u03", "u07"}
    await rig.until_quiet()
    states = [rig.notice(n).state for n in notices]
    assert [n for n, state in enumerate(states) if state == NoticeState.FAILED] == [3, 7]
    assert states.count(NoticeState.SENT) == 8
    assert rig.notice(notices[3]).detail == "没有可用的联系方式：不在可见范围"


@pytest.mark.parametrize("cls", [ErrorClass.BUG, ErrorClass.RECIPIENT])
async def test_a_call_that_failed_as_a_whole_is_split_until_the_one_who_spoiled_it_stands_alone(
    small: Rig, cls: ErrorClass
) -> None:
    notices = told(small, 4)
    error = PlatformError("40058", cls=cls, advice="参数不合规")
    small.wecom.then(error, None, error, error)  # all four; the first two; the last two; the third alone
    await small.until_quiet()
    assert [len(batch) for batch in small.wecom.batches] == [4, 2, 2]
    assert [small.notice(n).state for n in notices] == ["sent", "sent", "failed", "sent"]


async def test_a_batch_of_unknown_outcome_is_repeated_once_and_marked(rig: Rig) -> None:
    """The platform's duplicate check compares whole requests, and the batch never comes together again."""
    notices = told(rig, 3)
    rig.wecom.then(lost())
    await rig.until_quiet()
    rig.clock.advance(minutes=1)
    await rig.until_quiet()
    assert {rig.notice(n).state for n in notices} == {NoticeState.SENT}
    assert [(a.outcome, a.repeated) for a in rig.attempts(notices[0])] == [("unknown", False), ("sent", True)]
    assert sum(body.startswith("（可能重复）") for body in rig.wecom.bodies()) == 3


async def test_a_process_killed_in_a_batch_leaves_marked_repeats_too(rig: Rig) -> None:
    notices = told(rig, 3)
    rig.wecom.then(Killed())
    with pytest.raises(Killed):
        await rig.delivery.run_once()
    rig.clock.advance(seconds=outbox.LEASE.total_seconds() + 1)
    await rig.until_quiet()
    assert {rig.notice(n).state for n in notices} == {NoticeState.SENT}
    assert all(body.startswith("（可能重复）") for body in rig.wecom.bodies())


async def test_a_card_of_unknown_outcome_is_asked_for_before_it_is_repeated(small: Rig) -> None:
    small.wecom.capabilities = Capabilities(resend_is_safe=False, receipts_tell_outcome=True)
    here, gone = (small.promise(small.person(f"wecom:{user}"), "card") for user in ("here", "gone"))
    small.wecom.then(lost(), PlatformError("no_answer", cls=ErrorClass.UNKNOWN))
    await small.until_quiet()
    small.wecom.told[small.card(here).card_id] = {"here": Receipt.UNREAD}
    small.clock.advance(minutes=1)
    await small.until_quiet()
    assert [small.notice(n).state for n in (here, gone)] == ["sent", "sent"]
    assert [user for user, _ in small.wecom.shown] == ["here", "gone"]
    assert not any(a.repeated for n in (here, gone) for a in small.attempts(n))


async def test_an_sms_is_spent_on_what_is_urgent_assigned_or_statutory_only(small: Rig) -> None:
    sms = FakePlatform("sms", Capabilities(cards=False))
    small.platforms["sms"] = sms
    small.wecom.absent = {"u1"}
    person = small.person("wecom:u1", "sms:13800000001")
    plain = small.promise(person)
    law = small.promise(person, statutory=True)
    await small.until_quiet()
    assert (small.notice(plain).state, small.notice(law).state) == ("failed", "sent")
    assert [user for user, _ in sms.shown] == ["13800000001"]


async def test_a_channel_that_only_a_person_can_mend_rests_and_the_next_account_is_used_at_once(
    small: Rig,
) -> None:
    other = FakePlatform("dingtalk")
    small.platforms["dingtalk"] = other
    both = small.promise(small.person("wecom:u1", "dingtalk:d1"))
    small.wecom.then(PlatformError("60020", cls=ErrorClass.CHANNEL, advice="出口 IP 不可信"))
    await small.until_quiet()
    assert (small.notice(both).state, small.notice(both).platform) == ("sent", "dingtalk")
    only = small.promise(small.person("wecom:u2"))
    await small.until_quiet()
    assert (small.notice(only).state, small.notice(only).detail) == ("held", "出口 IP 不可信")
    small.clock.move_to(small.notice(only).not_before)
    await small.until_quiet()
    assert small.notice(only).state == "sent"


async def test_who_is_told_the_same_twice_gets_it_twice(small: Rig) -> None:
    """Bug: a call names everybody once, so two equal notices to one person became one message."""
    small.wecom.capabilities = MANY
    person, other = small.person("wecom:u1"), small.person("wecom:u2")
    for one in (person, person, other):
        small.promise(one)
    await small.until_quiet()
    assert sorted(user for user, _ in small.wecom.shown) == ["u1", "u1", "u2"]
