"""When two texts are alike: equal, or near by their fingerprints.

Two thresholds of the estimated Jaccard similarity: `near` joins a row to a cluster, `loose` keeps it with a founder and
with its own article. A text of fewer than `min_shingles` shingles is near to none: of two short reports that differ
only in the name of the town too many words are the same.
"""

from dataclasses import dataclass
from typing import Protocol

from transforms.text.fingerprints import similarity_of_two


@dataclass(frozen=True, slots=True)
class Likeness:
    """Thresholds from 0 to 1, the fewest shingles, and the horizon in microseconds of unit time (None: no end)."""

    near: float
    loose: float
    min_shingles: int
    horizon: int | None = None


class Fingerprinted(Protocol):
    """Something with the fingerprint of a text."""

    @property
    def shingles(self) -> int | None:
        """Shingles of the text; None where there is no fingerprint."""
        ...

    @property
    def signature(self) -> bytes | None:
        """128 bytes."""
        ...


def jaccard(one: Fingerprinted, other: Fingerprinted) -> float | None:
    """The estimated similarity of two texts, from 0 to 1; None where one has no shingles."""
    if not one.shingles or not other.shingles or one.signature is None or other.signature is None:
        return None
    return similarity_of_two(one.signature, other.signature)
