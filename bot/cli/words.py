"""The words of the command line's own library in Chinese: headings, usage errors, the help of ``--help``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from typer import core, rich_utils

_HEADINGS = {
    "ARGUMENTS_PANEL_TITLE": "参数", "OPTIONS_PANEL_TITLE": "选项", "COMMANDS_PANEL_TITLE": "命令",
    "ERRORS_PANEL_TITLE": "命令有误", "ABORTED_TEXT": "已中止。", "REQUIRED_LONG_STRING": "[必填]",
    "DEFAULT_STRING": "[默认 {}]", "RICH_HELP": "运行 [blue]'{command_path} {help_option}'[/] 查看用法。",
}  # fmt: skip
_SENTENCES = (
    (r"No such command '(.*)'\.", r"没有“\1”这个命令。"),
    (r"No such option: (\S+)", r"没有 \1 这个选项。"),
    (r"Missing argument '(.*)'\.", r"缺少参数“\1”。"),
    (r"Missing option '(.*)'\.", r"缺少选项 \1。"),
    (r"Missing command\.", r"缺少命令。"),
    (r"Option '(.*)' requires an argument\.", r"选项 \1 后面要有值。"),
    (r"Got unexpected extra argument(?:\(s\)|s)? \((.*)\)", r"多出了参数：\1"),
    (r"Invalid value for '(.*?)': .*", r"“\1”的值不对"),
)
_USAGE = (("Usage: ", "用法："), ("[OPTIONS]", "[选项]"), ("COMMAND [ARGS]...", "命令 [参数]..."))
_RULES = (
    (r"greater than or equal to (\S+)", r"不能小于 \1"), (r"less than or equal to (\S+)", r"不能大于 \1"),
    (r"valid (?:integer|number)|not a valid (?:int|integer|float)", r"应是数字"),
)  # fmt: skip


def speak_chinese() -> None:
    """Change the library's words, once for this process; a version that has other places keeps its own words."""
    for name, text in _HEADINGS.items():
        if hasattr(rich_utils, name):
            setattr(rich_utils, name, text)
    for kind in (core.TyperCommand, core.TyperGroup):
        kind.get_help_option = _translated_help(kind.get_help_option)  # type: ignore[method-assign]
        kind.get_usage = _translated_usage(kind.get_usage)  # type: ignore[method-assign]
    rich_utils._make_rich_text = _wrapped(rich_utils._make_rich_text)  # noqa: SLF001 - no other place for it
    rich_utils.rich_format_error = _translated_error(rich_utils.rich_format_error)  # type: ignore[assignment]


def _translated_help(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_help_option(command: Any, context: Any) -> Any:
        option = original(command, context)
        if option is not None:
            option.help = "显示这段说明。"
        return option

    return get_help_option


def _translated_usage(original: Callable[..., str]) -> Callable[..., str]:
    def get_usage(command: Any, context: Any) -> str:
        usage = original(command, context)
        for english, chinese in _USAGE:
            usage = usage.replace(english, chinese)
        return usage

    return get_usage


def _wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
    """Chinese has no spaces: a sentence wider than its column goes on in the next line instead of losing its end."""

    def make_rich_text(**words: Any) -> Any:
        text = original(**words)
        text.overflow = "fold"
        return text

    return make_rich_text


def _translated_error(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def rich_format_error(error: Any) -> None:
        shown = in_chinese(error.format_message())
        error.format_message = lambda: shown
        original(error)

    return rich_format_error


def in_chinese(message: str) -> str:
    """The library's sentence *message* in Chinese; one that is not known stays as it is."""
    for pattern, text in _SENTENCES:
        found = re.match(pattern, message, re.DOTALL)
        if found is not None:
            why = next((m.expand(t) for p, t in _RULES if (m := re.search(p, message))), "")
            return found.expand(text) + (f"：{why}。" if why else "")
    return message
