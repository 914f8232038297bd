"""Which index segments become one: rules on the numbers of their rows in order of arrival, and on nothing else.

A tier holds segments of fewer rows than its bound. As batches come, segments of one tier that stand side by side are
merged when they are `NEIGHBOURS`, or when their rows together reach the bound; smaller ones in front of a bigger one
never get so far and are merged with it. So rows climb a tier at a time, are rewritten a few times only, and few
segments are left however small the batches are. A segment that has reached the last bound is full: a batch leaves it
as it is, and whoever compacts merges further.
"""

from collections.abc import Sequence
from typing import Final

TIER_ROWS: Final = (1_000, 8_000, 64_000)
"""Bounds of the tiers: a batch rewrites fewer than twice the last one."""

NEIGHBOURS: Final = 8

COMPACT_ROWS: Final = 1 << 18
"""Rows that a segment holds at most after compaction, unless a batch wrote more at once: about 90 MB."""


def merges_of_batch(rows: Sequence[int]) -> list[range]:
    """The segments that become one when a batch is written, as ranges of positions; `rows` ends with the batch's own.

    What the ranges leave has no further merges. After the last full segment at most `NEIGHBOURS - 1` of each tier are
    left, the bigger ones first; between full ones at most one.
    """
    ends: list[int] = []
    sizes: list[int] = []
    for position, size in enumerate(rows, start=1):
        ends.append(position)
        sizes.append(size)
        while (merge := _next_merge(sizes)) is not None:
            first, behind = merge
            sizes[first:behind] = [sum(sizes[first:behind])]
            ends[first:behind] = [ends[behind - 1]]
    return _longer_than_one(ends)


def merges_of_compaction(rows: Sequence[int], most: int = COMPACT_ROWS) -> list[range]:
    """The segments that become one when a dataset is compacted: as many side by side as hold `most` rows together."""
    ends: list[int] = []
    held = 0
    for position, size in enumerate(rows, start=1):
        if ends and held + size <= most:
            ends[-1] = position
            held += size
        else:
            ends.append(position)
            held = size
    return _longer_than_one(ends)


def _next_merge(sizes: Sequence[int]) -> tuple[int, int] | None:
    """What the last segment gives rise to: the position of the first that is merged, and the one behind the last."""
    count = len(sizes)
    last = _tier(sizes[-1])
    is_full = last == len(TIER_ROWS)
    first = count - 1
    while first and _tier(sizes[first - 1]) < last:
        first -= 1
    if first < count - 1:
        behind = count - 1 if is_full else count
        return (first, behind) if behind - first > 1 else None
    while first and _tier(sizes[first - 1]) == last:
        first -= 1
    if is_full or first == count - 1:
        return None
    enough = count - first >= NEIGHBOURS or sum(sizes[first:]) >= TIER_ROWS[last]
    return (first, count) if enough else None


def _tier(size: int) -> int:
    return sum(size >= bound for bound in TIER_ROWS)


def _longer_than_one(ends: Sequence[int]) -> list[range]:
    starts = [0, *ends]
    return [range(first, end) for first, end in zip(starts, ends, strict=False) if end - first > 1]
