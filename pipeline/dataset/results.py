"""How rows are written for people and programs: as a table that fits the terminal, CSV, JSON lines, Parquet."""

import io
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from pipeline.dataset.errors import QueryError

if TYPE_CHECKING:
    import pyarrow as pa

QueryFormat = Literal["table", "csv", "jsonl", "parquet"]

SHOWN_ROWS = 40
"""Rows that the format `table` shows at most."""

_WIDTH_WITHOUT_TERMINAL = 120
_LEAST_COLUMN_WIDTH = 8
_LONGEST_CELL = 2000
_GAP = "  "
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How text begins that spreadsheets take for a formula, full-width signs among it."""

_QUOTED = re.compile('[,"\r\n]')
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TURNS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What a terminal obeys or turns, but for line feeds and tabs."""


def write_rows(
    format: QueryFormat,
    schema: "pa.Schema",
    batches: Iterator["pa.RecordBatch"],
    sink: BinaryIO,
    count: Callable[[], int | None] = lambda: None,
) -> None:
    """Writes the rows. A table shows the first only; then `count` tells how many there are, or None: nobody knows."""
    if format == "csv":
        _write_csv(schema, batches, sink)
    elif format == "jsonl":
        _write_jsonl(schema, batches, sink)
    elif format == "parquet":
        _write_parquet(schema, batches, sink)
    else:
        _write_table(schema, batches, sink, count)


def terminal_width() -> int:
    """Cells of a line: of the terminal, else a width for files and pipes."""
    return shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 0)).columns


def visible(text: str) -> str:
    """The lines with whatever a terminal would obey escaped."""
    return _OBEYED.sub(lambda found: ascii(found[0])[1:-1], text)


def fit_table(names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], width: int) -> list[str]:
    """The lines of a table that is no wider than `width` cells; long values end in "…".

    What has more columns than fit shows the first ones and says so; a single row is then shown upright.
    """
    from rich.cells import cell_len

    natural = [
        max([cell_len(name), *(cell_len(row[number]) for row in rows)], default=0) for number, name in enumerate(names)
    ]
    shown = len(names)
    while shown > 1 and _width(min(it, _LEAST_COLUMN_WIDTH) for it in natural[:shown]) > width:
        shown -= 1
    if shown < len(names) and len(rows) == 1:
        pairs = list(zip(names, rows[0], strict=True))
        return fit_table(["column", "value"], pairs, [False, False], width)
    widths = natural[:shown]
    if _width(widths) > width:
        # The greatest common limit under which the columns fit.
        limit = next(
            limit
            for limit in range(max(widths), 0, -1)
            if limit == 1 or _width(min(it, limit) for it in widths) <= width
        )
        widths = [min(it, limit) for it in widths]
    lines = [_line(names, widths, numeric), _GAP.join("─" * it for it in widths)]
    lines.extend(_line(row, widths, numeric) for row in rows)
    if shown < len(names):
        lines.append(f"{shown} of {len(names)} columns shown; name some, or use --format jsonl")
    return lines


def _write_csv(schema: "pa.Schema", batches: Iterator["pa.RecordBatch"], sink: BinaryIO) -> None:
    """RFC 4180 with line feeds. Text that a spreadsheet would take for a formula gets a ' in front."""
    shown = visible if sink.isatty() else str  # a file gets what the cells hold
    sink.write(shown(_csv_line(schema.names)).encode("utf-8", "replace"))
    for batch in batches:
        sink.write(shown("".join(map(_csv_line, _rows(batch)))).encode("utf-8", "replace"))


def _write_jsonl(schema: "pa.Schema", batches: Iterator["pa.RecordBatch"], sink: BinaryIO) -> None:
    """One JSON object a row; what a terminal would obey is escaped, which JSON takes for the same."""
    names = _distinct(schema.names)
    for batch in batches:
        lines = (_json(dict(zip(names, row, strict=True))) for row in _rows(batch))
        text = _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", "".join(f"{line}\n" for line in lines))
        sink.write(text.encode("utf-8", "replace"))


