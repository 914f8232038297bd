"""Storages: what both kinds promise, and what each says when it is refused."""

import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset import gcs
from pipeline.dataset.local import TEMPORARY_PREFIX, LocalStorage
from pipeline.dataset.storage import AlreadyExists, Listed, Storage, StorageError, checked_name
from pipeline.dataset.stores import open_storage

ROOT_USER = hasattr(os, "geteuid") and os.geteuid() == 0


def test_what_is_written_is_read(storage: Storage) -> None:
    storage.write("a/b.txt", b"one")
    storage.write("a/b.txt", memoryview(b"two"), durable=False)
    assert storage.read("a/b.txt") == b"two"
    assert storage.size("a/b.txt") == 3
    with storage.open("a/b.txt") as file:
        assert file.read(1) == b"t"
        assert file.seek(-1, os.SEEK_END) == 2
        assert file.read() == b"o"


def test_large_files_are_read_by_parts(storage: Storage) -> None:
    data = random.Random(1).randbytes(3_000_000)
    storage.write("big", data)
    with storage.open("big") as file:
        file.seek(-10, os.SEEK_END)
        assert file.read() == data[-10:]
        file.seek(1_000_000)
        assert file.read(5) == data[1_000_000:1_000_005]
        assert file.tell() == 1_000_005
        file.seek(0)
        assert file.read() == data


def test_an_empty_file_is_a_file(storage: Storage) -> None:
    storage.write("empty", b"")
    assert storage.read("empty") == b""
    with storage.open("empty") as file:
        assert file.read() == b""
    assert list(storage.files()) == [Listed("empty", 0)]


def test_files_are_listed_by_name_below_a_folder(storage: Storage) -> None:
    for name in ("a/x", "a-b", "a/é", "a/b/c", "ab/x"):
        storage.write(name, name.encode(), durable=False)
    assert [it.name for it in storage.files()] == ["a-b", "a/b/c", "a/x", "a/é", "ab/x"]
    assert list(storage.files("a")) == [Listed("a/b/c", 5), Listed("a/x", 3), Listed("a/é", 4)]
    assert list(storage.files("nothing")) == []


def test_what_is_not_there_is_not_found(storage: Storage) -> None:
    assert storage.size("no/file") is None
    for read in (storage.read, storage.open):
        with pytest.raises(FileNotFoundError):
            read("no/file")
    storage.delete("no/file")
    storage.delete_folder("no")


def test_a_folder_is_deleted_with_all_below_it(storage: Storage) -> None:
    for name in ("a/b/c", "a/d", "ab"):
        storage.write(name, b"x", durable=False)
    storage.delete_folder("a")
    storage.delete("ab")
    assert list(storage.files()) == []


def test_creation_refuses_a_name_with_other_bytes_and_forgives_its_own(storage: Storage) -> None:
    storage.create("n/1", b"one")
    storage.create("n/1", b"one")
    with pytest.raises(AlreadyExists):
        storage.create("n/1", b"two")
    assert storage.read("n/1") == b"one"
    assert [it.name for it in storage.files()] == ["n/1"]


