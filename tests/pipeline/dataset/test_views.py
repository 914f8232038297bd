"""Views: committed files and no others, with the right columns, wherever the dataset lies."""

import contextlib
import io
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.dataset.commits import commit, next_manifest, read_state
from pipeline.dataset.errors import DatasetError
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import Storage
from pipeline.dataset.stores import open_storage
from pipeline.dataset.tables import TABLES
from pipeline.dataset.views import VIEW_DESCRIPTIONS, connect, view_columns
from tests.pipeline.dataset.samples import commit_batch, moment, parquet, small_dataset, unit, write_file

A, B, C, D = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)


def rows(root: str, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(connect(root)) as connection:
        return connection.execute(sql).fetchall()


def test_every_view_shows_its_rows(storage: Storage) -> None:
    small_dataset(storage)
    found = {view: rows(storage.location, f"SELECT count(*) FROM {view}")[0][0] for view in VIEW_DESCRIPTIONS}
    assert found == {
        "articles": 2,
        "duplicates": 2,
        "revisions": 1,
        "all_articles": 5,
        "stories": 2,
        "links": 1,
        "dead_letters": 1,
        "runs": 1,
    }
    assert rows(storage.location, "SELECT kind, id, date::VARCHAR FROM all_articles ORDER BY arrival") == [
        ("article", A, "2024-05-01"),
        ("article", B, "1970-01-01"),
        ("duplicate", C, "2024-04-30"),
        ("duplicate", D, "2024-04-30"),
        ("revision", A, "2024-05-02"),
    ]
    assert rows(storage.location, "SELECT payload, versions FROM dead_letters, runs") == [
        (b"\xff<", {"python": "3.12"})
    ]


def test_a_story_is_the_newest_revision_of_its_founder_and_says_where_it_was_first(storage: Storage) -> None:
    small_dataset(storage)
    found = rows(
        storage.location,
        "SELECT id, revision, title, first_published::VARCHAR, first_url, first_site, copies, sources "
        "FROM stories ORDER BY id",
    )
    assert found == [
        (A, 2, "It was a flood", "2024-04-30 23:00:00+00", "https://c.example/1", "c.example", 2, 2),
        (B, 1, "=1+1", None, None, None, 0, 1),
    ]


def test_a_row_that_left_its_cluster_and_founded_one_is_a_story_in_its_second_form(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    founder = {"id": A, "revision": 1, "cluster_id": A, "arrival": 0, "effective": moment("2024-05-01"), "title": "a"}
    copy = founder | {"id": B, "arrival": 1, "duplicate_of": A, "title": "b1"}
    left = founder | {"id": B, "revision": 2, "cluster_id": B, "arrival": 2, "title": "b2"}
    commit_batch(storage, ["x"], {("articles", "2024-05-01"): [founder, left], ("duplicates", "2024-05-01"): [copy]})
    assert rows(str(tmp_path), "SELECT id, title, copies FROM stories ORDER BY id") == [(A, "a", 1), (B, "b2", 0)]


def test_empty_tables_have_the_same_columns_as_full_ones(storage: Storage, tmp_path: Path) -> None:
    small_dataset(storage)
    empty = open_storage(str(tmp_path / "empty"))
    commit(empty, next_manifest(read_state(empty), "b", [unit("a")], {}, 0, {}, []))
    for view in VIEW_DESCRIPTIONS:
        described = [
            rows(root, f"SELECT column_name, column_type FROM (DESCRIBE {view})")
            for root in (storage.location, empty.location)
        ]
        assert described[0] == described[1]
        assert [name for name, _ in described[0]] == [column.name for column in view_columns(view)]
        assert all(column.description for column in view_columns(view))
        assert rows(empty.location, f"SELECT * FROM {view}") == []


@pytest.mark.parametrize("view", list(VIEW_DESCRIPTIONS))
def test_the_types_that_are_told_are_those_that_duckdb_finds(view: str, tmp_path: Path) -> None:
    small_dataset(open_storage(str(tmp_path)))
    found = rows(str(tmp_path), f"SELECT column_name, column_type FROM (DESCRIBE {view})")
    told = ", ".join(f'NULL::{column.type} AS "{column.name}"' for column in view_columns(view))
    assert (
        duckdb.connect().execute(f"SELECT column_name, column_type FROM (DESCRIBE SELECT {told})").fetchall() == found
    )


@pytest.mark.parametrize(
    "name", ["it's", "a b", "[x]", "*", "?", "a{b,c}", 'say "hi"', "date=2020-01-01", "ä/y=1/z", "%41", "\udcff"]
)
def test_any_name_of_the_root_works(name: str, tmp_path: Path) -> None:
    if "x" in name or name in "*?":
        small_dataset(open_storage(str(tmp_path / "x")))  # what the name would mean as a pattern
    storage = open_storage(str(tmp_path / name))
    small_dataset(storage)
    assert rows(storage.location, "SELECT count(*), min(date)::VARCHAR FROM articles") == [(2, "1970-01-01")]
    assert rows(storage.location, "SELECT count(*) FROM runs") == [(1,)]


def test_files_that_no_manifest_names_are_not_shown(storage: Storage) -> None:
    small_dataset(storage)
    storage.write("articles/date=2024-05-01/part-ffff-00000.parquet", parquet("articles", [{"id": D}]))
    storage.write("articles/date=2024-05-01/part-eeee-00000.parquet", b"half a file")
    assert rows(storage.location, "SELECT count(*) FROM articles") == [(2,)]


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_column_that_earlier_files_lack_is_null_in_their_rows(storage: Storage, everywhere: bool) -> None:
    if not everywhere:
        commit_batch(storage, ["new"], {("articles", "2024-05-02"): [{"id": B, "word_count": 7}]})
    state = read_state(storage)
    sink = io.BytesIO()
    kept = TABLES["articles"].names.index("word_count")
    old = pq.read_table(io.BytesIO(parquet("articles", [{"id": A, "title": "old"}]))).select(range(kept))
    pq.write_table(old.append_column("later", pa.array([1])), sink)
    file = write_file(storage, "articles/date=2024-05-01/part-old-00000.parquet", sink.getvalue())
    commit(storage, next_manifest(state, "old", [unit("old")], {}, 1, {}, [file]))
    expected = [(A, "old", None, None, "2024-05-01"), (B, None, 7, None, "2024-05-02")]
    found = rows(storage.location, "SELECT id, title, word_count, entities, date::VARCHAR FROM articles ORDER BY id")
    assert found == (expected[:1] if everywhere else expected)
    described = rows(storage.location, "SELECT column_name, column_type FROM (DESCRIBE articles)")
    told = [(column.name, column.type.replace('"', "")) for column in view_columns("articles")]
    assert [
        (name, kind.replace('"', "").replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")) for name, kind in described
    ] == told
    assert rows(storage.location, "SELECT count(*) FROM stories WHERE word_count IS NULL") == [(0,)]


def test_a_committed_file_that_is_gone_is_named(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    small_dataset(storage)
    name = read_state(storage).table("links")[0].path
    storage.write(name, b"half")
    with pytest.raises(
        DatasetError, match=r"links/part-.*: 4 bytes instead of \d+, though it is committed. Restore it"
    ):
        connect(str(tmp_path))
    storage.delete(name)
    with pytest.raises(DatasetError, match=r"links/part-.*: missing, though it is committed. Restore it"):
        connect(str(tmp_path))


def test_a_place_without_a_dataset_is_named(storage: Storage) -> None:
    with pytest.raises(DatasetError, match=r"no dataset there, nothing is committed. Make one: beamwire run PATH"):
        connect(storage.location)


def test_only_the_partitions_asked_for_are_read(tmp_path: Path) -> None:
    small_dataset(open_storage(str(tmp_path)))
    plan = rows(str(tmp_path), "EXPLAIN ANALYZE SELECT id FROM articles WHERE date = DATE '2024-05-01'")[0][1]
    assert "1/2" in plan


def test_duckdb_never_looks_for_extensions(tmp_path: Path) -> None:
    small_dataset(open_storage(str(tmp_path)))
    found = rows(
        str(tmp_path),
        "SELECT current_setting('autoinstall_known_extensions'), current_setting('autoload_known_extensions'), "
        "current_setting('TimeZone')",
    )
    assert found == [(False, False, "UTC")]


def test_a_local_storage_is_what_a_path_opens(tmp_path: Path) -> None:
    assert isinstance(open_storage(str(tmp_path)), LocalStorage)
