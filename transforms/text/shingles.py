r"""Shingles of many texts at once: hashes of neighbouring words, by array operations over their characters, no strings.

What a word is, the same for ever and on every Python (a changed number here is another algorithm of fingerprints):

- A word is a run of word characters: letters, marks, digits and other numbers as Unicode 3.2 knows them, `_`, and what
  later versions added but for punctuation and symbols (`_SYMBOLS`).
- Everything else divides words: white space, punctuation, symbols, emoji, joiners, and quotes and apostrophes of every
  kind, also those that are letters to Unicode (U+02B9 to U+02BF). So `don't` and `don’t` are both `don` and `t`.
- In scripts that are written without blanks (`_UNSPACED`: Han, kana, Thai, Lao, Burmese, Khmer) each character is a
  word of its own.
- Case is folded where that leaves one character; `ß` is not `ss`, and accents stay.

Against `\w+` of the lower-cased text: equal for Latin, Greek and Cyrillic letters in NFC. Marks that follow a letter
belong to its word here (`\w+` cuts the vowels out of Hindi and Tamil), and a Chinese sentence is not one word.

How: a table gives each word character a random number of 64 bits, 0 to what divides. With powers of an odd number as
weights, prefix sums make the hash of any word a difference, brought to one scale by the inverse power. A shingle is the
same again over word hashes, then mixed. Two different shingles have one hash in about 2**62.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

GROUP_TEXTS: Final = 32
GROUP_CHARS: Final = 1 << 17
"""So much is hashed at once: it stays in the cache, and scratch memory is bounded. Of 1 to 64 texts of 2,700
characters at once, 16 and more took equally long (12 µs a text, 30 one by one)."""

_SEED: Final = 0x6265616D77697265  # "beamwire"
_ALONE: Final = 1 << 63
"""Set in the number of a character that is a word of its own."""

_TABLE_SIZE: Final = 0x40000
"""Planes 0 to 3. What lies beyond (tags, private use) is looked up as the last entry, which divides."""

_SYMBOLS: Final = (
    # Later punctuation and signs of scripts in use: Armenian, Arabic, N'Ko, Ethiopic, Coptic, Vai, Javanese, Meetei.
    *(0x58D, 0x58E, 0x58F, 0x5C6, *range(0x600, 0x60C), *range(0x60D, 0x610), 0x61C, 0x61D, 0x61E, 0x6DE, 0x1400),
    *(*range(0x7F6, 0x7FA), 0x7FE, 0x7FF, 0x1360, *range(0x1390, 0x139A), *range(0x1B5A, 0x1B6B), 0x1C7E, 0x1C7F),
    *(*range(0x2CE5, 0x2CEB), *range(0x2CF9, 0x2CFD), 0x2CFE, 0x2CFF, 0x2D70, 0xA4FE, 0xA4FF, 0xA60D, 0xA60E, 0xA60F),
    *(*range(0xA6F2, 0xA6F8), *range(0xA874, 0xA878), 0xA8CE, 0xA8CF, *range(0xA8F8, 0xA8FB), 0xA8FC, 0xA92E, 0xA92F),
    *(*range(0xA9C1, 0xA9CE), 0xA9DE, 0xA9DF, *range(0xAA5C, 0xAA60), 0xAADE, 0xAADF, 0xAAF0, 0xAAF1, 0xABEB),
    *range(0x2E00, 0x2E80),  # supplemental punctuation
    *range(0x3000, 0x3005),
    *range(0x3008, 0x3021),
    *range(0x31C0, 0x31F0),  # strokes
    *range(0x4DC0, 0x4E00),  # hexagrams
    *range(0xFBB2, 0xFBC3),  # Arabic
    *range(0xFD40, 0xFD50),
    *range(0xFDCF, 0xFDF0),  # no characters
    0xFDFD,
    0xFDFE,
    0xFDFF,
    *range(0xFE00, 0xFE20),  # variation selectors, vertical forms
    *range(0xFFF0, 0x10000),
    *range(0x10100, 0x10140),
    *range(0x1D000, 0x1D400),  # music
    *range(0x1F000, 0x20000),  # emoji
)
_OLD_ONLY: Final = range(0x2000, 0x2C00)
"""Punctuation, currencies, arrows, pictographs: only letters and numbers of Unicode 3.2 are word characters here."""

_QUOTES: Final = (*range(0x2B9, 0x2C0), *range(0x2EF, 0x300))

_MIXED: Final = (
    range(0x0000, 0x4E00),
    range(0xA000, 0xAC00),
    range(0xD7A4, 0x10450),
    range(0x1D000, 0x1D800),
)
"""Where Unicode 3.2 has anything that is no word character."""

_CASED: Final = (
    range(0x0000, 0x0590),
    range(0x10A0, 0x1400),
    range(0x1C80, 0x2000),
    range(0x2100, 0x2190),
    range(0x24B0, 0x24F0),
    range(0x2C00, 0x2E00),
    range(0xA640, 0xA800),
    range(0xAB30, 0xABC0),
    range(0xFB00, 0xFB20),
    range(0xFF20, 0xFF60),
    range(0x10400, 0x10600),
    range(0x10C80, 0x10D00),
    range(0x118A0, 0x118E0),
    range(0x16E40, 0x16E80),
    range(0x1E900, 0x1E944),
)
"""Where letters with case are (only so that the table is made in 30 ms)."""

_UNSPACED: Final = (
    range(0x0E00, 0x0F00),
    range(0x1000, 0x10A0),
    range(0x1780, 0x1800),
    range(0x2E80, 0xA000),
    range(0xF900, 0xFB00),
    range(0xFF66, 0xFFA0),
    range(0x1B000, 0x1B170),
    range(0x20000, 0x3FFFE),
)


def shingle_hashes(texts: Sequence[str], length: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The hashes of all shingles of so many words, in order and repeated as they are, one text after the other.

    The shingles of text i are `hashes[offsets[i] : offsets[i + 1]]`; a text with fewer words has none.

    Raises ValueError if `length` is less than 1.
    """
    if length < 1:
        raise ValueError(f"a shingle has at least one word, not {length}")
    hashes: list[NDArray[np.uint64]] = []
    counts: list[int] = []
    for words, words_in_text in _words(texts):
        combined = _combined(words, length)
        first = 0
        for count in words_in_text:
            shingles = max(count - length + 1, 0)
            if shingles:
                hashes.append(combined[first : first + shingles])
            counts.append(shingles)
            first += count
    offsets = np.zeros(len(texts) + 1, np.uint64)
    np.cumsum(np.array(counts, np.uint64), out=offsets[1:])
    return _mixed(np.concatenate(hashes)) if hashes else np.zeros(0, np.uint64), offsets


