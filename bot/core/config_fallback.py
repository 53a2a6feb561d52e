"""Settings of the channels behind the chats: an e-mail account over SMTP, and any SMS gateway that takes HTTP."""

from __future__ import annotations

import json
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, field_validator


class EmailSettings(BaseModel):
    """The account that writes when chat does not reach somebody (RFC 5321, RFC 6409)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    host: str
    sender: str = Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$")
    port: int = Field(default=465, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"  # none: a relay on this machine only
    user: str = ""
    password: SecretStr | None = None
    timeout: float = Field(default=20.0, gt=0)
    ca_bundle: FilePath | None = None


class SmsSettings(BaseModel):
    """A gateway by HTTP. ``body`` is the JSON it takes, with {mobile}, {text} and {id} where they belong; an
    answer is a success when ``ok_field`` (dots go deeper) holds ``ok_value``, or by its status alone."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: str
    authorization: SecretStr | None = None  # the Authorization header
    body: str = '{"mobile": "{mobile}", "content": "{text}", "id": "{id}"}'
    ok_field: str = ""
    ok_value: str = "0"
    repeats_by_id: bool = False  # the gateway shows one id once
    signature: str = "【随查】"  # what gateways ask for at the front
    max_chars: int = Field(default=300, ge=20, le=1000)
    timeout: float = Field(default=10.0, gt=0)
    ca_bundle: FilePath | None = None

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("应是 https:// 开头的完整地址")
        return value

    @field_validator("body")
    @classmethod
    def _is_json_with_places(cls, value: str) -> str:
        try:
            tree: Any = json.loads(value)
        except ValueError:
            raise ValueError("应是 JSON 对象") from None
        if not isinstance(tree, dict) or "{mobile}" not in value or "{text}" not in value:
            raise ValueError("应是含有 {mobile} 和 {text} 的 JSON 对象")
        return value
