"""The index: what earlier batches know of their rows, one immutable Parquet segment a batch.

A look-up goes column by column: only the column that is asked for is read, most of it is put aside by a small filter,
the rest is compared exactly, and of the row groups with a hit the other columns are read.

A segment that is not what its manifest says would let known articles found clusters anew. So its size and its number of
rows are compared whenever it is opened; one of moderate size is read whole once a process, for its checksum; and pages
carry checksums of their own, so that damage is noticed where it is read.
"""

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dataset.errors import DatasetError
from pipeline.dataset.storage import Storage
from pipeline.dataset.tables import INDEX
from transforms.schemas import DatasetFile, IndexEntry

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEY_COLUMNS = ("id", "url_key", "guid_key", "record_hash", "content_hash")
"""The columns that `Index.find` looks into."""

ROW_KIND = 0
"""`kind` of a row of the dataset."""

_KEY_BYTES = 16
_FILTER_BITS = 20
_FILTER_BITS_AN_ENTRY = 8
_BAND_FILTER_BITS = 16
_ROW_GROUP_ROWS = 32_768
_ZSTD_LEVEL = 3
_WHOLE_BYTES = 8 << 20
"""A segment up to this size is read whole once, for its checksum."""

_COLUMNS = tuple(field.name for field in dataclasses.fields(IndexEntry))


@dataclass(frozen=True, slots=True)
class Index:
    """Looks into segments, which are given in the order in which they were committed. Picklable.

    Every look-up gives its entries in the order of events, (number, kind descending), and in order of writing where
    these are equal. Raises DatasetError where a segment is missing, damaged, or not the one that was committed.
    """

    storage: Storage
    segments: tuple[DatasetFile, ...]

    def find(self, column: str, values: Collection[bytes]) -> list[IndexEntry]:
        """The entries whose key `column` is one of the values, each once."""
        if column not in KEY_COLUMNS:
            raise ValueError(f"not a key column: {column}")
        if not values:
            return []
        wanted = _WantedKeys.of(values)
        return self._entries(column, wanted.rows)

    def numbers(self, values: Collection[int]) -> list[IndexEntry]:
        """The rows of the dataset (kind 0) with these arrival numbers."""
        if not values:
            return []
        wanted = np.unique(np.fromiter(values, np.int64, len(values)))

        def rows(numbers: pa.Array) -> "NDArray[np.int64]":
            return np.flatnonzero(np.isin(numbers.to_numpy(zero_copy_only=False), wanted))

        found = self._entries("number", rows, (int(wanted[0]), int(wanted[-1])))
        return [entry for entry in found if entry.kind == ROW_KIND]

    def neighbours(self, bands: Collection[bytes]) -> list[IndexEntry]:
        """The rows (kind 0) whose fingerprint shares at least one band's hash with one of these, each once."""
        if not bands:
            return []
        wanted = _WantedBands.of(bands)
        found = self._entries("bands", wanted.rows)
        return [entry for entry in found if entry.kind == ROW_KIND and entry.shingles]

    def _entries(self, column: str, rows_of: Any, bounds: tuple[int, int] | None = None) -> list[IndexEntry]:
        found: list[IndexEntry] = []
        for segment in self.segments:
            with _open_segment(self.storage, segment) as file:
                for group in range(file.num_row_groups):
                    if bounds is not None and _is_outside(file, group, column, bounds):
                        continue
                    probed = file.read_row_group(group, columns=[column], use_threads=False)[column]
                    rows = rows_of(_one_chunk(probed))
                    if len(rows):
                        found.extend(_read_entries(file, group, rows))
        found.sort(key=lambda entry: (entry.number, -entry.kind))
        return found


