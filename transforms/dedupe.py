"""Deduplicate: one ordered pass over a batch decides identity, revisions and clusters.

Only names of blocks cross the shuffle. The pass reads the key columns of every block (about 500 bytes an article, half
of it the fingerprint), puts the records into their order of arrival, asks the index of earlier batches for what their
keys and texts name, and takes one record after the other (`transforms.text.arrival`). What it decides lies beside each
block as its marks, and the flow goes on by reference.
"""

import gc
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.blocks import ARTICLE_COLUMNS, KEY_COLUMNS, MARKS_SCHEMA, encode_batches, marks_of, open_block
from transforms.schemas import Block, BlockStore, History, Link, MarkedBlock, PlannedFile, Tally, UnitOutcome, Verdict
from transforms.text.arrival import Decided, Noted, decide, effective_times, order_of_arrival, unit_outcomes
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
    """The pass makes thousands of objects and lets few go: to look for garbage took a fifth of its time."""
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
    decided = decide(batch.arrivals, history, unit_times, likeness)
    batch = replace(batch, arrivals=batch.arrivals.select(_PLANNED_BY))  # Fingerprints go.
    plan = plan_files(batch, decided, limits)
    marks = _marks(batch, decided, plan)
    marked = [
        _mark(store, number, block, marks.slice(first, block.rows), batch.parts[number], plan)
        for number, (block, first) in enumerate(zip(blocks, batch.firsts, strict=True))
    ]
    written, replaced = history.save(decided.entries, _with_names(store, blocks, batch, decided.links))
    tally.done("deduplicate", 0)
    tally.expect("enrich", {number: block.rows for number, block in enumerate(blocks)})
    tally.expect("write", {file.number: 1 for file in plan.files})
    adds = decided.decisions["number"].is_valid()
    rows = Counter(batch.arrivals["unit"].filter(adds).to_numpy().tolist())
    units = tuple(replace(unit, rows=rows[unit.ordinal]) for unit in batch.units)
    refused = sorted({link.id.hex() for link in decided.links if link.id in history.tombstones})
    counts = tuple(sorted(decided.counts.items()))
    return Verdict(tuple(marked), written, units, decided.rows, counts, replaced, tuple(refused))


@dataclass(frozen=True, slots=True)
class _Batch:
    """The key columns of a batch in order of arrival, and the place of each among all rows of all blocks.

    `firsts` has the place of the first row of each block, `parts` the rows of each of its record batches.
    """

    arrivals: pa.RecordBatch
    places: NDArray[np.int64]
    firsts: list[int]
    parts: list[list[int]]
    units: list[UnitOutcome]

    @classmethod
    def read(cls, store: BlockStore, blocks: Sequence[Block], unit_time: int) -> "_Batch":
        """Reads the key columns of the blocks."""
        batches = [_key_columns(store, block) for block in blocks]
        table = pa.Table.from_batches([some for of_block in batches for some in of_block], _KEY_COLUMNS)
        published = table["published"].cast(pa.int64()).combine_chunks()
        unit = table["unit"].combine_chunks()
        units = _unit_outcomes(unit.to_numpy(), published, unit_time)
        ordinals = np.array([it.ordinal for it in units], np.int64)
        times = np.array([it.time for it in units], np.int64)[np.searchsorted(ordinals, unit.to_numpy())]
        precision = table["published_precision"].combine_chunks()
        table = table.append_column("effective", effective_times(published, precision, pa.array(times)))
        table = table.append_column("weak_guid", pc.is_null(table["feed_url"]))
        places = order_of_arrival(table)
        arrivals = {
            _RENAMED.get(name, name): table[name].combine_chunks().take(pa.array(places))
            for name in table.column_names
            if name not in _ONLY_READ
        }
        arrivals["shingles"] = arrivals["shingles"].fill_null(0)
        parts = [[part.num_rows for part in of_block] for of_block in batches]
        firsts = np.cumsum([0, *(block.rows for block in blocks)])[:-1].tolist()
        return cls(pa.record_batch(arrivals), places, firsts, parts, units)


_KEY_COLUMNS = pa.schema(
    [
        *KEY_COLUMNS,
        *(ARTICLE_COLUMNS.field(name) for name in ("feed_url", "word_count", "published", "published_precision")),
    ]
)
_PLANNED_BY = ["unit", "day", "published", "chars", "effective"]
_RENAMED = {"word_count": "words"}
_ONLY_READ = ("position", "entry", "published_precision", "feed_url")


def _key_columns(store: BlockStore, block: Block) -> list[pa.RecordBatch]:
    reader = open_block(store, block.name)
    return [reader.get_batch(number).select(_KEY_COLUMNS.names) for number in range(reader.num_record_batches)]


def _unit_outcomes(units: NDArray[np.int64], published: pa.Array, unit_time: int) -> list[UnitOutcome]:
    ordinals, counts = np.unique(units, return_counts=True)
    dated = published.is_valid().to_numpy(zero_copy_only=False)
    unit_of_date = units[dated]
    in_order = np.argsort(unit_of_date, kind="stable")
    dates = published.drop_null().to_numpy()[in_order].tolist()
    borders = [*np.searchsorted(unit_of_date[in_order], ordinals).tolist(), len(dates)]
    articles = dict(zip(ordinals.tolist(), counts.tolist(), strict=True))
    dates_of = {unit: dates[first:behind] for unit, (first, behind) in zip(articles, pairwise(borders), strict=True)}
    return unit_outcomes(articles, dates_of, unit_time)


