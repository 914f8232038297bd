"""The one pass in arrival order: each rule, each row of the table of arrivals, and that the cut does not matter."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset.segments import table_of
from pipeline.dataset.tables import INDEX
from tests.pipeline.dataset.entries import listed
from transforms.schemas import DatasetFile, EntryTable, History, IndexEntry, Link
from transforms.text.arrival import (
    Decision,
    Noted,
    decide,
    effective_times,
    order_of_arrival,
    unit_outcomes,
)
from transforms.text.identity import ROW, Record, pair_key
from transforms.text.likeness import Likeness


@dataclass
class Seen:
    """What a pass has decided, in lists."""

    decisions: list[Decision | None] = field(default_factory=list)
    entries: list[IndexEntry] = field(default_factory=list)
    links: list[Noted] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class Memory:
    """A History that keeps its entries in a list."""

    entries: list[IndexEntry] = field(default_factory=list)
    unit_time: int = 0
    tombstones: frozenset[bytes] = frozenset()

    @property
    def rows(self) -> int:
        """Rows so far."""
        return sum(entry.kind == ROW for entry in self.entries)

    def find(self, column: str, values: Collection[bytes]) -> list[IndexEntry]:
        """The entries with one of the values."""
        return [entry for entry in self.entries if getattr(entry, column) in values]

    def neighbours(self, bands: bytes | memoryview) -> EntryTable:
        """The rows that share a bucket."""
        wanted = {(at % 128, bytes(bands[at : at + 4])) for at in range(0, len(bands), 4)}
        return table_of(
            [
                entry
                for entry in self.entries
                if entry.bands and any((at, entry.bands[at : at + 4]) in wanted for at in range(0, 128, 4))
            ]
        )

    def numbers(self, values: Collection[int]) -> list[IndexEntry]:
        """The rows with these numbers."""
        return [entry for entry in self.entries if entry.kind == ROW and entry.number in values]

    def save(self, entries: EntryTable, links: Sequence[Link]) -> tuple[tuple[DatasetFile, ...], tuple[str, ...]]:
        """Keeps the entries."""
        self.entries.extend(listed(entries))
        return (), ()


class Arrival(NamedTuple):
    """A record as a block has it: what the rules see of it, its bands, and what it is ordered by."""

    unit: int
    position: int
    entry: int
    effective: int
    url_key: bytes | None
    guid_key: bytes | None
    feed_key: bytes | None
    title_key: bytes | None
    title_words: int
    content_hash: bytes
    record_hash: bytes
    words: int
    chars: int
    excerpt: bool
    weak_guid: bool
    shingles: int
    signature: bytes | None
    bands: bytes | None


def seen(one: Arrival) -> Record:
    """What the rules see of it."""
    return Record(**{name: getattr(one, name) for name in Record._fields})


ARRIVALS = pa.schema(
    [
        (name, INDEX.field(name).type if name in INDEX.names else pa.bool_() if name == "weak_guid" else pa.int64())
        for name in Arrival._fields
    ]
)


def in_order(records: Iterable[Arrival]) -> pa.RecordBatch:
    """The records as columns, in their order of arrival."""
    columns = list(zip(*records, strict=True)) or [()] * len(ARRIVALS)
    batch = pa.record_batch(
        [pa.array(values, field.type) for values, field in zip(columns, ARRIVALS, strict=True)], schema=ARRIVALS
    )
    return batch.take(pa.array(order_of_arrival(batch)))


def outcome(records: Iterable[Arrival], history: History, times: Mapping[int, int], likeness: Likeness | None) -> Seen:
    """What the pass decides on the records."""
    decided = decide(in_order(records), history, times, likeness)
    decisions = [None if one["number"] is None else Decision(**one) for one in decided.decisions.to_pylist()]
    return Seen(decisions, listed(decided.entries), decided.links, decided.counts)


def digest(value: str) -> bytes:
    """16 bytes that stand for a key."""
    return blake2b(value.encode(), digest_size=16).digest()


def record(
    unit: int = 0,
    url: str | None = None,
    guid: str | None = None,
    feed: str | None = "feed",
    title: str | None = None,
    text: str = "",
    words: int | None = None,
    excerpt: bool = False,
    effective: int = 0,
    entry: int = 0,
    prints: Sequence[int] | None = None,
) -> Arrival:
    """A record; its text counts fifty words unless `words` says otherwise or there is none.

    `prints` are eight numbers, each of which stands for 16 of 128 permutations and for four of 32 bands.
    """
    return Arrival(
        unit=unit,
        position=0,
        entry=entry,
        effective=effective,
        url_key=digest("u" + url) if url else None,
        guid_key=digest(f"g{feed}{guid}") if guid else None,
        feed_key=digest(f"f{feed}") if feed else None,
        title_key=digest("t" + title) if title else None,
        title_words=len(title.split()) if title else 0,
        content_hash=digest("c" + text),
        record_hash=digest(f"r{title}\0{text}"),
        words=words if words is not None else (50 if text else 0),
        chars=len(text),
        excerpt=excerpt,
        weak_guid=feed is None,
        shingles=0 if prints is None else 40,
        signature=None if prints is None else signature(prints),
        bands=None if prints is None else bands(prints),
    )


def signature(prints: Sequence[int]) -> bytes:
    """128 permutations in 8 bits."""
    return bytes(number for number in prints for _ in range(16))


def bands(prints: Sequence[int]) -> bytes:
    """32 bands of 32 bits."""
    return b"".join(number.to_bytes(4, "little") for number in prints for _ in range(4))


NEAR = Likeness(near=0.5, loose=0.3, min_shingles=20)


def arrive(
    *records: Arrival,
    cuts: Collection[int] = (),
    likeness: Likeness | None = NEAR,
    times: Mapping[int, int] | None = None,
) -> Seen:
    """The records in their order of arrival, in batches that are cut before the units in `cuts`."""
    memory, whole = Memory(), Seen()
    borders = [-1, *sorted(cuts), 1 << 40]
    for start, end in pairwise(borders):
        batch = [one for one in records if start <= one.unit < end]
        decided = outcome(batch, memory, {one.unit: (times or {}).get(one.unit, 0) for one in batch}, likeness)
        memory.entries.extend(decided.entries)
        whole.decisions += decided.decisions
        whole.entries += decided.entries
        whole.links += decided.links
        whole.counts += decided.counts
    return whole


def rows(decided: Seen) -> list[tuple[str, int] | None]:
    """Table and revision of each record."""
    return [None if one is None else (one.table, one.revision) for one in decided.decisions]


def made(decided: Seen) -> list[Decision]:
    """The decisions of records that add a row."""
    return [one for one in decided.decisions if one is not None]


def test_a_record_that_nothing_names_founds_a_cluster_under_the_key_of_its_url() -> None:
    decided = arrive(record(url="a", guid="1", text="one"))
    key = digest("ua")
    assert decided.decisions == [Decision("articles", 0, key, 1, key, None, None, None)]


def test_without_a_url_the_id_is_made_of_the_guid_and_without_both_of_title_and_text() -> None:
    decided = arrive(record(guid="1", text="one"), record(unit=1, title="Two", text="two"))
    assert [one.id for one in made(decided)] == [digest("gfeed1"), digest("rTwo\0two")]


def test_the_same_url_with_content_seen_before_adds_no_row_and_keeps_the_alias() -> None:
    decided = arrive(record(url="a", text="one"), record(unit=1, url="a", guid="9", text="one"))
    assert rows(decided) == [("articles", 1), None]
    assert decided.counts == {"articles": 1, "unchanged": 1, "aliases": 1, "links": 1}
    assert [(link.kind, link.id) for link in decided.links] == [("alias", digest("ua"))]


def test_the_same_url_with_another_full_text_is_a_revision() -> None:
    decided = arrive(record(url="a", text="one"), record(unit=1, url="a", text="other"))
    assert rows(decided) == [("articles", 1), ("revisions", 2)]
    assert made(decided)[1].cluster_id == digest("ua")
    assert made(decided)[1].duplicate_of is None


def test_the_same_url_with_an_excerpt_of_a_known_full_text_adds_no_row() -> None:
    decided = arrive(record(url="a", text="the full text"), record(unit=1, url="a", text="the full", excerpt=True))
    assert rows(decided) == [("articles", 1), None]
    assert decided.counts["excerpts"] == 1


def test_a_full_text_revises_an_excerpt() -> None:
    decided = arrive(record(url="a", text="the full", excerpt=True), record(unit=1, url="a", text="the full text"))
    assert rows(decided) == [("articles", 1), ("revisions", 2)]


def test_another_url_with_the_same_text_is_an_exact_duplicate() -> None:
    decided = arrive(record(url="a", text="one"), record(unit=1, url="b", feed="other", text="one"))
    first, second = made(decided)
    assert (second.table, second.id, second.cluster_id) == ("duplicates", digest("ub"), first.id)
    assert (second.duplicate_of, second.duplicate_kind, second.similarity) == (first.id, "exact", 1.0)


def test_the_same_guid_under_another_url_is_a_revision_if_the_title_of_four_words_is_the_same() -> None:
    decided = arrive(
        record(url="a", guid="1", title="Four words make evidence", text="one"),
        record(unit=1, url="b", guid="1", title="Four words make evidence", text="two"),
    )
    assert rows(decided) == [("articles", 1), ("revisions", 2)]


def test_the_same_guid_under_another_url_with_another_text_is_an_article_of_its_own() -> None:
    decided = arrive(
        record(url="a", guid="1", title="Live", text="one"),
        record(unit=1, url="b", guid="1", title="Live", text="two"),
        record(unit=2, url="b", guid="1", title="Live", text="three"),
    )
    assert rows(decided) == [("articles", 1), ("articles", 1), ("revisions", 2)]
    assert made(decided)[1].id == made(decided)[2].id == digest("ub")


def test_the_same_url_under_another_guid_of_the_feed_with_another_text_is_an_article_of_its_own() -> None:
    decided = arrive(
        record(url="home", guid="1", text="one"),
        record(unit=1, url="home", guid="2", text="two"),
        record(unit=2, url="home", guid="2", text="two, edited"),
        record(unit=3, url="home", guid="1", text="one, edited"),
    )
    assert rows(decided) == [("articles", 1), ("articles", 1), ("revisions", 2), ("revisions", 2)]
    assert [one.id for one in made(decided)] == [digest("uhome"), digest("gfeed2"), digest("gfeed2"), digest("uhome")]


def test_the_same_url_under_a_guid_of_another_feed_is_the_same_article() -> None:
    decided = arrive(record(url="a", guid="1", text="one"), record(unit=1, url="a", guid="2", feed="other", text="two"))
    assert rows(decided) == [("articles", 1), ("revisions", 2)]


def test_where_keys_name_two_articles_the_one_of_the_url_wins_and_a_link_is_kept_if_the_other_is_alike() -> None:
    decided = arrive(
        record(url="a", text="one"),
        record(unit=1, guid="1", feed="other", text="two"),
        record(unit=2, url="a", guid="1", feed="other", text="two"),
        record(unit=3, url="a", guid="1", feed="other", text="three"),
    )
    assert [one.id for one in made(decided)] == [digest("ua"), digest("gother1"), digest("ua"), digest("ua")]
    assert [(link.kind, link.id, link.other_id) for link in decided.links] == [
        ("related", digest("ua"), digest("gother1"))
    ]


def test_where_both_articles_refuse_the_record_the_pair_of_keys_is_an_article_of_its_own() -> None:
    decided = arrive(
        record(url="a", guid="1", text="one"),
        record(unit=1, url="b", guid="2", text="two"),
        record(unit=2, url="a", guid="2", text="three"),
        record(unit=3, url="a", guid="2", text="three, edited"),
    )
    pair = pair_key(seen(record(url="a", guid="2")))
    assert [one.id for one in made(decided)] == [digest("ua"), digest("ub"), pair, pair]


def test_a_guid_that_only_a_file_name_stands_behind_joins_what_is_alike_and_nothing_else() -> None:
    title = "Four words make evidence"
    decided = arrive(
        record(guid="1", feed=None, title="January storm hits coast", text="one"),
        record(unit=1, guid="1", feed=None, title="February elections are held", text="two"),
        record(unit=2, guid="2", feed=None, title=title, text="three"),
        record(unit=3, guid="2", feed=None, title=title, text="three, edited"),
        record(unit=4, guid="1", feed=None, title="February elections are held", text="two"),
    )
    assert rows(decided) == [("articles", 1), ("articles", 1), ("articles", 1), ("revisions", 2), None]


def test_without_keys_the_same_title_and_text_add_no_row_and_an_edited_one_is_an_article_of_its_own() -> None:
    decided = arrive(
        record(title="T", text="one"), record(unit=1, title="T", text="one"), record(unit=2, title="T", text="two")
    )
    assert rows(decided) == [("articles", 1), None, ("articles", 1)]


def test_the_same_url_twice_in_a_unit_gives_both_rows_in_the_order_of_effective_time() -> None:
    late, early = record(url="a", text="late", effective=2), record(url="a", text="early", effective=1, entry=1)
    decided = arrive(late, early)
    assert [entry.content_hash for entry in decided.entries] == [digest("cearly"), digest("clate")]
    assert rows(decided) == [("articles", 1), ("revisions", 2)]


def test_short_texts_are_one_only_if_their_titles_are_equal_too() -> None:
    decided = arrive(
        record(url="a", title="Storm", text="Read more.", words=2),
        record(unit=1, url="b", title="Flood", text="Read more.", words=2),
        record(unit=2, url="c", title="Storm", text="Read more.", words=2),
        record(unit=3, url="d", text="Read more.", words=2),
        record(unit=4, url="e", text="Read more.", words=2),
    )
    assert [table for table, _ in filter(None, rows(decided))] == [
        "articles",
        "articles",
        "duplicates",
        "articles",
        "articles",
    ]


def test_records_without_text_are_one_only_by_their_title() -> None:
    decided = arrive(
        record(url="a", title="Storm"), record(unit=1, url="b", title="Storm"), record(unit=2, url="c", title="Flood")
    )
    assert rows(decided) == [("articles", 1), ("duplicates", 1), ("articles", 1)]


def test_a_founder_never_leaves_its_cluster() -> None:
    decided = arrive(
        record(url="a", text="one"), record(unit=1, url="b", text="two"), record(unit=2, url="a", text="two")
    )
    assert made(decided)[2].cluster_id == digest("ua")
    assert rows(decided)[2] == ("revisions", 2)


def test_a_duplicate_leaves_when_it_is_no_longer_like_the_founder_and_founds_a_cluster_of_its_own() -> None:
    decided = arrive(
        record(url="a", text="stub"), record(unit=1, url="b", text="stub"), record(unit=2, url="b", text="a story")
    )
    assert rows(decided) == [("articles", 1), ("duplicates", 1), ("articles", 2)]
    assert [one.cluster_id for one in made(decided)] == [digest("ua"), digest("ua"), digest("ub")]


def test_a_duplicate_stays_while_its_title_is_that_of_the_founder() -> None:
    title = "Four words make evidence"
    decided = arrive(
        record(url="a", title=title, text="one"),
        record(unit=1, url="b", title=title, text="one"),
        record(unit=2, url="b", title=title, text="two"),
    )
    assert made(decided)[2] == Decision("revisions", 2, digest("ub"), 2, digest("ua"), digest("ua"), "near", None)


def test_rows_of_one_article_never_match_each_other() -> None:
    decided = arrive(
        record(url="a", text="stub"),
        record(unit=1, url="b", text="stub"),
        record(unit=2, url="b", text="a story"),
        record(unit=3, url="b", title="New", text="a story"),
    )
    assert [one.cluster_id for one in made(decided)][2:] == [digest("ub"), digest("ub")]


ONE, LIKE, LESS, OTHER = [1] * 8, [1] * 6 + [2] * 2, [1] * 3 + [3] * 5, [9] * 8


def test_a_text_that_is_near_repeats_the_row_that_it_is_most_like() -> None:
    decided = arrive(
        record(url="a", text="one", prints=ONE),
        record(unit=1, url="b", text="other", prints=[1] * 5 + [7] * 3),
        record(unit=2, url="c", text="like", prints=LIKE),
    )
    first, second, third = made(decided)
    assert (third.table, third.duplicate_of, third.duplicate_kind) == ("duplicates", first.id, "near")
    assert third.similarity is not None and 0.74 < third.similarity < 0.76
    assert second.duplicate_of == first.id  # at .62


def test_a_text_that_is_less_like_than_the_threshold_founds_a_cluster() -> None:
    decided = arrive(record(url="a", text="one", prints=ONE), record(unit=1, url="b", text="less", prints=LESS))
    assert rows(decided) == [("articles", 1), ("articles", 1)]


def test_a_chain_of_edits_ends_where_the_founder_is_no_longer_alike() -> None:
    chain = [[1] * 8, [1] * 6 + [2] * 2, [1] * 3 + [2] * 2 + [2] * 1 + [2] * 2, [2] * 8]
    decided = arrive(*(record(unit=n, url=f"{n}", text=f"{n}", prints=one) for n, one in enumerate(chain)))
    assert [one.table for one in made(decided)] == ["articles", "duplicates", "duplicates", "articles"]


def test_a_short_report_repeats_nothing_that_it_is_only_like() -> None:
    short = [record(unit=n, url=f"{n}", text=f"{n}", prints=ONE)._replace(shingles=19) for n in range(2)]
    assert rows(arrive(*short)) == [("articles", 1), ("articles", 1)]


def test_after_the_horizon_a_near_copy_stands_for_itself_and_an_equal_one_does_not() -> None:
    likeness = replace(NEAR, horizon=10)
    copies = [
        record(url="a", text="one", prints=ONE),
        record(unit=1, url="b", text="like", prints=LIKE),
        record(unit=2, url="c", text="one", prints=ONE),
    ]
    decided = arrive(*copies, likeness=likeness, times={0: 0, 1: 11, 2: 11})
    assert [one.table for one in made(decided)] == ["articles", "articles", "duplicates"]
    assert made(decided)[2].duplicate_of == digest("ua")
    assert [(link.kind, link.id, link.other_id) for link in decided.links] == [("cluster", digest("uc"), digest("ub"))]


def test_a_revision_of_a_duplicate_stays_while_it_is_loosely_like_the_founder() -> None:
    decided = arrive(
        record(url="a", text="one", prints=ONE),
        record(unit=1, url="b", text="like", prints=LIKE),
        record(unit=2, url="b", text="less", prints=LESS),
        record(unit=3, url="b", text="other", prints=OTHER),
    )
    assert [one.table for one in made(decided)] == ["articles", "duplicates", "revisions", "articles"]


def test_a_contradicting_key_joins_a_text_that_is_loosely_like() -> None:
    decided = arrive(
        record(url="a", guid="1", text="one", prints=ONE),
        record(unit=1, url="b", guid="1", text="less", prints=LESS),
        record(unit=2, url="c", guid="1", text="other", prints=OTHER),
    )
    assert [one.id for one in made(decided)] == [digest("ua"), digest("ua"), digest("uc")]


def test_the_time_of_a_unit_is_the_running_maximum_of_medians() -> None:
    outcomes = unit_outcomes({0: 3, 1: 1, 2: 2, 3: 1}, {0: [5, 1, 900], 2: [2, 4], 3: [7]}, before=0)
    assert [(one.ordinal, one.articles, one.time) for one in outcomes] == [(0, 3, 5), (1, 1, 5), (2, 2, 5), (3, 1, 7)]


def test_a_mere_date_takes_effect_at_its_end_and_no_date_at_the_time_of_the_unit() -> None:
    published, precision = pa.array([0, 3, None], pa.int64()), pa.array(["day", "second", None])
    assert effective_times(published, precision, pa.array([7, 7, 7])).to_pylist() == [86_399_999_999, 3, 7]


@pytest.mark.parametrize(("words", "table"), [(24, "articles"), (25, "duplicates")])
def test_what_a_site_shows_in_place_of_its_articles_makes_no_duplicates_of_them_as_long_as_it_is_short(
    words: int, table: str
) -> None:
    pages = [record(unit=n, url=f"{n}", title=f"Headline number {n}", text="Subscribe", words=words) for n in range(2)]
    assert [one.table for one in made(arrive(*pages))] == ["articles", table]


# Articles that were removed


def remembered(*records: Arrival, removed: str) -> Memory:
    """What a dataset knows of the records, after the article of this URL was removed from it."""
    memory = Memory()
    memory.entries.extend(outcome(records, memory, {0: 0}, NEAR).entries)
    memory.tombstones = frozenset([digest("u" + removed)])
    return memory


def test_a_removed_article_is_refused_whatever_it_says_now_and_by_all_of_its_keys() -> None:
    memory = remembered(record(url="a", guid="1", title="Four words make evidence", text="x"), removed="a")
    again = record(unit=1, url="a", title="Other", text="y")
    by_guid = record(unit=1, guid="1", title="Four words make evidence", text="z")
    decided = outcome([again, by_guid], memory, {1: 0}, NEAR)
    assert (decided.decisions, decided.entries, decided.links) == ([None, None], [], [])
    assert decided.counts == {"removed": 2, "links": 0}


def test_a_removed_article_is_refused_by_keys_that_it_came_with_only_after_it_was_removed() -> None:
    memory = remembered(record(url="a", text="x"), removed="a")
    units = [record(unit=1, url="a", guid="1", text="x")], [record(unit=2, url="b", guid="1", text="x")]
    for some in units:
        decided = outcome(some, memory, {1: 0, 2: 0}, NEAR)
        memory.entries.extend(decided.entries)
        assert decided.decisions == [None]
        assert [(one.kind, one.id) for one in decided.links] == [("alias", digest("ua"))]


def test_a_row_is_matched_with_what_remains_of_the_cluster_of_a_removed_founder() -> None:
    founder, copy = record(url="a", text="x", prints=ONE), record(url="b", text="y", prints=LIKE)
    memory = remembered(founder, copy, removed="a")
    near = outcome([record(unit=1, url="c", text="z", prints=LIKE)], memory, {1: 0}, NEAR)
    assert [(one.table, one.cluster_id) for one in made(near)] == [("duplicates", digest("ua"))]


def test_a_text_of_which_nothing_remains_founds_a_cluster_anew() -> None:
    memory = remembered(record(url="a", text="x", prints=ONE), removed="a")
    equal = outcome([record(unit=1, url="b", text="x", prints=ONE)], memory, {1: 0}, NEAR)
    assert [(one.table, one.cluster_id) for one in made(equal)] == [("articles", digest("ub"))]


PRINTS = {"one": ONE, "two": LIKE, "two and more": LESS, "three": OTHER}


def with_prints(one: Arrival) -> Arrival:
    """The record with the fingerprint that its text always has."""
    texts = {digest("c" + text): prints for text, prints in PRINTS.items()}
    prints = texts.get(one.content_hash)
    if prints is None:
        return one
    return one._replace(shingles=40, signature=signature(prints), bands=bands(prints))


_names = st.sampled_from("abc")
hostile_records = st.builds(
    record,
    unit=st.integers(0, 9),
    url=st.none() | _names,
    guid=st.none() | _names,
    feed=st.sampled_from(["feed", "other", None]),
    title=st.none() | st.sampled_from(["Four words make evidence", "Other words of four", "Live"]),
    text=st.sampled_from(["", "one", "two", "two and more", "three"]),
    words=st.none() | st.just(2),
    excerpt=st.booleans(),
    effective=st.integers(0, 3),
    entry=st.integers(0, 3),
).map(with_prints)


@settings(max_examples=300, deadline=None)
@given(st.lists(hostile_records, max_size=40), st.sets(st.integers(0, 10)), st.none() | st.integers(0, 20))
def test_where_batches_are_cut_changes_nothing(records: list[Arrival], cuts: set[int], horizon: int | None) -> None:
    likeness, times = replace(NEAR, horizon=horizon), {unit: 2 * unit for unit in range(10)}
    whole = arrive(*records, likeness=likeness, times=times)
    cut = arrive(*records, cuts=cuts, likeness=likeness, times=times)
    assert cut.decisions == whole.decisions
    # What the last records of a batch leave has the number of the next row; segments are merged in the order of events.
    assert sorted(cut.entries, key=lambda entry: (entry.number, -entry.kind)) == whole.entries
    assert [(link.kind, link.id, link.other_id, link.number) for link in cut.links] == [
        (link.kind, link.id, link.other_id, link.number) for link in whole.links
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(hostile_records, max_size=40))
def test_articles_holds_one_row_a_cluster_and_duplicates_point_to_founders(records: list[Arrival]) -> None:
    decisions = made(arrive(*records))
    founders = {one.id for one in decisions if one.table == "articles"}
    assert sorted({one.cluster_id for one in decisions}) == sorted(founders)
    assert len([one for one in decisions if one.table == "articles"]) == len(founders)
    assert all(one.duplicate_of in founders for one in decisions if one.duplicate_of is not None)


@settings(max_examples=300, deadline=None)
@given(st.lists(hostile_records, max_size=30))
def test_full_texts_that_arrive_again_add_no_row(records: list[Arrival]) -> None:
    full = [one._replace(excerpt=False) for one in records]
    again = [one._replace(unit=one.unit + 100) for one in full]
    assert len(made(arrive(*full, *again))) == len(made(arrive(*full)))
