"""What is sent stays what it is; the sheet's tables and the simulated WeCom accept every kind and every card."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.core.clock import ManualClock
from bot.platforms.base import PlatformError, Sent
from bot.platforms.wecom import kinds
from bot.platforms.wecom import templates as t
from bot.platforms.wecom.limits import Channel
from bot.simulator.wecom_card_rules import validate
from tests.platforms.wecom.bot_rig import running_bot
from tests.platforms.wecom.golden import BOT, CARDS, FOLDER, OURS, ROBOT, SAMPLES, as_text, every
from tests.platforms.wecom.rig import Rig, running

MADE = every()


@pytest.fixture
async def rig(clock: ManualClock) -> AsyncIterator[Rig]:
    async with running(clock) as built:
        yield built


@pytest.mark.parametrize("name", sorted(MADE))
def test_what_is_sent_is_what_was_reviewed(name: str) -> None:
    assert as_text(MADE[name]) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert MADE[name].cut == []


def test_every_kind_every_card_and_every_file_is_there() -> None:
    assert {type(kind) for kind in (*SAMPLES.values(), *ROBOT.values(), *BOT.values())} == set(kinds.KINDS)
    assert {type(card) for card in CARDS.values()} == set(t.CARD_TYPES)
    assert {file.stem for file in FOLDER.glob("*.json")} == set(MADE)


@pytest.mark.parametrize("name", [name for name in sorted(MADE) if "template_card" in MADE[name].content])
def test_every_card_passes_the_tables_of_the_sheet(name: str) -> None:
    validate(MADE[name].content["template_card"], channel=name.partition("-")[0], strict=True)


@pytest.mark.parametrize("name", sorted(SAMPLES))
async def test_the_simulated_wecom_shows_every_kind(rig: Rig, name: str) -> None:
    kind = await _with_media(rig, SAMPLES[name])
    ends = await rig.platform.send_kind(["insp007"], kind)
    assert isinstance(ends["insp007"], Sent)
    view = rig.server.view(rig.chat()[-1])
    assert view.title or view.body or view.image or view.buttons


@pytest.mark.parametrize("name", sorted(ROBOT))
async def test_the_group_reads_every_kind(rig: Rig, name: str) -> None:
    assert rig.platform.robot is not None
    kind = ROBOT[name]
    if isinstance(kind, kinds.File | kinds.Voice):
        media = await rig.platform.robot.upload("通报.pdf", b"%PDF-1.7", kind=kinds.KINDS[type(kind)][0])
        kind = type(kind)(media_id=media)
    await rig.platform.robot.post_kind(kind)
    view = rig.server.view(rig.chat("wecom-group")[-1])
    assert view.title or view.body or view.image or view.buttons


@pytest.mark.parametrize("name", sorted(OURS))
async def test_the_smart_bot_says_every_message_of_ours(
    clock: ManualClock, tmp_path: Path, name: str
) -> None:
    async with running_bot(clock, tmp_path) as rig:
        await rig.meet()
        await rig.platform.send("insp007", OURS[name])
        assert len(rig.chat()) == 1


@pytest.mark.parametrize(
    ("card", "field"),
    [
        (t.TextNotice(main_title=t.Title(title="甲")), "card_action"),
        (t.TextNotice(card_action=t.Link(type=1, url="https://a.cn")), "main_title.title"),
        (
            t.NewsNotice(main_title=t.Title(title="甲"), card_action=t.Link(type=1, url="https://a.cn")),
            "card_image",
        ),
        (t.ButtonInteraction(task_id="a", button_list=[]), "button_list"),
        (t.ButtonInteraction(button_list=[t.CardButton(text="好", type=0, style=1, key="k")]), "task_id"),
        (t.TextNotice(main_title=t.Title(title="甲"), card_action=t.Link(type=1, url="a.cn")), "url"),
        (
            t.ButtonInteraction(
                task_id="a", button_list=[t.CardButton(text=n, type=0, style=1, key="same") for n in "甲乙"]
            ),
            "button_list.key",
        ),
        (t.MultipleInteraction(task_id="a", select_list=[], submit_button=t.Submit(key="k")), "select_list"),
        (
            t.VoteInteraction(
                task_id="a",
                checkbox=t.CheckBox(question_key="q", option_list=[]),
                submit_button=t.Submit(key="k"),
            ),
            "checkbox",
        ),
    ],
)
def test_a_card_without_what_it_needs_is_our_bug_and_named(card: t.Card, field: str) -> None:
    with pytest.raises(PlatformError) as caught:
        t.card_of(card, Channel.APP)
    assert caught.value.code == field


@pytest.mark.parametrize(("channel", "most"), [(Channel.APP, 36), (Channel.ROBOT, 26), (Channel.BOT, 26)])
def test_what_is_cut_is_named_and_ends_in_dots(channel: Channel, most: int) -> None:
    card = t.TextNotice(main_title=t.Title(title="字" * 60), card_action=t.Link(type=1, url="https://a.cn"))
    fitted = t.card_of(card, channel)
    assert fitted.cut == ["main_title.title"]
    assert fitted.content["main_title"]["title"] == "字" * (most - 1) + "…"


@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        (kinds.MarkdownV2(content="a"), Channel.APP),
        (kinds.Text(content="a"), Channel.BOT),
        (kinds.TemplateCard(card=CARDS["vote_interaction"]), Channel.ROBOT),
        (kinds.Text(content=" "), Channel.APP),
        (kinds.News(articles=[]), Channel.APP),
        (kinds.TextCard(title="a", description="b", url="a.cn"), Channel.APP),
    ],
)
def test_what_a_channel_does_not_have_is_never_sent(kind: kinds.Kind, channel: Channel) -> None:
    with pytest.raises(PlatformError):
        kinds.content_of(kind, channel)


def test_2049_bytes_are_cut_between_two_characters() -> None:
    fitted = kinds.content_of(kinds.Text(content="字" * 683), Channel.APP)  # 2,049 bytes
    assert fitted.cut == ["text.content"]
    assert len(fitted.content["text"]["content"].encode()) <= 2048


async def _with_media(rig: Rig, kind: kinds.Kind) -> Any:
    """The same message with files that exist."""
    uploaded = {}
    for name, body in (
        ("image", b"\x89PNG picture"),
        ("voice", b"#!AMR voice"),
        ("video", b"mp4 video"),
        ("file", b"%PDF-1.7"),
    ):
        uploaded[name] = await rig.platform.upload_media(f"a.{name}", body, kind=name)
    if isinstance(kind, kinds.TemplateCard):
        facts = [
            t.Fact(keyname=fact.keyname, value=fact.value, type=2, media_id=uploaded["file"])
            if fact.type == 2
            else fact
            for fact in kind.card.horizontal_content_list
        ]
        return kinds.TemplateCard(card=msgspec.structs.replace(kind.card, horizontal_content_list=facts))
    if hasattr(kind, "media_id"):
        return type(kind)(media_id=uploaded[kinds.KINDS[type(kind)][0]])
    return kind
