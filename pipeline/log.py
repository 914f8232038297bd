"""What `beamwire commits` prints: a line for each manifest, the newest last.

A manifest says what was committed, `runs/` when: a time is missing where a run was killed before it could write it.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.commits import read_manifests
from pipeline.dataset.errors import printable
from pipeline.dataset.layout import RUNS
from pipeline.dataset.manifests import Manifest, is_replay
from pipeline.dataset.results import SHOWN_ROWS, fit_table, terminal_width, write_rows
from pipeline.dataset.storage import Storage
from pipeline.dataset.views import read_committed
from pipeline.report import count_text, duration_text, size_text
from pipeline.sinks.runs import counts_of, dead_letters_of

LogFormat = Literal["table", "csv", "jsonl"]

_TIME = pa.timestamp("us", tz="UTC")


def _column(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, kind, metadata={"description": description})


COLUMNS = pa.schema(
    [
        _column("sequence", pa.int64(), "Number of the commit, from 1"),
        _column("batch", pa.string(), "Name of the batch: a part of the names of its files"),
        _column("kind", pa.string(), "batch (of inputs), replay (of dead letters), compaction or removal"),
        _column("committed", _TIME, "When, as `runs` tells; null where a run was killed before it could write it"),
        _column("seconds", pa.float64(), "Seconds since the commit before, or since the start of the run; likewise"),
        _column("units", pa.int64(), "Inputs, or slices of large ones; of a replay those whose letters were run again"),
        _column("first_unit", pa.string(), "Name of the first"),
        _column("input_bytes", pa.int64(), "Their bytes"),
        *(
            _column(table, pa.int64(), f"Rows added to {table}")
            for table in ("articles", "duplicates", "revisions", "links", "dead_letters")
        ),
        _column("unchanged", pa.int64(), "Articles that added no row: content seen before, or an excerpt"),
        _column("refused", pa.int64(), "Articles that were refused, since they were removed before"),
        _column("removed_ids", pa.int64(), "Articles that were removed"),
        _column("files_added", pa.int64(), "Files that exist from this commit on, those of the index too"),
        _column("files_removed", pa.int64(), "Files that it has replaced"),
        _column("unit_names", pa.list_(pa.string()), "Names of all units, in JSON lines only"),
    ]
)
"""What is told of a commit; null where it does not apply."""

_TABLES = ("articles", "duplicates", "revisions", "links", "dead_letters")
_THREADS = 16
_ROWS = 1000

_SHOWN = (
    "no",
    "committed",
    "kind",
    "units",
    "articles",
    "copies",
    "revised",
    "known",
    "dead",
    "input",
    "files",
    "took",
)
"""Columns of the table, short enough for a terminal; copies are duplicates, known what added no row."""

_NUMERIC = [name not in ("committed", "kind", "units") for name in _SHOWN]


def print_commits(root: str, format: LogFormat, out: BinaryIO) -> None:
    """Writes the manifests of a dataset; as a table the newest ones only.

    Raises DatasetError, StorageError.
    """
    committed = read_committed(root)
    storage, newest = committed.storage, committed.state.sequence
    times = _times(storage, committed.files[RUNS])
    after = max(0, newest - SHOWN_ROWS) if format == "table" else 0
    rows = (_row(manifest, times) for manifest in read_manifests(storage, after))
    if format == "table":
        out.write("".join(f"{line}\n" for line in _table(list(rows), newest)).encode("utf-8", "replace"))
    else:
        schema = COLUMNS if format == "jsonl" else COLUMNS.remove(len(COLUMNS) - 1)
        write_rows(format, schema, _batches(schema, rows), out)


def kind_of(manifest: Manifest) -> str:
    """batch, replay, removal or compaction."""
    if manifest.units:
        return "replay" if is_replay(manifest) else "batch"
    return "removal" if manifest.tombstones else "compaction"


_Times = Mapping[tuple[str | None, int | None], Mapping[str, Any]]


def _times(storage: Storage, runs: Iterable[str]) -> _Times:
    """What `runs/` tells of each batch, by name and number. Files of other releases may lack it."""

    def batches(name: str) -> list[dict[str, Any]]:
        with storage.open(name) as file:
            listed = pq.ParquetFile(file).read(columns=["batches"])
        return [batch for column in listed.columns for row in column.to_pylist() for batch in row or ()]

    with ThreadPoolExecutor(_THREADS) as threads:
        return {(it.get("batch"), it.get("sequence")): it for found in threads.map(batches, runs) for it in found}


def _row(manifest: Manifest, times: _Times) -> dict[str, Any]:
    """What is merged or removed adds no rows, so counts of rows are those of batches."""
    told = times.get((manifest.batch, manifest.sequence), {})
    row: dict[str, Any] = {
        "sequence": manifest.sequence,
        "batch": manifest.batch,
        "kind": kind_of(manifest),
        "committed": told.get("committed"),
        "seconds": told.get("seconds"),
        "files_added": len(manifest.added),
        "files_removed": len(manifest.removed),
    }
    if manifest.tombstones:
        row["removed_ids"] = len(manifest.tombstones)
    if manifest.units:
        counts = counts_of(manifest)
        row |= {table: sum(file.rows for file in manifest.added if file.table == table) for table in _TABLES}
        row |= {
            "units": len(manifest.units),
            "first_unit": manifest.units[0].name,
            "unit_names": [unit.name for unit in manifest.units],
            "input_bytes": sum(unit.size for unit in manifest.units),
            "unchanged": counts["unchanged"],
            "refused": counts["removed"],
        }
    if is_replay(manifest):  # its file also holds what was kept
        row["letter_files"] = len({unit.name for unit in manifest.units})
        row["dead_letters"] = sum(dead_letters_of(manifest).values())
    return row


def _batches(schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    held: list[dict[str, Any]] = []
    for row in rows:
        held.append(row)
        if len(held) == _ROWS:
            yield pa.RecordBatch.from_pylist(held, schema)
            held = []
    yield pa.RecordBatch.from_pylist(held, schema)


def _table(rows: list[dict[str, Any]], newest: int) -> list[str]:
    lines = fit_table(_SHOWN, [_cells(row) for row in rows], _NUMERIC, terminal_width())
    if len(rows) < newest:
        return [*lines, f"the last {len(rows)} of {newest:,} commits; all: --format csv or jsonl"]
    return [*lines, count_text(newest, "commit")]


def _cells(row: Mapping[str, Any]) -> list[str]:
    counts = [row.get(name) for name in ("articles", "duplicates", "revisions", "unchanged", "dead_letters")]
    return [
        str(row["sequence"]),
        f"{row['committed']:%Y-%m-%d %H:%M}" if row["committed"] is not None else "",
        row["kind"],
        _units_text(row),
        *("" if count is None else f"{count:,}" for count in counts),
        size_text(row["input_bytes"]) if "input_bytes" in row else "",
        f"+{row['files_added']}" + (f" -{row['files_removed']}" if row["files_removed"] else ""),
        duration_text(row["seconds"]) if row["seconds"] is not None else "",
    ]


def _units_text(row: Mapping[str, Any]) -> str:
    if row["kind"] == "replay":
        return count_text(row["letter_files"], "dead letter file")
    if "units" in row:
        more = f" +{row['units'] - 1}" if row["units"] > 1 else ""
        return f"{printable(row['first_unit'])}{more}"
    return count_text(row["removed_ids"], "id") if "removed_ids" in row else ""
