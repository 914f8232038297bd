"""Sweeping: what no manifest names goes, and nothing that is not ours."""

from pathlib import Path

import pytest

from pipeline.dataset.commits import commit, next_manifest, read_state
from pipeline.dataset.layout import data_file, flat_file, is_committed_name, run_file, segment_file
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import Storage
from pipeline.dataset.stores import open_storage
from pipeline.dataset.sweep import sweep
from tests.pipeline.dataset.samples import unit, write_file

BATCH = "0123456789abcdef"
OURS = (
    data_file("articles", "2024-05-01", BATCH, 0),
    data_file("duplicates", "1970-01-01", BATCH, 123_456),
    data_file("revisions", "2024-05-01", BATCH, 7),
    flat_file("links", 1, BATCH, 0),
    flat_file("dead_letters", 10**12, BATCH, 3),
    flat_file("_removed", 4, BATCH, 0),
    segment_file(9, BATCH),
)
FOREIGN = (
    "README.md",
    "articles/README.md",
    "articles/mine.parquet",
    "articles/date=2024-05-01/mine.parquet",
    f"articles/date=2024-05-01/part-{BATCH}-00000.parquet.bak",
    f"articles/date=2024-05-01/copy/part-{BATCH}-00000.parquet",
    f"articles/date=2024-5-1/part-{BATCH}-00000.parquet",
    f"articles/part-{BATCH}-00000.parquet",
    f"links/part-{BATCH}-00000.parquet",
    f"links/part-000000000001-{BATCH.upper()}-00000.parquet",
    f"links/date=2024-05-01/part-000000000001-{BATCH}-00000.parquet",
    f"mine/part-000000000001-{BATCH}-00000.parquet",
    f"_index/segment-{BATCH}.parquet",
    f"_index/segment-00000000000\u0661-{BATCH}.parquet",
    "_commits/000000000002.json~",
    run_file("20240501T080000.000000Z"),
)


@pytest.mark.parametrize("name", OURS)
def test_a_name_that_we_give_is_told(name: str) -> None:
    assert is_committed_name(name)


@pytest.mark.parametrize("name", FOREIGN)
def test_any_other_is_not(name: str) -> None:
    assert not is_committed_name(name)


def names(storage: Storage) -> list[str]:
    return [it.name for it in storage.files()]


def make(storage: Storage) -> list[str]:
    """A dataset of a file, among many that no manifest names; the names of those that are not ours."""
    file = write_file(storage, flat_file("links", 1, "f" * 16, 0), b"live")
    commit(storage, next_manifest(read_state(storage), "f" * 16, [unit("a")], {}, 0, {}, [file]))
    for name in (*OURS, *FOREIGN):
        storage.write(name, b"x", durable=False)
    return sorted([file.path, "_commits/000000000001.json", *FOREIGN])


def test_what_no_manifest_names_goes_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    kept = make(disk)
    state = read_state(disk)
    (tmp_path / "articles" / ".tmp-1-ab").write_bytes(b"half")
    disk.write("_staging/batch/block", b"text")
    assert sweep(disk, state) == len(OURS) + 1
    assert names(disk) == kept
    assert not (tmp_path / "articles" / ".tmp-1-ab").exists()
    assert sweep(disk, state) == 0


def test_an_object_store_is_left_alone_by_runs_for_others_may_be_writing(gcs_bucket: str) -> None:
    store = open_storage(f"gs://{gcs_bucket}/data")
    make(store)
    before = names(store)
    assert sweep(store, read_state(store)) == 0
    assert names(store) == before


def test_on_an_object_store_what_is_old_goes(gcs_bucket: str) -> None:
    store = open_storage(f"gs://{gcs_bucket}/data")
    kept = make(store)
    (written,) = {it.updated for it in store.files() if it.name == OURS[0]}
    assert written is not None
    assert sweep(store, read_state(store), 60, clock=lambda: written + 50) == 0
    assert sweep(store, read_state(store), 60, clock=lambda: written + 100) == len(OURS)
    assert names(store) == kept


def test_on_an_object_store_what_a_manifest_has_removed_goes_at_once(gcs_bucket: str) -> None:
    store = open_storage(f"gs://{gcs_bucket}/data")
    file = write_file(store, flat_file("links", 1, "f" * 16, 0), b"replaced")
    commit(store, next_manifest(read_state(store), "f" * 16, [unit("a")], {}, 0, {}, [file]))
    commit(store, next_manifest(read_state(store), "e" * 16, [unit("b")], {}, 0, {}, [], removed=[file.path]))
    store.write(OURS[0], b"of a batch that is being made")
    assert sweep(store, read_state(store), 3600) == 1
    assert names(store) == ["_commits/000000000001.json", "_commits/000000000002.json", OURS[0]]
