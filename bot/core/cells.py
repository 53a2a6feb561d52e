"""Cells with a form of their own: dates, percentages, mobile numbers, chat accounts."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00(?::00)?)?|(\d{4})(\d{2})(\d{2})")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_ACCOUNT = re.compile(r"[^\s/\\|,，、;；]{1,64}")
_FOREVER = {"长期", "长期有效", "永久"}
FAR = dt.date(2099, 12, 31)  # what 长期 is stored as


def day(cell: str) -> dt.date:
    """A date as people write it: 2026-03-01, 2026/3/1, 2026.3.1, 2026年3月1日, 20260301; 长期 is ``FAR``."""
    if cell in _FOREVER:
        return FAR
    match = _DATE.fullmatch(unicodedata.normalize("NFKC", cell))
    if match is None:
        raise ValueError("日期应写成2026-03-01的样子")
    year, month, date = (int(part) for part in match.groups() if part is not None)
    try:
        return dt.date(year, month, date)
    except ValueError:
        raise ValueError("没有这一天") from None


def percent(cell: str) -> float:
    """A share in percent: ``5``, ``5%``, ``2‰`` (0.2), ``0.5％``; above 0 and at most 100.

    A bare number up to 1 is refused: a workbook hands 5% over as 0.05 and 100% as 1.
    """
    plain = unicodedata.normalize("NFKC", cell).strip()
    scale = 0.1 if plain.endswith("‰") else 1.0
    try:
        value = float(plain.rstrip("%‰ ")) * scale
    except ValueError:
        raise ValueError("应是百分数，例如5%") from None
    if 0 < value <= 1 and not plain.endswith(("%", "‰")):
        raise ValueError("请带上百分号，例如5%或0.5%")
    if not 0 < value <= 100:
        raise ValueError("应大于0、不超过100%")
    return round(value, 6)


def mobile(cell: str) -> str:
    """A mainland mobile number of 11 digits, or a fixed line with its area code."""
    digits = re.sub(r"[\s()-]", "", unicodedata.normalize("NFKC", cell)).removeprefix("+86")
    if _MOBILE.fullmatch(digits) or re.fullmatch(r"0\d{9,11}", digits):
        return digits
    raise ValueError("应是11位手机号，或带区号的固定电话")


def email(cell: str) -> str:
    """An e-mail address; its domain in small letters."""
    local, _, domain = cell.rpartition("@")
    if len(cell) > 128 or re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]+", cell) is None:
        raise ValueError("应是邮箱地址")
    return f"{local}@{domain.lower()}"


def account(cell: str) -> str:
    """A user id on a chat service, taken as it is: 1 to 64 characters without blanks and separators."""
    if _ACCOUNT.fullmatch(cell) is None:
        raise ValueError("账号应为1至64个字符，不含空格和分隔符")
    return cell
