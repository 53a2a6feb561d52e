"""Credit codes and register numbers, with every example of field guide section 4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inspection.registry.codes import (
    CREDIT_ALPHABET,
    CREDIT_WEIGHTS,
    make_uscc,
    register_number_problem,
    registration_number_problem,
    tidy_code,
    uscc_problem,
)

GOOD = [
    "91440800XXXX00019Q",
    "92450900XXXX00027R",
    "91120119XXXX00035F",
    "93371311XXXX000439",
    "11410603XXXX000511",
    "11371525004442025C",
]


@pytest.mark.parametrize("code", GOOD)
def test_a_code_with_both_check_characters_passes(code: str) -> None:
    assert uscc_problem(code) is None


@pytest.mark.parametrize(("code", "total"), list(zip(GOOD, (3169, 3199, 3023, 3091, 2975), strict=False)))
def test_the_weighted_sum_is_the_one_computed_by_hand(code: str, total: int) -> None:
    assert sum(CREDIT_ALPHABET.index(c) * w for c, w in zip(code[:17], CREDIT_WEIGHTS, strict=True)) == total


def test_the_weights_are_powers_of_three() -> None:
    assert CREDIT_WEIGHTS == (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("91440800XXXX00019R", "第18位"),
        ("91440800XXXX00018Q", "第17位"),
        ("91440800XXXX0001OQ", "第17位字符“O”"),
        ("91440800xxxx00019q", "大写"),
        ("440800000012345", "15位注册号"),
        ("91440800XXXX00019", "长度应为18位，现为17位"),
        ("91440800XXXX00019QQ", "现为19位"),
        ("９1440800XXXX00019Q", "全角"),
        ("91440800 XXXX00019Q", "空格"),
        ("", "为空"),
        ("S1440800XXXX00019Q", "第1位字符“S”"),
        ("91440800-XXX00019Q", "第9位字符“-”"),
    ],
)
def test_a_bad_code_is_refused_with_the_reason(code: str, says: str) -> None:
    assert says in (uscc_problem(code) or "")


def test_a_tidied_code_passes() -> None:
    assert uscc_problem(tidy_code(" 91440800xxxx0001９q ")) is None


@pytest.mark.parametrize("code", GOOD)
def test_the_check_characters_of_fixtures_are_computed(code: str) -> None:
    assert make_uscc(code[:16]) == code


def test_a_fixture_needs_sixteen_characters() -> None:
    with pytest.raises(ValueError, match="16"):
        make_uscc("9144")


BODY = st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=16, max_size=16)


@given(BODY)
def test_every_made_code_passes(first16: str) -> None:
    assert uscc_problem(make_uscc(first16)) is None


@given(BODY, st.integers(0, 17), st.sampled_from(CREDIT_ALPHABET))
def test_any_single_wrong_character_is_found(first16: str, position: int, char: str) -> None:
    code = make_uscc(first16)
    wrong = code[:position] + char + code[position + 1 :]
    assert (uscc_problem(wrong) is None) == (wrong == code)


def test_old_registration_numbers_are_fifteen_digits() -> None:
    assert registration_number_problem("440800000012345") is None
    assert "现为14位" in (registration_number_problem("44080000001234") or "")
    assert "只能是数字" in (registration_number_problem("44080000001234X") or "")


@pytest.mark.parametrize(
    "number", ["梯11粤G00123(24)", "31104408002024010001", "GD-TZ-0042", "梯11桂K00001（19）"]
)
def test_usual_register_numbers_pass(number: str) -> None:
    assert register_number_problem(number) is None


@pytest.mark.parametrize(
    ("number", "says"),
    [("", "为空"), ("梯1", "现为2位"), ("梯11" * 20, "现为60位"), ("梯11粤G001;--", "只能含")],
)
def test_a_bad_register_number_is_refused_with_the_reason(number: str, says: str) -> None:
    assert says in (register_number_problem(number) or "")
