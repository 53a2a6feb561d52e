"""Numbers, dates and choices as people type them in Chinese, turned into one canonical text each. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal

TRADITIONAL = (
    "適無項過暫沒對確標籤銷進負萬億兩號關後題復個達與攝還條見實稱點現選擇請異齊問發證書網測監"
    "寫錯幾麼廠廚員產價質衛處類劃"
)
SIMPLIFIED = (
    "适无项过暂没对确标签销进负万亿两号关后题复个达与摄还条见实称点现选择请异齐问发证书网测监"
    "写错几么厂厨员产价质卫处类划"
)
LONGEST_CODE = 200
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_CHARS = {
    **_WIDE,
    **str.maketrans(TRADITIONAL, SIMPLIFIED),
    **str.maketrans("\u3000①②③④⑤⑥⑦⑧⑨−–", " 123456789--"),
}
UNIT_WORDS = {"℃": ("℃", "°c", "摄氏度", "度", "c")}
CN_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
CN_POWERS = {"十": 10, "百": 100, "千": 1000}
NUMBER = r"(?:零下|负|(?<!\d)[-+])?\s*(?:\d{1,3}(?:,\d{3})+|\d+)(?:[.。]\d+)?"
DATE = r"\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}\s*[日号]?|(?<!\d)\d{8}(?!\d)"
RELATIVE_DAYS = {"今天": 0, "今日": 0, "昨天": -1, "昨日": -1, "明天": 1, "明日": 1}


class Unreadable(ValueError):  # noqa: N818 - a word for the person who typed it, not for a traceback
    """A text that is no value of its kind; its message is a Chinese sentence for the person."""


def plain(text: str) -> str:
    """Give *text* with half-width ASCII, simplified characters and lower case; its length never changes."""
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text.translate(_CHARS))


def read_number(
    text: str, *, unit: str = "", low: float | None = None, high: float | None = None, whole: bool = False
) -> str:
    """Give the number in plain decimal digits (``-18``, ``0.5``); the unit may follow it.

    Raises ``Unreadable`` for no number, another unit, decimals where a *whole* number is wanted, or a number
    outside *low* to *high*.
    """
    typed = plain(text).strip()
    match = re.fullmatch(rf"({NUMBER})\s*(万|亿)?\s*(.*)", typed, re.DOTALL)
    if match:
        digits, power, tail = match[1], match[2], match[3]
    else:
        digits, power, tail = _chinese_number(typed)
    if tail and tail not in UNIT_WORDS.get(unit, (plain(unit),)):
        raise Unreadable(f"单位应为“{unit}”，请只写数字。" if unit else "请只写数字。")
    value = _decimal(digits) * {"万": 10**4, "亿": 10**8}.get(power or "", 1)
    if whole and value != value.to_integral_value():
        raise Unreadable("请填写整数。")
    _check_bounds(value, unit, low, high)
    return f"{value.normalize():f}" if value else "0"


def read_date(text: str, *, today: dt.date | None = None) -> str:
    """Give the date as ``2026-05-01``; raises ``Unreadable``. 今天 and 昨天 need *today*."""
    typed = "".join(plain(text).split())
    if today and typed in RELATIVE_DAYS:
        return (today + dt.timedelta(days=RELATIVE_DAYS[typed])).isoformat()
    match = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})[日号]?|(\d{4})(\d{2})(\d{2})", typed)
    year, month, day = [int(part) for part in match.groups() if part] if match else _chinese_date(typed)
    if not 1990 <= year <= 2099:
        raise Unreadable(f"年份“{year}”不对，请检查。")
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError as error:
        raise Unreadable(f"没有{year}年{month}月{day}日这一天。") from error


def read_choice(text: str, options: Sequence[str]) -> str:
    """Give the option meant by its words or its number (from 1); raises ``Unreadable`` listing them."""
    if text in options:
        return text
    typed = plain(text).strip().rstrip(".。、")
    for option in options:
        if typed == plain(option):
            return option
    if typed.isdecimal() and 1 <= int(typed) <= len(options):
        return options[int(typed) - 1]
    raise Unreadable("请选择：" + list_choices(options))


def read_choices(texts: Sequence[str], options: Sequence[str]) -> str:
    """Give the options meant, in their own order, joined by 、; raises ``Unreadable``."""
    chosen = {read_choice(text, options) for text in texts if text.strip()}
    return "、".join(option for option in options if option in chosen)


def read_place(text: str) -> str:
    """Give ``latitude,longitude`` with six decimals (0.1 m); raises ``Unreadable``."""
    match = re.fullmatch(
        r"(-?\d{1,2}(?:\.\d+)?)\s*[,\s;]\s*(-?\d{1,3}(?:\.\d+)?)", plain(text).strip().replace("，", ",")
    )
    if match is None:
        raise Unreadable("请发送位置，或填写纬度和经度，例如 22.6300,110.1500。")
    latitude, longitude = float(match[1]), float(match[2])
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise Unreadable("纬度在 -90 到 90 之间，经度在 -180 到 180 之间，请检查。")
    return f"{latitude:.6f},{longitude:.6f}"


def read_code(text: str) -> str:
    """Give the characters of a bar code or QR code; raises ``Unreadable``."""
    code = " ".join(text.translate(_WIDE).split())
    if not code or len(code) > LONGEST_CODE or not code.isprintable():
        raise Unreadable(f"请扫码，或输入码上的字符（最多{LONGEST_CODE}个）。")
    return code


def list_choices(options: Sequence[str]) -> str:
    """Show options as people answer them: 1 是，2 否。"""
    return "，".join(f"{number} {option}" for number, option in enumerate(options, start=1)) + "。"


def _decimal(digits: str) -> Decimal:
    negative = digits.startswith(("零下", "负", "-"))
    value = Decimal(re.sub(r"[^\d.]", "", digits.replace("。", ".")))
    return -value if negative else value


def _check_bounds(value: Decimal, unit: str, low: float | None, high: float | None) -> None:
    if low is not None and value < Decimal(str(low)):
        raise Unreadable(f"数值不能小于{low:g}{unit}，请检查。")
    if high is not None and value > Decimal(str(high)):
        raise Unreadable(f"数值不能大于{high:g}{unit}，请检查。")


def _chinese_number(typed: str) -> tuple[str, str, str]:
    """Split 零下十八度 into digits, power and tail; raises ``Unreadable``."""
    match = re.fullmatch(r"(零下|负)?([零〇一二三四五六七八九十百千两]+)(万|亿)?\s*(.*)", typed, re.DOTALL)
    if not match:
        raise Unreadable("请填写数字，例如 4 或 -18。")
    return f"{'-' if match[1] else ''}{_count(match[2])}", match[3] or "", match[4]


def _count(words: str) -> int:
    """Read 一百零三 as 103."""
    total = digit = 0
    for char in words:
        if char in CN_POWERS:
            total += (digit or 1) * CN_POWERS[char]
            digit = 0
        else:
            digit = CN_DIGITS[char]
    return total + digit


def _chinese_date(typed: str) -> list[int]:
    match = re.fullmatch(
        r"([〇零一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月([一二三四五六七八九十]{1,3})[日号]",
        typed,
    )
    if match:
        year = int("".join(str(CN_DIGITS[char]) for char in match[1]))
        return [year, _count(match[2]), _count(match[3])]
    if re.fullmatch(r"\d{1,2}[-/.月]\d{1,2}[日号]?", typed):
        raise Unreadable("请把年份也写上，例如 2026年5月1日。")
    if re.fullmatch(r"\d{4}[-/.年]\d{1,2}月?", typed):
        raise Unreadable("请写到哪一日，例如 2026年5月1日。")
    raise Unreadable("请填写日期，例如 2026年5月1日。")
