"""The step around the one pass: marks beside blocks, the plan of files, links with their names."""

import pickle
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.testing.util import assert_that

from pipeline.dataset.segments import table_of
from tests.articles import FolderBlocks, NoTally, article, local_pipeline
from tests.pipeline.dataset.entries import listed
from transforms.blocks import encode_block, marks_of, open_block
from transforms.dedupe import Deduplicate, FileLimits, decide_batch
from transforms.schemas import (
    Article,
    Block,
    DatasetFile,
    EntryTable,
    IndexEntry,
    Link,
    PlannedFile,
    UnitOutcome,
    Verdict,
)
from transforms.text.identity import ROW
from transforms.text.keys import url_key

DAY = 86_400_000_000
ROOMY = FileLimits(max_rows=100, max_chars=1_000_000)
LONG = " ".join(f"word{number}" for number in range(30))


@dataclass(frozen=True)
class FileHistory:
    """A History in a pickle file, so that what a pickled step saves is seen."""

    path: Path
    rows: int = 0
    unit_time: int = 0
    tombstones: frozenset[bytes] = frozenset()

    def find(self, column: str, values: Collection[bytes]) -> list[IndexEntry]:
        """The entries with one of the values."""
        return [entry for entry in self.saved()[0] if getattr(entry, column) in values]

    def neighbours(self, bands: bytes | memoryview) -> EntryTable:
        """None: the articles here have no fingerprints."""
        return table_of([])

    def numbers(self, values: Collection[int]) -> list[IndexEntry]:
        """The rows with these numbers."""
        return [entry for entry in self.saved()[0] if entry.kind == ROW and entry.number in values]

    def save(self, entries: EntryTable, links: Sequence[Link]) -> tuple[tuple[DatasetFile, ...], tuple[str, ...]]:
        """Adds to the file."""
        before = self.saved()
        self.path.write_bytes(pickle.dumps(([*before[0], *listed(entries)], [*before[1], *links])))
        return (DatasetFile("_index", "segment", len(entries), 1, "sum"),), ()

    def saved(self) -> tuple[list[IndexEntry], list[Link]]:
        """All entries and links so far."""
        saved: tuple[list[IndexEntry], list[Link]] = (
            pickle.loads(self.path.read_bytes()) if self.path.exists() else ([], [])
        )
        return saved


def staged(folder: Path, *blocks: Sequence[Article]) -> tuple[FolderBlocks, list[Block]]:
    """The articles as blocks in a folder."""
    store, names = FolderBlocks(folder), []
    for articles in blocks:
        block, data = encode_block(articles)
        store.write(block.name, data)
        names.append(block)
    return store, names


def decided(
    folder: Path, *blocks: Sequence[Article], limits: FileLimits = ROOMY
) -> tuple[Verdict, list[dict[str, Any]]]:
    """The verdict on these blocks, and all marks in the order of arrival; dropped rows last."""
    store, names = staged(folder, *blocks)
    verdict = decide_batch(names, store, FileHistory(folder / "history"), limits, NoTally())
    marks = [mark for block in names for mark in open_block(store, marks_of(block)).read_all().to_pylist()]
    return verdict, sorted(marks, key=lambda mark: (mark["arrival"] is None, mark["arrival"]))


def test_rows_of_several_blocks_are_decided_in_one_order(tmp_path: Path) -> None:
    first = article(unit=0, url="http://x/1", text=LONG)
    copy = article(unit=1, url="http://x/2", text=LONG)
    again = article(unit=2, url="http://x/1", text=LONG)
    verdict, marks = decided(tmp_path, [again, copy], [first])
    assert [(mark["id"], mark["duplicate_of"]) for mark in marks[:2]] == [
        (url_key("http://x/1"), None),
        (url_key("http://x/2"), url_key("http://x/1")),
    ]
    assert marks[2] == dict.fromkeys(marks[0]) | {"file": -1}
    assert (verdict.rows, dict(verdict.counts)) == (
        2,
        {"articles": 1, "duplicates_exact": 1, "links": 0, "unchanged": 1},
    )


def test_the_unit_time_follows_from_publication_dates_and_orders_what_has_none(tmp_path: Path) -> None:
    dated = article(unit=0, url="http://x/1", text="one", published=9 * DAY, published_precision="second")
    undated = article(unit=1, url="http://x/2", text="two")
    verdict, marks = decided(tmp_path, [dated, undated])
    assert verdict.units == (UnitOutcome(0, 1, 9 * DAY, 1), UnitOutcome(1, 1, 9 * DAY, 1))
    assert [mark["effective"].day for mark in marks] == [10, 10]


def test_files_are_planned_by_table_and_day_and_cut_by_rows(tmp_path: Path) -> None:
    articles = [article(entry=number, url=f"http://x/{number}", text=f"text {number}") for number in range(3)]
    copy = article(unit=1, url="http://x/copy", text=LONG, published=2 * DAY)
    origin = article(entry=9, url="http://x/origin", text=LONG, published=2 * DAY)
    verdict, _ = decided(tmp_path, [*articles, origin, copy], limits=FileLimits(2, 1_000_000))
    assert [file for file, _ in verdict.blocks[0].files] == [
        PlannedFile(0, "articles", 0, 0),
        PlannedFile(1, "articles", 0, 1),
        PlannedFile(2, "articles", 2, 0),
        PlannedFile(3, "duplicates", 2, 0),
    ]
    assert [batch for _, batch in verdict.blocks[0].files] == [0, 0, 1, 1]


def test_files_are_cut_by_characters_of_text_and_hold_one_row_at_least(tmp_path: Path) -> None:
    articles = [article(entry=number, url=f"http://x/{number}", text=f"{number}" * 10) for number in range(3)]
    verdict, _ = decided(tmp_path, articles, limits=FileLimits(100, 5))
    assert [file.shard for file, _ in verdict.blocks[0].files] == [0, 1, 2]


def test_an_alias_is_saved_as_a_link_with_its_names(tmp_path: Path) -> None:
    first = article(unit=0, url="http://x/1", text=LONG)
    again = article(unit=1, url="http://x/1", guid="g", feed_url="http://x/feed", source="b.xml", text=LONG)
    decided(tmp_path, [first, again])
    expected = Link("alias", url_key("http://x/1"), None, "http://x/1", "g", "http://x/feed", "b.xml", 1)
    assert FileHistory(tmp_path / "history").saved()[1] == [expected]


def test_a_batch_without_articles_has_a_verdict_too(tmp_path: Path) -> None:
    def empty(verdicts: list[Verdict]) -> None:
        assert [(it.blocks, it.rows, it.units) for it in verdicts] == [((), 0, ())]

    store = FolderBlocks(tmp_path)
    with local_pipeline() as root:
        step = Deduplicate(store, FileHistory(tmp_path / "history"), ROOMY, NoTally())
        assert_that(root | beam.Create([], reshuffle=False) | step, empty)


def test_a_block_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    store, names = staged(tmp_path, [article(url="http://x/1", text=LONG)])
    verdict = decide_batch(names * 2, store, FileHistory(tmp_path / "history"), ROOMY, NoTally())
    assert dict(verdict.counts) == {"articles": 1, "links": 0}
