"""Merge: small data files become few, and files that hold what is to be erased are written anew.

A file is small while both its rows and the text in it (of dead letters the payload) are less than a quarter of what a
file may hold. Small files of a partition are put together, in the order of their names, until the next one would not
fit: what is full then is at least three quarters of a file, so it is not merged again. Of tables without partitions
only neighbours are put together, and what came with one manifest stays together, so that their rows stand in the order
of arrival, by the names of the files and in each. The bytes are those that a batch would have written of these rows.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.batch import ParquetSettings
from pipeline.dataset.data_files import body_bytes, read_rows, stored_body_bytes
from pipeline.dataset.erasure import Erasure
from pipeline.dataset.layout import PARTITIONED_TABLES, data_file, first_sequence, flat_file, partition_of
from pipeline.dataset.storage import Storage
from pipeline.sinks.parquet import in_order_of_files, write_parquet
from transforms.schemas import DatasetFile

_SMALL = 4
"""A file is small below this part of what it may hold."""

_FOOTER_THREADS = 16

Sources = tuple[DatasetFile, ...]
"""Files that stay together: one of a partition, or all that came with one manifest into a table without partitions."""


@dataclass(frozen=True, slots=True)
class FileSettings:
    """How large a file gets: its rows, and the bytes of text or payload in it; and how Parquet is written."""

    max_rows: int
    max_bytes: int
    parquet: ParquetSettings


@dataclass(frozen=True, slots=True)
class Merged:
    """What was written, and what it replaces."""

    added: tuple[DatasetFile, ...]
    replaced: Sources


@dataclass(frozen=True, slots=True)
class Merger:
    """Merges the files of a table into files that bear the name of the compaction.

    Memory: the rows of one file about four times, while they are sorted and written (260 MB at 64 MiB of text). A file
    that must lose rows is held whole, however large it was made.
    """

    storage: Storage
    name: str
    settings: FileSettings
    erasure: Erasure

    def merge(self, table: str, files: Sequence[DatasetFile]) -> Merged:
        """Merges the live files of a table, which come in the order of their names."""
        added: list[DatasetFile] = []
        replaced: list[DatasetFile] = []
        anew = self._partitions(table, files) if table in PARTITIONED_TABLES else self._neighbours(table, files)
        for sources, path, rows in anew:
            replaced.extend(sources)
            if len(rows):
                added.append(write_parquet(self.storage, table, path, rows, self.settings.parquet))
        return Merged(tuple(added), tuple(replaced))

    def _partitions(self, table: str, files: Sequence[DatasetFile]) -> Iterator[tuple[Sources, str, pa.Table]]:
        """What is written of a partitioned table: what it replaces, its path, its rows."""
        partitions = {day: list(some) for day, some in itertools.groupby(files, lambda file: partition_of(file.path))}
        moving = self.erasure.moving if table == "articles" else {}
        for day in sorted(partitions.keys() | moving.keys()):
            items = [(file,) for file in partitions.get(day, ())]
            small = self._small(table, items, day in moving)
            others = [item for item in items if item not in small and self._is_changed(item)]
            arriving = self._arriving(day) if day in moving else iter(())
            pieces = itertools.chain(arriving, (self._piece(table, item) for item in small))
            anew = itertools.chain((self._piece(table, item) for item in others), self._together(pieces))
            for shard, piece in enumerate(anew):
                yield piece.sources, data_file(table, day, self.name, shard), in_order_of_files(piece.rows)

    def _neighbours(self, table: str, files: Sequence[DatasetFile]) -> Iterator[tuple[Sources, str, pa.Table]]:
        """The same of a table without partitions, which stands in the order of arrival."""
        items = [tuple(some) for _, some in itertools.groupby(files, lambda file: first_sequence(file.path))]
        small = self._small(table, items)
        for are_small, some in itertools.groupby(items, small.__contains__):
            run = list(some)
            if are_small and len(run) > 1:
                for piece in self._together(self._piece(table, item) for item in run):
                    yield (
                        piece.sources,
                        flat_file(table, first_sequence(piece.sources[0].path), self.name, 0),
                        piece.rows,
                    )
                continue
            for item in filter(self._is_changed, run):  # the whole of a manifest, or the names would lose their order
                for shard, file in enumerate(item):
                    path = flat_file(table, first_sequence(file.path), self.name, shard)
                    yield (file,), path, self.erasure.left_of(table, read_rows(self.storage, file))

    def _small(self, table: str, items: Sequence[Sources], have_company: bool = False) -> dict[Sources, None]:
        """Those that can be merged with others, in their order; none where there are no others."""
        few = [item for item in items if sum(file.rows for file in item) * _SMALL < self.settings.max_rows]
        if len(few) + have_company < 2:
            return {}
        with ThreadPoolExecutor(_FOOTER_THREADS) as threads:
            sizes = list(threads.map(lambda item: sum(stored_body_bytes(self.storage, file) for file in item), few))
        small = [item for item, size in zip(few, sizes, strict=True) if size * _SMALL < self.settings.max_bytes]
        return dict.fromkeys(small if len(small) + have_company > 1 else ())

    def _together(self, pieces: Iterable["_Piece"]) -> Iterator["_Piece"]:
        """Pieces put together in their order, as many as a file may hold. One without company stays as it is."""
        held: list[_Piece] = []
        rows = size = 0
        for piece in pieces:
            rows, size = rows + len(piece.rows), size + piece.size
            if held and (rows > self.settings.max_rows or size > self.settings.max_bytes):
                yield from _joined(held)
                held, rows, size = [], len(piece.rows), piece.size
            held.append(piece)
        yield from _joined(held)

    def _arriving(self, day: str) -> Iterator["_Piece"]:
        """The rows that lead their clusters from now on, as other tables hold them."""
        for file, some in itertools.groupby(self.erasure.moving[day], lambda moving: moving.file):
            arrivals = pa.array([moving.arrival for moving in some], pa.int64())
            rows = read_rows(self.storage, file)
            rows = rows.filter(pc.is_in(rows["arrival"], arrivals))
            yield _Piece((), rows, body_bytes("articles", rows), True)

    def _piece(self, table: str, item: Sources) -> "_Piece":
        """What is left of the rows of some files."""
        is_changed = self._is_changed(item)
        rows = pa.concat_tables([read_rows(self.storage, file) for file in item])
        if is_changed:
            rows = self.erasure.left_of(table, rows)
        return _Piece(item, rows, body_bytes(table, rows), is_changed)

    def _is_changed(self, item: Sources) -> bool:
        return any(file.path in self.erasure.changed for file in item)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows to be put together with others, the bytes of their bodies, and the files that hold them now.

    `is_changed` tells that these files do not hold just these rows.
    """

    sources: Sources
    rows: pa.Table
    size: int
    is_changed: bool


def _joined(pieces: Sequence[_Piece]) -> Iterator[_Piece]:
    if len(pieces) > 1 or any(piece.is_changed for piece in pieces):
        sources = tuple(file for piece in pieces for file in piece.sources)
        rows = pa.concat_tables([piece.rows for piece in pieces])
        yield _Piece(sources, rows, sum(piece.size for piece in pieces), True)
