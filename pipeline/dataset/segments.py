"""Segments of the index: immutable Parquet files of entries, in the order of events.

Here entries are columns of Arrow, never an object each. Equal entries make equal bytes, however they came together: a
segment that was merged from others is the one that would have been written at once.

Of the columns that no two rows share nothing can be compressed, and nothing is tried, which halves the time to read
them. An id is null where it is the own key of its entry: 16 bytes of 360.

A segment that is not what its manifest says would let known articles found clusters anew. So its size and its number of
rows are compared whenever it is opened; one of moderate size is read whole once a process, for its checksum; and pages
carry checksums of their own, so that damage is noticed where it is read.
"""

import contextlib
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dataset.checksums import sha256
from pipeline.dataset.damage import RESTORE, damaged, told_as_damage
from pipeline.dataset.errors import DatasetError, SegmentMissing
from pipeline.dataset.layout import REMOVED
from pipeline.dataset.storage import Storage
from pipeline.dataset.tables import INDEX
from transforms.schemas import DatasetFile, IndexEntry

OWN_KEY: Final = ("url_key", "guid_key", "record_hash")
"""The first of these that an entry has is what its id is made of, unless the id was seen before by another key."""

_ROW_GROUP_ROWS: Final = 1 << 15
_ZSTD_LEVEL: Final = 3
_RANDOM: Final = frozenset(
    ["id", "other_id", "url_key", "guid_key", "title_key", "content_hash", "record_hash", "signature", "bands"]
)
_RISING: Final = ("number", "unit_time")

_WHOLE_BYTES: Final = 8 << 20
"""A segment up to this size is read whole once, for its checksum."""


def write_segment(storage: Storage, path: str, tables: Iterable[pa.Table], fingerprint: int | None) -> DatasetFile:
    """Writes the segment that holds the entries of the tables, and says what was written. As `segment_bytes`."""
    data = segment_bytes(tables, fingerprint)
    storage.write(path, data)
    rows = pq.read_metadata(pa.BufferReader(data)).num_rows
    return DatasetFile(path.partition("/")[0], path, rows, data.nbytes, sha256(data))


def segment_bytes(tables: Iterable[pa.Table], fingerprint: int | None) -> memoryview:
    """The segment that holds the entries of the tables, each of which is in the order of events.

    `fingerprint` is the rule of their fingerprints (`transforms.text.fingerprints.rule_number`). Memory: two row
    groups, and the bytes.
    """
    rule = {} if fingerprint is None else {"beamwire.fingerprint": str(fingerprint)}
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        INDEX.with_metadata({**INDEX.metadata, **rule}),
        compression={name: "none" if name in _RANDOM else "zstd" for name in INDEX.names},
        compression_level={name: _ZSTD_LEVEL for name in INDEX.names if name not in _RANDOM},
        use_dictionary=[name for name in INDEX.names if name not in _RANDOM and name not in _RISING],
        column_encoding=dict.fromkeys(_RISING, "DELTA_BINARY_PACKED"),
        write_statistics=False,  # no checksum covers them
        write_page_checksum=True,
    ) as writer:
        for group in _row_groups(tables):
            writer.write_table(_with_own_keys_left_out(group), row_group_size=_ROW_GROUP_ROWS)
    return memoryview(sink.getvalue())