def _write_parquet(schema: "pa.Schema", batches: Iterator["pa.RecordBatch"], sink: BinaryIO) -> None:
    """Parquet with zstd, columns as DuckDB types them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    named = pa.schema([field.with_name(name) for field, name in zip(schema, _distinct(schema.names), strict=True)])
    try:
        # Arrow closes what it is given.
        with pq.ParquetWriter(_Unclosed(sink), named, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=named))
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        cause = " ".join(str(error).split())
        raise QueryError(f"Parquet cannot hold this result ({cause}). Cast the column, or use jsonl.") from None


def _write_table(
    schema: "pa.Schema",
    batches: Iterator["pa.RecordBatch"],
    sink: BinaryIO,
    count: Callable[[], int | None],
) -> None:
    """The first rows, fitted to the width of the terminal."""
    rows: list[list[Any]] = []
    for batch in batches:
        rows.extend(_rows(batch.slice(0, SHOWN_ROWS + 1 - len(rows))))
        if len(rows) > SHOWN_ROWS:
            break
    width = terminal_width()
    names = [_one_line(name) for name in schema.names]
    cells = [[_table_cell(value) for value in row] for row in rows[:SHOWN_ROWS]]
    numeric = [_is_numeric(field.type) for field in schema]
    lines = fit_table(names, cells, numeric, width)
    if len(rows) > SHOWN_ROWS:
        total = count()
        of = f"{total:,} rows" if total is not None else "more rows"
        lines.append(f"{SHOWN_ROWS} of {of} shown; all: --format csv, jsonl or parquet")
    else:
        lines.append(f"{len(rows)} row{'' if len(rows) == 1 else 's'}")
    sink.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))


def _width(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + len(_GAP) * (len(found) - 1)


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    from rich.cells import cell_len, set_cell_size

    fitted = []
    for cell, width, right in zip(cells, widths, numeric, strict=False):
        if cell_len(cell) > width:
            cell = set_cell_size(cell, width - 1).rstrip() + "…"
        padding = " " * (width - cell_len(cell))
        fitted.append(padding + cell if right else cell + padding)
    return _GAP.join(fitted).rstrip()


def _rows(batch: "pa.RecordBatch") -> Iterator[list[Any]]:
    try:
        columns = [_values(column) for column in batch.columns]
    except (OverflowError, ValueError) as error:
        raise QueryError(f"A time of the result cannot be shown ({error}). Cast it to VARCHAR.") from None
    return (list(row) for row in zip(*columns, strict=True))


def _values(column: "pa.Array") -> list[Any]:
    import pyarrow as pa

    values: list[Any] = column.to_pylist(maps_as_pydicts="lossy")
    return [None if it is None else _interval(*it) for it in values] if pa.types.is_interval(column.type) else values


def _interval(months: int, days: int, nanoseconds: int) -> str:
    """As DuckDB writes it: 2 months 3 days 04:05:06.5."""
    seconds, fraction = divmod(abs(nanoseconds), 10**9)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}" + f".{fraction:09}".rstrip("0").rstrip(
        "."
    )
    parts = [f"{months} months"] * bool(months) + [f"{days} days"] * bool(days)
    if nanoseconds or not parts:
        parts.append(f"-{clock}" if nanoseconds < 0 else clock)
    return " ".join(parts)


def _csv_line(row: Sequence[Any]) -> str:
    """A line of CSV. The csv module of some Python versions leaves a carriage return unquoted."""
    if len(row) == 1 and row[0] in (None, ""):
        return '""\n'  # an empty line would be no row
    cells = ("" if value is None else str(_csv_cell(value)) for value in row)
    return (
        ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' if _QUOTED.search(cell) else cell for cell in cells) + "\n"
    )


def _csv_cell(value: Any) -> Any:
    """A number, or text that no spreadsheet takes for a formula."""
    if value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool)):
        return value
    text = _as_text(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _as_text(value: Any) -> str:
    if isinstance(value, bool | dict | list | tuple):
        return _json(value)
    return value if isinstance(value, str) else str(_plain(value))


def _table_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value[:_LONGEST_CELL].decode("utf-8", "replace")
    return _one_line(str(value) if isinstance(value, float) else _as_text(value))


def _one_line(text: str) -> str:
    """What a terminal shows as one line and nothing else: no control characters, no turns of direction."""
    return _TURNS.sub("", _CONTROL.sub(" ", text[:_LONGEST_CELL]))


def _json(value: Any) -> str:
    return json.dumps(_finite(value), ensure_ascii=False, default=_plain)


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: null."""
    if isinstance(value, float) and not abs(value) <= sys.float_info.max:
        return None
    if isinstance(value, dict):
        return {str(_plain(key)): _finite(it) for key, it in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(it) for it in value]
    return value


def _plain(value: Any) -> Any:
    """What is neither text nor number, as text: ISO times in UTC, bytes in hexadecimal (so no cell begins with +)."""
    if isinstance(value, datetime):
        aware = value.tzinfo is not None
        moment = value.astimezone(UTC).replace(tzinfo=None) if aware else value
        return moment.isoformat() + ("Z" if aware else "")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, str) else str(value)


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, later ones of equal names numbered: id, id_2."""
    made: list[str] = []
    for name in names:
        number = 1
        other = name
        while other in made:
            number += 1
            other = f"{name}_{number}"
        made.append(other)
    return made


def _is_numeric(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


class _Unclosed(io.RawIOBase):
    """Writes to a stream that stays open."""

    def __init__(self, sink: BinaryIO) -> None:
        super().__init__()
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return self._sink.write(data)
