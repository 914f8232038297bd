"""Deduplicate: one ordered pass over a batch decides identity, revisions and clusters.

Only names of blocks cross the shuffle. The pass reads the key columns of every block (about 500 bytes an article, half
of it the fingerprint), puts the records into their order of arrival, asks the index of earlier batches for what their
keys and texts name, and takes one record after the other (`transforms.text.arrival`). What it decides lies beside each
block as its marks, and the flow goes on by reference.
"""

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, repeat

import apache_beam as beam
import pyarrow as pa

from transforms.blocks import MARKS_SCHEMA, encode_batches, marks_of, open_block
from transforms.schemas import Block, BlockStore, History, Link, MarkedBlock, PlannedFile, Tally, UnitOutcome, Verdict
from transforms.text.arrival import (
    Decision,
    Noted,
    decide,
    effective_time,
    order_of_arrival,
    unit_outcomes,
)
from transforms.text.identity import Record
from transforms.text.likeness import Likeness


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How large a data file gets: rows, and characters of text before compression."""

    max_rows: int
    max_chars: int


class Deduplicate(beam.PTransform[beam.PCollection[Block], beam.PCollection[Verdict]]):
    """Decides on all articles of a batch, in one ordered pass.

    In: Block. Out: one Verdict, also where there is no block. Dead letters: none.
    State: none; what earlier batches know comes from `history`, what this one learned is left there.
    """

    def __init__(
        self, store: BlockStore, history: History, limits: FileLimits, tally: Tally, likeness: Likeness | None = None
    ) -> None:
        """Keeps where blocks lie, what is known, how large files get, and when texts are alike (None: when equal)."""
        super().__init__()
        self.store = store
        self.history = history
        self.limits = limits
        self.tally = tally
        self.likeness = likeness

    def expand(self, blocks: beam.PCollection[Block]) -> beam.PCollection[Verdict]:
        """Wires the pass: the names of all blocks meet in one place."""
        names = blocks | "AllBlocks" >> beam.combiners.ToList()
        verdicts: beam.PCollection[Verdict] = names | "Decide" >> beam.Map(self.decide()).with_output_types(Verdict)
        return verdicts

    def decide(self) -> Callable[[Sequence[Block]], Verdict]:
        """The pass itself: `decide_batch` with these settings.

        Bound beforehand, since Beam would hold a protocol against the class of what is handed over.
        """
        return partial(
            decide_batch,
            store=self.store,
            history=self.history,
            limits=self.limits,
            tally=self.tally,
            likeness=self.likeness,
        )


def decide_batch(
    blocks: Sequence[Block],
    store: BlockStore,
    history: History,
    limits: FileLimits,
    tally: Tally,
    likeness: Likeness | None = None,
) -> Verdict:
    """The verdict on the blocks of a batch; writes their marks, the index segment and the links."""
    blocks = sorted(set(blocks), key=lambda block: block.name)
    with _no_collection():
        return _decide(blocks, store, history, limits, tally, likeness)


@contextmanager
def _no_collection() -> Iterator[None]:
    """The pass makes some twenty objects a record and lets none go: to look for garbage took a third of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _decide(
    blocks: Sequence[Block],
    store: BlockStore,
    history: History,
    limits: FileLimits,
    tally: Tally,
    likeness: Likeness | None,
) -> Verdict:
    batch = _Batch.read(store, blocks, history.unit_time)
    unit_times = {unit.ordinal: unit.time for unit in batch.units}
    decided = decide(batch.records, history, unit_times, likeness)
    kept = [(record, it) for record, it in zip(batch.records, decided.decisions, strict=True) if it is not None]
    files = plan_files(kept, batch, limits)
    marked = [_mark(store, number, block, batch, files) for number, block in enumerate(blocks)]
    written, replaced = history.save(decided.entries, _with_names(store, blocks, decided.links))
    tally.done("deduplicate", 0)
    tally.expect("enrich", {number: block.rows for number, block in enumerate(blocks)})
    tally.expect("write", {file.number: 1 for file in files.files})
    rows = Counter(record.unit for record, _ in kept)
    units = tuple(replace(unit, rows=rows[unit.ordinal]) for unit in batch.units)
    refused = sorted({link.id.hex() for link in decided.links if link.id in history.tombstones})
    counts = tuple(sorted(decided.counts.items()))
    return Verdict(tuple(marked), written, units, len(kept), counts, replaced, tuple(refused))


@dataclass(slots=True)
class _Batch:
    """The key columns of a batch: records in order of arrival, and what planning files needs of each (block, row)."""

    records: list[Record]
    units: list[UnitOutcome]
    published: list[list[int | None]]
    days: list[list[int]]
    batch_sizes: list[list[int]]

    @classmethod
    def read(cls, store: BlockStore, blocks: Sequence[Block], unit_time: int) -> "_Batch":
        """Reads the key columns of the blocks."""
        tables = [_key_columns(store, block) for block in blocks]
        articles: dict[int, int] = defaultdict(int)
        dates: dict[int, list[int]] = defaultdict(list)
        published: list[list[int | None]] = []
        for table in tables:
            published.append(table["published"].cast(pa.int64()).to_pylist())
            for unit, moment in zip(table["unit"].to_pylist(), published[-1], strict=True):
                articles[unit] += 1
                if moment is not None:
                    dates[unit].append(moment)
        units = unit_outcomes(articles, dates, unit_time)
        unit_times = {unit.ordinal: unit.time for unit in units}
        records = [
            record
            for number, table in enumerate(tables)
            for record in _records(number, table, published[number], unit_times)
        ]
        records.sort(key=order_of_arrival)
        return cls(
            records,
            units,
            published,
            [table["day"].to_pylist() for table in tables],
            [[len(chunk) for chunk in table["day"].chunks] for table in tables],
        )


