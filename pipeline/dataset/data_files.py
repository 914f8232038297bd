"""Committed data files, as those read them who write them anew: checked, and in the columns of this release."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dataset.checksums import sha256
from pipeline.dataset.damage import damaged, told_as_damage
from pipeline.dataset.errors import DatasetError
from pipeline.dataset.layout import PARTITIONED_TABLES
from pipeline.dataset.storage import Storage
from pipeline.dataset.tables import TABLES
from transforms.schemas import DatasetFile

BODIES = {**dict.fromkeys(PARTITIONED_TABLES, "text"), "dead_letters": "payload"}
"""The column by which the files of a table are large; rows of `links` have none."""


def read_rows(storage: Storage, file: DatasetFile) -> pa.Table:
    """All rows of a file. Its checksum is compared, for damage that is written anew would never show again.

    Raises DatasetError where it is missing or damaged, or has columns that this release does not know.
    """
    with told_as_damage(storage, file):
        data = _committed_bytes(storage, file)
        return _in_columns_of_today(storage, file, pq.read_table(data, use_threads=False))


def read_columns(storage: Storage, file: DatasetFile, columns: Sequence[str]) -> pa.Table:
    """Some columns of a file; those that it lacks are left out. Raises DatasetError where it is missing or damaged."""
    with _opened(storage, file) as source:
        return source.read(columns=list(columns), use_threads=False)


def read_groups(storage: Storage, file: DatasetFile, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Some columns of a file, one row group after the other; those that it lacks are left out.

    Raises DatasetError where it is missing or damaged.
    """
    with _opened(storage, file) as source:
        yield from _groups(source, [name for name in columns if name in source.schema_arrow.names])


def read_checked_groups(storage: Storage, file: DatasetFile, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The same of a file whose checksum is compared first. Memory: the file as it is stored, and a row group."""
    with told_as_damage(storage, file), pq.ParquetFile(_committed_bytes(storage, file)) as source:
        yield from _groups(source, columns)


def range_of(storage: Storage, file: DatasetFile, column: str) -> tuple[int, int] | None:
    """The least and the greatest value of a column of numbers; None where the file does not tell. Reads its end."""
    with _opened(storage, file) as source:
        at = source.metadata.schema.names.index(column)
        told = [source.metadata.row_group(number).column(at).statistics for number in range(source.num_row_groups)]
        if not told or not all(it is not None and it.has_min_max for it in told):
            return None
        return min(it.min for it in told), max(it.max for it in told)


def stored_body_bytes(storage: Storage, file: DatasetFile) -> int:
    """What the bodies of a file take in it before compression: less than in memory where some are equal.

    Only the end of the file is read.
    """
    if file.table not in BODIES:
        return 0
    with _opened(storage, file) as source:
        groups = [source.metadata.row_group(number) for number in range(source.num_row_groups)]
        chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
        return sum(int(it.total_uncompressed_size) for it in chunks if it.path_in_schema == BODIES[file.table])


def body_bytes(table: str, rows: pa.Table) -> int:
    """What the bodies of the rows take in memory."""
    if table not in BODIES:
        return 0
    return int(pc.sum(pc.binary_length(rows[BODIES[table]]).cast(pa.int64())).as_py() or 0)


def _in_columns_of_today(storage: Storage, file: DatasetFile, rows: pa.Table) -> pa.Table:
    """The rows in the schema of the table: a column that an earlier release did not have is null."""
    schema = TABLES[file.table]
    unknown = sorted(set(rows.schema.names) - set(schema.names))
    if unknown:
        raise DatasetError(
            f"{storage.where(file.path)}: has a column {unknown[0]}, which this release does not know and would lose. "
            "Use the release that wrote it, or a newer one."
        )
    columns: list[Any] = [
        rows[field.name].cast(field.type) if field.name in rows.schema.names else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _committed_bytes(storage: Storage, file: DatasetFile) -> pa.BufferReader:
    data = storage.read(file.path)
    if sha256(data) != file.checksum:
        raise damaged(storage, file, "its checksum is not the one that was committed")
    return pa.BufferReader(data)


def _groups(source: pq.ParquetFile, columns: Sequence[str]) -> Iterator[pa.Table]:
    for number in range(source.num_row_groups):
        yield source.read_row_group(number, columns=list(columns), use_threads=False).select(list(columns))


@contextlib.contextmanager
def _opened(storage: Storage, file: DatasetFile) -> Iterator[pq.ParquetFile]:
    with told_as_damage(storage, file), storage.open(file.path) as source, pq.ParquetFile(source) as opened:
        yield opened
