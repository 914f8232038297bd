import hashlib
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.shingles import GROUP_CHARS, GROUP_TEXTS, shingle_hashes

WESTERN = st.text(
    st.characters(max_codepoint=0x52F, categories=("L", "N", "P", "S", "Zs"), exclude_characters="İŉǰΐΰև\u0374")
    .filter(lambda one: not 0x2B9 <= ord(one) < 0x300 and len(one.lower()) == 1)
    .map(lambda one: "\u03c3" if one == "\u03c2" else one)
    | st.sampled_from("   ’“”–—…€🎉"),
    max_size=60,
)
"""Latin, Greek and Cyrillic, where a word is what a regular expression takes for one."""


def hashes_of(text: str, length: int = 1) -> list[int]:
    hashes, offsets = shingle_hashes([text], length)
    assert offsets.tolist() == [0, len(hashes)]
    return [int(one) for one in hashes]


def folded(text: str) -> str:
    return "".join(one.casefold() if len(one.casefold()) == 1 else one.lower() for one in text)


@given(WESTERN, st.integers(1, 4))
def test_the_shingles_of_a_text_are_its_runs_of_neighbouring_words(text: str, length: int) -> None:
    words = re.findall(r"\w+", folded(text))
    runs = [tuple(words[first : first + length]) for first in range(len(words) - length + 1)]
    found = hashes_of(text, length)
    assert found == [hashes_of(" ".join(run), length)[0] for run in runs]
    assert len(set(found)) == len(set(runs))


@given(st.lists(st.text(st.characters()), max_size=80), st.integers(1, 3))
def test_a_text_has_the_same_shingles_alone_and_among_any_others(texts: list[str], length: int) -> None:
    hashes, offsets = shingle_hashes(texts, length)
    assert hashes.dtype == offsets.dtype == np.uint64
    found = [hashes[first:last].tolist() for first, last in pairwise(offsets)]
    assert found == [hashes_of(text, length) for text in texts]


def test_shingles_are_the_same_for_ever() -> None:
    """A change here makes every stored fingerprint wrong: it needs a new number of the algorithm."""
    assert [f"{one:016x}" for one in hashes_of("The harbour ferry won’t sail on Monday, the city said.", 6)] == [
        "ffe9672a01f1a086",
        "9c4445d8c0abfd46",
        "4f96dbb87f483158",
        "5c82c1923c936dfd",
        "f924d7fc2f5383c2",
        "453f807259f65222",
    ]
    assert [f"{one:016x}" for one in hashes_of("Ærø 東京", 1)] == [
        "8738d3b853f2f542",
        "a036a4eb71f0c1e8",
        "83ae7f7e54b53d3d",
    ]


def test_every_character_is_what_it_always_was() -> None:
    """On every Python, whatever version of Unicode it knows."""
    lines = [" ".join(map(chr, range(first, first + 256))) for first in range(0, 0x40100, 256)]
    hashes, offsets = shingle_hashes(lines, 1)
    digest = hashlib.sha256(hashes.astype("<u8").tobytes() + offsets.astype("<u8").tobytes()).hexdigest()
    assert digest == "b9e5e5ae041f3871968ac481a55782888a6ec6666a8694a1711af2cb68696d23"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("They don't say “why”", "They don’t say 'why'"),
        ("Hawai\u02bbi’s coast", "Hawai'i's coast"),
        ("rock \u02bcn\u02bc roll", "rock 'n' roll"),
        ("a – b—c…", "a - b - c ..."),
        ("ÉCOLE ΠΛΆΤΩΝ ΠΌΛΙΣ ЮЖНЫЙ ᲗᲑᲘᲚᲘᲡᲘ İZMİR", "école πλάτων πόλις южный თბილისი izmir"),
        ("done ✅ 🎉👍🏽 now", "done now"),
        ("₹500 or €3", "500 or 3"),
        ("1️⃣ ❤️ first", "1 first"),
        ("東京。大阪", "東 京 大 阪"),
        ("กขค", "ก ข ค"),
    ],
)
def test_typography_case_and_symbols_change_no_shingle(one: str, other: str) -> None:
    assert hashes_of(one) == hashes_of(other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n—’🎉\u200d\ufe0f\U000e0041\U0010ffff\ue000\ud800", 0),
        ("snake_case 3.14", 3),
        ("हिन्दी में समाचार", 3),  # Vowel signs and viramas are marks.
        ("తెలుగు வணக்கம்", 2),
        ("서울 시장은 말했다", 3),
        ("東京都 ニュース", 7),
        ("𠮷野家", 3),  # The first is of plane 2.
        ("𐐀𐐨 𞤀𞤣𞤤𞤢𞤥", 2),  # Deseret, and Adlam, which Unicode 3.2 did not know.
        ("e\u0301te\u0301", 1),
    ],
)
def test_a_word_is_a_run_of_word_characters(text: str, words: int) -> None:
    assert len(hashes_of(text)) == words


def test_letters_that_differ_are_different_words() -> None:
    words = ["cafe", "café", "ß", "ss", "s", "0", "o", "ab", "ba", "aab", "a", "aa", "aaa", "की", "का", "के"]
    assert len({hashes_of(word)[0] for word in words}) == len(words)


def test_a_shingle_is_told_by_the_order_of_its_words() -> None:
    assert len({hashes_of(text, 3)[0] for text in ("a b c", "a c b", "b a c", "c b a", "ab c d", "a bc d")}) == 6


def test_a_text_with_fewer_words_has_no_shingle() -> None:
    hashes, offsets = shingle_hashes(["one two", "", "one two three", "four", "one two three four"], 3)
    assert offsets.tolist() == [0, 0, 0, 1, 1, 3]
    assert hashes[0] == hashes[1]


def test_no_texts_have_no_shingles() -> None:
    hashes, offsets = shingle_hashes([], 6)
    assert (hashes.tolist(), offsets.tolist()) == ([], [0])


def test_a_shingle_has_at_least_one_word() -> None:
    with pytest.raises(ValueError, match="at least one word, not 0"):
        shingle_hashes(["text"], 0)


def test_a_long_text_is_cut_where_no_word_is() -> None:
    three = hashes_of("alpha beta gamma")
    for divider in (" ", "\n"):
        text = divider.join(["alpha", "beta", "gamma"] * (GROUP_CHARS // 7))
        assert len(text) > 2 * GROUP_CHARS
        assert hashes_of(text) == three * (GROUP_CHARS // 7)


def test_a_long_text_without_blanks_is_hashed_as_well() -> None:
    assert hashes_of("東京" * GROUP_CHARS) == hashes_of("東京") * GROUP_CHARS
    assert len(hashes_of("a" * (GROUP_CHARS + 1))) == 2


def test_texts_are_grouped_by_number_and_by_size() -> None:
    texts = (
        ["one two three"] * (GROUP_TEXTS + 1) + ["one two three " + " " * (GROUP_CHARS // 2)] * 3 + ["one two three"]
    )
    hashes, offsets = shingle_hashes(texts, 3)
    assert offsets.tolist() == list(range(len(texts) + 1))
    assert set(hashes.tolist()) == set(hashes_of("one two three", 3))