def test_one_of_many_threads_wins_a_name(storage: Storage) -> None:
    winners = []

    def race(number: int) -> None:
        try:
            storage.create("race", b"%d" % number)
            winners.append(number)
        except AlreadyExists:
            pass

    threads = [threading.Thread(target=race, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [storage.read("race")] == [b"%d" % number for number in winners]


def _race(
    storage: Storage, number: int, start: threading.Event, names: list[str], won: "multiprocessing.Queue[Any]"
) -> None:
    start.wait()
    for name in names:
        try:
            storage.create(name, b"%d" % number)
            won.put((name, number))
        except AlreadyExists:
            pass
    won.put(None)


def test_one_of_two_processes_wins_each_name(storage: Storage) -> None:
    context = multiprocessing.get_context("spawn")
    start, won = context.Event(), context.Queue()
    names = [f"race/{number}" for number in range(40)]
    writers = [context.Process(target=_race, args=(storage, number, start, names, won)) for number in range(2)]
    for writer in writers:
        writer.start()
    start.set()
    results = [won.get(timeout=30) for _ in range(len(names) + 2)]
    for writer in writers:
        writer.join()
    winners = dict(it for it in results if it is not None)
    assert {name: storage.read(name) for name in names} == {name: b"%d" % winners[name] for name in names}


def test_a_storage_travels_to_other_processes(storage: Storage) -> None:
    storage.write("a", b"x")
    assert pickle.loads(pickle.dumps(storage)) == storage
    assert pickle.loads(pickle.dumps(storage)).read("a") == b"x"


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/../../b", "./a", "a\\b", "a\0"])
def test_names_stay_under_the_root(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a name relative to a root"):
        checked_name(name)
    with pytest.raises(ValueError, match="not a name relative to a root"):
        LocalStorage(str(tmp_path)).delete(name)


def test_places_are_written_as_people_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_storage("x").where("a/b") == f"{tmp_path}/x/a/b"
    assert open_storage("~/x").location == f"{tmp_path}/x"
    assert open_storage("gs://bucket/a/b/").where("c") == "gs://bucket/a/b/c"
    assert open_storage("gs://bucket").where("c") == "gs://bucket/c"


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("s3://bucket/x", "s3:// is not supported"),
        ("gs:///x", "no bucket named"),
        ("", "the location is empty"),
    ],
)
def test_places_that_cannot_be_are_refused(location: str, message: str) -> None:
    with pytest.raises(StorageError, match=message):
        open_storage(location)


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match=r"file: is a file, not a directory. Give another directory"):
        open_storage(str(tmp_path / "file"))
    with pytest.raises(StorageError, match="a part of the path is a file, not a directory"):
        open_storage(str(tmp_path / "file" / "below")).write("a", b"x")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for read in (LocalStorage(str(tmp_path)).open, LocalStorage(str(tmp_path)).read):
        with pytest.raises(StorageError, match="is a directory, where a file should be"):
            read("folder")


@pytest.mark.skipif(ROOT_USER, reason="nothing is forbidden to root")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(StorageError, match=r"Cannot write .*closed/a: no permission. Give yourself access"):
        LocalStorage(str(tmp_path / "closed")).write("a", b"x")


@pytest.mark.parametrize(("number", "cause"), [(28, "the disk is full"), (30, "the file system is read-only")])
def test_what_the_disk_refuses_is_said_and_nothing_is_left(
    number: int, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(str(tmp_path))
    storage.write("a", b"before")

    def refuse(descriptor: int) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=cause):
        storage.write("a", b"after")
    assert storage.read("a") == b"before"
    assert os.listdir(tmp_path) == ["a"]


