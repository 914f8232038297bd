"""What the one pass learned: the batch's index segment and its links; and what earlier batches know."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from pipeline.dataset.batch import Batch
from pipeline.dataset.errors import CommitConflict, SegmentMissing
from pipeline.dataset.index import Index
from pipeline.dataset.layout import first_sequence, flat_file, manifest_file, segment_file
from pipeline.dataset.segments import entries_of, write_segment
from pipeline.dataset.tables import INDEX, LINKS
from pipeline.dataset.tiers import merges_of_batch
from pipeline.sinks.parquet import write_parquet
from transforms.schemas import DatasetFile, EntryTable, IndexEntry, Link


@dataclass(frozen=True, slots=True)
class BatchHistory:
    """The History of a batch: asks the segments of earlier batches, writes its own."""

    batch: Batch

    @property
    def rows(self) -> int:
        """Rows committed so far: the number of the next one."""
        return self.batch.rows

    @property
    def unit_time(self) -> int:
        """The greatest unit time so far, in microseconds; 0 before the first."""
        return self.batch.unit_time

    @property
    def tombstones(self) -> frozenset[bytes]:
        """The ids of removed articles."""
        return self.batch.tombstones

    def find(self, column: str, values: Collection[bytes]) -> list[IndexEntry]:
        """The entries whose `column` is one of the values, in the order in which they were written."""
        with self._not_overtaken():
            return self._index.find(column, values)

    def neighbours(self, bands: bytes | memoryview) -> EntryTable:
        """The rows that share at least one bucket with one of these fingerprints, in order of arrival."""
        with self._not_overtaken():
            return self._index.neighbours(bands)

    def numbers(self, values: Collection[int]) -> list[IndexEntry]:
        """The rows with these arrival numbers, in order."""
        with self._not_overtaken():
            return self._index.numbers(values)

    def save(self, entries: EntryTable, links: Sequence[Link]) -> tuple[tuple[DatasetFile, ...], tuple[str, ...]]:
        """Writes the batch's entries and links; answers the files, and the paths of segments that they replace.

        Segments are merged by the rule of `pipeline.dataset.tiers`, in which the entries count as the last one.
        """
        written: list[DatasetFile] = []
        replaced: list[str] = []
        if entries.num_rows:
            with self._not_overtaken():
                written, replaced = self._write_segments(entries.cast(INDEX))
        if links:
            columns = {name: [_value(link, name) for link in links] for name in LINKS.names}
            rows = pa.Table.from_pydict(columns, schema=LINKS)
            path = flat_file("links", self.batch.sequence, self.batch.name, 0)
            written.append(write_parquet(self.batch.storage, "links", path, rows, self.batch.parquet))
        return tuple(written), tuple(replaced)

    @property
    def _index(self) -> Index:
        return Index(self.batch.storage, self.batch.segments)

    def _write_segments(self, entries: pa.Table) -> tuple[list[DatasetFile], list[str]]:
        batch, own = self.batch, len(self.batch.segments)
        runs = merges_of_batch([*(segment.rows for segment in batch.segments), entries.num_rows])
        if not any(own in run for run in runs):
            runs.append(range(own, own + 1))
        written, replaced = [], []
        for run in runs:
            members = batch.segments[run.start : run.stop]
            tables = entries_of(batch.storage, members)
            if own in run:
                tables = chain(tables, [entries])
            first = first_sequence(members[0].path) if members else batch.sequence
            written.append(write_segment(batch.storage, segment_file(first, batch.name), tables, batch.fingerprint))
            replaced += [segment.path for segment in members]
        return written, replaced

    @contextmanager
    def _not_overtaken(self) -> Iterator[None]:
        """A segment is also missing where another run has merged it: then this batch has lost the race."""
        try:
            yield
        except SegmentMissing:
            if self.batch.storage.size(manifest_file(self.batch.sequence)) is None:
                raise
            raise CommitConflict(f"manifest {self.batch.sequence}", self.batch.name) from None


def _value(link: Link, name: str) -> object:
    value = getattr(link, name)
    return value.hex() if isinstance(value, bytes) else value
