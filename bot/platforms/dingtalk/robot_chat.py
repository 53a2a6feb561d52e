"""The app robot through the OpenAPI: private messages, group messages, read status, recall. Sheet: 4.2 to 4.5.

A ``ref`` is the ``processQueryKey`` of a private message or a card, or ``group:<conversation> <key>``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import OutboundMessage, PlatformError, Receipt, Sent
from bot.platforms.dingtalk import cards
from bot.platforms.dingtalk.client import DingTalkClient, failure
from bot.platforms.dingtalk.codes import CONTENT_CODES, TOO_EARLY
from bot.platforms.dingtalk.fields import items, word, words
from bot.platforms.dingtalk.text import compact

PRIVATE, GROUP = "/v1.0/robot/oToMessages", "/v1.0/robot/groupMessages"
RECALL_PRIVATE = "/v1.0/robot/otoMessages/batchRecall"  # the vendor spells this one in lower case
BATCH = 20
PAGE = 200  # readers in one answer
IN_GROUP = "group:"


class RobotChat:
    """What the robot of the app says. All methods raise PlatformError."""

    def __init__(self, settings: DingTalkSettings, client: DingTalkClient) -> None:
        self._robot = settings.robot
        self._client = client

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """Send the same to up to twenty; HTTP 200 may hide that somebody was left out, for good or for now."""
        return _ends(user_ids, await self._say(f"{PRIVATE}/batchSend", {"userIds": list(user_ids)}, message))

    async def send_sample(self, user_id: str, key: str, param: dict[str, str]) -> Sent:
        """Send a picture, a file or any other kind the robot has to one person."""
        body = {"robotCode": self._robot, "userIds": [user_id], "msgKey": key, "msgParam": compact(param)}
        end = _ends([user_id], await self._client.api("POST", f"{PRIVATE}/batchSend", body=body))[user_id]
        if isinstance(end, PlatformError):
            raise end
        return end

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send to one."""
        ended = (await self.send_many([user_id], message))[user_id]
        if isinstance(ended, PlatformError):
            raise ended
        return ended

    async def send_group(self, conversation: str, message: OutboundMessage) -> Sent:
        """Post into a group of our own organisation; nobody can be mentioned this way."""
        answer = await self._say(f"{GROUP}/send", {"openConversationId": conversation}, message)
        return Sent(f"{IN_GROUP}{conversation} {word(answer, 'processQueryKey')}")

    async def receipts(self, ref: str) -> dict[str, Receipt]:
        """Who has read it; nothing where DingTalk does not know yet, or no longer (24 h)."""
        conversation, key = _place(ref)
        try:
            return await (self._group_readers(conversation, key) if conversation else self._readers(key))
        except PlatformError as error:
            if error.code in TOO_EARLY:
                return {}
            raise

    async def recall(self, ref: str) -> None:
        """Take it back silently, within 24 hours."""
        conversation, key = _place(ref)
        body: dict[str, Any] = {"robotCode": self._robot, "processQueryKeys": [key]}
        if conversation:
            path, body["openConversationId"] = f"{GROUP}/recall", conversation
        else:
            path = RECALL_PRIVATE
        answer = await self._client.api("POST", path, body=body)
        failed = answer.get("failedResult")
        if isinstance(failed, dict) and key in failed:
            raise failure("recall.failed", detail=str(failed[key])[:200])

    async def _say(self, path: str, to: dict[str, Any], message: OutboundMessage) -> dict[str, Any]:
        """Send; wording that DingTalk's filter refuses is replaced by a neutral sentence with the same links."""
        try:
            return await self._client.api("POST", path, body=self._body(to, message))
        except PlatformError as error:
            if error.code not in CONTENT_CODES:
                raise
        return await self._client.api("POST", path, body=self._body(to, cards.neutral(message)))

    def _body(self, to: dict[str, Any], message: OutboundMessage) -> dict[str, Any]:
        key, param = cards.robot_message(message)
        return {"robotCode": self._robot, **to, "msgKey": key, "msgParam": compact(param)}

    async def _readers(self, key: str) -> dict[str, Receipt]:
        query = {"robotCode": self._robot, "processQueryKey": key}
        answer = await self._client.api("GET", f"{PRIVATE}/readStatus", query=query)
        recalled = word(answer, "sendStatus").upper() == "RECALLED"
        rows = [row for row in items(answer.get("messageReadInfoList")) if isinstance(row, dict)]
        return {word(row, "userId"): _receipt(row, recalled=recalled) for row in rows if word(row, "userId")}

    async def _group_readers(self, conversation: str, key: str) -> dict[str, Receipt]:
        asked = {"openConversationId": conversation, "robotCode": self._robot, "processQueryKey": key}
        readers: dict[str, Receipt] = {}
        following = ""
        while True:
            body = {**asked, "maxResults": PAGE, **({"nextToken": following} if following else {})}
            answer = await self._client.api("POST", f"{GROUP}/query", body=body)
            readers |= dict.fromkeys(words(answer.get("readUserIds", [])), Receipt.READ)
            following = word(answer, "nextToken")
            if answer.get("hasMore") is not True or not following:
                return readers
            await asyncio.sleep(0)


def _receipt(row: dict[str, Any], *, recalled: bool) -> Receipt:
    if recalled:
        return Receipt.RECALLED
    return Receipt.READ if word(row, "readStatus").upper() == "READ" else Receipt.UNREAD


def _place(ref: str) -> tuple[str, str]:
    """Conversation (empty in private) and key."""
    if not ref.startswith(IN_GROUP):
        return "", ref
    conversation, _, key = ref.removeprefix(IN_GROUP).rpartition(" ")
    return conversation, key


def _ends(user_ids: Sequence[str], answer: dict[str, Any]) -> dict[str, Sent | PlatformError]:
    """An end for each: an answer of 200 may hide that somebody was left out."""
    sent = Sent(word(answer, "processQueryKey"))
    ended: dict[str, Sent | PlatformError] = dict.fromkeys(user_ids, sent)
    invalid, throttled = (
        set(words(answer.get(name))) for name in ("invalidStaffIdList", "flowControlledStaffIdList")
    )
    ended |= {user_id: failure("flowControlledStaffId") for user_id in user_ids if user_id in throttled}
    ended |= {user_id: failure("invalidStaffId") for user_id in user_ids if user_id in invalid}
    return ended
