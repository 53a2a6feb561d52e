"""The block for 浙政钉 and 专有钉钉: another protocol, not another address. Untried on a real deployment."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr


class ZwddSettings(BaseModel):
    """One app of one tenant. Sheet: platforms/dingtalk.md section 9.4."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    app_key: str
    app_secret: SecretStr
    tenant_id: str
    api_base: str = "https://openplatform-pro.ding.zj.gov.cn"
    login_base: str = "https://login-pro.ding.zj.gov.cn"
    client_ip: str = "127.0.0.1"  # what a request says of its sender; some deployments check it
    client_mac: str = "00:00:00:00:00:00"
    timeout: float = Field(default=10.0, gt=0)
    ca_bundle: FilePath | None = None
    proxy: str | None = None
