"""Read the settings, and say in Chinese, by its name in the environment, what is wrong with each."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bot.core.errors import Problem

if TYPE_CHECKING:
    from pydantic import ValidationError

    from bot.core.config import Settings

_WORDS = {
    "missing": "没有设置",
    "int_parsing": "应是整数",
    "int_from_float": "应是整数",
    "float_parsing": "应是数字",
    "bool_parsing": "应是 true 或 false",
    "tuple_type": '应是 JSON 数组，例如 ["127.0.0.1"]',
    "path_not_file": "没有这个文件",
    "path_type": "应是文件路径",
}  # fmt: skip
_BOUNDS = {
    "greater_than_equal": ("ge", "不能小于"), "less_than_equal": ("le", "不能大于"), "greater_than": ("gt", "应大于"),
}  # fmt: skip


def read_settings() -> Settings:
    """The settings of this installation, or ``Problem`` ``settings_invalid`` with a field for each wrong one."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from bot.core.config import Settings

    try:
        return Settings()
    except ValidationError as error:
        raise Problem("settings_invalid", "设置有误", **dict(_wrong(error))) from None
    except SettingsError as error:  # its text quotes the name, never the value
        name = str(error).partition('field "')[2].partition('"')[0]
        shown = {f"SUICHA_{name.upper()}": "不是正确的 JSON"}
        raise Problem("settings_invalid", "设置有误", **shown) from None
    except UnicodeDecodeError:
        raise Problem("settings_invalid", "设置有误", **{".env": "应存为 UTF-8"}) from None


def _wrong(error: ValidationError) -> Iterator[tuple[str, str]]:
    for item in error.errors(include_input=False, include_url=False):
        name = "SUICHA_" + "__".join(str(part) for part in item["loc"]).upper()
        if item["type"] == "extra_forbidden":
            name = name.replace("SUICHA_SUICHA_", "SUICHA_", 1)  # the environment's names come whole
        yield name, _reason(name, item["type"], item.get("ctx") or {})


def _reason(name: str, kind: str, facts: dict[str, Any]) -> str:
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, _names(), n=1, cutoff=0.6)
        return "没有这项设置" + (f"，是不是 {near[0]}？" if near else "")
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{words} {facts[key]}"
    if kind == "literal_error":
        return "只能是 " + str(facts["expected"]).replace(" or ", "、").replace(", ", "、").replace("'", "")
    if kind == "value_error":
        return str(facts["error"])
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"不能单独设置，请逐项填写 {name}__…"
    return _WORDS.get(kind, "格式不对")


def _names() -> list[str]:
    """Every setting as the environment calls it."""
    from bot.core.config import Settings
    from bot.core.config_dingtalk import DingTalkSettings
    from bot.core.config_wecom import WeComBotSettings, WeComSettings
    from bot.core.config_zwdd import ZwddSettings

    own = [name for name in Settings.model_fields if name not in ("wecom", "dingtalk", "zwdd")]
    own += [f"wecom__{name}" for name in WeComSettings.model_fields if name != "bot"]
    own += [f"wecom__bot__{name}" for name in WeComBotSettings.model_fields]
    own += [f"dingtalk__{name}" for name in DingTalkSettings.model_fields]
    own += [f"zwdd__{name}" for name in ZwddSettings.model_fields]
    return [f"SUICHA_{name}".upper() for name in own]
