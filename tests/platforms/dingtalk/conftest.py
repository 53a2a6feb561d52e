from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.platforms.dingtalk.rig import Rig, dingtalk


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with dingtalk() as running:
        yield running
