"""Work notices: strong, and silent about what they drop. Sheet: section 4.6.

The same text goes to a person once a day, and a call over a limit still succeeds. So every notice carries its
number, and :meth:`WorkNotices.receipts` asks what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.core.clock import Clock, china
from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import OutboundMessage, PlatformError, Receipt, Sent
from bot.platforms.dingtalk import cards
from bot.platforms.dingtalk.client import DingTalkClient, failure
from bot.platforms.dingtalk.fields import nested, word, words

PATH = "/topapi/message/corpconversation"
PREFIX = "work:"  # of a ref
BATCH = 100
DONE = "2"  # of ``progress.status``
NOT_DELIVERED = ("invalid_user_id_list", "forbidden_user_id_list", "failed_user_id_list")


class WorkNotices:
    """Send as the app's work notice. All methods raise PlatformError."""

    def __init__(self, settings: DingTalkSettings, clock: Clock, client: DingTalkClient) -> None:
        self._agent_id = settings.agent_id
        self._clock = clock
        self._client = client

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """Send to up to a hundred; who was left out is known only from ``receipts``."""
        body = {
            "agent_id": self._agent_id,
            "userid_list": ",".join(user_ids),
            "to_all_user": False,
            "msg": cards.work_notice(self._numbered(message)),
        }
        answer = await self._client.oapi("POST", f"{PATH}/asyncsend_v2", body=body)
        task = word(answer, "task_id")
        if not task:
            raise failure("work_notice.no_task")
        return dict.fromkeys(user_ids, Sent(f"{PREFIX}{task}"))

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send to one."""
        ended = (await self.send_many([user_id], message))[user_id]
        assert isinstance(ended, Sent)
        return ended

    async def receipts(self, ref: str) -> dict[str, Receipt]:
        """Nothing until DingTalk has worked it off; then everybody it was meant for, the dropped ones too."""
        asked = {"agent_id": self._agent_id, "task_id": _task(ref)}
        progress = await self._client.oapi("POST", f"{PATH}/getsendprogress", body=asked)
        if word(nested(progress.get("progress")), "status") != DONE:
            return {}
        answer = await self._client.oapi("POST", f"{PATH}/getsendresult", body=asked)
        result = nested(answer.get("send_result"))
        found = dict.fromkeys(words(result.get("unread_user_id_list", [])), Receipt.UNREAD)
        found |= dict.fromkeys(words(result.get("read_user_id_list", [])), Receipt.READ)
        for name in NOT_DELIVERED:
            found |= dict.fromkeys(words(result.get(name, [])), Receipt.NOT_DELIVERED)
        return found

    async def recall(self, ref: str) -> None:
        """Take it back, within 24 hours."""
        body = {"agent_id": self._agent_id, "msg_task_id": _task(ref)}
        await self._client.oapi("POST", f"{PATH}/recall", body=body)

    def _numbered(self, message: OutboundMessage) -> OutboundMessage:
        """With something no other notice has: the same on a retry, which DingTalk then shows once."""
        mark = message.key or f"{china(self._clock.now()):%m-%d %H:%M:%S}"
        return replace(message, facts=(*message.facts, ("通知编号", mark)))


def _task(ref: str) -> int:
    number = ref.removeprefix(PREFIX)
    if not ref.startswith(PREFIX) or not number.isdecimal():
        raise failure("work_notice.no_task")
    return int(number)


def is_work_notice(ref: str) -> bool:
    return ref.startswith(PREFIX)
