from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.candidates import candidate_pairs


@dataclass(frozen=True)
class Row:
    bands: tuple[int, ...]
    id: int = -1  # An id of its own.
    time: int = 0
    shingles: int = 1


def pairs_of(rows: Sequence[Row], first_new: int = 0, horizon: int | None = None) -> list[tuple[int, int]]:
    later, earlier = candidate_pairs(
        np.array([row.bands for row in rows], np.uint32).reshape(len(rows), len(rows[0].bands) if rows else 32),
        np.array([row.shingles for row in rows], np.int32),
        np.array([row.id if row.id >= 0 else 1000 + place for place, row in enumerate(rows)], np.int64),
        np.array([row.time for row in rows], np.int64),
        first_new,
        horizon,
    )
    assert later.dtype == earlier.dtype == np.int64
    return list(zip(later.tolist(), earlier.tolist(), strict=True))


def plain_pairs(rows: Sequence[Row], first_new: int, horizon: int | None) -> list[tuple[int, int]]:
    """The rule, word by word."""
    found = set()
    for place, row in enumerate(rows):
        for band, bucket in enumerate(row.bands):
            fitting = [
                before
                for before, other in enumerate(rows[:place])
                if other.bands[band] == bucket
                and other.id != row.id
                and row.shingles
                and other.shingles
                and (horizon is None or row.time - other.time <= horizon)
            ]
            if place >= first_new:
                found |= {(place, before) for before in fitting[:1] + fitting[-4:]}
    return sorted(found)


@st.composite
def arrivals(draw: st.DrawFn) -> list[Row]:
    number = st.integers(0, 2)
    rows = draw(st.lists(st.tuples(st.tuples(number, number), number, number, st.integers(0, 4)), max_size=40))
    time = 0
    arrived = []
    for bands, one, step, shingles in rows:
        time += step
        arrived.append(Row(bands, one, time, shingles))
    return arrived


HORIZONS = st.none() | st.integers(0, 12)


@given(arrivals(), st.integers(0, 40), HORIZONS)
def test_pairs_are_those_of_the_plain_rule(rows: list[Row], first_new: int, horizon: int | None) -> None:
    assert pairs_of(rows, first_new, horizon) == plain_pairs(rows, first_new, horizon)


@given(arrivals(), st.lists(st.integers(1, 12), max_size=8), HORIZONS)
def test_where_batches_are_cut_changes_nothing(rows: list[Row], sizes: list[int], horizon: int | None) -> None:
    found = []
    start = 0
    for size in (*sizes, len(rows)):
        batch = range(start, min(start + size, len(rows)))
        # What an index gives: only earlier rows that share a bucket with a row of the batch.
        known = [
            before
            for before in range(start)
            if any(
                one == other for row in batch for one, other in zip(rows[row].bands, rows[before].bands, strict=True)
            )
        ]
        places = [*known, *batch]
        pairs = pairs_of([rows[place] for place in places], len(known), horizon)
        found += [(places[later], places[earlier]) for later, earlier in pairs]
        start = batch.stop
    assert found == pairs_of(rows, 0, horizon)


def test_a_row_is_compared_with_the_first_and_the_last_four_of_its_bucket() -> None:
    rows = [Row((7,))] * 8
    assert [earlier for later, earlier in pairs_of(rows) if later == 7] == [0, 3, 4, 5, 6]
    assert [earlier for later, earlier in pairs_of(rows) if later == 4] == [0, 1, 2, 3]


def test_pairs_of_several_bands_come_once_and_sorted() -> None:
    rows = [Row((1, 5, 9)), Row((1, 5, 8)), Row((1, 6, 9))]
    assert pairs_of(rows) == [(1, 0), (2, 0), (2, 1)]


def test_the_same_number_in_two_bands_is_not_one_bucket() -> None:
    assert pairs_of([Row((1, 2)), Row((2, 1))]) == []


def test_only_new_rows_ask() -> None:
    assert pairs_of([Row((1,))] * 4, first_new=3) == [(3, 0), (3, 1), (3, 2)]
    assert pairs_of([Row((1,))] * 4, first_new=4) == []


def test_rows_of_one_id_never_match_each_other() -> None:
    assert pairs_of([Row((1,), id=5), Row((1,), id=6), Row((1,), id=5)]) == [(1, 0), (2, 1)]


def test_own_revisions_do_not_hide_what_a_row_repeats() -> None:
    """Rows of the same id are left out first and the four are counted then."""
    others = [Row((1,), id=place) for place in range(6)]
    rows = [Row((1,), id=9), *others, *[Row((1,), id=9)] * 10]
    assert [earlier for later, earlier in pairs_of(rows) if later == 16] == [1, 3, 4, 5, 6]


def test_the_horizon_is_part_of_what_is_seen() -> None:
    rows = [Row((1,), time=0), Row((1,), time=10), Row((1,), time=20), Row((1,), time=30)]
    assert pairs_of(rows, 3, 20) == [(3, 1), (3, 2)]
    assert pairs_of(rows, 3, 19) == [(3, 2)]
    assert pairs_of(rows, 3, 9) == []


def test_the_first_is_the_first_within_the_horizon() -> None:
    rows = [Row((1,), time=place) for place in range(10)]
    assert [earlier for _, earlier in pairs_of(rows, 9, 6)] == [3, 5, 6, 7, 8]


def test_rows_without_shingles_are_no_candidates_and_have_none() -> None:
    assert pairs_of([Row((1,), shingles=0), Row((1,)), Row((1,), shingles=0), Row((1,))]) == [(3, 1)]
    assert pairs_of([Row((1,), shingles=0)] * 3) == []


def test_the_largest_hash_and_time_fit() -> None:
    top, end = 2**32 - 1, 2**62
    assert pairs_of([Row((top,), time=end), Row((top - 1,), time=end), Row((top,), time=end)], 0, 0) == [(2, 0)]


def test_no_rows_have_no_pairs() -> None:
    assert pairs_of([]) == []


def test_times_that_decrease_are_refused_where_there_is_a_horizon() -> None:
    rows = [Row((1,), time=2), Row((1,), time=1)]
    assert pairs_of(rows) == [(1, 0)]
    with pytest.raises(ValueError, match="decrease"):
        pairs_of(rows, 0, 5)


def test_a_huge_bucket_gives_five_pairs_a_row() -> None:
    count = 30_000
    pairs = pairs_of([Row((3,))] * count)
    assert len(pairs) == 5 * count - 15
