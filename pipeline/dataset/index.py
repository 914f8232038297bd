"""The index: what earlier batches know of their rows, in immutable segments (`pipeline.dataset.segments`).

A look-up goes column by column: only the column that is asked for is read, most of it is put aside by a small filter,
the rest is compared exactly, and of the row groups with a hit the columns that the look-up is for are read.
"""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.segments import OWN_KEY, Segment, in_order
from pipeline.dataset.storage import Storage
from pipeline.dataset.tables import INDEX
from transforms.schemas import DatasetFile, IndexEntry
from transforms.text.columns import values_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLACE = ("kind", "number", "id")
_COLUMNS: Final = {
    "id": IndexEntry._fields,
    "content_hash": (*_PLACE, "title_key", "words", "content_hash", "cluster"),
    "number": (*_PLACE, "title_key", "title_words", "content_hash", "unit_time", "shingles", "signature"),
    "bands": (*_PLACE, "cluster", "unit_time", "shingles", "signature", "bands"),
} | dict.fromkeys(OWN_KEY, (*_PLACE, *OWN_KEY))
"""What a look-up in each column gives."""

KEY_COLUMNS: Final = ("id", *OWN_KEY, "content_hash")
"""The columns that `Index.find` looks into."""

ROW_KIND: Final = 0
"""`kind` of a row of the dataset."""

_KEY_BYTES: Final = 16
_BANDS: Final = 32
_FILTER_BITS: Final = 20
_BAND_FILTER_BITS: Final = 17
_FILTER_BITS_AN_ENTRY: Final = 8
_BAND_ROWS_AT_ONCE: Final = 1 << 13
_THREADS: Final = 2
"""Segments that are read at a time. Of a million rows two take .8 s instead of 1.4; four were no quicker on two cores,
and each holds a row group."""

_Finder = Callable[[pa.Array], "NDArray[np.int64]"]
"""The rows of a column that are looked for."""


@dataclass(frozen=True, slots=True)
class Index:
    """Looks into segments, which are given in the order in which they were committed. Picklable.

    Every look-up gives its entries in the order of events, (number, kind descending), and in order of writing where
    these are equal. An entry has kind, number, id and what its look-up is for; its other fields are None.

    Raises DatasetError where a segment is damaged or not the one that was committed, SegmentMissing where it is gone.
    Memory: a row group a thread, and the entries.
    """

    storage: Storage
    segments: tuple[DatasetFile, ...]

    def find(self, column: str, values: Collection[bytes]) -> list[IndexEntry]:
        """The entries whose key `column` is one of the values, each once.

        By "id" they come whole, by another key with the keys that an id is made of, by "content_hash" with title_key,
        words, content_hash and cluster.
        """
        if column not in KEY_COLUMNS:
            raise ValueError(f"not a key column: {column}")
        return self._entries(column, _WantedKeys.of(values).rows) if values and self.segments else []

    def numbers(self, values: Collection[int]) -> list[IndexEntry]:
        """The rows of the dataset (kind 0) with these arrival numbers.

        They come with title_key, title_words, content_hash, unit_time, shingles and signature.
        """
        wanted = np.unique(np.fromiter(values, np.int64, len(values)))

        def rows(column: pa.Array) -> "NDArray[np.int64]":
            numbers = column.to_numpy()
            first, behind = np.searchsorted(wanted, (numbers[0], numbers[-1] + 1)) if len(numbers) else (0, 0)
            return np.flatnonzero(np.isin(numbers, wanted[first:behind])) if first < behind else wanted[:0]

        return [entry for entry in self._entries("number", rows) if entry.kind == ROW_KIND] if values else []

    def neighbours(self, bands: bytes | memoryview) -> pa.Table:
        """The rows (kind 0) whose fingerprint shares at least one band's hash with one of these, each once.

        `bands` holds one fingerprint behind the other. The columns are number, id, cluster, unit_time, shingles,
        signature and bands.
        """
        if not len(bands) or not self.segments:
            return _schema("bands").empty_table()
        found = self._table("bands", _WantedBands.of(bands).rows)
        return found.filter(pc.and_(pc.equal(found["kind"], ROW_KIND), pc.greater(found["shingles"], 0)))

    def _entries(self, column: str, rows_of: _Finder) -> list[IndexEntry]:
        table = self._table(column, rows_of)
        given = {name: values_of(table[name].combine_chunks()) for name in table.column_names}
        return list(map(IndexEntry, *(given.get(name, repeat(None)) for name in IndexEntry._fields)))

    def _table(self, column: str, rows_of: _Finder) -> pa.Table:
        look = partial(_look_into, self.storage, column, rows_of)
        with ThreadPoolExecutor(_THREADS) as threads:
            found = [table for tables in threads.map(look, self.segments) for table in tables]
        return in_order(pa.concat_tables([_schema(column).empty_table(), *found]))