@dataclass(frozen=True, slots=True)
class _Files:
    """The plan of a batch's data files, and the number of the file of each record, in order of arrival; -1 of none."""

    files: list[PlannedFile]
    of_record: NDArray[np.int32]


def plan_files(batch: _Batch, decided: Decided, limits: FileLimits) -> _Files:
    """Cuts the rows of each table and partition, in the order of the files (published, id, revision), into shards."""
    plan = _Files([], np.full(len(batch.arrivals), -1, np.int32))
    rows = pa.table(
        {
            "table": decided.decisions["table"],
            "day": batch.arrivals["day"],
            "undated": batch.arrivals["published"].is_null(),
            "published": batch.arrivals["published"].cast(pa.int64()),
            "id": decided.decisions["id"],
            "revision": decided.decisions["revision"],
        }
    )
    in_order = pc.sort_indices(rows, [(name, "ascending") for name in rows.column_names]).to_numpy()[: decided.rows]
    tables = rows["table"].take(pa.array(in_order)).combine_chunks().dictionary_encode()
    days = batch.arrivals["day"].to_numpy()[in_order]
    chars = np.cumsum(batch.arrivals["chars"].to_numpy()[in_order], dtype=np.int64)
    for first, behind in _runs(tables.indices.to_numpy(), days):
        table, day = tables[first].as_py(), int(days[first])
        for shard, (start, end) in enumerate(_shards(first, behind, chars, limits)):
            plan.of_record[in_order[start:end]] = len(plan.files)
            plan.files.append(PlannedFile(len(plan.files), table, day, shard))
    return plan


def _runs(*columns: NDArray[np.int32]) -> Iterator[tuple[int, int]]:
    """Where rows that are the same in these columns begin and end."""
    if len(columns[0]):
        differ = np.any([column[1:] != column[:-1] for column in columns], axis=0)
        yield from pairwise([0, *(np.flatnonzero(differ) + 1).tolist(), len(columns[0])])


def _shards(first: int, behind: int, chars: NDArray[np.int64], limits: FileLimits) -> Iterator[tuple[int, int]]:
    """Cuts rows where a file is full; `chars` are those of all rows up to each. A file has one row at least."""
    while first < behind:
        before = int(chars[first - 1]) if first else 0
        fit = int(np.searchsorted(chars, before + limits.max_chars, side="right"))
        end = max(min(fit, first + limits.max_rows, behind), first + 1)
        yield first, end
        first = end


def _marks(batch: _Batch, decided: Decided, plan: _Files) -> pa.RecordBatch:
    """The marks of all rows of all blocks, as these stand."""
    told = {name: decided.decisions[name] for name in decided.decisions.schema.names}
    adds = told["number"].is_valid()
    told |= {"file": pa.array(plan.of_record), "arrival": told["number"]}
    told["effective"] = pc.if_else(adds, batch.arrivals["effective"], pa.scalar(None, pa.int64())).cast(_TIME)
    back = np.empty(len(batch.places), np.int64)
    back[batch.places] = np.arange(len(back))
    return pa.record_batch([told[name] for name in MARKS_SCHEMA.names], schema=MARKS_SCHEMA).take(pa.array(back))


_TIME = MARKS_SCHEMA.field("effective").type


def _mark(
    store: BlockStore, number: int, block: Block, marks: pa.RecordBatch, parts: Sequence[int], plan: _Files
) -> MarkedBlock:
    """Writes the marks beside a block, batch for batch."""
    batches = []
    goes_into: list[tuple[int, int]] = []
    first = 0
    for position, rows in enumerate(parts):
        batches.append(marks.slice(first, rows))
        first += rows
        files = np.unique(batches[-1]["file"].to_numpy())
        goes_into += [(file, position) for file in files.tolist() if file >= 0]
    store.write(marks_of(block), encode_batches(MARKS_SCHEMA, batches))
    return MarkedBlock(number, block, tuple((plan.files[file], position) for file, position in sorted(goes_into)))


def _with_names(store: BlockStore, blocks: Sequence[Block], batch: _Batch, noted: Sequence[Noted]) -> list[Link]:
    """The links with the names behind their keys, which only the blocks know."""
    places = [int(batch.places[link.place]) for link in noted]
    names: dict[int, dict[str, str | None]] = {}
    for number, of_block in groupby(sorted(set(places)), lambda place: bisect_right(batch.firsts, place) - 1):
        some = list(of_block)
        table = open_block(store, blocks[number].name).read_all().select(_NAMES)
        names.update(zip(some, table.take([it - batch.firsts[number] for it in some]).to_pylist(), strict=True))
    links = []
    for link, place in zip(noted, places, strict=True):
        name = names[place]
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


_NAMES = ["canonical_url", "guid", "feed_url", "source"]
