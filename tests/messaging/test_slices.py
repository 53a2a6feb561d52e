"""A large batch leaves in slices: only a slice is ever in doubt, and what changed meanwhile counts for the next one."""

from __future__ import annotations

import pytest

from bot.inspection.audit.service import verify
from bot.inspection.notices.models import NoticeState
from bot.messaging import outbox, sending
from bot.messaging.delivery import batch_after
from bot.platforms.base import Capabilities, ErrorClass, PlatformError
from tests.fakes.platform import Killed
from tests.messaging.rig import Rig
from tests.stories.matrix import failing_commits


@pytest.fixture
def two_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "CALLS", 2)


def told(rig: Rig, number: int) -> list[int]:
    return [rig.promise(rig.person(f"wecom:u{n}")) for n in range(number)]


def states(rig: Rig, notices: list[int]) -> list[str]:
    return [rig.notice(n).state for n in notices]


@pytest.mark.usefixtures("two_calls")
async def test_a_process_killed_in_a_batch_leaves_one_slice_in_doubt(rig: Rig) -> None:
    rig.wecom.capabilities = Capabilities(resend_is_safe=False, plain_resend_is_safe=False)
    notices = told(rig, 5)
    rig.wecom.then(None, None, Killed())
    with pytest.raises(Killed):
        await rig.delivery.run_once()
    assert states(rig, notices) == ["sent", "sent", "sending", "sending", "sending"]
    assert [len(rig.attempts(n)) for n in notices] == [1, 1, 1, 1, 0]
    rig.clock.advance(seconds=outbox.LEASE.total_seconds() + 1)
    await rig.until_quiet()
    assert states(rig, notices) == [NoticeState.SENT] * 5
    assert [rig.attempts(n)[-1].repeated for n in notices] == [False, False, True, True, False]
    assert rig.db.read_now(verify).broken_at is None


@pytest.mark.usefixtures("two_calls")
async def test_what_was_sent_is_stored_though_the_next_slice_could_not_be_begun_with_it(rig: Rig) -> None:
    notices = told(rig, 4)
    with failing_commits(rig.db, "locked", which={3}):  # claim, begin, and then the two in one
        await rig.delivery.run_once()
    assert states(rig, notices) == [NoticeState.SENT] * 4
    assert [[a.outcome for a in rig.attempts(n)] for n in notices] == [["sent"]] * 4
    assert rig.wecom.calls == 4


@pytest.mark.usefixtures("two_calls")
async def test_a_channel_that_came_to_rest_is_not_called_by_the_slices_after(rig: Rig) -> None:
    notices = told(rig, 6)
    rig.wecom.then(PlatformError("60020", cls=ErrorClass.CHANNEL, advice="IP 不在白名单"), None)
    await rig.delivery.run_once()
    assert rig.wecom.calls == 2
    assert states(rig, notices) == ["queued", "sent", "queued", "queued", "queued", "queued"]
    rig.clock.advance(seconds=sending.REST + 1)
    await rig.until_quiet()
    assert states(rig, notices) == [NoticeState.SENT] * 6


@pytest.mark.usefixtures("two_calls")
async def test_what_was_composed_some_time_ago_is_composed_again(rig: Rig) -> None:
    """The words of a notice are those that are true when it leaves."""
    notices = told(rig, 4)
    plain = rig.wecom.send

    async def slow(user_id: str, message: object) -> object:
        rig.clock.advance(seconds=3)
        return await plain(user_id, message)  # type: ignore[arg-type]

    rig.wecom.send = slow  # type: ignore[assignment, method-assign]
    await rig.delivery.run_once()
    assert states(rig, notices) == ["sent", "sent", "queued", "queued"]
    assert not rig.attempts(notices[2])
    await rig.until_quiet()
    assert states(rig, notices) == [NoticeState.SENT] * 4
    assert rig.wecom.calls == 4


async def test_no_word_of_a_service_costs_the_outcome_of_the_others(rig: Rig) -> None:
    """Bug: PostgreSQL takes no NUL, so a refusal with one in its words left the whole slice in doubt."""
    notices = told(rig, 2)
    rig.wecom.then(PlatformError("4\x000", "half \ud800 a word\x00", cls=ErrorClass.BUG), None)
    await rig.delivery.run_once()
    assert sorted(rig.attempts(n)[0].outcome for n in notices) == ["failed", "sent"]
    assert [a.detail for n in notices for a in rig.attempts(n) if a.outcome == "failed"] == ["half ? a word"]


def test_a_batch_is_about_half_a_seconds_work() -> None:
    assert batch_after(64, 0.0) == 512
    assert batch_after(64, 0.125) == 256
    assert batch_after(512, 20.0) == outbox.BATCH
