"""Settings: from the environment (``SUICHA_…``), a ``.env`` file or files of secrets. Checked at start: half a
platform block is an error, a missing secret means no route.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.core.config_dingtalk import DingTalkSettings
from bot.core.config_fallback import EmailSettings, SmsSettings
from bot.core.config_wecom import WeComSettings
from bot.core.config_zwdd import ZwddSettings
from bot.core.errors import Problem

_PREFIX = "suicha_"
_NAME = re.compile(r"[a-z][a-z0-9]{0,8}")


class S3Settings(BaseModel):
    """One bucket of an S3-compatible store for evidence. The account needs GetObject and PutObject, no more."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    endpoint: str
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    access_key: str
    secret_key: SecretStr
    region: str = "us-east-1"  # what stores without regions call theirs
    prefix: str = Field(default="", pattern=r"^([A-Za-z0-9._-]+/)*$")
    path_style: bool = True  # bucket in the path; false: in the host name
    timeout: float = Field(default=20.0, gt=0)  # seconds for one call
    ca_bundle: FilePath | None = None

    @field_validator("endpoint")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("应是 https:// 开头的完整地址")
        return value.rstrip("/")


class Settings(BaseSettings):
    """Everything an installation decides."""

    model_config = SettingsConfigDict(
        env_prefix="SUICHA_",
        env_nested_delimiter="__",
        env_file=".env",
        env_ignore_empty=True,  # a line of .env.example without its value is not set
        extra="forbid",
        secrets_dir=None,
        hide_input_in_errors=True,
    )

    database_url: str = "sqlite:///suicha.db"
    data_dir: Path = Path("data")  # evidence, exports
    public_url: str = "http://127.0.0.1:8080"  # what links in messages begin with
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    secret_key: SecretStr | None = None  # signs links and sessions; needed to serve
    audit_salt: SecretStr | None = None  # digests people in the audit chain; needed to serve
    profile: str = "default"  # a name under bot/inspection/profile/data, or a path to a YAML file
    wecom: WeComSettings | None = None
    wecom_more: dict[str, WeComSettings] = {}  # further apps and corps, each by a short name of its own
    dingtalk: DingTalkSettings | None = None
    zwdd: ZwddSettings | None = None  # 浙政钉, 专有钉钉: untried
    email: EmailSettings | None = None  # tried after every chat
    sms: SmsSettings | None = None  # tried last, for what is urgent, assigned or statutory
    s3: S3Settings | None = None  # None: evidence lies in data_dir
    prefer: Literal["wecom", "dingtalk", "zwdd"] = (
        "wecom"  # the platform tried first when a person has accounts on several
    )
    tick_seconds: float = Field(default=20.0, gt=0)  # how often the fixed ticks look for due work
    max_upload: int = Field(default=20 * 1024 * 1024, gt=0)  # bytes of one photo
    max_import: int = Field(default=256 * 1024 * 1024, gt=0)  # bytes of one import file
    log_json: bool = True
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    metrics_token: SecretStr | None = None  # /metrics has no route without it

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[Any, ...]:
        """As the library, but a mistyped ``SUICHA_…`` is refused wherever it stands, and a foreign name nowhere."""
        return init_settings, env_settings, _mistyped, _ours(dotenv_settings), file_secret_settings

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("wecom_more")
    @classmethod
    def _are_named(cls, value: dict[str, WeComSettings]) -> dict[str, WeComSettings]:
        if not all(_NAME.fullmatch(name) and name != "robot" for name in value):
            raise ValueError("名称应是 1 到 9 个小写字母或数字，以字母开头，不能是 robot")
        return value

    @property
    def wecoms(self) -> dict[str, WeComSettings]:
        """Every WeCom block by the name of its platform: ``wecom``, ``wecom-county``."""
        first = {} if self.wecom is None else {"wecom": self.wecom}
        return first | {f"wecom-{name}": block for name, block in self.wecom_more.items()}

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("应是 https:// 开头的完整地址")
        return value.rstrip("/")

    def secret(self, name: str) -> str:
        """The value of a secret that serving needs, or an error naming the setting."""
        value: SecretStr | None = getattr(self, name)
        if value is None or len(value.get_secret_value()) < 16:
            raise Problem("setting_missing", f"缺少设置 SUICHA_{name.upper()}（至少 16 个字符）。")
        return value.get_secret_value()


def _mistyped() -> dict[str, Any]:
    """Names in the environment that begin as ours and are none of ours."""
    ours = (name.lower() for name in os.environ if name.lower().startswith(_PREFIX))
    known = Settings.model_fields
    return {name: "" for name in ours if name.removeprefix(_PREFIX).partition("__")[0] not in known}


def _ours(dotenv: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """What the file holds for us: a ``.env`` is often shared with other programs."""

    def read() -> dict[str, Any]:
        known = Settings.model_fields
        return {
            name: value
            for name, value in dotenv().items()
            if name in known or name.lower().startswith(_PREFIX)
        }

    return read
