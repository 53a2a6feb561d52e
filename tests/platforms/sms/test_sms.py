"""Short messages through a gateway by HTTP: what goes out, and what each answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from bot.core.config_fallback import SmsSettings
from bot.platforms.base import ErrorClass, OutboundMessage, PlatformError
from bot.platforms.sms.app import SmsPlatform
from bot.simulator.faults import Fault, FaultPlan
from bot.simulator.people import World
from bot.simulator.sms import SmsGateway

NOTE = OutboundMessage(
    title="抽查任务", body="**幸福超市** 请在 03月31日 前完成检查。" * 9, url="https://x.test/f/abc", key="n7"
)


class Site:
    def __init__(self, url: str, session: aiohttp.ClientSession, world: World, faults: FaultPlan) -> None:
        self.world, self.faults, self.url, self.session = world, faults, url, session

    def platform(self, **more: object) -> SmsPlatform:
        values = {
            "url": self.url,
            "authorization": "Bearer k",
            "ok_field": "code",
            "max_chars": 70,
            "timeout": 0.5,
        }
        return SmsPlatform(SmsSettings.model_validate(values | more), self.session)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    world, faults = World(now=lambda: 0.0), FaultPlan(hold=1.0)
    gateway = SmsGateway(world, faults, authorization="Bearer k").app()
    async with TestServer(gateway) as server, aiohttp.ClientSession() as session:
        yield Site(str(server.make_url("/send")), session, world, faults)


async def test_a_message_is_cut_to_its_length_and_the_link_stays_whole(site: Site) -> None:
    await site.platform().send("13800000001", NOTE)
    [message] = site.world.chat("sms", "13800000001")
    text = message.content["text"]
    assert len(text) <= 70
    assert text.startswith("【随查】抽查任务：幸福超市 请在")
    assert text.endswith("… https://x.test/f/abc")


@pytest.mark.parametrize(
    ("fault", "cls"),
    [
        (Fault.SERVER_ERROR, ErrorClass.RETRY),
        (Fault.BUSY, ErrorClass.BUG),  # refused in a 200
        (Fault.RESET, ErrorClass.UNKNOWN),
        (Fault.LATE_ANSWER, ErrorClass.UNKNOWN),
    ],
)
async def test_each_trouble_has_its_meaning(site: Site, fault: Fault, cls: ErrorClass) -> None:
    site.faults.script.append(fault)
    with pytest.raises(PlatformError) as error:
        await site.platform().send("13800000001", NOTE)
    assert error.value.cls is cls


async def test_a_wrong_key_stops_the_channel_and_no_secret_is_named(site: Site) -> None:
    with pytest.raises(PlatformError) as refused:
        await site.platform(authorization="Bearer wrong").send("13800000001", NOTE)
    assert refused.value.cls is ErrorClass.CHANNEL
    assert "wrong" not in f"{refused.value} {refused.value.advice}"


async def test_the_same_message_repeated_has_the_same_id(site: Site) -> None:
    for _ in range(2):
        await site.platform().send("13800000001", NOTE)
    assert len(site.world.chat("sms", "13800000001")) == 1


@pytest.mark.parametrize("body", ["{", "[]", '{"to": "{mobile}"}'])
def test_a_body_without_its_places_is_refused(body: str) -> None:
    with pytest.raises(ValidationError, match="JSON"):
        SmsSettings(url="https://sms.test/send", body=body)
