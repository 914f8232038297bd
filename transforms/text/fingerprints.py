"""Fingerprints of texts: MinHash signatures, by which likeness is estimated, and bands, by which the like are found.

A text's shingles give the least values of 128 permutations, 32 bits each. Four by four they are hashed to 32 bands:
texts that share a band are candidates (`candidates`), which finds 94 % of pairs with a Jaccard of .54, 99.8 % at .65.
The signature keeps 8 bits of each value. Both together are 256 bytes a text.

A text without shingles has a fingerprint too, the same for all, which says nothing: `shingles` is 0 there, and such
rows must never be compared.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from transforms.text.shingles import shingle_hashes

ALGORITHM: Final = 1
"""The number of all this, to stand beside stored fingerprints: those of different numbers cannot be compared. Shingles
and rensa's permutations are part of it."""

SHINGLE_WORDS: Final = 6
PERMUTATIONS: Final = 128
BANDS: Final = 32

_SEED: Final = 42
_ROWS: Final = PERMUTATIONS // BANDS
_ESTIMATES: Final = np.clip((np.arange(PERMUTATIONS + 1) * (256 / PERMUTATIONS) - 1) / 255, 0, 1).astype(np.float32)
"""The similarity by the number of equal values."""
_TEXTS_AT_ONCE: Final = 128
"""As values leave rensa as Python's numbers, 5 KB a text. From 256 texts on it would start threads, too, which are no
faster, and which a process that forks must not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """Of n texts: signatures (n × 128), bands (n × 32) and the number of shingles, repeated ones counted (n)."""

    signatures: NDArray[np.uint8]
    bands: NDArray[np.uint32]
    shingles: NDArray[np.int32]


def fingerprint(texts: Sequence[str], length: int = SHINGLE_WORDS) -> Fingerprints:
    """The fingerprints of the texts by shingles of so many words; each depends on its text alone.

    Raises ValueError if `length` is less than 1.
    """
    count = len(texts)
    signatures = np.empty((count, PERMUTATIONS), np.uint8)
    bands = np.empty((count, BANDS), np.uint32)
    shingles = np.empty(count, np.int32)
    for start in range(0, count, _TEXTS_AT_ONCE):
        here = slice(start, min(start + _TEXTS_AT_ONCE, count))
        hashes, offsets = shingle_hashes(texts[here], length)
        rows = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, PERMUTATIONS, _SEED).to_rows()
        values = array("I")
        for row in rows:
            values.fromlist(row)
        least = np.frombuffer(values, np.uint32).reshape(-1, PERMUTATIONS)
        signatures[here] = _in_8_bits(least)
        bands[here] = _band_hashes(least)
        shingles[here] = np.diff(offsets)
    return Fingerprints(signatures, bands, shingles)


def rule_number(length: int) -> int:
    """What fingerprints must share to be compared, in one number: of algorithm 1 with shingles of 6 words it is 106."""
    return ALGORITHM * 100 + length


def words_of_rule(number: int) -> int | None:
    """The words of a shingle by a rule of this algorithm; None where it is of another."""
    length = number - ALGORITHM * 100
    return length if 0 < length < 100 else None


def similarity(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The estimated Jaccard of rows of two signature arrays, row by row, from 0 to 1.

    Of values that differ, one in 256 is equal in 8 bits, which is taken off. Its deviation is .044 at .54. Two rows
    without shingles would be 1.
    """
    estimates: NDArray[np.float32] = _ESTIMATES[np.count_nonzero(one == other, axis=1)]
    return estimates


def similarity_of_two(one: bytes, other: bytes) -> float:
    """The same of two signatures: hundreds of times a batch two meet alone, which by arrays would take 20 µs, not 1."""
    differing = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return float(_ESTIMATES[differing.to_bytes(PERMUTATIONS, "little").count(0)])


def _in_8_bits(least: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Least values in 8 of 32 bits, each of which depends on all of them."""
    mixed = least ^ (least >> 16)
    mixed *= 0x85EBCA6B
    mixed ^= mixed >> 13
    mixed *= 0xC2B2AE35
    return (mixed >> 24).astype(np.uint8)


def _band_hashes(least: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Four least values each in 32 bits."""
    values = least.reshape(-1, BANDS, _ROWS).astype(np.uint64)
    mixed = values[:, :, 0]
    for place in range(1, _ROWS):
        mixed ^= mixed >> 29
        mixed *= 0x9E3779B97F4A7C15
        mixed += values[:, :, place]
    mixed ^= mixed >> 30
    mixed *= 0xBF58476D1CE4E5B9
    mixed ^= mixed >> 27
    mixed *= 0x94D049BB133111EB
    return (mixed >> 32).astype(np.uint32)
