"""The WeCom block of the settings: a self-built app, a smart bot, or both; every host is a setting.

Sheet: platforms/wecom.md sections 1 to 8. Half a block is an error at start.
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

NOTHING = SecretStr("")
_BLOCK = ConfigDict(extra="forbid", hide_input_in_errors=True)


class WeComBotSettings(BaseModel):
    """A smart bot (智能机器人): by its long connection, which needs no public address, or by a webhook."""

    model_config = _BLOCK

    id: str  # BotID
    secret: SecretStr = NOTHING  # of the long connection
    token: SecretStr = NOTHING  # of the webhook
    aes_key: SecretStr = NOTHING
    name: str = ""  # what people write behind the @ in a group
    welcome: str = "您好，这里是随查。回复“帮助”看看可以怎么说。"  # once a day, when somebody opens the chat
    group: str = ""  # the chatid of the group that reads announcements
    ws_url: str = "wss://openws.work.weixin.qq.com"

    @field_validator("aes_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        return _aes_key(value)

    @field_validator("ws_url")
    @classmethod
    def _is_a_socket(cls, value: str) -> str:
        return _address(value, "wss", "ws")

    @model_validator(mode="after")
    def _has_one_way_in(self) -> WeComBotSettings:
        webhook = [bool(part.get_secret_value()) for part in (self.token, self.aes_key)]
        if any(webhook) != all(webhook):
            raise ValueError("智能机器人的 TOKEN 和 AES_KEY 要一起填写")
        if bool(self.secret.get_secret_value()) == all(webhook):
            raise ValueError("智能机器人填 SECRET（长连接）或 TOKEN 与 AES_KEY（回调），二选一")
        return self

    @property
    def by_socket(self) -> bool:
        return bool(self.secret.get_secret_value())


class WeComSettings(BaseModel):
    """One self-built app of one corp, its smart bot, or both, and optionally a group robot."""

    model_config = _BLOCK

    corp_id: str = ""
    agent_id: int = 0
    secret: SecretStr = NOTHING
    token: SecretStr = NOTHING  # callback Token, at most 32 letters and digits
    aes_key: SecretStr = NOTHING  # EncodingAESKey, 43 characters
    bot: WeComBotSettings | None = None
    group_robot_url: SecretStr | None = None  # the key in it is a credential
    downstream: bool = False  # 上下游: the app is shared to enterprises
    enterprise_robot_hosts: tuple[str, ...] = ("qyapi.weixin.qq.com",)  # where robots of enterprises may live
    # hosts: 政务微信 and other private deployments have their own
    api_base: str = "https://qyapi.weixin.qq.com"
    oauth_url: str = "https://open.weixin.qq.com/connect/oauth2/authorize"
    sso_url: str = "https://login.work.weixin.qq.com/wwlogin/sso/login"
    jssdk_url: str = "https://wwcdn.weixin.qq.com/node/open/js/wecom-jssdk-2.3.3.js"
    legacy_userinfo: bool = False  # user/getuserinfo, where auth/getuserinfo does not exist
    template_cards: bool = True  # a private deployment may not know them
    callback_window: float = 3600.0  # seconds a callback's timestamp may be off
    timeout: float = 10.0  # seconds for one API call
    per_member_minute: int = 25  # the platform drops silently above 30
    lookups_a_day: int = Field(default=20, ge=0)  # mobile numbers asked for a day: misses block the call
    ca_bundle: FilePath | None = None
    proxy: str | None = None

    @field_validator("aes_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        return _aes_key(value)

    @field_validator("api_base", "oauth_url", "sso_url", "jssdk_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return _address(value, "https", "http")

    @model_validator(mode="after")
    def _is_whole(self) -> WeComSettings:
        parts = {
            "corp_id": self.corp_id,
            "agent_id": self.agent_id,
            "secret": self.secret.get_secret_value(),
            "token": self.token.get_secret_value(),
            "aes_key": self.aes_key.get_secret_value(),
        }
        missing = [name for name, value in parts.items() if not value]
        if missing and (self.bot is None or len(missing) < len(parts)):
            raise _lacking(missing)
        if self.bot is not None and not self.bot.by_socket and missing:
            raise ValueError("回调方式的智能机器人不能主动推送：请改用长连接，或同时填写自建应用")
        return self

    @property
    def has_app(self) -> bool:
        return bool(self.corp_id)


def page_script(settings: WeComSettings | None) -> str:
    """The address of the SDK for pages inside WeCom, which belong to a self-built app; empty without one."""
    return settings.jssdk_url if settings is not None and settings.has_app else ""


def _lacking(names: list[str]) -> ValidationError:
    """Each missing part by its own name, as pydantic says it of a required field."""
    return ValidationError.from_exception_data(
        "WeComSettings", [InitErrorDetails(type="missing", loc=(name,), input=None) for name in names]
    )


def _aes_key(value: SecretStr) -> SecretStr:
    """43 characters of base64; spaces around them come with copying. The last one may carry unused bits."""
    key = value.get_secret_value().strip()
    if key:
        try:
            if len(key) != 43 or len(base64.b64decode(key + "=", validate=True)) != 32:
                raise ValueError
        except (binascii.Error, ValueError):
            raise ValueError("EncodingAESKey 必须正好 43 个字符（字母和数字）") from None
    return SecretStr(key)


def _address(value: str, *schemes: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in schemes or not parts.hostname or parts.fragment:
        raise ValueError(f"应是 {schemes[0]}:// 开头的完整地址")
    return value.rstrip("/")
