"""Removal: tombstones, and what every view shows from then on."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.commits import commit, next_manifest, read_manifests, read_state
from pipeline.dataset.errors import DatasetError, DatasetLocked
from pipeline.dataset.layout import segment_file
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.lock import dataset_lock
from pipeline.dataset.query import files, print_files, query
from pipeline.dataset.removal import RemovalError, Removed, remove_articles
from pipeline.dataset.segments import segment_bytes, table_of
from pipeline.dataset.storage import Storage
from pipeline.dataset.views import connect_committed, read_committed
from tests.pipeline.dataset.samples import small_dataset, write_file
from tests.pipeline.dataset.wires import (
    commit_wire,
    expected_rows,
    expected_stories,
    make_wire,
    seen_rows,
    seen_stories,
    sql,
)
from transforms.schemas import IndexEntry

A, B, C, D = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)


def silent(text: str) -> None:
    raise AssertionError(text)


def known_dataset(storage: Storage) -> None:
    """The small dataset: A with a revision and its copies C (of another day, the earlier one) and D; and B."""
    small_dataset(storage)
    state = read_state(storage)
    entries = [IndexEntry(0, number, bytes.fromhex(name), cluster=0) for number, name in enumerate((A, B, C, D, A))] + [
        IndexEntry(1, 5, b"\x11" * 16)
    ]
    file = write_file(storage, segment_file(3, "0" * 16), bytes(segment_bytes([table_of(entries)], None)), len(entries))
    commit(storage, next_manifest(state, "0" * 16, (), {}, 0, {}, [file]))


def test_rows_of_a_removed_article_vanish_from_every_view(storage: Storage) -> None:
    known_dataset(storage)
    root = storage.location
    assert remove_articles(storage, [A.upper()], silent) == Removed((A,), (), 1)
    assert sql(root, "SELECT kind, id, date::VARCHAR FROM all_articles ORDER BY arrival") == [
        ("article", B, "1970-01-01"),
        ("article", C, "2024-04-30"),
        ("duplicate", D, "2024-04-30"),
    ]
    assert sql(root, "SELECT count(*) FROM revisions") == [(0,)]
    assert sql(root, "SELECT count(*) FROM links") == [(0,)]


def test_the_earliest_row_that_is_left_leads_its_cluster(storage: Storage) -> None:
    known_dataset(storage)
    root = storage.location
    remove_articles(storage, [A], silent)
    stories = "SELECT id, cluster_id, first_url, copies, sources FROM stories ORDER BY id"
    assert sql(root, stories) == [(B, B, None, 0, 1), (C, A, "https://c.example/1", 1, 2)]
    assert sql(root, f"SELECT duplicate_of, duplicate_kind FROM articles WHERE id = '{C}'") == [(A, "exact")]
    remove_articles(storage, [C], silent)
    assert sql(root, stories) == [(B, B, None, 0, 1), (D, A, "https://c.example/1", 0, 1)]
    remove_articles(storage, [D], silent)
    assert sql(root, stories) == [(B, B, None, 0, 1)]
    assert sql(root, "SELECT count(*) FROM all_articles") == [(1,)]


def test_a_removed_copy_leaves_its_founder_where_it_is(storage: Storage) -> None:
    known_dataset(storage)
    remove_articles(storage, [C], silent)
    assert sql(storage.location, "SELECT id, revision, copies FROM stories ORDER BY id") == [(A, 2, 1), (B, 1, 0)]


def test_a_link_that_names_a_removed_article_vanishes_whichever_side_it_stands_on(tmp_path: Path) -> None:
    wire = make_wire(seed=4, batches=4, rows=6)
    disk = LocalStorage(str(tmp_path))
    commit_wire(disk, wire)
    gone = wire.links[1][1]["other_id"]
    remove_articles(disk, [gone], silent)
    links = [link for some in wire.links for link in some]
    left = sql(disk.root, "SELECT kind, id, other_id FROM links")
    assert sorted(left, key=repr) == sorted(
        ((it["kind"], it["id"], it.get("other_id")) for it in links if gone not in (it["id"], it.get("other_id"))),
        key=repr,
    )
    assert len(left) < len(links)


@pytest.mark.parametrize("seed", range(4))
def test_views_show_what_is_left(seed: int, tmp_path: Path) -> None:
    wire = make_wire(seed, batches=3, rows=12)
    disk = LocalStorage(str(tmp_path))
    commit_wire(disk, wire)
    gone = {row["id"] for row in wire.all_rows if row["arrival"] % 4 == seed}
    remove_articles(disk, sorted(gone), silent)
    assert seen_rows(disk.root) == expected_rows(wire, gone)
    assert seen_stories(disk.root) == expected_stories(wire, gone)


def definitions(root: str) -> dict[str, Any]:
    with connect_committed(read_committed(root)) as connection:
        return dict(connection.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").fetchall())


def test_without_removed_articles_views_are_as_simple_as_ever(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    known_dataset(disk)
    made = definitions(disk.root)
    assert not [name for name in made if name.startswith("_")]
    assert "leader" not in made["stories"]
    remove_articles(disk, [A], silent)
    assert [name for name in sorted(definitions(disk.root)) if name.startswith("_")] == [
        "_articles",
        "_duplicates",
        "_links",
        "_revisions",
    ]


def test_what_was_removed_before_is_told_and_not_removed_again(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    known_dataset(disk)
    remove_articles(disk, [A], silent)
    sequence = read_state(disk).sequence
    assert remove_articles(disk, [A, A], silent) == Removed((), (A,), 1)
    assert read_state(disk).sequence == sequence
    assert remove_articles(disk, [C, A], silent) == Removed((C,), (A,), 2)
    *_, last = read_manifests(disk)
    assert (last.tombstones, last.units, last.added) == ((C,), (), ())
    assert read_state(disk).tombstones == {A, C}


@pytest.mark.parametrize("unknown", ["e" * 32, "11" * 16])
def test_an_id_of_no_article_is_refused_by_name_and_nothing_is_removed(unknown: str, tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    known_dataset(disk)
    with pytest.raises(RemovalError, match=f"no article has the id {unknown}. Nothing was removed."):
        remove_articles(disk, [A, unknown], silent)
    assert read_state(disk).tombstones == frozenset()


@pytest.mark.parametrize("text", ["", "a" * 31, "g" * 32, "https://a.example/1", "\x1b[2J"])
def test_what_is_no_id_is_refused_by_name(text: str, tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    known_dataset(disk)
    with pytest.raises(RemovalError, match=r"not an id: .*An id has 32 hex digits, see the column `id`") as refused:
        remove_articles(disk, [A, text], silent)
    assert str(refused.value).isprintable()


def test_many_unknown_ids_are_counted(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    known_dataset(disk)
    with pytest.raises(RemovalError, match=r"the id 0{30}10, (?:0{30}1\d, ){3}0{30}14 and 7 more\. Nothing"):
        remove_articles(disk, [f"{number:032}" for number in range(10, 22)], silent)


def test_a_place_without_a_dataset_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no dataset there, nothing is committed"):
        remove_articles(LocalStorage(str(tmp_path / "none")), [A], silent)
    assert not (tmp_path / "none").exists()


def test_it_waits_for_nobody_who_holds_the_lock(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    known_dataset(disk)
    with dataset_lock(disk, silent), pytest.raises(DatasetLocked, match="is working on it"):
        remove_articles(disk, [A], silent)


def test_a_list_of_files_says_that_they_still_hold_what_was_removed(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    disk = LocalStorage(str(tmp_path / "it's"))
    known_dataset(disk)
    remove_articles(disk, [A, B], silent)
    print_files(disk.root)
    said = capfdbinary.readouterr()
    assert said.out.decode().splitlines() == list(files(disk.root))
    assert said.err.decode() == (
        f"beamwire: 2 removed articles are still in the files until: "
        f"beamwire compact '{disk.root.replace(chr(39), chr(39) + chr(34) + chr(39) + chr(34) + chr(39))}'\n"
    )


def test_the_overview_counts_what_is_shown(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    disk = LocalStorage(str(tmp_path))
    known_dataset(disk)
    remove_articles(disk, [A], silent)
    query(disk.root, None, "csv")
    lines = capfdbinary.readouterr().out.decode().splitlines()
    counts = {line.split(",")[0]: line.split(",")[1] for line in lines[1:]}
    assert counts == {
        "articles": "2",
        "duplicates": "1",
        "revisions": "0",
        "all_articles": "3",
        "stories": "2",
        "links": "0",
        "dead_letters": "1",
        "runs": "1",
    }