def _schema(column: str) -> pa.Schema:
    """What a look-up in the column gives; times as whole numbers."""
    fields = [INDEX.field(name).remove_metadata() for name in _COLUMNS[column]]
    return pa.schema([field.with_type(pa.int64()) if pa.types.is_timestamp(field.type) else field for field in fields])


def _look_into(storage: Storage, column: str, rows_of: _Finder, committed: DatasetFile) -> list[pa.Table]:
    found: list[pa.Table] = []
    with closing(Segment.open(storage, committed)) as segment:
        for group in segment.groups:
            probed = segment.read(group, [column])
            rows = rows_of(probed[column].chunk(0))
            if len(rows):
                others = segment.read(group, [name for name in _COLUMNS[column] if name != column])
                both = others.take(rows).append_column(column, probed[column].take(rows))
                found.append(both.select(_COLUMNS[column]).cast(_schema(column)))
    return found


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
        halves = _low_halves(_bytes_of(column))
        rows = np.flatnonzero(self.filter[_slots(halves, len(self.filter))])
        rows = rows[np.isin(halves[rows], self.halves)]
        exact = [value in self.keys for value in column.take(pa.array(rows)).to_pylist()]  # null is in none
        return rows[np.array(exact, np.bool_)]


@dataclass(frozen=True, slots=True)
class _WantedBands:
    """Hashes to look for, a filter a band, one behind the other; and band and hash in one number, sorted."""

    filters: "NDArray[np.bool_]"
    mask: np.uint32
    offsets: "NDArray[np.uint32]"
    hashes: "NDArray[np.uint64]"

    @classmethod
    def of(cls, bands: bytes | memoryview) -> "_WantedBands":
        matrix = _matrix(np.frombuffer(bands, np.uint8))
        bits = max(_BAND_FILTER_BITS, (len(matrix) * _FILTER_BITS_AN_ENTRY - 1).bit_length())
        mask = np.uint32((1 << bits) - 1)
        number = np.arange(matrix.shape[1])
        offsets = (number << bits).astype(np.uint32)
        filters = np.zeros(len(offsets) << bits, np.bool_)
        filters[(matrix & mask) + offsets] = True
        return cls(filters, mask, offsets, np.unique(_with_band(number, matrix)))

    def rows(self, column: pa.Array) -> "NDArray[np.int64]":
        """The rows of the column that share a hash."""
        matrix = _matrix(_bytes_of(column))
        shares = np.zeros(len(column), np.bool_)
        for start in range(0, len(column), _BAND_ROWS_AT_ONCE):
            some = matrix[start : start + _BAND_ROWS_AT_ONCE]
            places = (some & self.mask) + self.offsets
            row, band = np.divmod(np.flatnonzero(self.filters.take(places.ravel(), mode="clip")), some.shape[1])
            maybe = _with_band(band, some[row, band])
            nearest = self.hashes.take(np.searchsorted(self.hashes, maybe), mode="clip")
            shares[start + row[nearest == maybe]] = True
        if column.null_count:
            shares &= column.is_valid().to_numpy(zero_copy_only=False)
        return np.flatnonzero(shares)


def _bytes_of(column: pa.Array) -> "NDArray[np.uint8]":
    width = column.type.byte_width
    if not len(column):
        return np.zeros(0, np.uint8)
    return np.frombuffer(column.buffers()[1], np.uint8)[column.offset * width : (column.offset + len(column)) * width]


def _matrix(data: "NDArray[np.uint8]") -> "NDArray[np.uint32]":
    return data.view("<u4").reshape(-1, _BANDS).astype(np.uint32, copy=False)


def _with_band(band: "NDArray[np.int64]", hashes: "NDArray[np.uint32]") -> "NDArray[np.uint64]":
    return (band.astype(np.uint64) << np.uint64(32)) | hashes


def _low_halves(values: "NDArray[np.uint8]") -> "NDArray[np.uint64]":
    return np.ascontiguousarray(values.reshape(-1, _KEY_BYTES)[:, :8]).view("<u8").reshape(-1)


def _slots(halves: "NDArray[np.uint64]", size: int) -> "NDArray[np.int64]":
    return (halves & np.uint64(size - 1)).astype(np.int64)
