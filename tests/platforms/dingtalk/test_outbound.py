"""What goes out beside cards: batches, groups, read status, recall, work notices, to-dos, DING, the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from bot.platforms.base import (
    Button,
    CardRef,
    ErrorClass,
    InboundEvent,
    InboundKind,
    OutboundMessage,
    PlatformError,
    Receipt,
    Sent,
)
from bot.platforms.dingtalk.cards import NOTICE_BYTES, webhook_message, work_notice
from bot.platforms.dingtalk.text import compact
from bot.platforms.shared import Budget
from bot.simulator.dingtalk_directory import DING, TASKS
from bot.simulator.dingtalk_robot import GROUP
from bot.simulator.people import SimPerson
from tests.platforms.dingtalk.rig import Rig, dingtalk

TOLD = OutboundMessage("提醒", "明天到期。", buttons=(Button("打开", url="https://x.example/7"),), key="n7")
NOTICES = {"private_by": "work_notice", "agent_id": 7, "card_template": ""}
OURS = "cidAbC+xyz="


class Purse:
    """Implements ``Meter``."""

    def __init__(self) -> None:
        self.spent_of: Counter[Budget] = Counter()

    def spent(self, platform: str, budget: Budget, n: int = 1) -> None:
        assert platform == "dingtalk"
        self.spent_of[budget] += n


def codes(ended: dict[str, Sent | PlatformError]) -> dict[str, str]:
    return {user: end.code if isinstance(end, PlatformError) else "" for user, end in ended.items()}


async def test_a_batch_has_an_end_for_each_person(rig: Rig) -> None:
    for number in range(3, 21):
        rig.world.add_person(SimPerson("dingtalk", f"u{number}", f"检查员{number}"))
    rig.server._robots.flow_controlled = {"u1002"}
    people = ["u1001", "u1002", "stranger", *(f"u{number}" for number in range(3, 20))]
    assert len(people) == rig.platform.capabilities.batch
    ended = await rig.platform.send_many(people, TOLD)
    assert list(ended) == people
    assert codes(ended)["stranger"] == "invalidStaffId"
    later = ended["u1002"]
    assert isinstance(later, PlatformError)
    assert (later.cls, later.retry_after) == (ErrorClass.RETRY, 60.0)
    sent = [user for user, end in ended.items() if isinstance(end, Sent)]
    assert len(sent) == 18
    assert all(len(rig.chat(user)) == 1 for user in sent)
    assert rig.chat("u1002") == []


async def test_a_card_is_one_persons_and_no_batch(rig: Rig) -> None:
    assert codes(await rig.platform.send_many(["u1001"], replace(TOLD, card_id="visit-1"))) == {"u1001": ""}
    assert codes(await rig.platform.send_many(["stranger"], replace(TOLD, card_id="visit-2"))) == {
        "stranger": "deliver.failed"
    }
    with pytest.raises(PlatformError, match=r"card\.batch"):
        await rig.platform.send_many(["u1001", "u1002"], replace(TOLD, card_id="visit-3"))
    assert rig.chat("u1002") == []


async def test_a_batch_that_fails_as_a_whole_says_so(rig: Rig) -> None:
    with pytest.raises(PlatformError, match=r"userIds\.overMax"):
        await rig.platform.send_many([f"u{number}" for number in range(21)], TOLD)


async def test_who_has_read_it_is_told_for_messages_cards_and_notices() -> None:
    async with dingtalk() as rig:
        plain = await rig.platform.send("u1001", TOLD)
        card = await rig.platform.send("u1001", replace(TOLD, card_id="visit-1"))
        for ref in (plain.ref, card.ref):
            assert await rig.platform.receipts(ref) == {"u1001": Receipt.UNREAD}
        await rig.server.open_chat("u1001")
        for ref in (plain.ref, card.ref):
            assert await rig.platform.receipts(ref) == {"u1001": Receipt.READ}
        rig.clock.advance(hours=25)  # the service no longer tells
        assert await rig.platform.receipts(plain.ref) == {}
        assert await rig.platform.receipts("") == {}


async def test_what_was_recalled_is_gone_from_the_screen(rig: Rig) -> None:
    sent = await rig.platform.send("u1001", TOLD)
    await rig.platform.recall(sent.ref)
    assert rig.chat()[0].recalled
    assert await rig.platform.receipts(sent.ref) == {"u1001": Receipt.RECALLED}
    with pytest.raises(PlatformError) as caught:
        await rig.platform.recall("pqk-never")
    assert caught.value.permanent
    with pytest.raises(PlatformError, match=r"recall\.none"):
        await rig.platform.recall("")


async def test_a_question_from_a_group_is_answered_there_and_names_who_asked(rig: Rig) -> None:
    asked = InboundEvent("dingtalk", "e", InboundKind.TEXT, "u1001", rig.clock.now(), conversation=OURS)
    sent = await rig.platform.reply(asked, TOLD)
    assert len(rig.chat(OURS)) == 1
    assert await rig.platform.receipts(sent.ref) == {}
    rig.world.change(rig.chat(OURS)[0].id, read=True)
    assert list((await rig.platform.receipts(sent.ref)).values()) == [Receipt.READ]
    await rig.platform.recall(sent.ref)
    assert rig.chat(OURS)[0].recalled
    body = webhook_message(TOLD, at="u1001")
    assert body["at"] == {"atUserIds": ["u1001"], "isAtAll": False}
    assert "@u1001" in body["actionCard"]["text"]


async def test_a_custom_robot_that_was_deleted_or_silenced_is_not_the_only_way() -> None:
    async with dingtalk(settings={"group_conversation": OURS}, robot_token="another") as rig:
        await rig.platform.announce(TOLD)
        assert [len(rig.chat(GROUP)), len(rig.chat(OURS))] == [0, 1]
    async with dingtalk(settings={"group_conversation": OURS}) as rig:
        for _ in range(20):
            await rig.platform.announce(TOLD)
        assert [len(rig.chat(GROUP)), len(rig.chat(OURS))] == [1, 2]  # one uuid is shown once; 18 a minute
    async with dingtalk(settings={"group_conversation": OURS, "group_robot_url": None}) as rig:
        await rig.platform.announce(TOLD)
        assert len(rig.chat(OURS)) == 1
        rig.server._robots.silent_groups.add(OURS)
        with pytest.raises(PlatformError) as caught:
            await rig.platform.announce(TOLD)
        assert caught.value.code == "group.disbanded"


async def test_a_robot_guarded_by_a_keyword_is_given_it() -> None:
    async with dingtalk(settings={"group_robot_keyword": "检查"}, robot_keyword="检查") as rig:
        await rig.platform.announce(OutboundMessage("通报", "本周完成七成"))
        assert rig.server.view(rig.chat(GROUP)[0]).title == "检查：通报"


async def test_wording_that_the_filter_refuses_is_replaced_by_a_neutral_sentence() -> None:
    async with dingtalk(unsafe_word="赌博") as rig:
        await rig.platform.send("u1001", replace(TOLD, body="对象：赌博机销售部"))
        view = rig.server.view(rig.chat()[0])
        assert view.title == "工作提醒"
        assert "赌博" not in view.body
        assert [button.url for button in view.buttons] == ["https://x.example/7"]


async def test_a_work_notice_says_afterwards_whom_it_never_reached() -> None:
    async with dingtalk(settings=NOTICES) as rig:
        ended = await rig.platform.send_many(["u1001", "u1002", "stranger"], TOLD)
        assert codes(ended) == {"u1001": "", "u1002": "", "stranger": ""}  # the call itself succeeds
        (ref,) = {end.ref for end in ended.values() if isinstance(end, Sent)}
        await rig.server.open_chat("u1001")
        told = {"u1001": Receipt.READ, "u1002": Receipt.UNREAD, "stranger": Receipt.NOT_DELIVERED}
        assert await rig.platform.receipts(ref) == told
        await rig.platform.recall(ref)
        assert rig.chat("u1002")[0].recalled


async def test_equal_notices_differ_by_their_number_and_a_retry_is_shown_once() -> None:
    async with dingtalk(settings=NOTICES) as rig:
        assert rig.platform.capabilities.plain_resend_is_safe
        await rig.platform.send("u1001", TOLD)
        again = await rig.platform.send("u1001", TOLD)  # the same notice, after a lost answer
        assert len(rig.chat()) == 1
        assert await rig.platform.receipts(again.ref) == {"u1001": Receipt.NOT_DELIVERED}
        await rig.platform.send("u1001", replace(TOLD, key="n8"))  # next day's reminder in the same words
        await rig.platform.send("u1001", replace(TOLD, key=""))
        assert len(rig.chat()) == 3
        assert "n7" in rig.server.view(rig.chat()[0]).body


@pytest.mark.parametrize("links", [0, 1, 3, 5])
def test_a_work_notice_fits_into_its_bytes_whatever_it_says(links: int) -> None:
    buttons = tuple(Button("按钮" * 20, url="https://x.example/" + "a" * 300) for _ in range(links))
    message = OutboundMessage(
        "标题" * 200, "正文\n" * 3000, buttons=buttons, url="https://x.example/" + "b" * 900
    )
    body = work_notice(message)
    assert len(compact(body).encode()) <= NOTICE_BYTES
    assert "正文" in compact(body)


@pytest.mark.parametrize(("name", "kind"), [("通知书.pdf", "file"), ("现场照.JPG", "image")])
async def test_files_and_pictures_are_uploaded_and_shown(name: str, kind: str) -> None:
    async with dingtalk() as rig:
        sent = await rig.platform.send_file("u1001", name, b"bytes of it")
        (bubble,) = rig.chat()
        view = rig.server.view(bubble)
        assert sent.ref
        assert view.title == name if kind == "file" else view.image.startswith("@")
        [(body, _, _)] = rig.world.media.values()
        assert body == b"bytes of it"
        with pytest.raises(PlatformError) as lost:
            await rig.platform.send_file("stranger", name, b"bytes")
        assert lost.value.cls is ErrorClass.RECIPIENT


@pytest.mark.parametrize(
    ("name", "size"), [("x.exe", 5), ("noending", 5), ("x.pdf", 0), ("x.pdf", (20 << 20) + 1)]
)
async def test_what_a_robot_cannot_show_is_refused_before_it_is_uploaded(name: str, size: int) -> None:
    async with dingtalk() as rig:
        with pytest.raises(PlatformError) as refused:
            await rig.platform.send_file("u1001", name, b"x" * size)
        assert refused.value.cls is ErrorClass.BUG
        assert refused.value.advice
        assert not rig.world.media


async def test_in_a_group_of_a_template_its_own_robot_announces() -> None:
    settings = {"group_conversation": OURS, "group_template_robot": "template-robot", "group_robot_url": None}
    async with dingtalk(settings=settings) as rig:
        await rig.platform.announce(TOLD)
        (bubble,) = rig.world.chat("dingtalk", OURS)
        view = rig.server.view(bubble)
        assert (view.title, view.body) == ("提醒", "明天到期。")
        assert [(one.text, one.url) for one in view.buttons] == [("打开", "https://x.example/7")]
    async with dingtalk(settings=settings | {"group_template_robot": "another"}) as rig:
        with pytest.raises(PlatformError) as refused:
            await rig.platform.announce(TOLD)
        assert refused.value.code == "660016"


def to_dos(rig: Rig) -> list[dict[str, Any]]:
    return [fact for name, fact in rig.world.facts.items() if name.startswith(TASKS)]


async def test_a_due_date_becomes_a_to_do_once() -> None:
    async with dingtalk(settings={"todo": True}) as rig:
        due = rig.clock.now() + dt.timedelta(days=3)
        message = replace(TOLD, card_id="visit-9", due_at=due, duty="visit:9", url="https://x.example/9")
        for card_id in ("visit-9", "visit-9", "visit-9-again"):  # a later card is about the same duty
            await rig.platform.send("u1001", replace(message, card_id=card_id))
        [kept] = to_dos(rig)
        assert (kept["subject"], kept["dueTime"]) == ("提醒", int(due.timestamp() * 1000))
        assert kept["executorIds"] == ["un-u1001"]
        await rig.platform.send("u1002", message)  # the partner's duty is their own
        assert len(to_dos(rig)) == 2


@pytest.mark.parametrize("template", ["suicha.schema", ""])
async def test_a_to_do_is_ticked_off_when_the_duty_is_done_with_and_without_cards(template: str) -> None:
    async with dingtalk(settings={"todo": True, "card_template": template}) as rig:
        due = rig.clock.now() + dt.timedelta(days=3)
        message = replace(TOLD, card_id="visit-9", due_at=due, duty="visit:9", url="https://x.example/9")
        for user in ("u1001", "u1002"):
            await rig.platform.send(user, replace(message, card_id=f"visit-9-{user}"))
        for done in ("", "已提交", "已提交"):
            changed = replace(message, card_id="visit-9-u1001", done=done)
            with contextlib.nullcontext() if template else pytest.raises(PlatformError, match=r"card\.none"):
                await rig.platform.update(CardRef("u1001", changed.card_id), changed)
            finished = {kept["unionId"]: kept.get("done", False) for kept in to_dos(rig)}
            assert finished == {"un-u1001": bool(done), "un-u1002": False}


async def test_a_card_without_a_to_do_is_closed_all_the_same() -> None:
    async with dingtalk(settings={"todo": True, "card_template": "suicha.schema"}) as rig:
        message = replace(TOLD, card_id="visit-8", duty="visit:8", due_at=rig.clock.now())
        await rig.platform.send("u1001", replace(message, due_at=None))
        await rig.platform.update(CardRef("u1001", "visit-8"), replace(message, done="已提交"))
        assert rig.server.view(rig.chat()[0]).closed == "已提交"


async def test_a_ding_is_for_what_is_overdue_and_off_unless_it_is_wanted() -> None:
    overdue = replace(TOLD, overdue=True)
    async with dingtalk() as rig:
        await rig.platform.send("u1001", overdue)
        assert DING not in rig.world.facts
    async with dingtalk(settings={"ding": True}) as rig:
        await rig.platform.send("u1001", TOLD)
        await rig.platform.send_many(["u1001", "u1002"], overdue)
        assert rig.world.facts[DING] == [["u1001", "提醒"], ["u1002", "提醒"]]


async def test_a_reminder_that_could_not_be_made_stronger_was_still_sent() -> None:
    async with dingtalk(settings={"ding": True, "todo": True}) as rig:
        rig.server.directory._robot_code = "another"
        sent = await rig.platform.send("u1001", replace(TOLD, overdue=True, due_at=rig.clock.now()))
        assert sent.ref  # the to-do is refused too: it has no page to open
        assert len(rig.chat()) == 1


async def test_the_ledger_counts_what_the_service_counts() -> None:
    purse = Purse()
    async with dingtalk(meter=purse) as rig:
        await rig.connect()
        sent = await rig.platform.send("u1001", TOLD)
        await rig.platform.receipts(sent.ref)
        await rig.platform.members()  # contacts and tokens are free
        await rig.platform.announce(TOLD)  # a custom robot is paid from the pool of pushes
        assert purse.spent_of == {Budget.CALLS: 2, Budget.PUSHES: 1}
        assert rig.world.facts.get("dingtalk/calls", 0) == 0  # nobody set a limit
        await rig.server.say("u1001", "任务")
        (event,) = await rig.inbox.wait_for(1)
        await rig.platform.reply(event, TOLD)
        assert purse.spent_of == {Budget.CALLS: 2, Budget.PUSHES: 2}
    budgets = dict(rig.platform.capabilities.budgets)
    assert budgets == {Budget.CALLS: 5_000, Budget.PUSHES: 3_000}


async def test_the_edition_and_an_own_number_decide_the_budgets() -> None:
    async with dingtalk(settings={"edition": "professional", "monthly_pushes": 7}) as rig:
        assert dict(rig.platform.capabilities.budgets) == {Budget.CALLS: 200_000, Budget.PUSHES: 7}


async def test_a_month_without_calls_left_is_a_matter_of_quota_on_both_apis() -> None:
    async with dingtalk(monthly_limit=0) as rig:
        with pytest.raises(PlatformError) as caught:
            await rig.platform.send("u1001", TOLD)
        assert caught.value.cls is ErrorClass.QUOTA
    async with dingtalk(settings=NOTICES, monthly_limit=0) as rig:
        with pytest.raises(PlatformError) as caught:
            await rig.platform.send("u1001", TOLD)
        assert (caught.value.cls, caught.value.code) == (ErrorClass.QUOTA, "90020")


async def test_a_used_up_push_pool_is_recognised() -> None:
    async with dingtalk(monthly_pushes=1) as rig:
        await rig.connect()
        await rig.server.say("u1001", "第一句")
        await rig.server.say("u1001", "第二句")
        first, second = await rig.inbox.wait_for(2)
        assert (first.text, second.text) == ("第一句", "")
        assert second.raw["reason"] == "push_quota_exhausted"


async def test_a_client_that_paces_itself_is_never_throttled() -> None:
    async with dingtalk(per_second=20) as rig:
        await asyncio.gather(*(rig.platform.send("u1001", TOLD) for _ in range(30)))
        assert len(rig.chat()) == 30
    async with dingtalk(settings={"calls_per_second": 1000}, per_second=20) as rig:
        with pytest.raises(PlatformError) as caught:
            await asyncio.gather(*(rig.platform.send("u1001", TOLD) for _ in range(30)))
        assert (caught.value.cls, caught.value.retry_after) == (ErrorClass.RETRY, 1.0)
