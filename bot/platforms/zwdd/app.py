"""浙政钉 and 专有钉钉 as a :class:`Platform`: work notices and pages only, no robot, no cards, no Stream.

Built from the sheet (section 9.4), which has it from public clients; **untried on a real deployment**.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import aiohttp

from bot.core.clock import Clock
from bot.core.config_zwdd import ZwddSettings
from bot.platforms.base import (
    Capabilities,
    CheckResult,
    ErrorClass,
    OutboundMessage,
    PlatformError,
    Sent,
)
from bot.platforms.dingtalk.cards import work_notice
from bot.platforms.dingtalk.text import compact
from bot.platforms.one_way import OneWay
from bot.platforms.shared import TokenStore
from bot.platforms.tokens import OwnTokens
from bot.platforms.zwdd.client import PLATFORM, ZwddClient

BATCH = 1000
NOTICE, REVOKE = "/message/workNotification", "/message/revoke"
LOGIN = "/rpc/oauth2/dingtalk_app_user.json"
UNTRIED = "未在真实环境试过：先用一个测试账号核对通知和登录，再给全员使用。"


class ZwddPlatform(OneWay):
    """What is sent goes out as a work notice with links; what people do, they do on the pages behind them."""

    name = PLATFORM
    capabilities = Capabilities(
        cards=False,
        card_updates=False,
        resend_is_safe=True,  # ``bizMsgId``
        plain_resend_is_safe=True,
        media=False,
        max_buttons=1,
        body_bytes=1024,
        per_minute=None,
        batch=BATCH,
        recall=True,
    )

    def __init__(
        self,
        settings: ZwddSettings,
        clock: Clock,
        session: aiohttp.ClientSession,
        *,
        tokens: TokenStore | None = None,
    ) -> None:
        self._settings = settings
        self._client = ZwddClient(settings, clock, session, tokens or OwnTokens(clock))

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send to one account id."""
        ended = (await self.send_many([user_id], message))[user_id]
        assert isinstance(ended, Sent)
        return ended

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """One call for up to a thousand; ``bizMsgId`` makes a repeat harmless. Who is unknown is not told."""
        if len(user_ids) > BATCH:
            raise PlatformError("receivers.overMax", cls=ErrorClass.BUG)
        params = {
            "receiverIds": ",".join(user_ids),
            "tenantId": self._settings.tenant_id,
            "msg": compact(work_notice(message)),
        }
        if message.card_id or message.key:
            params["bizMsgId"] = message.card_id or message.key
        data = (await self._client.call(NOTICE, params)).get("data")
        found = data.get("msgId") if isinstance(data, dict) else data
        return dict.fromkeys(user_ids, Sent(str(found or "")))

    async def recall(self, ref: str) -> None:
        """Take a notice back."""
        await self._client.call(REVOKE, {"msgId": ref, "tenantId": self._settings.tenant_id})

    async def user_of(self, code: str) -> str:
        """The account id behind the login code of a page that was opened in the workbench."""
        data = (await self._client.call(LOGIN, {"auth_code": code})).get("data")
        account = data.get("accountId") if isinstance(data, dict) else None
        if not account:
            raise PlatformError("login.answer", json.dumps(sorted(data) if isinstance(data, dict) else []))
        return str(account)

    async def check(self) -> list[CheckResult]:
        """Ask for a token; and say that all this has not met a real server yet."""
        lines = [CheckResult("浙政钉/专有钉钉", True, f"适配器按公开资料写成，{UNTRIED}")]
        try:
            await self._client.call(REVOKE, {"msgId": "0", "tenantId": self._settings.tenant_id})
        except PlatformError as error:
            fine = error.cls is ErrorClass.BUG  # the token was good: only the message does not exist
            advice = error.advice or "检查服务器到政务网关的网络、代理和根证书。"
            lines.append(CheckResult("浙政钉凭证", fine, f"应答 {error.code}", "" if fine else advice))
        else:
            lines.append(CheckResult("浙政钉凭证", True, "已取得访问令牌"))
        return lines
