"""Identifiers of inspection objects: credit code, old registration number, equipment register number.

Source: field guide section 4 (GB 32100-2015). Nothing is corrected silently: ``tidy_code`` proposes, the
caller decides whether to accept the proposal.
"""

from __future__ import annotations

import re
import unicodedata

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CREDIT_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
REGISTER_NUMBER = re.compile(r"[0-9A-Za-z\u4e00-\u9fff()（）-]{4,32}")


def tidy_code(text: str) -> str:
    """Give *text* without spaces, full-width forms and lower-case letters."""
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def uscc_problem(code: str) -> str | None:
    """Say in Chinese why *code* is no unified social credit code (统一社会信用代码); None when it is one.

    Lower-case and full-width forms are refused with a hint, never accepted silently.
    """
    if problem := _form_problem(code):
        return problem
    for position, char in enumerate(code, start=1):
        if char not in CREDIT_ALPHABET:
            return f"统一社会信用代码第{position}位字符“{char}”不允许（不使用I、O、Z、S、V）"
    if org_check(code[8:16]) != code[16]:
        return "统一社会信用代码校验码不对（第17位，组织机构代码校验码）"
    if credit_check(code[:17]) != code[17]:
        return "统一社会信用代码校验码不对（第18位）"
    return None


def credit_check(first17: str) -> str:
    """Compute character 18 from the first 17; raises ValueError on a foreign character."""
    total = sum(CREDIT_ALPHABET.index(c) * w for c, w in zip(first17, CREDIT_WEIGHTS, strict=True))
    return CREDIT_ALPHABET[(31 - total % 31) % 31]


def org_check(first8: str) -> str:
    """Compute the check character of an organisation code (character 17 of the credit code) from its 8."""
    total = sum(ORG_ALPHABET.index(c) * w for c, w in zip(first8, ORG_WEIGHTS, strict=True))
    remainder = 11 - total % 11
    return {10: "X", 11: "0"}.get(remainder, str(remainder))


def make_uscc(first16: str) -> str:
    """Complete characters 1–16 (kind, area code, organisation code) with both check characters.

    For made-up fixtures such as ``make_uscc("91440800XXXX0001")``; raises ValueError on a bad start.
    """
    if len(first16) != 16:
        raise ValueError("give the first 16 characters")
    first17 = first16 + org_check(first16[8:])
    return first17 + credit_check(first17)


def registration_number_problem(number: str) -> str | None:
    """Say in Chinese why *number* is no old 15-digit registration number (注册号); None when it is one."""
    if number.isascii() and number.isdigit() and len(number) == 15:
        return None
    return f"注册号应为15位数字，现为{len(number)}位" if len(number) != 15 else "注册号只能是数字"


def register_number_problem(number: str) -> str | None:
    """Say in Chinese why *number* is no equipment register number (设备使用登记编号); None when it is.

    No national rule of composition is confirmed, so only length and characters are checked: 4 to 32 Chinese
    characters, letters, digits, hyphens, brackets, as in 梯11粤G00123(24).
    """
    if not number:
        return "设备登记编号为空"
    if REGISTER_NUMBER.fullmatch(number):
        return None
    if not 4 <= len(number) <= 32:
        return f"设备登记编号长度应为4至32位，现为{len(number)}位"
    return "设备登记编号只能含汉字、字母、数字、括号和连字符"


def _form_problem(code: str) -> str | None:
    """Judge presence, tidiness and length."""
    if not code:
        return "统一社会信用代码为空"
    if code != tidy_code(code):
        return _untidy_problem(code)
    if len(code) == 15 and code.isdigit():
        return "这是15位注册号，不是18位统一社会信用代码"
    if len(code) != 18:
        return f"统一社会信用代码长度应为18位，现为{len(code)}位"
    return None


def _untidy_problem(code: str) -> str:
    """Name what must be tidied; *code* differs from its tidy form."""
    if any(char.isspace() for char in code):
        return "统一社会信用代码含空格"
    if unicodedata.normalize("NFKC", code) != code:
        return "统一社会信用代码含全角字符，请用半角"
    return "统一社会信用代码的字母应为大写"
