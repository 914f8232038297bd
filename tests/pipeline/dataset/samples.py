"""Small committed datasets for tests."""

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.commits import commit, next_manifest, read_state
from pipeline.dataset.layout import FLAT_TABLES, data_file, flat_file, run_file
from pipeline.dataset.manifests import CommittedUnit, Manifest, batch_name
from pipeline.dataset.storage import Storage
from pipeline.dataset.tables import TABLES
from transforms.schemas import DatasetFile

SETTINGS = {"enrich": {"enabled": True}}


def moment(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def unit(name: str, time: int = 0, **values: Any) -> CommittedUnit:
    """A unit with a checksum of its own."""
    checksum = "sha256:" + hashlib.sha256(os.fsencode(name)).hexdigest()
    known: dict[str, Any] = {"size": 10, "checksum": checksum, "start": 0, "end": None, "articles": 1, "rows": 1}
    return CommittedUnit(name=name, time=time, **(known | values))


def parquet(table: str, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows as a file of the table; what a row does not say is null."""
    sink = io.BytesIO()
    names = TABLES[table].names
    full = [{name: row.get(name) for name in names} for row in rows]
    pq.write_table(pa.Table.from_pylist(full, schema=TABLES[table]), sink, compression="zstd")
    return sink.getvalue()


def write_file(storage: Storage, path: str, data: bytes, rows: int = 1) -> DatasetFile:
    """Writes a file and tells of it as a sink does."""
    storage.write(path, data, durable=False)
    checksum = "sha256:" + hashlib.sha256(data).hexdigest()
    return DatasetFile(path.partition("/")[0], path, rows, len(data), checksum)


def commit_batch(
    storage: Storage, names: Sequence[str], tables: Mapping[tuple[str, str | None], Sequence[Mapping[str, Any]]]
) -> Manifest:
    """Commits units of these names with rows by (table, date); date is None for tables without partitions."""
    state = read_state(storage)
    units = [unit(name, time=state.unit_time + 1) for name in names]
    batch = batch_name(state.parent, units, SETTINGS)
    files = [
        write_file(
            storage,
            flat_file(table, state.sequence + 1, batch, 0) if day is None else data_file(table, day, batch, 0),
            parquet(table, rows),
            len(rows),
        )
        for (table, day), rows in tables.items()
    ]
    rows = sum(file.rows for file in files if file.table not in FLAT_TABLES)
    manifest = next_manifest(state, batch, units, SETTINGS, rows, {"articles": rows}, files)
    commit(storage, manifest)
    return manifest


def write_run(storage: Storage, name: str, **values: Any) -> None:
    """Writes the row of a run."""
    storage.write(run_file(name), parquet("runs", [{"run": name, **values}]))


def small_dataset(storage: Storage) -> None:
    """Two batches: a story with a revision and two copies, one without a date, a link, a dead letter, a run."""
    first = {
        "id": "a" * 32,
        "revision": 1,
        "cluster_id": "a" * 32,
        "arrival": 0,
        "effective": moment("2024-05-01T08:00:00"),
        "published": moment("2024-05-01T08:00:00"),
        "url": "https://a.example/1",
        "site": "a.example",
        "source": "a.xml",
        "title": "It's a flood",
        "text": "The river rose.",
        "authors": ["Ada", "Ben"],
        "word_count": 3,
        "entities": [{"text": "Ada", "type": "PERSON", "start": 0, "end": 3}],
    }
    undated = first | {
        "id": "b" * 32,
        "cluster_id": "b" * 32,
        "arrival": 1,
        "effective": moment("1970-01-01T00:00:00"),
        "published": None,
        "url": None,
        "site": None,
        "title": "=1+1",
        "text": "No date.",
        "entities": [],
    }
    copy = first | {
        "id": "c" * 32,
        "duplicate_of": "a" * 32,
        "duplicate_kind": "exact",
        "similarity": 1.0,
        "arrival": 2,
        "effective": moment("2024-04-30T23:00:00"),
        "published": moment("2024-04-30T23:00:00"),
        "url": "https://c.example/1",
        "site": "c.example",
        "entities": None,
    }
    other = copy | {"id": "d" * 32, "arrival": 3, "effective": moment("2024-05-02T00:00:00"), "site": "a.example"}
    revised = first | {
        "revision": 2,
        "arrival": 4,
        "effective": moment("2024-05-02T08:00:00"),
        "published": moment("2024-05-02T08:00:00"),
        "title": "It was a flood",
    }
    commit_batch(
        storage,
        ["a.xml"],
        {
            ("articles", "2024-05-01"): [first],
            ("articles", "1970-01-01"): [undated],
            ("dead_letters", None): [
                {"source": "a.xml", "step": "Parse", "reason": "malformed_feed", "payload": b"\xff<"}
            ],
        },
    )
    commit_batch(
        storage,
        ["c.xml"],
        {
            ("duplicates", "2024-04-30"): [copy, other],
            ("revisions", "2024-05-02"): [revised],
            ("links", None): [{"kind": "alias", "id": "a" * 32, "canonical_url": "https://a.example/one"}],
        },
    )
    write_run(storage, "r1", runner="DirectRunner", units=2, versions=[("python", "3.12")])
