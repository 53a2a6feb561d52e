"""The simulator under test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.simulator.site import Site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with aiohttp.ClientSession() as http:
        site = Site(http)
        await site.simulator.start()
        yield site
        await site.simulator.stop()
