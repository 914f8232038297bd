"""`beamwire commits`: a line a manifest, whatever kind it is of and whatever runs tell of it."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.dataset.commits import commit, next_manifest, read_state
from pipeline.dataset.errors import DatasetError
from pipeline.dataset.layout import data_file, run_file
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.manifests import batch_name, sealed
from pipeline.dataset.storage import Storage
from pipeline.dataset.stores import open_storage
from pipeline.log import LogFormat, print_commits
from tests.datasets import beamwire
from tests.pipeline.dataset.samples import (
    SETTINGS,
    commit_batch,
    moment,
    parquet,
    small_dataset,
    unit,
    write_file,
    write_run,
)


@pytest.fixture
def disk(tmp_path: Path) -> LocalStorage:
    """A dataset of two batches, one of which a run tells of, a compaction and a removal."""
    storage = open_storage(str(tmp_path / "dataset"))
    assert isinstance(storage, LocalStorage)
    small_dataset(storage)
    state = read_state(storage)
    commit_without_units(storage, "compact", removed=[file.path for file in state.table("duplicates")])
    commit_without_units(storage, "remove", tombstones=["a" * 32, "b" * 32])
    second = json.loads(storage.read("_commits/000000000002.json"))["manifest"]
    told = {"batch": second["batch"], "sequence": 2, "units": 1, "seconds": 63.5, "committed": moment(MOMENT)}
    write_run(storage, "r2", batches=[told])
    return storage


MOMENT = "2024-05-03T10:11:12"


def commit_without_units(storage: Storage, name: str, removed: list[str] | None = None, **more: Any) -> None:
    state = read_state(storage)
    batch = batch_name(state.parent, [], {"name": name})
    added = []
    if removed:
        added = [write_file(storage, data_file("duplicates", "2024-04-30", batch, 0), parquet("duplicates", [{}]), 1)]
    commit(storage, next_manifest(state, batch, [], SETTINGS, 0, {}, added, removed or [], **more))


def printed(storage: Storage, format: LogFormat) -> str:
    sink = io.BytesIO()
    print_commits(storage.location, format, sink)
    return sink.getvalue().decode()


def test_the_table_has_a_line_for_each_commit(disk: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert printed(disk, "table").splitlines() == [
        "no  committed         kind        units  articles  copies  revised  known  dead  input  files  took",
        "──  ────────────────  ──────────  ─────  ────────  ──────  ───────  ─────  ────  ─────  ─────  ────",
        " 1                    batch       a.xml         2       0        0      0     1   10 B     +3",
        " 2  2024-05-03 10:11  batch       c.xml         0       2        1      0     0   10 B     +3  1:04",
        " 3                    compaction                                                        +1 -1",
        " 4                    removal     2 ids                                                    +0",
        "4 commits",
    ]


def test_json_lines_have_every_unit_and_null_where_nothing_is_told(disk: LocalStorage) -> None:
    first, second, third, fourth = map(json.loads, printed(disk, "jsonl").splitlines())
    assert first == {
        "sequence": 1,
        "batch": json.loads(disk.read("_commits/000000000001.json"))["manifest"]["batch"],
        "kind": "batch",
        "committed": None,
        "seconds": None,
        "units": 1,
        "first_unit": "a.xml",
        "input_bytes": 10,
        "articles": 2,
        "duplicates": 0,
        "revisions": 0,
        "links": 0,
        "dead_letters": 1,
        "unchanged": 0,
        "refused": 0,
        "removed_ids": None,
        "files_added": 3,
        "files_removed": 0,
        "unit_names": ["a.xml"],
    }
    assert (second["committed"], second["seconds"]) == ("2024-05-03T10:11:12Z", 63.5)
    assert (third["kind"], third["duplicates"], third["files_removed"]) == ("compaction", None, 1)
    assert (fourth["kind"], fourth["removed_ids"], fourth["units"]) == ("removal", 2, None)


def test_csv_has_the_same_columns_but_the_names(disk: LocalStorage) -> None:
    lines = printed(disk, "csv").splitlines()
    assert len(lines) == 5
    assert lines[0] == (
        "sequence,batch,kind,committed,seconds,units,first_unit,input_bytes,articles,duplicates,revisions,links,"
        "dead_letters,unchanged,refused,removed_ids,files_added,files_removed"
    )
    assert lines[2].split(",")[2:8] == ["batch", "2024-05-03T10:11:12Z", "63.5", "1", "c.xml", "10"]


def test_of_many_commits_the_table_shows_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    storage = open_storage(str(tmp_path))
    for number in range(43):
        commit_batch(storage, [f"{number}.xml", f"{number}.jsonl"], {})
    lines = printed(storage, "table").splitlines()
    assert lines[2].split() == ["4", "batch", "3.xml", "+1", "0", "0", "0", "0", "0", "20", "B", "+0"]
    assert lines[-2].split()[0] == "43"
    assert lines[-1] == "the last 40 of 43 commits; all: --format csv or jsonl"
    assert len(printed(storage, "jsonl").splitlines()) == 43


def test_a_name_with_control_characters_is_escaped(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    state = read_state(storage)
    commit(storage, next_manifest(state, "a" * 16, [unit("odd\x1b[31m\n.xml")], SETTINGS, 0, {}, []))
    assert r"odd\x1b[31m\n.xml" in printed(storage, "table")


def test_a_run_that_tells_of_no_batches_leaves_the_times_out(disk: LocalStorage) -> None:
    before = printed(disk, "jsonl")
    for name, row in (("r3", {"run": "r3"}), ("r4", {"run": "r4", "batches": [{"units": 1}]})):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist([row]), sink)
        disk.write(run_file(name), bytes(sink.getvalue()))
    assert printed(disk, "jsonl") == before


def test_the_command_answers_in_each_format(disk: LocalStorage) -> None:
    assert beamwire("commits", disk.root).stdout.splitlines()[-1] == "4 commits"
    assert len(beamwire("commits", disk.root, "--format", "jsonl").stdout.splitlines()) == 4


def test_a_dataset_at_gs_is_listed(gcs_bucket: str) -> None:
    storage = open_storage(f"gs://{gcs_bucket}/news")
    small_dataset(storage)
    assert [json.loads(line)["first_unit"] for line in printed(storage, "jsonl").splitlines()] == ["a.xml", "c.xml"]


def test_where_there_is_no_dataset_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no dataset there, nothing is committed"):
        printed(open_storage(str(tmp_path)), "table")
    assert "no dataset there" in beamwire("commits", tmp_path, expect=2).stderr


def test_a_dataset_of_format_1_is_listed(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    storage.write("_commits/000000000001.json", FORMAT_1)
    row = json.loads(printed(storage, "jsonl"))
    assert (row["kind"], row["units"], row["first_unit"], row["unchanged"]) == ("batch", 1, "a.xml", 3)


def _format_1() -> bytes:
    """A manifest as release 0.1 wrote it."""

    body = {
        "sequence": 1,
        "batch": "a" * 16,
        "parent": None,
        "units": [
            {
                "name": "a.xml",
                "size": 10,
                "checksum": "sha256:a",
                "start": 0,
                "end": None,
                "time": 5,
                "documents": 0,
                "articles": 4,
            }
        ],
        "settings": SETTINGS,
        "rows": 1,
        "unit_count": 1,
        "unit_time": 5,
        "counts": {"articles": 1, "unchanged": 3},
        "added": [],
        "removed": [],
        "checkpoint": None,
        "canonicalisation": 1,
        "fingerprint": None,
        "format": 1,
    }
    return sealed(body)


FORMAT_1 = _format_1()