def test_files_have_the_permissions_that_the_user_asks_for(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        LocalStorage(str(tmp_path)).write("a", b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_what_killed_writers_left_is_no_file_and_is_cleaned(tmp_path: Path) -> None:
    storage = LocalStorage(str(tmp_path))
    storage.write("a/b", b"x")
    (tmp_path / "a" / f"{TEMPORARY_PREFIX}1-ab").write_bytes(b"half")
    assert list(storage.files()) == [Listed("a/b", 1)]
    assert storage.delete_leftovers() == 1
    assert os.listdir(tmp_path / "a") == ["b"]


def test_creation_holds_where_hard_links_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise PermissionError(1, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    test_creation_refuses_a_name_with_other_bytes_and_forgives_its_own(LocalStorage(str(tmp_path / "one")))
    test_one_of_many_threads_wins_a_name(LocalStorage(str(tmp_path / "two")))


def test_a_link_is_deleted_but_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("x")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    storage = LocalStorage(str(tmp_path / "root"))
    assert list(storage.files()) == []
    storage.delete_folder("link")
    assert (tmp_path / "outside" / "file").exists()


@pytest.mark.parametrize("link", ["a", "a/b"])
def test_nothing_is_written_or_deleted_through_a_link_below_the_root(link: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "b").mkdir(parents=True)
    (outside / "file").write_text("x")
    (outside / "b" / "file").write_text("x")
    storage = LocalStorage(str(tmp_path / "root"))
    (tmp_path / "root" / link).parent.mkdir(parents=True)
    (tmp_path / "root" / link).symlink_to(outside)
    changes: list[Callable[[], object]] = [
        lambda: storage.write("a/b/file", b"y"),
        lambda: storage.create("a/b/c/other", b"y"),
        lambda: storage.delete("a/b/file"),
        lambda: storage.delete_folder("a/b/c"),
    ]
    for change in changes:
        with pytest.raises(StorageError, match=rf"root/{link} is a symbolic link.* Put a directory in its place"):
            change()
    assert sorted(path.name for path in outside.rglob("*")) == ["b", "file", "file"]
    assert (outside / "file").read_text() == (outside / "b" / "file").read_text() == "x"


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "there")
    LocalStorage(str(tmp_path / "root")).write("a/b", b"x")
    assert (tmp_path / "there" / "a" / "b").read_bytes() == b"x"


def test_what_a_store_refuses_is_said_in_characters_that_can_be_seen(tmp_path: Path) -> None:
    error = StorageError("a\x1b[31m\n\udcff\u202e")
    assert str(error) == str(pickle.loads(pickle.dumps(error))) == r"a\x1b[31m\n\udcff\u202e"


def test_disks_keep_no_checksums(tmp_path: Path) -> None:
    LocalStorage(str(tmp_path)).write("a", b"x")
    assert LocalStorage(str(tmp_path)).checksum("a") is None


def test_the_store_knows_checksums(gcs_bucket: str) -> None:
    storage = open_storage(f"gs://{gcs_bucket}/x")
    storage.write("a", b"hello")
    assert storage.checksum("a") == "crc32c:mnG7TA=="
    with pytest.raises(FileNotFoundError):
        storage.checksum("b")


def test_a_missing_bucket_is_named(gcs_bucket: str) -> None:
    storage = open_storage("gs://no-such-bucket/x")
    with pytest.raises(StorageError, match=r"Cannot list gs://no-such-bucket/x/: no such bucket"):
        list(storage.files())
    with pytest.raises(StorageError, match=r"Cannot write gs://no-such-bucket/x/a: no such bucket"):
        storage.create("a", b"x")


def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed(gcs_bucket: str) -> None:
    storage = open_storage(f"gs://{gcs_bucket}/x")
    storage.write("a", b"1" * 3_000_000)
    with storage.open("a") as file:
        assert file.read(10) == b"1" * 10
        storage.write("a", b"2" * 3_000_000)
        file.seek(2_000_000)
        with pytest.raises(FileNotFoundError):
            file.read(10)


def test_a_missing_package_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['google.cloud'] = None\n"
        "from pipeline.dataset.storage import StorageError; from pipeline.dataset.stores import open_storage\n"
        "try: open_storage('gs://b/x').read('a')\n"
        "except StorageError as error: print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 'pip install "beamwire[gcp]"' in found


def test_with_an_emulator_nobody_is_asked_for_credentials(gcs_bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("asked for credentials")

    monkeypatch.setattr("google.auth.default", refuse)
    gcs._client.cache_clear()
    open_storage(f"gs://{gcs_bucket}/x").write("a", b"x")


def test_looking_at_storages_loads_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "import pipeline.dataset.storage, pipeline.dataset.local, pipeline.dataset.gcs, pipeline.dataset.commits\n"
        "import pipeline.dataset.lock, pipeline.dataset.query\n"
        "print([name for name in ('duckdb', 'pyarrow', 'google.cloud', 'numpy', 'rich') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
