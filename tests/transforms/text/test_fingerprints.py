import random

import numpy as np
import pytest

from transforms.text.fingerprints import ALGORITHM, BANDS, PERMUTATIONS, SHINGLE_WORDS, fingerprint, similarity

FERRY = "The harbour ferry won’t sail on Monday, the city said, because its engine must be repaired."
BRIDGE = "Inspectors closed the old bridge after they had found cracks in two of its pillars."


def text_of(words: list[int]) -> str:
    return " ".join(f"w{word}" for word in words)


def true_jaccard(one: list[int], other: list[int]) -> float:
    sets = [{tuple(words[at : at + SHINGLE_WORDS]) for at in range(len(words) - 5)} for words in (one, other)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_fingerprints_are_the_same_for_ever() -> None:
    """Where this fails, say with a new rensa, stored fingerprints are of no use: `ALGORITHM` needs a new number."""
    found = fingerprint([FERRY, BRIDGE])
    assert ALGORITHM == 1
    assert found.signatures[0].tobytes().hex() == (
        "10e5a80407b80eb04085a7be45578af8345c8a5c92516b57236b46cf3726dd4e753956ea2d4a8407358f3626529d2bdf"
        "ecf72da8b70a0b61de8d62a2b28f29717d59925af0befdc1840cf621e57c4369bc1a02399266d4f73eb93d5451edb849"
        "4951817e635a49142c22997458f57a12ef1d77868e1c69ebb8d54b725da9ae82"
    )
    assert found.signatures[1].tobytes().hex() == (
        "43b25bb14c89067cbe0a9317d63dc942cb62d18d64cac40ead5f4f07cc9591458dc8b2b11c32ae30b6344c90eb432ab8"
        "b5481b9fe17ff07b4ba88562c7d1b8c62071544855f05d16a84f5845fd1694458eae25b25123c6b0da09be2321b082d5"
        "012dee4d3bb698806740590b2479c539b4d6e2ac89565ad8489bc2b2db87e796"
    )
    assert found.bands[0].astype(">u4").tobytes().hex() == (
        "26998000f6da1293fde171f2109e4779eccdf1f755951cab0a9033dec5d33f213bf311db3ee8c3445e88d190cc812dbd"
        "b8d5449a01e43862564b8a3e4b5928afc0f76feb44ae5039a8df250ac876a2aa0e0224c19a8827993a80b7ab43b4d5e2"
        "f0a508b96a95f51cad04403ee3d3d4ed6350ebd03b43b71f17fcf260bc4f9c74"
    )
    assert found.shingles.tolist() == [12, 10]


def test_a_fingerprint_has_128_values_and_32_bands() -> None:
    found = fingerprint([FERRY, "", BRIDGE])
    assert found.signatures.shape == (3, PERMUTATIONS) and found.signatures.dtype == np.uint8
    assert found.bands.shape == (3, BANDS) and found.bands.dtype == np.uint32
    assert found.shingles.shape == (3,) and found.shingles.dtype == np.int32


def test_no_texts_have_no_fingerprints() -> None:
    found = fingerprint([])
    assert (found.signatures.shape, found.bands.shape, found.shingles.shape) == ((0, 128), (0, 32), (0,))


def test_a_fingerprint_depends_on_its_text_alone() -> None:
    texts = [text_of([number, *range(number % 40)]) for number in range(300)]
    together = fingerprint(texts)
    for number in (0, 3, 127, 128, 255, 256, 299):
        alone = fingerprint([texts[number]])
        assert (together.signatures[number] == alone.signatures[0]).all()
        assert (together.bands[number] == alone.bands[0]).all()
        assert together.shingles[number] == alone.shingles[0]


def test_a_text_too_short_for_a_shingle_says_so() -> None:
    found = fingerprint(["", "five words are too few", "six words are just long enough", "word " * 8])
    assert found.shingles.tolist() == [0, 0, 1, 3]
    assert fingerprint(["five words are too few"], length=5).shingles.tolist() == [1]


def test_repeated_shingles_and_typography_change_no_signature() -> None:
    found = fingerprint([FERRY, FERRY.replace("’", "'").upper(), f"{FERRY} {FERRY}"])
    assert similarity(found.signatures[:1], found.signatures[1:2]).tolist() == [1.0]
    assert (found.bands[0] == found.bands[1]).all()
    assert found.shingles.tolist() == [12, 12, 29]


def test_similarity_is_near_the_true_jaccard() -> None:
    draw = random.Random(1)
    pairs = []
    for _ in range(200):
        words = [draw.randrange(10**6) for _ in range(draw.randrange(30, 600))]
        start, end = draw.randrange(len(words) // 2), len(words) - draw.randrange(len(words) // 3)
        pairs.append((words, words[start:end] + [draw.randrange(10**6) for _ in range(draw.randrange(80))]))
    one, other = (fingerprint([text_of(pair[side]) for pair in pairs]) for side in (0, 1))
    true = np.array([true_jaccard(*pair) for pair in pairs])
    error = similarity(one.signatures, other.signatures) - true
    assert abs(error.mean()) < 0.006
    assert error.std() < 0.044
    assert abs(error).max() < 0.15
    # A pair shares a band with the probability 1 - (1 - J⁴)³².
    shared = (one.bands == other.bands).any(axis=1)
    assert shared[true > 0.65].all()
    assert not shared[true < 0.1].any()


def test_similarity_takes_off_what_is_equal_in_8_bits_by_chance() -> None:
    one = np.zeros((4, 128), np.uint8)
    other = np.ones((4, 128), np.uint8)
    other[0] = 0
    other[1, :64] = 0
    other[2, 0] = 0
    found = similarity(one, other)
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx([1.0, 127 / 255, 1 / 255, 0.0])
    assert similarity(one[:0], other[:0]).tolist() == []
