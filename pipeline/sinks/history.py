"""What the one pass learned: the batch's index segment and its links; and what earlier batches know."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.dataset.batch import Batch
from pipeline.dataset.index import Index, segment_bytes
from pipeline.dataset.layout import INDEX, flat_file, segment_file
from pipeline.dataset.tables import LINKS
from pipeline.sinks.parquet import sha256, write_parquet
from transforms.schemas import DatasetFile, IndexEntry, Link


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
        return Index(self.batch.storage, self.batch.segments).find(column, sorted(values))

    def neighbours(self, bands: Collection[bytes]) -> list[IndexEntry]:
        """The rows that share at least one bucket with one of these fingerprints, in order of arrival."""
        return Index(self.batch.storage, self.batch.segments).neighbours(sorted(bands))

    def numbers(self, values: Collection[int]) -> list[IndexEntry]:
        """The rows with these arrival numbers, in order."""
        return Index(self.batch.storage, self.batch.segments).numbers(sorted(values))

    def save(
        self, entries: Sequence[IndexEntry], links: Sequence[Link]
    ) -> tuple[tuple[DatasetFile, ...], tuple[str, ...]]:
        """Writes the batch's index segment and links, each only where there is something to say."""
        written = []
        if entries:
            data = segment_bytes(entries, self.batch.fingerprint)
            path = segment_file(self.batch.sequence, self.batch.name)
            self.batch.storage.write(path, data)
            written.append(DatasetFile(INDEX, path, len(entries), len(data), sha256(data)))
        if links:
            columns = {name: [_value(link, name) for link in links] for name in LINKS.names}
            rows = pa.Table.from_pydict(columns, schema=LINKS)
            path = flat_file("links", self.batch.sequence, self.batch.name, 0)
            written.append(write_parquet(self.batch.storage, "links", path, rows, self.batch.parquet))
        return tuple(written), ()


def _value(link: Link, name: str) -> object:
    value = getattr(link, name)
    return value.hex() if isinstance(value, bytes) else value
