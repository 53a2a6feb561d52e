"""Stronger than a message: a to-do with its due date, and for what is overdue a DING inside the app.

Both come on top of the message and are off by default; that one of them fails never makes the message fail.
Sheet: sections 4.7 and 4.8.
"""

from __future__ import annotations

from urllib.parse import quote

import structlog

from bot.core.config_dingtalk import DingTalkSettings
from bot.core.ids import sha256_hex
from bot.platforms.base import OutboundMessage, PlatformError
from bot.platforms.dingtalk.client import DingTalkClient, failure
from bot.platforms.dingtalk.fields import nested, word
from bot.platforms.dingtalk.text import cut

log = structlog.get_logger(__name__)

IN_APP = 1  # remindType; 2 is an SMS and 3 a call: both cost money and are never used
SUBJECT = 1024  # characters of a to-do
DING_BYTES = 300  # of what one is dinged with
URGENT, NORMAL = 40, 20


class StrongReminders:
    """What one message also becomes, where the settings want it."""

    def __init__(self, settings: DingTalkSettings, client: DingTalkClient, *, home: str) -> None:
        self._home = home  # what a to-do opens where its message has no page
        self._settings = settings
        self._client = client
        self._union_ids: dict[str, str] = {}

    async def add(self, user_id: str, message: OutboundMessage) -> None:
        """To-do and DING for one person, as the settings and the message want; trouble is logged, not raised."""
        if self._settings.todo and message.due_at is not None and message.duty and not message.done:
            await self._tried("todo", user_id, message)
        if self._settings.ding and message.overdue:
            await self._tried("ding", user_id, message)

    async def finish(self, user_id: str, message: OutboundMessage) -> None:
        """Tick off the to-do of a duty that is done; without one nothing happens. Trouble is logged, not raised."""
        if self._settings.todo and message.due_at is not None and message.duty and message.done:
            await self._tried("finish", user_id, message)

    async def ticked_off(self, user_id: str, message: OutboundMessage) -> None:
        """Find it by its ``sourceId`` and set it done; the paths are those of the vendor's own client."""
        union_id = await self._union_id(user_id)
        tasks = f"/v1.0/todo/users/{union_id}/tasks"
        source = quote(_source(user_id, message), safe="")
        found = await self._client.api("GET", f"{tasks}/sources/{source}")
        task_id = word(found, "id")
        if task_id and found.get("done") is not True:
            asked = {"operatorId": union_id}
            await self._client.api(
                "PUT", f"{tasks}/{quote(task_id, safe='')}", body={"done": True}, query=asked
            )

    async def todo(self, user_id: str, message: OutboundMessage) -> None:
        """A task in the person's own to-do list, one for each duty; ``sourceId`` makes a repeat harmless."""
        assert message.due_at is not None
        union_id = await self._union_id(user_id)
        page = message.url or self._home
        body = {
            "sourceId": _source(user_id, message),
            "subject": message.title[:SUBJECT],
            "creatorId": union_id,
            "executorIds": [union_id],
            "dueTime": int(message.due_at.timestamp() * 1000),
            "detailUrl": {"appUrl": page, "pcUrl": page},
            "notifyConfigs": {"dingNotify": "0"},
            "priority": URGENT if message.overdue else NORMAL,
        }
        await self._client.api("POST", f"/v1.0/todo/users/{union_id}/tasks", body=body)

    async def ding(self, user_id: str, message: OutboundMessage) -> None:
        """A DING inside the app; who cannot get one stands in ``failedList``."""
        body = {
            "robotCode": self._settings.robot,
            "remindType": IN_APP,
            "receiverUserIdList": [user_id],
            "content": cut(message.title, DING_BYTES),
        }
        answer = await self._client.api("POST", "/v1.0/robot/ding/send", body=body)
        if answer.get("failedList"):
            raise failure("ding.failed")

    async def _tried(self, what: str, user_id: str, message: OutboundMessage) -> None:
        try:
            await {"todo": self.todo, "ding": self.ding, "finish": self.ticked_off}[what](user_id, message)
        except PlatformError as error:
            log.warning("dingtalk_strong_reminder_failed", what=what, code=error.code)

    async def _union_id(self, user_id: str) -> str:
        if user_id not in self._union_ids:
            answer = await self._client.oapi("POST", "/topapi/v2/user/get", body={"userid": user_id})
            union_id = word(nested(answer.get("result")), "unionid")
            if not union_id:
                raise failure("33012")
            self._union_ids[user_id] = union_id
        return self._union_ids[user_id]


def _source(user_id: str, message: OutboundMessage) -> str:
    """Unique in the app and the same in every process: this person and this duty."""
    return sha256_hex(f"{user_id}:{message.duty}".encode())[:40]
