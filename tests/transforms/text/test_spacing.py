import itertools
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.spacing import _HARMLESS, tidy, tidy_line, unusual, without_surrogates

ODD = st.text(
    st.sampled_from(
        "aé \n\r\t\xa0\u2003\u2028\u2029\u200b\u200c\u200d\ufeff\xad\x00\x85\u0301e\u212a\u1fef\ud800\udc00नी"
    )
)


@pytest.mark.parametrize(
    ("untidy", "expected"),
    [
        ("a\r\nb\rc\x0bd\u2028e", "a\nb\nc\nd\ne"),
        ("one\u2029two", "one\n\ntwo"),
        ("  a \t\xa0 b\u2003c  ", "a b c"),
        ("a \n b", "a\nb"),
        ("a\n \n\n\t\nb\n", "a\n\nb"),
        ("so\xadft\u200b hy\ufeffphen\u2060", "soft hyphen"),
        ("a\x00b\x1bc\x9fd", "abcd"),
        ("cafe\u0301", "café"),
        ("e\u200b\u0301", "é"),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("a\u200cb\u200d", "ab"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("\ud83d\ude00 \ud83d", "😀 �"),
        ("\n\n\xa0\n", ""),
    ],
)
def test_white_space_and_invisible_characters_have_one_form(untidy: str, expected: str) -> None:
    assert tidy(untidy) == expected


@given(ODD | st.text())
def test_tidying_twice_changes_nothing(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


@given(ODD | st.text())
def test_what_is_tidy_keeps_the_promises_of_its_contract(text: str) -> None:
    tidied = tidy(text)
    tidied.encode()
    assert unicodedata.is_normalized("NFC", tidied)
    assert "  " not in tidied and "\n\n\n" not in tidied
    assert all(line == line.strip() for line in tidied.split("\n"))


@given(
    st.lists(
        st.sampled_from(["a", "\u0f73", "\u0344", "\u0315\u0300", "\u0300" * 16, "\u200b", "\U0001e94a", "é"])
    ).map("".join)
)
def test_no_letter_has_more_than_thirty_marks(text: str) -> None:
    tidied = tidy(text)
    assert tidy(tidied) == tidied and unicodedata.is_normalized("NFC", tidied)
    runs = itertools.groupby(tidied, key=lambda character: unicodedata.combining(character) > 0)
    assert all(len(list(run)) <= 30 for combining, run in runs if combining)


@pytest.mark.parametrize("marks", ["\u0315\u0300", "\u0f73", "\u0315\u200b\u0300", "\u0344\U0001e94a"])
def test_marks_without_end_take_linear_time(marks: str) -> None:
    started = time.process_time()
    assert len(tidy("a" + marks * 75_000)) <= 31
    assert time.process_time() - started < 2


def test_joiners_without_end_take_linear_time() -> None:
    joiners = "é" + "\u200d" * 300_000
    started = time.process_time()
    assert tidy(f"{joiners}é") == f"{joiners}é" and tidy(f"{joiners}e") == "ée"
    assert time.process_time() - started < 2


def test_what_is_harmless_never_needs_mending() -> None:
    """Nothing before or after such a character makes it compose, move or vanish."""
    characters = list(filter(_HARMLESS.fullmatch, map(chr, range(0x110000))))
    assert len(characters) > 1000
    assert all(one.isprintable() and not one.isspace() and not unicodedata.combining(one) for one in characters)
    assert unicodedata.is_normalized("NFC", "".join(characters))
    seconds = {
        parts[1]
        for code in range(0x110000)
        if len(parts := unicodedata.decomposition(chr(code)).split()) == 2 and not parts[0].startswith("<")
    }
    assert seconds.isdisjoint(f"{ord(one):04X}" for one in characters)


def test_unusual_is_what_is_neither_printable_ascii_nor_a_line_feed() -> None:
    assert unusual("a\n~ é\r\x7f’\x00\ud800") == "é\r\x7f’\x00\ud800"


def test_a_line_has_no_breaks() -> None:
    assert tidy_line(" A\n\n headline\xa0of\u200b two ") == "A headline of two"


@given(ODD | st.text(st.characters()))
def test_without_surrogates_there_is_only_valid_utf8(text: str) -> None:
    without_surrogates(text).encode()
