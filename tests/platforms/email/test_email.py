"""Letters over real SMTP to a server of our own: what every answer means, and that nothing is lost unseen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.core.config_fallback import EmailSettings
from bot.platforms.base import Button, ErrorClass, OutboundMessage, PlatformError
from bot.platforms.email.app import EmailPlatform
from bot.simulator.mail import MailServer
from bot.simulator.people import World

LETTER = OutboundMessage(
    title="抽查任务\\*", body="**请**\n\n.单独一点的行\n[打开](https://x.test/a)", key="n7",
    facts=(("检查对象", "幸福超市"),), buttons=(Button("打开检查表", url="https://x.test/form/t"),),
)  # fmt: skip


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    server = MailServer(World(now=lambda: 0.0))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def platform(mail: MailServer) -> EmailPlatform:
    return EmailPlatform(
        EmailSettings(host="127.0.0.1", port=mail.port, sender="suicha@x.test", security="none", timeout=5)
    )


async def test_a_letter_arrives_with_every_fact_and_link(mail: MailServer, platform: EmailPlatform) -> None:
    sent = await platform.send("wang@gov.test", LETTER)
    [message] = mail.world.chat("email", "wang@gov.test")
    assert message.content["subject"] == "抽查任务*"
    text = message.content["text"].replace("\r\n", "\n")
    assert text.startswith("请\n\n.单独一点的行\n打开 https://x.test/a")
    assert "检查对象：幸福超市" in text
    assert "打开检查表：https://x.test/form/t" in text
    assert sent.ref == message.content["message_id"]


async def test_a_repeated_letter_has_the_same_message_id(mail: MailServer, platform: EmailPlatform) -> None:
    for _ in range(2):
        await platform.send("wang@gov.test", LETTER)
    assert len({m.content["message_id"] for m in mail.world.chat("email", "wang@gov.test")}) == 1


async def test_each_answer_of_the_server_has_its_meaning(mail: MailServer, platform: EmailPlatform) -> None:
    mail.refused, mail.later = {"nobody@gov.test"}, {"grey@gov.test"}
    for address, cls in (("nobody@gov.test", ErrorClass.RECIPIENT), ("grey@gov.test", ErrorClass.RETRY)):
        with pytest.raises(PlatformError) as refused:
            await platform.send(address, LETTER)
        assert refused.value.cls is cls
    ends = await platform.send_many(["nobody@gov.test", "li@gov.test"], LETTER)
    assert isinstance(ends["nobody@gov.test"], PlatformError)
    assert [m.content["subject"] for m in mail.world.chat("email", "li@gov.test")] == ["抽查任务*"]


@pytest.mark.parametrize(
    "address",
    ["wang@gov.test\nBcc: all@gov.test", "wang", "wang@gov.test,li@gov.test", "王@gov.test", "<wang@gov.test>", "",
     "wang @gov.test", "a@b@gov.test", "\ud800@gov.test", 'wang"@gov.test', "wang@gov.test\r\n"],
)  # fmt: skip
async def test_an_address_that_is_none_is_that_persons_failure(
    mail: MailServer, platform: EmailPlatform, address: str
) -> None:
    ended = await platform.send_many([address, "li@gov.test"], LETTER)
    bad = ended[address]
    assert isinstance(bad, PlatformError)
    assert (bad.cls, bad.code) == (ErrorClass.RECIPIENT, "email.address")
    assert "人员名单" in bad.advice
    assert [m.user_id for m in mail.world.messages.values()] == ["li@gov.test"]


async def test_a_title_of_several_lines_is_one_subject_and_adds_no_header(
    mail: MailServer, platform: EmailPlatform
) -> None:
    await platform.send("wang@gov.test", replace(LETTER, title="抽查\r\nBcc: all@gov.test\x85任务\u2028"))
    [message] = mail.world.messages.values()
    assert message.content["subject"] == "抽查 Bcc: all@gov.test 任务"


async def test_half_a_character_is_a_named_failure_and_the_others_still_hear(
    mail: MailServer, platform: EmailPlatform
) -> None:
    for broken in (replace(LETTER, title="抽查\ud800"), replace(LETTER, body="抽查\ud800")):
        with pytest.raises(PlatformError) as refused:
            await platform.send("wang@gov.test", broken)
        assert (refused.value.cls, refused.value.code) == (ErrorClass.BUG, "email.content")
    assert not mail.world.messages


async def test_a_connection_cut_after_the_letter_is_of_unknown_outcome(
    mail: MailServer, platform: EmailPlatform
) -> None:
    mail.drop_after_data = 1
    with pytest.raises(PlatformError) as lost:
        await platform.send("wang@gov.test", LETTER)
    assert lost.value.cls is ErrorClass.UNKNOWN
    assert len(mail.world.chat("email", "wang@gov.test")) == 1


async def test_no_server_is_tried_again_and_doctor_says_what_it_saw(
    mail: MailServer, platform: EmailPlatform
) -> None:
    assert (await platform.check())[0].ok
    await mail.stop()
    with pytest.raises(PlatformError) as away:
        await platform.send("wang@gov.test", LETTER)
    assert (away.value.cls, away.value.retry_after) == (ErrorClass.RETRY, 30.0)
    assert not (await platform.check())[0].ok