def _words(texts: Sequence[str]) -> Iterator[tuple[NDArray[np.uint64], list[int]]]:
    """The word hashes of groups of texts, and how many each text has."""
    group: list[str] = []
    chars = 0
    for text in texts:
        if group and (len(group) == GROUP_TEXTS or chars + len(text) > GROUP_CHARS):
            yield _word_hashes(group)
            group, chars = [], 0
        if len(text) > GROUP_CHARS:
            words = np.concatenate([_word_hashes([piece])[0] for piece in _pieces(text)])
            yield words, [len(words)]
        else:
            group.append(text)
            chars += len(text)
    if group:
        yield _word_hashes(group)


def _pieces(text: str) -> Iterator[str]:
    """A long text, cut where no word is (without any blank in so many characters: anywhere)."""
    start = 0
    while start < len(text):
        end = start + GROUP_CHARS
        if end < len(text):
            blank = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
            end = blank + 1 if blank >= start else end
        yield text[start:end]
        start = end


def _word_hashes(texts: list[str]) -> tuple[NDArray[np.uint64], list[int]]:
    joined = "\n".join(["", *texts, ""])  # A word stands between two characters that divide.
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")
    numbers = _NUMBERS.take(codes, mode="clip")
    in_word = numbers != 0
    if numbers.max() < _ALONE:
        edges = np.flatnonzero(in_word[1:] != in_word[:-1])
        before, last = edges[::2], edges[1::2]
    else:
        alone = numbers >= _ALONE
        cut = alone[1:] | alone[:-1]
        before = np.flatnonzero(in_word[1:] & (cut | ~in_word[:-1]))
        last = np.flatnonzero(in_word[:-1] & (cut | ~in_word[1:]))
    numbers *= _POWERS[: len(numbers)]
    sums = np.cumsum(numbers, out=numbers)
    hashes = sums.take(last)
    hashes -= sums.take(before)
    hashes *= _INVERSES.take(before)
    # Text i begins behind the texts before it and a line break for each.
    starts = np.cumsum([0, *(len(text) + 1 for text in texts)])
    return hashes, np.diff(np.searchsorted(before, starts)).tolist()


