"""The rule of tiers: few segments however batches come, nothing is rewritten often, and the list alone decides."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.tiers import NEIGHBOURS, TIER_ROWS, merges_of_batch, merges_of_compaction

FULL = TIER_ROWS[-1]
SIZES = st.one_of(st.integers(1, 50), st.integers(1, 3_000), st.integers(1, 100_000))


def after(live: list[int], batch: int) -> list[int]:
    """The sizes of the segments after one more batch."""
    sizes = [*live, batch]
    for merge in reversed(merges_of_batch(sizes)):
        sizes[merge.start : merge.stop] = [sum(sizes[merge.start : merge.stop])]
    return sizes


def after_all(batches: list[int]) -> list[int]:
    live: list[int] = []
    for batch in batches:
        live = after(live, batch)
    return live


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([5], []),
        ([5] * 7, []),
        ([5] * 8, [range(8)]),
        ([900, 99], []),
        ([900, 100], [range(2)]),  # together they reach the bound
        ([7_999, 1], []),
        ([7_999, 7, 993], [range(3)]),  # and so do the two that this makes
        ([9_000, 8_500, 5, 20, 1_000], [range(2, 5)]),  # smaller ones before a bigger one
        ([60_000, 7_000, 5, FULL], [range(3)]),  # which is left as it is where it is full
        ([60_000, FULL], []),
        ([FULL, FULL, FULL, 3, 4], []),
        ([1_000] * 8, [range(8)]),
        ([8_000] * 7 + [1_000] * 7 + [125] * 8, [range(22)]),
    ],
)
def test_the_rule_by_example(rows: list[int], expected: list[range]) -> None:
    assert merges_of_batch(rows) == expected


@given(st.lists(SIZES, max_size=60))
def test_merges_are_of_neighbours_that_keep_their_order_and_leave_nothing_to_merge(rows: list[int]) -> None:
    merges = merges_of_batch(rows)
    assert all(len(merge) > 1 and merge.step == 1 and merge.stop <= len(rows) for merge in merges)
    assert all(one.stop <= other.start for one, other in pairwise(merges))
    left = list(rows)
    for merge in reversed(merges):
        left[merge.start : merge.stop] = [sum(left[merge.start : merge.stop])]
    assert merges_of_batch(left) == []


@given(st.lists(SIZES, max_size=60))
def test_few_segments_are_left_and_big_ones_come_first(batches: list[int]) -> None:
    live = after_all(batches)
    assert sum(live) == sum(batches)
    full = [place for place, size in enumerate(live) if size >= FULL]
    tail = live[full[-1] + 1 :] if full else live
    tiers = [sum(size >= bound for bound in TIER_ROWS) for size in tail]
    assert tiers == sorted(tiers, reverse=True)
    assert all(tiers.count(tier) < NEIGHBOURS for tier in tiers)
    assert len(live) <= 2 * len(full) + len(TIER_ROWS) * (NEIGHBOURS - 1)


@given(st.lists(SIZES, max_size=60))
def test_a_batch_rewrites_a_bounded_number_of_rows_and_no_full_segment(batches: list[int]) -> None:
    live: list[int] = []
    for batch in batches:
        for merge in merges_of_batch([*live, batch]):
            rewritten = live[merge.start : merge.stop]
            assert sum(rewritten) < 2 * FULL
            assert all(size < FULL for size in rewritten)
        live = after(live, batch)


@pytest.mark.parametrize(
    ("rows", "batches", "most"), [(10, 1_000, 14), (1, 3_000, 9), (1_000, 1_000, 28), (35, 8_640, 24)]
)
def test_thousands_of_small_batches_never_leave_many_segments(rows: int, batches: int, most: int) -> None:
    live: list[int] = []
    counts = []
    for _ in range(batches):
        live = after(live, rows)
        counts.append(len(live))
    assert max(counts) == most


def test_a_row_is_rewritten_a_few_times() -> None:
    live: list[int] = []
    rewritten = 0
    for _ in range(8_640):  # a month of batches of 35 rows, one in five minutes
        for merge in merges_of_batch([*live, 35]):
            rewritten += sum(live[merge.start : merge.stop])
        live = after(live, 35)
    assert round(rewritten / sum(live), 1) == 4.0


def test_compaction_fills_segments_up_to_a_size() -> None:
    assert merges_of_compaction([4, 3, 3, 9, 1, 2, 30, 5, 5], most=10) == [range(3), range(3, 5), range(7, 9)]
    assert merges_of_compaction([], most=10) == []
    assert merges_of_compaction([100_000, 100_000, 100_000]) == [range(2)]


@given(st.lists(SIZES, max_size=40), st.integers(1, 200_000))
def test_what_is_compacted_is_not_compacted_again(rows: list[int], most: int) -> None:
    left = list(rows)
    for merge in reversed(merges_of_compaction(rows, most)):
        left[merge.start : merge.stop] = [sum(left[merge.start : merge.stop])]
    assert sum(left) == sum(rows)
    assert merges_of_compaction(left, most) == []
