"""Which earlier rows a row may repeat, by arrays: rows that share a bucket, which is the hash of one band.

Rule 5 of the one pass in arrival order. For each row and each band the candidates are the first and the last four rows
of the same bucket that

- stand before the row,
- are within the horizon: its time minus theirs is at most the horizon,
- belong to another id.

These conditions come first and the counting after, so an article that is revised again and again does not hide what it
repeats behind its own revisions. The answer for a row is a function of the rows before it that share a bucket with it:
neither later rows nor rows of other buckets nor where batches are cut change it, provided that of a bucket all rows
within the horizon are given.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LAST_ROWS: Final = 4

_LOW: Final = (1 << 32) - 1
_PENDING_PAIRS: Final = 1 << 21
"""So many pairs at least are gathered before those found in several bands are made one (16 MB)."""


def candidate_pairs(
    bands: NDArray[np.uint32],
    shingles: NDArray[np.int32],
    ids: NDArray[np.int64],
    times: NDArray[np.int64],
    first_new: int,
    horizon: int | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pairs (row, earlier row) to be compared, for rows from `first_new` on: each once, sorted.

    Rows stand in order of arrival, earlier batches' first; fewer than 2**32. `bands` has a column a band (quickest if a
    column is contiguous), `ids` a number an id. `times` never decrease; without a horizon (None) they do not matter.
    Rows without shingles have no candidates and are none.

    Cost: a sort a band, 1 to 2 µs a row in all; memory: about 40 bytes a row and 20 a pair.

    Raises ValueError if there is a horizon and times decrease.
    """
    oldest: NDArray[np.int64] | None = None
    if horizon is not None:
        if np.any(times[1:] < times[:-1]):
            raise ValueError("the times of rows in order of arrival decrease")
        oldest = np.searchsorted(times, times - horizon)
    able = np.flatnonzero(shingles > 0)
    found = np.zeros(0, np.uint64)
    pending: list[NDArray[np.uint64]] = []
    waiting = 0
    for band in range(bands.shape[1]):
        members = _shared_buckets(bands[:, band], able)
        for pairs in _pairs(members, ids, first_new, oldest):
            pending.append(pairs)
            waiting += len(pairs)
        if waiting > max(_PENDING_PAIRS, len(found)):
            found, pending, waiting = _each_once([found, *pending]), [], 0
    found = _each_once([found, *pending])
    return (found >> 32).astype(np.int64), (found & _LOW).astype(np.int64)


def _shared_buckets(band: NDArray[np.uint32], able: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Bucket and row in one number, sorted, of the rows that share their bucket with another."""
    packed = band[able].astype(np.uint64)
    packed <<= 32
    packed |= able.view(np.uint64)
    packed.sort()
    same = (packed[1:] ^ packed[:-1]) <= _LOW
    shared = np.zeros(len(packed), np.bool_)
    shared[1:] = same
    shared[:-1] |= same
    return packed[shared]


def _pairs(
    members: NDArray[np.uint64], ids: NDArray[np.int64], first_new: int, oldest: NDArray[np.int64] | None
) -> list[NDArray[np.uint64]]:
    """The pairs of one band, packed; those of a row's first and last may be the same."""
    row = (members & _LOW).astype(np.int64)
    place = np.arange(len(members))
    head = np.ones(len(members), np.bool_)  # The first of a bucket.
    head[1:] = (members[1:] ^ members[:-1]) > _LOW
    asking = np.flatnonzero((row >= first_new) & ~head)
    lowest = np.maximum.accumulate(np.where(head, place, 0))[asking]
    if oldest is not None:
        horizon = (members[asking] & ~np.uint64(_LOW)) | oldest[row[asking]].astype(np.uint64)
        lowest = np.maximum(lowest, np.searchsorted(members, horizon))
        asking, lowest = _where(lowest < asking, asking, lowest)
    if not len(asking):
        return []

    # Runs of one id within a bucket, so that a row steps over its own id at once, however often that was revised.
    own = ids[row]
    turn = head.copy()
    turn[1:] |= own[1:] != own[:-1]
    run_start = np.maximum.accumulate(np.where(turn, place, 0))
    next_run = np.append(np.flatnonzero(turn), len(members))[np.cumsum(turn)]

    first = np.where(own[lowest] == own[asking], next_run[lowest], lowest)
    pairs = [_packed(row, *_where(first < asking, asking, first))]
    before = asking - 1
    for _ in range(LAST_ROWS):
        before = np.where(own[before] == own[asking], run_start[before] - 1, before)
        asking, before, lowest = _where(before >= lowest, asking, before, lowest)
        pairs.append(_packed(row, asking, before))
        asking, before, lowest = _where(before > lowest, asking, before - 1, lowest)
    return pairs


def _where(condition: NDArray[np.bool_], *columns: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    return tuple(column[condition] for column in columns)


def _packed(row: NDArray[np.int64], later: NDArray[np.int64], earlier: NDArray[np.int64]) -> NDArray[np.uint64]:
    packed = row[later].astype(np.uint64)
    packed <<= 32
    packed |= row[earlier].astype(np.uint64)
    return packed


def _each_once(pairs: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    every = np.concatenate(pairs)
    every.sort()
    new = np.ones(len(every), np.bool_)
    new[1:] = every[1:] != every[:-1]
    return every[new]
