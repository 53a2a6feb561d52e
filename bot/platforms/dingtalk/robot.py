"""The custom group robot: one-way, for announcements. Sheet: section 1."""

from __future__ import annotations

from uuid import uuid4

from yarl import URL

from bot.core.clock import Clock
from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import ErrorClass, OutboundMessage, PlatformError
from bot.platforms.dingtalk.cards import webhook_message
from bot.platforms.dingtalk.client import DingTalkClient
from bot.platforms.dingtalk.crypto import robot_sign_query
from bot.platforms.robot_turns import RobotTurns

ADVICE = "没有设置群机器人：填写 SUICHA_DINGTALK__GROUP_ROBOT_URL。"
PER_MINUTE = 18  # at 20 the platform silences the robot for ten minutes


class GroupRobot:
    """Post to the group of the configured webhook, if there is one."""

    def __init__(self, settings: DingTalkSettings, clock: Clock, client: DingTalkClient) -> None:
        self._url = settings.group_robot_url
        self._secret = settings.group_robot_secret
        self._keyword = settings.group_robot_keyword
        self._clock = clock
        self._client = client
        self._turns = RobotTurns(clock, per_minute=PER_MINUTE)

    @property
    def configured(self) -> bool:
        return self._url is not None

    async def send(self, message: OutboundMessage) -> None:
        """Post once; a lost answer is asked for again with the same ``msgUuid``, which cannot post twice."""
        if self._url is None:
            raise PlatformError("robot.missing", cls=ErrorClass.CHANNEL, advice=ADVICE)
        url = self._url.get_secret_value()
        uuid = message.card_id or message.key or uuid4().hex
        body = webhook_message(message, uuid=uuid, keyword=self._keyword)
        self._turns.take()
        self._client.pushed()  # a custom robot is paid from the pool of pushes (section 1.8)
        try:
            await self._client.webhook(self._signed(url), body)
        except PlatformError as error:
            self._turns.heard(error)
            if error.cls is not ErrorClass.UNKNOWN:
                raise
            await self._client.webhook(self._signed(url), body)

    def _signed(self, url: str) -> URL:
        """The bare webhook with a fresh signature: signing a signed address is refused."""
        if self._secret is None:
            return URL(url, encoded=True)
        timestamp = str(int(self._clock.now().timestamp() * 1000))
        sign = robot_sign_query(self._secret.get_secret_value(), timestamp)
        return URL(f"{url}&timestamp={timestamp}&sign={sign}", encoded=True)
