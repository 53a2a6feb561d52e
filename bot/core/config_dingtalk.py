"""The DingTalk block of the settings: one internal app of one organisation."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, field_validator, model_validator

_HARD_TO_GUESS = re.compile(r"[A-Za-z0-9_-]{16,128}")
_BUDGETS = {"standard": (5_000, 3_000), "professional": (200_000, 50_000)}


class DingTalkSettings(BaseModel):
    """One internal app. Sheet: platforms/dingtalk.md. Inbound is Stream, or HTTP callbacks with ``stream`` off."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    client_id: str  # AppKey
    client_secret: SecretStr
    corp_id: str = ""
    agent_id: int = 0
    robot_code: str = ""  # empty: the client id
    card_template: str = ""  # the published card's id; empty: ActionCard with signed links
    api_base: str = "https://api.dingtalk.com"
    oapi_base: str = "https://oapi.dingtalk.com"
    login_base: str = "https://login.dingtalk.com"
    jsapi_script: str = "https://g.alicdn.com/dingding/dingtalk-jsapi/3.0.25/dingtalk.open.js"
    stream: bool = True
    stream_connections: int = Field(default=1, ge=1, le=8)
    idle_after: float = 90.0  # seconds without a frame before a socket counts as dead
    deaf_after: float = 300.0  # seconds without any socket before the administrators are told
    hook_path: SecretStr | None = None  # hard-to-guess part of the callback addresses; needed without Stream
    callback_window: float = Field(default=3600.0, gt=0, le=3600)  # seconds a callback's timestamp may be off
    event_token: SecretStr | None = None
    event_aes_key: SecretStr | None = None  # 43 characters
    event_receive_id: str = ""  # empty: the client id; the old registration API seals with the corp id
    card_secret: SecretStr | None = None  # signs card callbacks over HTTP
    card_route: str = "suicha"
    group_robot_url: SecretStr | None = None
    group_robot_secret: SecretStr | None = None
    group_robot_keyword: str = ""  # put into every post, where the robot is guarded by a keyword
    group_conversation: str = ""  # openConversationId of a group of ours in which the app's robot announces
    group_template_robot: str = ""  # robot code, where that group was made from a scene-group template
    private_by: Literal["robot", "work_notice"] = "robot"  # how a message without a card reaches a person
    todo: bool = False  # a message with a due date also becomes a to-do
    ding: bool = False  # an overdue one also becomes a DING inside the app; never SMS or a call
    edition: Literal["standard", "professional"] = "standard"
    monthly_calls: int | None = Field(
        default=None, gt=0
    )  # where the edition's number is not the organisation's
    monthly_pushes: int | None = Field(default=None, gt=0)
    calls_per_second: int = Field(default=18, ge=1)  # to each API; 20 are allowed, 60 with an add-on pack
    timeout: float = 10.0
    ca_bundle: FilePath | None = None
    proxy: str | None = None

    @field_validator("event_aes_key")
    @classmethod
    def _is_43_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) != 43:
            raise ValueError("aes_key 必须正好 43 个字符")
        return value

    @field_validator("hook_path")
    @classmethod
    def _is_hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _HARD_TO_GUESS.fullmatch(value.get_secret_value()):
            raise ValueError("应是至少 16 个字母、数字、- 或 _")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> DingTalkSettings:
        if (self.event_token is None) != (self.event_aes_key is None):
            raise ValueError("EVENT_TOKEN 与 EVENT_AES_KEY 要一起填写")
        if not self.stream and self.hook_path is None:
            raise ValueError("不用 Stream 接收时要填写 HOOK_PATH")
        if not self.stream and self.card_template and self.card_secret is None:
            raise ValueError("用 HTTP 接收卡片回调时要填写 CARD_SECRET")
        if self.private_by == "work_notice" and not self.agent_id:
            raise ValueError("用工作通知发送时要填写 AGENT_ID")
        return self

    @property
    def robot(self) -> str:
        return self.robot_code or self.client_id

    @property
    def receive_id(self) -> str:
        return self.event_receive_id or self.client_id

    @property
    def budgets(self) -> tuple[int, int]:
        """Calls and pushes that the organisation has in a month (sheet section 10.1)."""
        calls, pushes = _BUDGETS[self.edition]
        return self.monthly_calls or calls, self.monthly_pushes or pushes