def _combined(words: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """Of each run of so many words one number, also of those that reach from one text into the next."""
    if length == 1:
        return words
    # Made of the runs of half as many words, so that there are few passes over the array.
    half = length // 2
    halves = _combined(words, half)
    combined = halves[:-half] * pow(_SHINGLE_BASE, half, 1 << 64)
    combined += halves[half:]
    if length % 2:
        combined = combined[:-1] * _SHINGLE_BASE
        combined += words[length - 1 :]
    return combined


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The last steps of splitmix64, in place: every bit depends on every bit."""
    numbers ^= numbers >> 30
    numbers *= 0xBF58476D1CE4E5B9
    numbers ^= numbers >> 27
    numbers *= 0x94D049BB133111EB
    numbers ^= numbers >> 31
    return numbers


# Constant tables.


def _random(codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64: the number at each place of its sequence from the seed."""
    return _mixed(_SEED + (codes + 1) * 0x9E3779B97F4A7C15)


def _folded(code: int) -> int:
    """The character without case, if that is one character."""
    if code == 0x130:  # The capital of i in Turkish; other languages would leave its dot as a mark.
        return ord("i")
    character = chr(code)
    for folded in (character.casefold(), character.lower()):
        if len(folded) == 1:
            return ord(folded)
    return code


def _divides(code: int) -> bool:
    category = unicodedata.ucd_3_2_0.category(chr(code))
    if code in _OLD_ONLY:
        return category[0] not in "LN"
    return category[0] not in "LMN" and category != "Cn" and code != ord("_")


def _character_numbers() -> NDArray[np.uint64]:
    codes = np.arange(_TABLE_SIZE, dtype=np.uint64)
    for block in _CASED:
        codes[block.start : block.stop] = [_folded(code) for code in block]
    numbers = _random(codes)
    numbers &= _ALONE - 1
    for block in _MIXED:
        numbers[block.start : block.stop][[_divides(code) for code in block]] = 0
    numbers[[*_SYMBOLS, *_QUOTES, _TABLE_SIZE - 2, _TABLE_SIZE - 1]] = 0
    for block in _UNSPACED:
        members = numbers[block.start : block.stop]
        members[members != 0] |= _ALONE
    return numbers


def _powers(base: int) -> NDArray[np.uint64]:
    """Powers from 0 on, for a group and the line breaks around its texts."""
    factors = np.full(GROUP_CHARS + GROUP_TEXTS + 1, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors)


_NUMBERS: Final = _character_numbers()
_WORD_BASE, _SHINGLE_BASE = (int(one) | 1 for one in _random(np.arange(1 << 32, (1 << 32) + 2, dtype=np.uint64)))
_POWERS: Final = _powers(_WORD_BASE)
_INVERSES: Final = _powers(pow(_WORD_BASE, -1, 1 << 64))
