"""`beamwire index rebuild`: segments of the index that are damaged or gone are made again, byte for byte.

All that a segment holds follows from manifests and tables. It covers the manifests from its own number up to the next
segment's, so the numbers of its rows are known, and from the rows that each unit added the unit time of each. A row of
articles, duplicates or revisions gives its keys, its text the fingerprint; its cluster is the number of the founder. A
row of links gives an alias or a pair of ids; they stand in the order of writing, so counting tells the segment of each.
Rows that were erased have kept their entries, in files of the index's form under `_removed`; these come before what
the tables say.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.checksums import sha256, sha256_of
from pipeline.dataset.commits import DatasetState, read_manifests
from pipeline.dataset.data_files import range_of, read_checked_groups, read_groups
from pipeline.dataset.entries import NOTE_COLUMNS, ROW_COLUMNS, note_entries, row_entries
from pipeline.dataset.erased import erased_notes, erased_rows, places_left
from pipeline.dataset.errors import DatasetError
from pipeline.dataset.layout import PARTITIONED_TABLES, REMOVED, first_sequence, manifest_file
from pipeline.dataset.segments import segment_bytes
from pipeline.dataset.storage import Storage
from pipeline.dataset.tables import INDEX
from pipeline.dataset.writing import held_dataset
from transforms.schemas import DatasetFile
from transforms.text.fingerprints import words_of_rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

_READ_BYTES: Final = 1 << 20
_ANY: Final = 1 << 63


def rebuild_index(storage: Storage, say: Callable[[str], None], warn: Callable[[str], None]) -> bool:
    """Compares every live segment with its manifest and makes anew what differs; `say` gets a line a segment.

    True if all are what was committed, at last. `warn` gets a line where a stale lock was taken over. Raises
    DatasetError for a dataset that is not there, locked, or of another release. Memory: a segment and a data file.
    """
    with held_dataset(storage, warn) as state:
        spans = _spans(storage, state)
        harms = [_harm(storage, span.segment) for span in spans]
        failed = False
        for file in state.table(REMOVED):
            if (harm := _harm(storage, file)) is not None:
                failed = True
                say(f"{file.path}: {harm}, and nothing else tells it. Restore it from a copy of the dataset.")
        if not any(harms):
            say(f"Nothing to do: the index is intact, all {len(spans)} of its segments are what was committed.")
            return not failed
        tables: _Tables | None = None
        for span, harm in zip(spans, harms, strict=True):
            if harm is None:
                say(f"{span.segment.path}: intact")
                continue
            try:
                tables = tables or _Tables.read(storage, state)
                _rebuild(storage, state, span, tables)
            except DatasetError as error:
                failed = True
                say(f"{span.segment.path}: {harm}, not rebuilt: {error}")
            else:
                say(f"{span.segment.path}: {harm}, rebuilt with {span.segment.rows:,} entries")
        return not failed


@dataclass(frozen=True, slots=True)
class _Span:
    """A live segment: the numbers of its rows, from `start` to before `end`, and the first of its `notes`.

    Notes are its other entries, counted over the whole dataset in the order of writing.
    """

    segment: DatasetFile
    start: int
    end: int
    first_note: int

    @property
    def notes(self) -> int:
        return self.segment.rows - (self.end - self.start)


def _spans(storage: Storage, state: DatasetState) -> list[_Span]:
    totals = [0, *(manifest.rows for manifest in read_manifests(storage))]
    segments = state.segments()
    starts = []
    for segment in segments:
        try:
            starts.append(totals[first_sequence(segment.path) - 1])
        except (ValueError, IndexError):
            raise DatasetError(f"{storage.where(segment.path)}: not the name of a segment of this dataset.") from None
    spans: list[_Span] = []
    note = 0
    for segment, start, end in zip(segments, starts, [*starts[1:], state.rows], strict=True):
        spans.append(_Span(segment, start, end, note))
        note += spans[-1].notes
    return spans


def _harm(storage: Storage, segment: DatasetFile) -> str | None:
    """What is wrong with the file; None where it is what was committed."""
    try:
        with contextlib.closing(storage.open(segment.path)) as source:
            checksum = sha256_of(iter(lambda: source.read(_READ_BYTES), b""))
    except FileNotFoundError:
        return "missing"
    return None if checksum == segment.checksum else "damaged"


def _rebuild(storage: Storage, state: DatasetState, span: _Span, tables: "_Tables") -> None:
    """Makes a segment and writes it if it is what was committed."""
    entries = pa.concat_tables([INDEX.empty_table(), *tables.rows(span), *tables.notes(span)])
    if entries.num_rows != span.segment.rows:
        raise DatasetError(f"the tables give {entries.num_rows:,} of its {span.segment.rows:,} entries.")
    data = segment_bytes([entries], state.fingerprint)
    if sha256(data) != span.segment.checksum:
        raise DatasetError(
            "the tables give other bytes than were committed. Use the releases of beamwire and pyarrow that wrote it "
            "(`versions` in runs), or restore it from a copy of the dataset."
        )
    storage.write(span.segment.path, data)


@dataclass(frozen=True, slots=True)
class _Held:
    """A data file, and the least and the greatest number of a row in it."""

    file: DatasetFile
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Tables:
    """What entries are made from. `unit_starts` are the first numbers of units that added rows, with their times."""

    storage: Storage
    state: DatasetState
    shingle_words: int | None
    unit_starts: "NDArray[np.int64]"
    unit_times: "NDArray[np.int64]"
    held: tuple[_Held, ...]

    @classmethod
    def read(cls, storage: Storage, state: DatasetState) -> "_Tables":
        """Reads manifests, and the footers of data files."""
        starts, times = [], []
        number = 0
        for manifest in read_manifests(storage):
            for unit in manifest.units:
                if unit.rows:
                    starts.append(number)
                    times.append(unit.time)
                number += unit.rows
            if number != manifest.rows:
                raise DatasetError(
                    f"{storage.where(manifest_file(manifest.sequence))}: its units add up to {number} rows of the "
                    f"dataset, it counts {manifest.rows}. Restore it from a copy of the dataset."
                )
        held = tuple(_held(storage, file) for table in PARTITIONED_TABLES for file in state.table(table))
        words = _shingle_words(storage, state)
        return cls(storage, state, words, np.array(starts, np.int64), np.array(times, np.int64), held)

    def rows(self, span: _Span) -> Iterator[pa.Table]:
        """The entries of the rows that a segment covers, in no order."""
        erased = erased_rows(self.storage, self.state)
        founders = self._founders(span, erased)
        erased = erased.filter(_is_within(span, erased["number"]))
        yield erased
        for held in self._holding(span):
            for rows in read_checked_groups(self.storage, held.file, ROW_COLUMNS):
                numbers = rows["arrival"]
                rows = rows.filter(pc.and_not(_is_within(span, numbers), pc.is_in(numbers, erased["number"])))
                clusters = founders["number"].take(pc.index_in(rows["cluster_id"], founders["id"].combine_chunks()))
                yield row_entries(rows, clusters, self._times(rows["arrival"]), self.shingle_words)

    def notes(self, span: _Span) -> Iterator[pa.Table]:
        """The entries of aliases and pairs that a segment covers, in the order of writing."""
        behind = span.first_note + span.notes
        erased = erased_notes(self.storage, self.state)
        left = places_left(erased, behind)
        first = int(np.searchsorted(left, span.first_note))
        told = pa.concat_tables([INDEX.empty_table(), *self._told(first, len(left))])
        gone = erased["cluster"].to_numpy()
        here = (gone >= span.first_note) & (gone < behind)
        places = np.concatenate([left[first : first + len(told)], gone[here]])
        cluster = INDEX.get_field_index("cluster")
        erased = erased.filter(here).set_column(cluster, INDEX.field(cluster), pa.nulls(int(here.sum()), pa.int64()))
        yield pa.concat_tables([told, erased]).take(np.argsort(places))

    def _told(self, first: int, behind: int) -> Iterator[pa.Table]:
        """The entries of aliases and pairs that links still tell, from number `first` to before `behind`."""
        number = 0
        for links in self.state.table("links"):
            if number >= behind:
                return
            for rows in read_checked_groups(self.storage, links, NOTE_COLUMNS):
                notes = note_entries(rows)
                start = max(first - number, 0)
                yield notes.slice(start, max(behind - number - start, 0))
                number += notes.num_rows

    def _holding(self, span: _Span) -> list[_Held]:
        return [held for held in self.held if held.first < span.end and held.last >= span.start]

    def _founders(self, span: _Span, erased: pa.Table) -> pa.Table:
        """Id (in hexadecimal) and number of each founder of a cluster that rows of the segment belong to."""
        wanted = pa.array([], pa.string())
        for held in self._holding(span):
            for rows in read_groups(self.storage, held.file, ["cluster_id", "arrival"]):
                here = rows.filter(_is_within(span, rows["arrival"]))["cluster_id"]
                wanted = pc.unique(pa.concat_arrays([wanted, *here.chunks]))
        gone = erased.filter(pc.equal(erased["number"], erased["cluster"]))
        founders = [pa.table([[it.hex() for it in gone["id"].to_pylist()], gone["number"]], _FOUNDERS)]
        for held in self.held:
            if held.file.table == "articles" and held.first < span.end:
                for rows in read_groups(self.storage, held.file, ["id", "cluster_id", "arrival"]):
                    is_one = pc.and_(pc.equal(rows["id"], rows["cluster_id"]), pc.is_in(rows["id"], wanted))
                    founders.append(rows.filter(is_one).select(["id", "arrival"]).rename_columns(_FOUNDERS.names))
        found = pa.concat_tables(founders).cast(_FOUNDERS)
        missing = pc.sum(pc.invert(pc.is_in(wanted, found["id"].combine_chunks()))).as_py()
        if missing:
            raise DatasetError(f"articles lacks {missing:,} of {len(wanted):,} founders of clusters.")
        return found

    def _times(self, numbers: pa.ChunkedArray) -> pa.Array:
        """The unit times of rows."""
        return pa.array(self.unit_times[np.searchsorted(self.unit_starts, numbers.to_numpy(), side="right") - 1])


_FOUNDERS: Final = pa.schema([("id", pa.string()), ("number", pa.int64())])


def _shingle_words(storage: Storage, state: DatasetState) -> int | None:
    """The length of the shingles that the fingerprints are made of; None where there are no fingerprints."""
    if state.fingerprint is None:
        return None
    words = words_of_rule(state.fingerprint)
    if words is None:
        raise DatasetError(
            f"{storage.location}: its fingerprints of texts are of rule {state.fingerprint}, unknown to this release. "
            "Use the one that made them."
        )
    return words


def _is_within(span: _Span, numbers: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.and_(pc.greater_equal(numbers, span.start), pc.less(numbers, span.end))


def _held(storage: Storage, file: DatasetFile) -> _Held:
    return _Held(file, *(range_of(storage, file, "arrival") or (0, _ANY)))