def segment_bytes(entries: Sequence[IndexEntry], fingerprint: int | None) -> bytes:
    """The segment that holds the entries, in the order of events; equal entries make equal bytes.

    `fingerprint` is the rule of their fingerprints (`transforms.text.fingerprints.rule_number`).
    """
    ordered = sorted(entries, key=lambda entry: (entry.number, -entry.kind))
    columns = [
        pa.array([getattr(entry, field.name) for entry in ordered], pa.int64()).cast(field.type)
        if pa.types.is_timestamp(field.type)
        else pa.array([getattr(entry, field.name) for entry in ordered], field.type)
        for field in INDEX
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_arrays(columns, schema=_schema(fingerprint)),
        sink,
        row_group_size=_ROW_GROUP_ROWS,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        use_dictionary=[field.name for field in INDEX if not pa.types.is_fixed_size_binary(field.type)],
        write_statistics=["number"],
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def _schema(fingerprint: int | None) -> pa.Schema:
    rule = {} if fingerprint is None else {"beamwire.fingerprint": str(fingerprint)}
    return INDEX.with_metadata({**INDEX.metadata, **rule})


@dataclass(frozen=True, slots=True)
class _WantedKeys:
    """Keys to look for: their low halves in a filter and sorted, and the keys themselves."""

    filter: "NDArray[np.bool_]"
    halves: "NDArray[np.uint64]"
    keys: frozenset[bytes]

    @classmethod
    def of(cls, values: Collection[bytes]) -> "_WantedKeys":
        keys = frozenset(values)
        if any(len(key) != _KEY_BYTES for key in keys):
            raise ValueError(f"a key has {_KEY_BYTES} bytes")
        halves = _low_halves(np.frombuffer(b"".join(keys), np.uint8))
        bits = max(_FILTER_BITS, (len(keys) * _FILTER_BITS_AN_ENTRY - 1).bit_length())
        seen = np.zeros(1 << bits, np.bool_)
        seen[_slots(halves, len(seen))] = True
        return cls(seen, np.unique(halves), keys)

    def rows(self, column: pa.Array) -> "NDArray[np.int64]":
        """The rows of the column that hold one of the keys."""
        start, end = column.offset * _KEY_BYTES, (column.offset + len(column)) * _KEY_BYTES
        values = np.frombuffer(column.buffers()[1], np.uint8)[start:end] if len(column) else np.zeros(0, np.uint8)
        halves = _low_halves(values)
        rows = np.flatnonzero(self.filter[_slots(halves, len(self.filter))])
        rows = rows[np.isin(halves[rows], self.halves)]
        exact = [value in self.keys for value in column.take(pa.array(rows)).to_pylist()]  # null is in none
        return rows[np.array(exact, np.bool_)]


@dataclass(frozen=True, slots=True)
class _WantedBands:
    """Hashes to look for, band by band: in a filter each, and sorted."""

    filters: "NDArray[np.bool_]"
    hashes: "list[NDArray[np.uint32]]"

    @classmethod
    def of(cls, bands: Collection[bytes]) -> "_WantedBands":
        matrix = _matrix(b"".join(bands), len(bands))
        bits = max(_BAND_FILTER_BITS, (len(bands) * _FILTER_BITS_AN_ENTRY - 1).bit_length())
        filters = np.zeros((matrix.shape[1], 1 << bits), np.bool_)
        for band in range(matrix.shape[1]):
            filters[band, matrix[:, band] & np.uint32(filters.shape[1] - 1)] = True
        return cls(filters, [np.unique(matrix[:, band]) for band in range(matrix.shape[1])])

    def rows(self, column: pa.Array) -> "NDArray[np.int64]":
        """The rows of the column that share a hash."""
        width = column.type.byte_width
        data = memoryview(column.buffers()[1])[column.offset * width : (column.offset + len(column)) * width]
        matrix = np.ascontiguousarray(_matrix(data, len(column)).T)
        mask = np.uint32(self.filters.shape[1] - 1)
        shares = np.zeros(len(column), np.bool_)
        for band, hashes in enumerate(matrix):
            maybe = np.flatnonzero(self.filters[band][hashes & mask])
            shares[maybe[np.isin(hashes[maybe], self.hashes[band])]] = True
        if column.null_count:
            shares &= column.is_valid().to_numpy(zero_copy_only=False)
        return np.flatnonzero(shares)


def _matrix(data: "bytes | memoryview", rows: int) -> "NDArray[np.uint32]":
    return np.frombuffer(data, "<u4").reshape(rows, -1).astype(np.uint32, copy=False)


def _low_halves(values: "NDArray[np.uint8]") -> "NDArray[np.uint64]":
    return np.ascontiguousarray(values.reshape(-1, _KEY_BYTES)[:, :8]).view("<u8").reshape(-1)


def _slots(halves: "NDArray[np.uint64]", size: int) -> "NDArray[np.int64]":
    return (halves & np.uint64(size - 1)).astype(np.int64)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], column.type)])


def _is_outside(file: pq.ParquetFile, group: int, column: str, bounds: tuple[int, int]) -> bool:
    statistics = file.metadata.row_group(group).column(INDEX.get_field_index(column)).statistics
    if statistics is None or not statistics.has_min_max:
        return False
    return bool(statistics.max < bounds[0] or statistics.min > bounds[1])


def _read_entries(file: pq.ParquetFile, group: int, rows: "NDArray[np.int64]") -> Iterator[IndexEntry]:
    table = file.read_row_group(group, columns=list(_COLUMNS), use_threads=False).take(pa.array(rows))
    columns = []
    for name in _COLUMNS:
        column = table[name]
        columns.append((pc.cast(column, pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist())
    return (IndexEntry(*values) for values in zip(*columns, strict=True))


@contextlib.contextmanager
def _open_segment(storage: Storage, segment: DatasetFile) -> Iterator[pq.ParquetFile]:
    """Opens a segment; what is wrong with it, now or while it is read, becomes a DatasetError."""
    place = storage.where(segment.path)
    try:
        with storage.open(segment.path) as source:
            _raise_unless_committed(place, segment, source)
            with pq.ParquetFile(source, page_checksum_verification=True) as file:
                if not file.schema_arrow.equals(INDEX, check_metadata=False):
                    raise DatasetError(
                        f"{place}: not an index segment of this release: its columns differ. "
                        "Restore it from a copy of the dataset."
                    )
                if file.metadata.num_rows != segment.rows:
                    raise _damaged(place, f"{file.metadata.num_rows} rows instead of {segment.rows}")
                yield file
    except FileNotFoundError:
        raise DatasetError(
            f"{place}: missing, though a manifest names it. Restore it from a copy of the dataset."
        ) from None
    except (pa.ArrowException, EOFError) as error:
        raise _damaged(place, str(error)) from error
    except OSError as error:
        if type(error) is not OSError:  # a StorageError says more
            raise
        raise _damaged(place, str(error)) from error


_verified: set[tuple[str, str]] = set()
"""Place and checksum of the segments that this process has read whole."""


def _raise_unless_committed(place: str, segment: DatasetFile, source: BinaryIO) -> None:
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    if size != segment.bytes:
        raise _damaged(place, f"{size} bytes instead of {segment.bytes}")
    if size > _WHOLE_BYTES or (place, segment.checksum) in _verified:
        return
    if f"sha256:{hashlib.sha256(source.read(size)).hexdigest()}" != segment.checksum:
        raise _damaged(place, "its checksum is not the one that was committed")
    source.seek(0)
    _verified.add((place, segment.checksum))


def _damaged(place: str, cause: str) -> DatasetError:
    short = " ".join(cause.split())[:120].rstrip(".")
    return DatasetError(f"{place}: damaged ({short}). Restore it from a copy of the dataset.")
