"""Parquet: one JSON object a row, read by row groups in small batches.

A file of a few bytes may repeat one large value in many rows, so a batch is bounded by its rows, which costs next to no
time, and by their mean size.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.sources.documents import Reading, ReadOptions, read_failure, too_large
from pipeline.sources.rows import encode_row, free_names, key_text, require_columns
from transforms.schemas import Document, Unit
from transforms.text.errors import BadInput, BrokenContainer

_BATCH_BYTES: Final = 8 << 20
_MAX_BATCH_ROWS: Final = 16


def read_parquet(file: BinaryIO, unit: Unit, options: ReadOptions) -> Reading:
    """A record a row of the unit's row groups; a row is counted from the start of the file.

    Raises MissingColumn, and BrokenContainer after the batches before the damage.
    """
    table = _opened(file)
    require_columns(options.columns, table.schema_arrow.names)
    end = table.num_row_groups if unit.end is None else unit.end
    if end > table.num_row_groups:
        raise BrokenContainer(f"the file has {table.num_row_groups} row groups, {end} were planned")
    number = count(sum(table.metadata.row_group(group).num_rows for group in range(unit.start)))
    for group in range(unit.start, end):
        for body in _bodies(table, group):
            position = next(number)
            place = f"row {position + 1}"
            if len(body) > options.max_document_bytes:
                failure = too_large(place, len(body), options.max_document_bytes)
                yield read_failure(unit, position, failure, "record", body, options)
            else:
                yield Document(unit.ordinal, unit.name, position, "record", body, place=place)


def row_group_bytes(file: BinaryIO) -> list[int]:
    """The size of each row group in the file, compressed. Raises BrokenContainer."""
    metadata = _opened(file).metadata
    return [
        sum(metadata.row_group(group).column(column).total_compressed_size for column in range(metadata.num_columns))
        for group in range(metadata.num_row_groups)
    ]


def _opened(file: BinaryIO) -> Any:
    try:
        return pq.ParquetFile(file, pre_buffer=False)
    except BadInput:
        raise
    except _ARROW_FAILURES as error:
        raise BrokenContainer(f"the Parquet file cannot be read: {_first_line(error)}") from None


_ARROW_FAILURES: Final = (pa.ArrowException, OSError, ValueError, LookupError, OverflowError, TypeError, RecursionError)
"""What pyarrow raises on damaged or odd files: its own, errors of the system and those of Python that some of them are.
"""


def _bodies(table: Any, group: int) -> Iterator[bytes]:
    try:
        metadata = table.metadata.row_group(group)
        row_bytes = metadata.total_byte_size // max(metadata.num_rows, 1)
        batch_rows = min(max(_BATCH_BYTES // max(row_bytes, 1), 1), _MAX_BATCH_ROWS)
        names = free_names(table.schema_arrow.names)
        for batch in table.iter_batches(batch_rows, row_groups=[group]):
            columns = [_values(column) for column in batch.columns]
            for row in zip(*columns, strict=True):
                yield encode_row(dict(zip(names, row, strict=True)))
    except BadInput:
        raise
    except _ARROW_FAILURES as error:
        raise BrokenContainer(
            f"row group {group + 1} of the Parquet file cannot be read: {_first_line(error)}"
        ) from None


def _values(column: pa.Array) -> list[Any]:
    """The values as Python objects; one by one where Python knows none for some of them."""
    coarse = _without_nanoseconds(column.type)
    if not _has_odd_keys(coarse):
        try:
            plain = column if coarse == column.type else column.cast(coarse, safe=False)
            values: list[Any] = plain.to_pylist(maps_as_pydicts="lossy")
        except _ARROW_FAILURES:
            pass
        else:
            return values
    return [_value(one) for one in column]


def _value(one: Any) -> Any:
    """A value part by part: only a part that Python has none for becomes text, as Arrow writes it, or None."""
    kind = one.type
    if not one.is_valid:
        return None
    if pa.types.is_struct(kind):
        names = free_names([kind.field(number).name for number in range(kind.num_fields)])
        return {name: _value(one[number]) for number, name in enumerate(names)}
    if pa.types.is_map(kind):
        pairs = one.values
        return {key_text(_value(key)): _value(item) for key, item in zip(pairs.field(0), pairs.field(1), strict=True)}
    if pa.types.is_nested(kind):
        return [_value(item) for item in one.values]
    if pa.types.is_dictionary(kind) or isinstance(kind, pa.BaseExtensionType):
        return _value(one.value)
    return _leaf(one)


def _leaf(one: Any) -> Any:
    coarse = _without_nanoseconds(one.type)
    try:
        return (one if coarse == one.type else one.cast(coarse, safe=False)).as_py()
    except _ARROW_FAILURES:
        pass
    try:
        return one.cast(pa.large_binary()).as_py().decode("utf-8", "replace")
    except _ARROW_FAILURES:
        pass
    try:
        return one.cast(pa.string()).as_py()
    except _ARROW_FAILURES:
        return None


def _has_odd_keys(kind: pa.DataType) -> bool:
    """Whether there is a map at any depth whose keys are no text."""
    if pa.types.is_map(kind) and not (pa.types.is_string(kind.key_type) or pa.types.is_large_string(kind.key_type)):
        return True
    return any(_has_odd_keys(kind.field(number).type) for number in range(kind.num_fields))


def _without_nanoseconds(kind: pa.DataType) -> pa.DataType:
    """The type with microseconds instead, which is what Python's own times hold, at any depth."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us" if kind.unit == "ns" else kind.unit, "UTC" if kind.tz is not None else None)
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if pa.types.is_time64(kind):
        return pa.time64("us")
    if pa.types.is_list(kind):
        return pa.list_(_with_type(kind.value_field))
    if pa.types.is_large_list(kind):
        return pa.large_list(_with_type(kind.value_field))
    if pa.types.is_struct(kind):
        return pa.struct([_with_type(kind.field(number)) for number in range(kind.num_fields)])
    if pa.types.is_map(kind):
        return pa.map_(_without_nanoseconds(kind.key_type), _with_type(kind.item_field))
    return kind


def _with_type(field: pa.Field) -> pa.Field:
    return field.with_type(_without_nanoseconds(field.type))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