_PLAIN_KEYS = (
    "url_key",
    "guid_key",
    "feed_key",
    "title_key",
    "title_words",
    "content_hash",
    "record_hash",
    "word_count",
    "chars",
    "excerpt",
)
"""Columns that go into a Record as they are, in the order of its fields."""

_KEYS = (
    "unit",
    "position",
    "entry",
    "day",
    *_PLAIN_KEYS,
    "feed_url",
    "shingles",
    "signature",
    "bands",
    "published",
    "published_precision",
)


def _key_columns(store: BlockStore, block: Block) -> pa.Table:
    reader = open_block(store, block.name)
    batches = [reader.get_batch(number).select(list(_KEYS)) for number in range(reader.num_record_batches)]
    return pa.Table.from_batches(batches)


def _records(
    block: int, table: pa.Table, published: Sequence[int | None], unit_times: Mapping[int, int]
) -> Iterator[Record]:
    units, precisions = table["unit"].to_pylist(), table["published_precision"].to_pylist()
    return map(
        Record,
        units,
        table["position"].to_pylist(),
        table["entry"].to_pylist(),
        map(effective_time, published, precisions, map(unit_times.__getitem__, units)),
        *(table[name].to_pylist() for name in _PLAIN_KEYS),
        table["feed_url"].is_null().to_pylist(),
        table["shingles"].fill_null(0).to_pylist(),
        table["signature"].to_pylist(),
        table["bands"].to_pylist(),
        repeat(block),
        count(),
    )


@dataclass(slots=True)
class _Files:
    """The plan of a batch's data files: the file of each kept (block, row), and its decision."""

    files: list[PlannedFile]
    of_row: dict[tuple[int, int], tuple[int, Record, Decision]]


def plan_files(kept: Sequence[tuple[Record, Decision]], batch: _Batch, limits: FileLimits) -> _Files:
    """Cuts the rows of each table and partition, in the order of the files (published, id, revision), into shards."""
    places: dict[tuple[str, int], list[tuple[bool, int, bytes, int, Record, Decision]]] = defaultdict(list)
    for record, it in kept:
        moment = batch.published[record.block][record.row]
        place = (it.table, batch.days[record.block][record.row])
        places[place].append((moment is None, moment or 0, it.id, it.revision, record, it))
    plan = _Files([], {})
    for (table, day), rows in sorted(places.items(), key=lambda item: item[0]):
        rows.sort(key=lambda row: row[:4])
        held, chars, shard = 0, 0, -1
        for *_, record, it in rows:
            if shard < 0 or held >= limits.max_rows or chars + record.chars > limits.max_chars:
                held, chars, shard = 0, 0, shard + 1
                plan.files.append(PlannedFile(len(plan.files), table, day, shard))
            held += 1
            chars += record.chars
            plan.of_row[record.block, record.row] = (plan.files[-1].number, record, it)
    return plan


def _mark(store: BlockStore, number: int, block: Block, batch: _Batch, plan: _Files) -> MarkedBlock:
    """Writes the marks beside a block."""
    goes_into: dict[tuple[int, int], None] = {}
    batches = []
    row = 0
    for position, size in enumerate(batch.batch_sizes[number]):
        marks = [_marks(plan.of_row.get((number, row + offset))) for offset in range(size)]
        row += size
        goes_into.update(dict.fromkeys((mark[0], position) for mark in marks if mark[0] >= 0))
        columns = zip(*marks, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, MARKS_SCHEMA, strict=True)]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=MARKS_SCHEMA))
    store.write(marks_of(block), encode_batches(MARKS_SCHEMA, batches))
    return MarkedBlock(number, block, tuple((plan.files[file], position) for file, position in sorted(goes_into)))


_DROPPED = (-1, None, None, None, None, None, None, None, None)


def _marks(planned: tuple[int, Record, Decision] | None) -> tuple[int, *tuple[object, ...]]:
    if planned is None:
        return _DROPPED
    file, record, it = planned
    return (
        file,
        it.number,
        it.id,
        it.revision,
        it.cluster_id,
        it.duplicate_of,
        it.duplicate_kind,
        it.similarity,
        record.effective,
    )


def _with_names(store: BlockStore, blocks: Sequence[Block], noted: Sequence[Noted]) -> list[Link]:
    """The links with the names behind their keys, which only the blocks know."""
    rows_of: dict[int, list[int]] = defaultdict(list)
    for link in noted:
        rows_of[link.record.block].append(link.record.row)
    names: dict[tuple[int, int], dict[str, str | None]] = {}
    for block, rows in rows_of.items():
        table = open_block(store, blocks[block].name).read_all()
        picked = table.select(["canonical_url", "guid", "feed_url", "source"]).take(rows).to_pylist()
        names.update(((block, row), name) for row, name in zip(rows, picked, strict=True))
    links = []
    for link in noted:
        name = names[link.record.block, link.record.row]
        alias = link.kind == "alias"
        links.append(
            Link(
                kind=link.kind,
                id=link.id,
                other_id=link.other_id,
                canonical_url=name["canonical_url"] if alias else None,
                guid=name["guid"] if alias else None,
                feed_url=name["feed_url"] if alias else None,
                source=name["source"] or "",
                arrival=link.number,
            )
        )
    return links
