"""Manifests: the state that follows from them, damage that is noticed, races that have one winner."""

import dataclasses
import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset import commits
from pipeline.dataset.commits import (
    CHECKPOINT_EVERY,
    DatasetState,
    commit,
    next_manifest,
    raise_unless_comparable,
    raise_unless_writable,
    read_manifests,
    read_state,
    with_checkpoint,
)
from pipeline.dataset.errors import CommitConflict, DatasetError
from pipeline.dataset.layout import manifest_file, segment_file
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.manifests import Manifest, batch_name, done_unit, manifest_bytes, sealed
from pipeline.dataset.storage import Storage
from tests.pipeline.dataset.samples import SETTINGS, unit, write_file
from transforms.schemas import DatasetFile, Unit


def follow(storage: Storage, name: str, removed: tuple[str, ...] = ()) -> Manifest:
    """Commits one unit with one data file and one index segment."""
    state = read_state(storage)
    units = [unit(name, time=state.unit_time + 5)]
    batch = batch_name(state.parent, units, SETTINGS)
    added = [
        write_file(storage, f"articles/date=2024-05-01/part-{batch}-00000.parquet", b"rows", 3),
        write_file(storage, segment_file(state.sequence + 1, batch), b"keys", 3),
    ]
    manifest = next_manifest(state, batch, units, SETTINGS, 3, {"articles": 3}, added, removed)
    commit(storage, manifest)
    return manifest


def checkpoint(**values: list[Any]) -> dict[str, Any]:
    """A checkpoint as JSON, empty but for these values."""
    return {"files": [], "done": [], "tombstones": [], "pending": [], "settings": None} | values


@pytest.fixture
def disk(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path / "dataset"))


def test_nothing_committed_is_the_empty_state(storage: Storage) -> None:
    storage.write("articles/date=2024-05-01/part-x-00000.parquet", b"of nobody")
    assert read_state(storage) == DatasetState()


def test_a_state_is_what_its_manifests_add_up_to(storage: Storage) -> None:
    first = follow(storage, "a")
    replaced = f"articles/date=2024-05-01/part-{first.batch}-00000.parquet"
    second = follow(storage, "b", removed=(replaced,))
    state = read_state(storage)
    assert (state.sequence, state.rows, state.unit_count, state.unit_time) == (2, 6, 2, 10)
    assert state.parent == hashlib.sha256(storage.read(manifest_file(2))).hexdigest()
    assert [file.path for file in state.segments()] == [segment_file(1, first.batch), segment_file(2, second.batch)]
    assert [file.path for file in state.table("articles")] == [
        f"articles/date=2024-05-01/part-{second.batch}-00000.parquet"
    ]
    assert state.done == {done_unit(unit("a")), done_unit(unit("b"))}
    assert done_unit(unit("a", size=11)) not in state.done
    assert state.settings == SETTINGS
    assert [manifest.batch for manifest in read_manifests(storage)] == [first.batch, second.batch]
    assert list(read_manifests(storage, after=1)) == [second]


def test_files_that_no_manifest_names_do_not_exist(disk: LocalStorage) -> None:
    follow(disk, "a")
    before = read_state(disk)
    disk.write("articles/date=2024-05-01/part-0000-00000.parquet", b"left over")
    disk.write("_commits/.DS_Store", b"x")
    disk.write("_commits/000000000002.json~", b"x")
    disk.write("_commits/7.json", b"x")
    assert read_state(disk) == before


def test_a_manifest_is_canonical_json_with_a_checksum(disk: LocalStorage) -> None:
    manifest = follow(disk, "ä")
    data = disk.read(manifest_file(1))
    document = json.loads(data)
    assert data == manifest_bytes(manifest)
    assert data.endswith(b"}\n")
    assert data.count(b"\n") == 1
    assert list(document) == ["manifest", "sha256"]
    assert list(document["manifest"]) == sorted(field.name for field in dataclasses.fields(Manifest))
    assert document["manifest"]["parent"] is None
    assert document["manifest"]["fingerprint"] is None
    assert "ä".encode() in data


def test_names_that_are_no_text_survive(disk: LocalStorage) -> None:
    follow(disk, "bad-\udcff.html")
    assert read_state(disk).done == {done_unit(unit("bad-\udcff.html"))}


def test_every_so_many_manifests_carry_the_whole_state_and_earlier_ones_are_not_needed(disk: LocalStorage) -> None:
    for number in range(CHECKPOINT_EVERY + 2):
        follow(disk, f"unit {number}")
    state = read_state(disk)
    assert state.sequence == CHECKPOINT_EVERY + 2
    for sequence in range(1, CHECKPOINT_EVERY):
        disk.delete(manifest_file(sequence))
    assert read_state(disk) == state
    assert len(state.done) == CHECKPOINT_EVERY + 2


