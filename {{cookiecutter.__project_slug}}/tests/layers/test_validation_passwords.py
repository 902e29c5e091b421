"""Layer 6: passwords that everybody tries first, however they are dressed up."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.layers.validation import Password, is_common
from app.layers.validation.common_passwords import LIST, spellings
from dev.common_passwords import MOST, make_list

LISTED = LIST.read_text("utf-8").splitlines()
WANTED = 3_000
"""As many as ASVS 5.0 V6.2.4 wants at least."""


def test_the_list_is_what_its_rules_make() -> None:
    assert LIST.read_bytes() == "".join(f"{line}\n" for line in make_list()).encode()


def test_the_list_holds_what_the_policy_would_let_pass() -> None:
    assert WANTED <= len(LISTED) == len(set(LISTED)) <= MOST
    for password in LISTED:
        assert 10 <= len(password) <= 100
        assert any(map(str.isupper, password))
        assert any(map(str.isdigit, password))


def test_every_password_of_the_list_is_refused() -> None:
    assert [password for password in LISTED if not is_common(password)] == []


@pytest.mark.parametrize(
    "password",
    [
        *("Password123", "PASSWORD123", "pASSWORD123!", "Password1!", "!!Password123#"),
        *("P@ssw0rd123", "P@$$w0rd2024", "Pa55word1234", "Passw0rd!2024", "Password-2024"),
        *("Pass.word.2024", "Pässwörd2024", "ＰａｓｓｗｏｒｄI２３", "Password\u0301123"),
        *("Summer2024!", "Qwerty1234!", "Qwertyuiop1", "1Qaz2wsx3edc", "Welcome123!", "Adm1n12345"),
        *("Iloveyou1!", "Letmein123", "Michael2020", "Liverpool1", "Winter2025!!!", "12345Admin"),
    ],
)
def test_a_common_password_is_known_in_other_clothes(password: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Password).validate_python(password)
    assert caught.value.errors()[0]["type"] == "common_password"


@pytest.mark.parametrize(
    "password",
    [
        *("Correct-horse-7", "Analytical-Engine-1843", "Aa345678901", "ÄÖÜ1234567", "Xk7#pQz!2mLw"),
        *("My-password-is-a-secret-7", "Passwordless-2-go", "Nine!Inch_Nails-44"),
        *("PasswordPoliciesAreHard1", "1st-Summer-of-love", "日本語のパスワードA1"),
    ],
)
def test_a_password_that_only_holds_a_common_word_is_taken(password: str) -> None:
    assert TypeAdapter(Password).validate_python(password) == password


@given(
    st.sampled_from(LISTED),
    st.lists(st.booleans(), min_size=40),
    st.text(string.punctuation, max_size=4),
)
def test_case_and_signs_at_the_end_change_nothing(
    password: str, upper: list[bool], signs: str
) -> None:
    written = (
        letter.upper() if big else letter.lower()
        for letter, big in zip(password, upper, strict=False)
    )
    assert is_common("".join(written) + signs)


@given(st.text(st.characters(codec="ascii"), max_size=100))
def test_a_password_is_looked_up_without_case(text: str) -> None:
    assert spellings(text.upper()) == spellings(text.lower())


@given(st.text(max_size=100))
def test_any_text_can_be_looked_up(text: str) -> None:
    assert 1 <= len(spellings(text)) <= 3
    assert not is_common(f"{text}-and-much-else-besides")