def table_of(entries: Sequence[IndexEntry]) -> pa.Table:
    """The entries as a table, in the order of events."""
    columns = zip(*entries, strict=True) if entries else [()] * len(INDEX)
    kinds = [pa.int64() if pa.types.is_timestamp(field.type) else field.type for field in INDEX]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, kinds, strict=True)]
    return in_order(pa.Table.from_arrays(arrays, names=INDEX.names).cast(INDEX))


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows of the tables in the order of events, in full row groups but for the last, each in one piece.

    The last entries of a batch (kinds other than 0) have the number of the first row of the next, so where two tables
    meet their entries mix.
    """
    held = INDEX.empty_table()
    for table in tables:
        held = pa.concat_tables([held, table.cast(INDEX)])
        if held.num_rows:
            held = in_order(held)
            numbers = held["number"].to_numpy()
            settled = int(np.searchsorted(numbers, numbers[-1]))
            full = settled - settled % _ROW_GROUP_ROWS
            for start in range(0, full, _ROW_GROUP_ROWS):
                yield held.slice(start, _ROW_GROUP_ROWS).combine_chunks()
            held = held.slice(full)
    for start in range(0, held.num_rows, _ROW_GROUP_ROWS):
        yield held.slice(start, _ROW_GROUP_ROWS).combine_chunks()


def in_order(table: pa.Table) -> pa.Table:
    """In the order of events: number, kind descending, then as they stand (Arrow's sort is stable)."""
    places = pc.sort_indices(table, sort_keys=[("number", "ascending"), ("kind", "descending")])
    if np.array_equal(places.to_numpy(), np.arange(len(places))):
        return table  # As mostly: to copy it costs as much memory again.
    return table.take(places)


def _with_own_keys_left_out(table: pa.Table) -> pa.Table:
    own = pc.coalesce(*(table[name] for name in OWN_KEY))
    ids = pc.if_else(pc.fill_null(pc.equal(table["id"], own), False), pa.scalar(None, pa.binary(16)), table["id"])
    return table.set_column(INDEX.get_field_index("id"), INDEX.field("id"), ids)


@dataclass(frozen=True, slots=True)
class Segment:
    """An open segment, to be closed. What is wrong with it is a DatasetError wherever it shows."""

    storage: Storage
    committed: DatasetFile
    source: BinaryIO
    file: pq.ParquetFile

    @classmethod
    def open(cls, storage: Storage, committed: DatasetFile) -> "Segment":
        """Opens a segment that is what its manifest says. Raises SegmentMissing, DatasetError."""
        with _explained(storage, committed):
            source = storage.open(committed.path)
            try:
                _raise_unless_committed(storage, committed, source)
                file = pq.ParquetFile(source, page_checksum_verification=True)
                if not file.schema_arrow.equals(INDEX, check_metadata=False):
                    raise DatasetError(
                        f"{storage.where(committed.path)}: not an index segment of this release: its columns differ. "
                        f"{_remedy(storage, committed)}"
                    )
                counted = sum(file.metadata.row_group(number).num_rows for number in range(file.num_row_groups))
                for rows in (file.metadata.num_rows, counted):
                    if rows != committed.rows:
                        raise _damaged(storage, committed, f"{rows} rows instead of {committed.rows}")
            except BaseException:
                source.close()
                raise
            return cls(storage, committed, source, file)

    def close(self) -> None:
        """Lets the file go."""
        self.source.close()

    @property
    def groups(self) -> range:
        """Its row groups."""
        return range(self.file.num_row_groups)

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """Columns of a row group, each in one piece; ids are whole."""
        with _explained(self.storage, self.committed):
            table = self._stored(group, columns)
            if "id" not in columns:
                return table
            ids = table["id"]
            for name in OWN_KEY:
                if not ids.null_count:
                    break
                ids = pc.coalesce(ids, table[name] if name in columns else self._stored(group, [name])[name])
            return table.set_column(table.schema.get_field_index("id"), "id", ids)

    def _stored(self, group: int, columns: Sequence[str]) -> pa.Table:
        return self.file.read_row_group(group, columns=list(columns), use_threads=False).combine_chunks()


def entries_of(storage: Storage, segments: Iterable[DatasetFile]) -> Iterator[pa.Table]:
    """All entries of the segments, a row group at a time."""
    for committed in segments:
        with contextlib.closing(Segment.open(storage, committed)) as segment:
            for group in segment.groups:
                yield segment.read(group, INDEX.names)


_verified: set[tuple[str, str]] = set()
"""Place and checksum of the segments that this process has read whole."""


def _raise_unless_committed(storage: Storage, committed: DatasetFile, source: BinaryIO) -> None:
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    if size != committed.bytes:
        raise _damaged(storage, committed, f"{size} bytes instead of {committed.bytes}")
    known = storage.where(committed.path), committed.checksum
    if size > _WHOLE_BYTES or known in _verified:
        return
    if sha256(source.read(size)) != committed.checksum:
        raise _damaged(storage, committed, "its checksum is not the one that was committed")
    source.seek(0)
    _verified.add(known)


def _explained(storage: Storage, committed: DatasetFile) -> AbstractContextManager[None]:
    return told_as_damage(storage, committed, _remedy(storage, committed), SegmentMissing)


def _damaged(storage: Storage, committed: DatasetFile, cause: str) -> DatasetError:
    return damaged(storage, committed, cause, _remedy(storage, committed))


def _remedy(storage: Storage, committed: DatasetFile) -> str:
    if committed.table == REMOVED:
        return RESTORE
    return f"Rebuild it: beamwire index rebuild {shlex.quote(storage.location)}"