class Memory:
    """A storage in memory, as far as commits need it."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)

    location = "memory"

    def where(self, name: str) -> str:
        return name

    def files(self, folder: str = "") -> Any:
        return iter([])  # a listing may lag behind as far as it likes

    def size(self, name: str) -> int | None:
        return len(self.content[name]) if name in self.content else None

    def read(self, name: str) -> bytes:
        if name not in self.content:
            raise FileNotFoundError(name)
        return self.content[name]

    def create(self, name: str, data: bytes) -> None:
        assert name not in self.content
        self.content[name] = data


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(-5, 50)), max_size=12),
    st.integers(1, 5),
)
def test_the_state_is_the_same_with_and_without_checkpoints(steps: list[tuple[int, int, int]], every: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        states = []
        for gap in (10**6, every):
            patch.setattr(commits, "CHECKPOINT_EVERY", gap)
            storage: Any = Memory()
            live: list[str] = []
            checked = DatasetState()
            for step, (added, removed, time) in enumerate(steps):
                files = []
                for number in range(added):
                    table = ("articles", "_index", "links")[number % 3]
                    path = f"{table}/part-{hashlib.sha256(f'{step} {number}'.encode()).hexdigest()[:8]}.parquet"
                    storage.content[path] = b"x"
                    files.append(DatasetFile(table, path, 1, 1, "sha256:x"))
                gone = live[: min(removed, len(live))]
                live = [*live[len(gone) :], *(file.path for file in files)]
                units = [unit(f"unit {step}", time=time)] if time >= 0 else []
                commit(storage, next_manifest(checked, f"{step:016x}", units, {}, added, {}, files, gone))
                checked = read_state(storage)
            without_parent = dataclasses.replace(checked, parent=None)
            assert sorted(file.path for table in checked.files.values() for file in table) == sorted(live)
            states.append(without_parent)
        assert states[0] == states[1]


def rewrite(storage: Storage, sequence: int, change: Any) -> None:
    """Changes a manifest as a careful forger would: with a checksum that fits."""
    body = json.loads(storage.read(manifest_file(sequence)))["manifest"]
    change(body)
    storage.write(
        manifest_file(sequence),
        sealed(body),
    )


def test_a_newer_format_is_refused_by_name(disk: LocalStorage) -> None:
    follow(disk, "a")
    rewrite(disk, 1, lambda body: body.update(format=3, something="new"))
    with pytest.raises(
        DatasetError, match=r"000000000001.json: format 3; this release knows format 1 and 2. Install a newer"
    ):
        read_state(disk)


def test_another_canonicalisation_can_be_read_but_not_added_to(disk: LocalStorage) -> None:
    follow(disk, "a")
    rewrite(disk, 1, lambda body: body.update(canonicalisation=7))
    assert read_state(disk).rows == 3
    with pytest.raises(DatasetError, match=r"made by rule 7, this release makes them by rule 2.*can be queried"):
        raise_unless_writable(disk, read_state(disk))


@pytest.mark.parametrize(
    ("committed", "wanted", "says"),
    [
        (None, 106, r"has no fingerprints of texts.* Go on with --set dedupe.near.enabled=false, or make a new"),
        (106, None, r"further articles would lack. Go on with --set dedupe.near.enabled=true, or make a new"),
        (106, 105, r"rule 106, this run would make 105. Go on with the dedupe.near.shingle_words, and the release"),
    ],
)
def test_texts_that_could_not_be_compared_are_refused(
    committed: int | None, wanted: int | None, says: str, disk: LocalStorage
) -> None:
    follow(disk, "a")
    rewrite(disk, 1, lambda body: body.update(fingerprint=committed))
    state = read_state(disk)
    raise_unless_comparable(disk, state, committed)
    with pytest.raises(DatasetError, match=says):
        raise_unless_comparable(disk, state, wanted)


def test_anything_can_be_begun() -> None:
    raise_unless_comparable(LocalStorage("nowhere"), DatasetState(), 106)
    raise_unless_writable(LocalStorage("nowhere"), DatasetState())


def test_tombstones_add_up_until_they_are_erased(disk: LocalStorage) -> None:
    one, other = "1" * 32, "2" * 32
    state = read_state(disk)
    commit(disk, next_manifest(state, "x", (), {}, 0, {}, (), tombstones=(other, one)))
    state = read_state(disk)
    assert (state.tombstones, state.pending) == ({one, other}, {one, other})
    last = with_checkpoint(next_manifest(state, "y", (), {}, 0, {}, (), erased=(one,)), state)
    commit(disk, last)
    state = read_state(disk)
    assert (state.tombstones, state.pending) == ({one, other}, {other})
    assert last.checkpoint is not None
    assert (last.checkpoint.tombstones, last.checkpoint.pending) == ((one, other), (other,))


def test_the_settings_of_the_last_batch_outlive_what_is_done_to_the_dataset_later(disk: LocalStorage) -> None:
    follow(disk, "a")
    for _ in range(2):
        state = read_state(disk)
        commit(disk, with_checkpoint(next_manifest(state, "c", (), {"compact": {}}, 0, {}, ()), state))
    assert read_state(disk).settings == SETTINGS


def test_later_manifests_follow_the_fingerprint_of_the_first(disk: LocalStorage) -> None:
    commit(disk, next_manifest(read_state(disk), "x", (), {}, 0, {}, (), fingerprint=106))
    commit(disk, next_manifest(read_state(disk), "y", (), {}, 0, {}, ()))
    assert read_state(disk).fingerprint == 106


def test_a_gap_is_named(disk: LocalStorage) -> None:
    for name in "abc":
        follow(disk, name)
    disk.delete(manifest_file(2))
    with pytest.raises(DatasetError, match=r"000000000002.json: missing, though later manifests are there. Restore it"):
        read_state(disk)


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -2])
def test_a_truncated_manifest_is_named(cut: int, disk: LocalStorage) -> None:
    follow(disk, "a")
    follow(disk, "b")
    data = disk.read(manifest_file(2))
    disk.write(manifest_file(2), data[:cut])
    with pytest.raises(DatasetError, match=r"000000000002.json: damaged.* or, if there is none, delete it"):
        read_state(disk)


def test_a_value_that_was_edited_is_named(disk: LocalStorage) -> None:
    follow(disk, "a")
    disk.write(manifest_file(1), disk.read(manifest_file(1)).replace(b'"rows":3,"sequence"', b'"rows":4,"sequence"'))
    with pytest.raises(DatasetError, match="damaged or edited, its checksum does not fit"):
        read_state(disk)


def test_a_forged_predecessor_breaks_the_chain(disk: LocalStorage) -> None:
    follow(disk, "a")
    follow(disk, "b")
    rewrite(disk, 1, lambda body: body.update(rows=4))
    with pytest.raises(DatasetError, match=r"000000000001.json: is not the manifest that the next one builds upon"):
        read_state(disk)
    with pytest.raises(DatasetError, match=r"000000000001.json: is not the manifest that the next one builds upon"):
        list(read_manifests(disk))


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "links/../../x", "duplicates/x.parquet"])
def test_a_path_outside_its_table_is_refused(path: str, disk: LocalStorage) -> None:
    follow(disk, "a")
    rewrite(disk, 1, lambda body: body["added"][1].update(path=path))
    with pytest.raises(DatasetError, match="a path outside its table"):
        read_state(disk)


def test_a_path_that_would_be_two_lines_of_a_list_is_refused(disk: LocalStorage) -> None:
    follow(disk, "a")
    rewrite(disk, 1, lambda body: body["added"][1].update(path="articles/a\nb\x1b"))
    with pytest.raises(DatasetError, match=r"a path outside its table: articles/a\\nb\\x1b"):
        read_state(disk)


@pytest.mark.parametrize("value", ["abc", 10**30, -1, 1.5, None, True, [1]])
@pytest.mark.parametrize("name", ["rows", "unit_count", "sequence"])
def test_a_number_that_cannot_be_is_refused_by_name(name: str, value: object, disk: LocalStorage) -> None:
    follow(disk, "a")
    rewrite(disk, 1, lambda body: body.update({name: value}))
    with pytest.raises(DatasetError, match=rf"000000000001.json: not a manifest of format 2 \({name} is no count\)"):
        read_state(disk)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body: body.update(unit_time=10**30), "unit_time is no time"),
        (lambda body: body["units"][0].update(time=10**18), "units.time is no time"),
        (lambda body: body["units"][0].update(size="1"), "a unit without a name, size"),
        (lambda body: body["units"].append(7), "units is no object"),
        (lambda body: body.update(units={}), "units is no list"),
        (lambda body: body.update(settings=[1]), "settings is no object"),
        (lambda body: body.update(counts={"articles": "x"}), "counts.articles is no count"),
        (lambda body: body.update(parent=1), "parent is no text"),
        (lambda body: body["added"][0].update(bytes=-1), "added.bytes is no count"),
        (lambda body: body.update(removed=[1]), "removed is no text"),
        (lambda body: body.update(checkpoint={"files": []}), "checkpoint.done is missing"),
        (lambda body: body.update(checkpoint=checkpoint(done=[["a", 1]])), "a unit without a name, size"),
        (lambda body: body.update(checkpoint=checkpoint(pending=["a" * 31])), "checkpoint.pending has something that"),
        (lambda body: body.update(tombstones=["A" * 32]), "tombstones has something that is no id"),
        (lambda body: body.update({"more\x1b[31m": 1}), r"manifest.more\\x1b\[31m is unknown"),
        (lambda body: body.pop("rows"), "manifest.rows is missing"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(change: Any, message: str, disk: LocalStorage) -> None:
    follow(disk, "a")
    rewrite(disk, 1, change)
    with pytest.raises(DatasetError, match=message):
        read_state(disk)


@pytest.mark.parametrize(
    "data", [b"[" * 200_000, b'{"manifest": ' * 900 + b"}" * 900, b'{"manifest": {"format": 1, "x": NaN}}\n', b"\xff"]
)
def test_what_is_no_json_of_ours_is_a_damaged_manifest(data: bytes, disk: LocalStorage) -> None:
    follow(disk, "a")
    disk.write(manifest_file(1), data)
    with pytest.raises(DatasetError, match=r"000000000001.json: damaged"):
        read_state(disk)


def test_a_format_that_is_no_number_is_shown_without_its_control_characters(disk: LocalStorage) -> None:
    disk.write(manifest_file(1), b'{"manifest": {"format": "\\u001b]0;x\\u0007"}, "sha256": ""}\n')
    with pytest.raises(DatasetError, match=r"format \\x1b\]0;x\\x07; this release knows format 1"):
        read_state(disk)


def test_a_removal_of_what_is_not_there_is_refused(disk: LocalStorage) -> None:
    with pytest.raises(DatasetError, match="removes articles/x, which is not there"):
        follow(disk, "a", removed=("articles/x",))
        read_state(disk)


def test_a_commit_first_looks_for_its_files(storage: Storage) -> None:
    state = read_state(storage)
    there = write_file(storage, "links/part-1.parquet", b"rows")
    missing = DatasetFile("links", "links/part-2.parquet", 1, 4, "sha256:x")
    with pytest.raises(DatasetError, match=r"links/part-2.parquet: missing, so the batch was not committed"):
        commit(storage, next_manifest(state, "b", [], {}, 0, {}, [there, missing]))
    short = dataclasses.replace(there, bytes=5)
    with pytest.raises(DatasetError, match="4 bytes instead of 5"):
        commit(storage, next_manifest(state, "b", [], {}, 0, {}, [short]))
    assert read_state(storage) == DatasetState()


def test_the_loser_of_a_race_names_the_winner(storage: Storage) -> None:
    state = read_state(storage)
    winner = next_manifest(state, "winner", [unit("a")], {}, 1, {}, [])
    commit(storage, winner)
    commit(storage, winner)
    with pytest.raises(CommitConflict, match=r"batch winner was committed by another run while batch loser"):
        commit(storage, next_manifest(state, "loser", [unit("b")], {}, 1, {}, []))
    assert [manifest.batch for manifest in read_manifests(storage)] == ["winner"]


def test_of_many_writers_one_commits_each_number_and_no_batch_is_lost_or_doubled(storage: Storage) -> None:
    committed = []

    def write(writer: int) -> None:
        for number in range(3):
            name = f"{writer}-{number}"
            while True:
                state = read_state(storage)
                batch = batch_name(state.parent, [unit(name)], {})
                try:
                    commit(storage, next_manifest(state, batch, [unit(name)], {}, 1, {}, []))
                except CommitConflict:
                    continue
                committed.append(batch)
                break

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [manifest.batch for manifest in read_manifests(storage)]
    assert len(found) == 12
    assert sorted(found) == sorted(committed)
    assert read_state(storage).rows == 12


def test_the_name_of_a_batch_depends_on_what_it_is_and_not_on_where_it_lies() -> None:
    one = Unit(0, "a.xml", "/here/a.xml", 10, "sha256:1")
    moved = Unit(7, "a.xml", "/there/a.xml", 10, "sha256:1")
    other = Unit(0, "a.xml", "/here/a.xml", 10, "sha256:2")
    name = batch_name(None, [one], {"x": 1, "y": 2})
    assert len(name) == 16
    assert int(name, 16) >= 0
    assert batch_name(None, [moved], {"y": 2, "x": 1}) == name
    assert done_unit(moved) == done_unit(one) != done_unit(other)
    others = [
        batch_name("f" * 64, [one], {"x": 1, "y": 2}),
        batch_name(None, [other], {"x": 1, "y": 2}),
        batch_name(None, [one, other], {"x": 1, "y": 2}),
        batch_name(None, [one], {"x": 1}),
    ]
    assert len({name, *others}) == 5
