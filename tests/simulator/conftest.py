"""The simulator under test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.platforms.dingtalk.rig import Rig, dingtalk
from tests.simulator.dingtalk_caller import Caller
from tests.simulator.site import Site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with aiohttp.ClientSession() as http:
        site = Site(http)
        await site.simulator.start()
        yield site
        await site.simulator.stop()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A simulated DingTalk alone, on a port of its own."""
    async with dingtalk() as running:
        yield running


@pytest.fixture
def caller(rig: Rig) -> Caller:
    """What speaks to it without our adapter."""
    return Caller(rig)
