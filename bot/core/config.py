"""Settings: from the environment (``SUICHA_…``), a ``.env`` file or files of secrets. Checked at start: half a
platform block is an error, a missing secret means no route.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class WeComSettings(BaseModel):
    """One self-built app of one corp, and optionally a group robot. Sheet: platforms/wecom.md sections 1-3."""

    corp_id: str
    agent_id: int
    secret: SecretStr
    token: SecretStr  # callback Token, at most 32 letters and digits
    aes_key: SecretStr  # EncodingAESKey, 43 characters
    api_base: str = "https://qyapi.weixin.qq.com"
    oauth_authorize_url: str = "https://open.weixin.qq.com/connect/oauth2/authorize"
    group_robot_url: SecretStr | None = None  # the key in it is a credential
    callback_window: float = 3600.0  # seconds a callback's timestamp may be off
    timeout: float = 10.0  # seconds for one API call
    per_member_minute: int = 25  # the platform drops silently above 30
    ca_bundle: Path | None = None
    proxy: str | None = None

    @field_validator("aes_key")
    @classmethod
    def _is_43_long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value().strip()) != 43:
            raise ValueError("EncodingAESKey 必须正好 43 个字符")
        return SecretStr(value.get_secret_value().strip())


class DingTalkSettings(BaseModel):
    """One internal app. Sheet: platforms/dingtalk.md. Inbound is Stream; HTTP callbacks are a later choice."""

    client_id: str  # AppKey
    client_secret: SecretStr
    corp_id: str = ""
    agent_id: int = 0
    robot_code: str = ""  # empty: the client id
    card_template: str = ""  # the published card's id; empty: ActionCard with signed links
    api_base: str = "https://api.dingtalk.com"
    oapi_base: str = "https://oapi.dingtalk.com"
    stream: bool = True
    group_robot_url: SecretStr | None = None
    group_robot_secret: SecretStr | None = None
    timeout: float = 10.0
    idle_after: float = 90.0  # seconds without a frame before a socket counts as dead
    ca_bundle: Path | None = None
    proxy: str | None = None

    @property
    def robot(self) -> str:
        return self.robot_code or self.client_id


class Settings(BaseSettings):
    """Everything an installation decides."""

    model_config = SettingsConfigDict(
        env_prefix="SUICHA_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="forbid",
        secrets_dir=None,
        hide_input_in_errors=True,
    )

    database_url: str = "sqlite:///suicha.db"
    data_dir: Path = Path("data")  # evidence, exports
    public_url: str = "http://127.0.0.1:8080"  # what links in messages begin with
    host: str = "127.0.0.1"
    port: int = 8080
    secret_key: SecretStr | None = None  # signs links and sessions; needed to serve
    audit_salt: SecretStr | None = None  # digests people in the audit chain; needed to serve
    profile: str = "default"  # a name under bot/inspection/profile/data, or a path to a YAML file
    wecom: WeComSettings | None = None
    dingtalk: DingTalkSettings | None = None
    prefer: str = "wecom"  # the platform tried first when a person has accounts on several
    tick_seconds: float = 20.0  # how often the fixed ticks look for due work
    quiet_from: int = Field(
        default=21, ge=0, le=23
    )  # hour in China from which nothing but statutory goes out
    quiet_to: int = Field(default=8, ge=0, le=23)
    max_upload: int = 20 * 1024 * 1024  # bytes of one photo
    max_import: int = 256 * 1024 * 1024  # bytes of one import file
    log_json: bool = True
    log_level: str = "INFO"
    metrics_token: SecretStr | None = None  # /metrics has no route without it
    trusted_proxies: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _url_has_no_slash(self) -> Self:
        self.public_url = self.public_url.rstrip("/")
        return self

    def secret(self, name: str) -> str:
        """The value of a secret that serving needs, or an error naming the setting."""
        value: SecretStr | None = getattr(self, name)
        if value is None or len(value.get_secret_value()) < 16:
            raise SystemExit(f"缺少设置 SUICHA_{name.upper()}（至少 16 个字符），不启动。")
        return value.get_secret_value()
