"""Compaction: fewer files with the same rows, whatever interrupts it, and nothing left of what was removed."""

import io
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.compact import compact, file_settings
from pipeline.config_file import ConfigError
from pipeline.dataset.commits import DatasetState, commit, next_manifest, read_manifests, read_state
from pipeline.dataset.errors import DatasetError, DatasetLocked
from pipeline.dataset.index import Index
from pipeline.dataset.layout import LOCK, data_file, flat_file, manifest_file
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.lock import dataset_lock
from pipeline.dataset.query import query
from pipeline.dataset.removal import remove_articles
from pipeline.dataset.storage import Listed, Storage
from tests.datasets import digests
from tests.gcs_emulator import gcs_bucket, gcs_emulator
from tests.pipeline.dataset.samples import parquet, unit, write_file
from tests.pipeline.dataset.wires import (
    Wire,
    commit_wire,
    everything,
    expected_rows,
    expected_stories,
    make_wire,
    seen_rows,
    seen_stories,
    sql,
    stray_files,
)

__all__ = ["gcs_bucket", "gcs_emulator"]

DAY = "2024-05-01"
NAME = "0" * 16


def silent(text: str) -> None:
    raise AssertionError(text)


def paths(storage: Storage, table: str) -> list[str]:
    return [file.path for file in read_state(storage).table(table)]


@pytest.fixture(scope="module")
def wire() -> Wire:
    return make_wire(seed=1, batches=6, rows=9)


@pytest.fixture(scope="module")
def made(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of the wire."""
    root = tmp_path_factory.mktemp("made") / "dataset"
    commit_wire(LocalStorage(str(root)), wire)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return shutil.copytree(made, tmp_path / "dataset")


@pytest.fixture
def disk(root: Path) -> LocalStorage:
    return LocalStorage(str(root))


# What it does


def test_small_files_of_a_partition_become_one_and_rows_stay_what_they_are(wire: Wire, disk: LocalStorage) -> None:
    before = everything(disk.root)
    done = compact(disk, [], silent)
    assert everything(disk.root) == before
    assert seen_rows(disk.root) == expected_rows(wire)
    assert seen_stories(disk.root) == expected_stories(wire)
    for table in ("articles", "duplicates", "revisions"):
        partitions = [path.split("/")[1] for path in paths(disk, table)]
        assert partitions == ["date=2024-05-01", "date=2024-05-02", "date=2024-05-03"]
    assert len(paths(disk, "links")) == len(paths(disk, "dead_letters")) == 1
    assert stray_files(disk) == []
    assert (done.files[1], done.segments) == (11, (6, 1))
    assert str(done) == f"{done.files[0]} files became 11\n6 index segments became 1"


def test_a_merged_file_holds_the_bytes_that_one_batch_would_have_written(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path / "a"))
    rows = [{"id": f"{n:032x}", "revision": 1, "arrival": n, "text": f"text {n}"} for n in range(9)]
    commit_files(disk, [("articles", rows[4:]), ("articles", rows[:4])])
    compact(disk, [], silent)
    one = LocalStorage(str(tmp_path / "b"))
    commit_files(one, [("articles", rows[1:]), ("articles", rows[:1])])
    compact(one, [], silent)
    (merged,), (other,) = paths(disk, "articles"), paths(one, "articles")
    assert disk.read(merged) == one.read(other)


def commit_files(storage: Storage, files: list[tuple[str, list[dict[str, Any]]]], **write: Any) -> None:
    """Commits a file after the other, a batch each."""
    for table, rows in files:
        state = read_state(storage)
        name = f"{state.sequence:016x}"
        file = write_file(storage, data_file(table, DAY, name, 0), parquet(table, rows), len(rows))
        made = {"write": write}
        commit(storage, next_manifest(state, name, [unit(name)], made, len(rows), {}, [file]))


def test_what_it_writes_is_a_function_of_what_is_committed(made: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        compact(LocalStorage(str(shutil.copytree(made, tmp_path / name))), [], silent)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_the_second_time_there_is_nothing_to_do(disk: LocalStorage) -> None:
    compact(disk, [], silent)
    before = digests(Path(disk.root))
    done = compact(disk, [], silent)
    assert (done.files, done.erased, done.swept, done.is_committed) == ((0, 0), 0, 0, False)
    assert str(done) == "nothing to merge"
    assert digests(Path(disk.root)) == before


def test_it_leaves_the_whole_state_in_one_manifest(disk: LocalStorage) -> None:
    compact(disk, [], silent)
    state = read_state(disk)
    *_, last = read_manifests(disk)
    assert last.units == ()
    assert last.checkpoint is not None
    for sequence in range(1, state.sequence):
        disk.delete(manifest_file(sequence))
    assert read_state(disk) == state


def test_it_does_so_where_nothing_can_be_merged(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    commit_files(disk, [("articles", [{"id": "a" * 32, "arrival": 0}])])
    done = compact(disk, [], silent)
    assert (done.files, done.is_committed) == ((0, 0), True)
    assert str(done) == "nothing to merge; the state is in one manifest now"
    assert compact(disk, [], silent).is_committed is False


def test_further_batches_build_upon_it(wire: Wire, tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    for batches in (slice(0, 3), slice(3, None)):
        commit_wire(disk, part_of(wire, batches), wire)
        compact(disk, [], silent)
    assert seen_rows(disk.root) == expected_rows(wire)
    assert seen_stories(disk.root) == expected_stories(wire)
    assert read_state(disk).rows == len(wire.all_rows)


def test_links_and_dead_letters_stay_in_the_order_of_arrival(wire: Wire, disk: LocalStorage) -> None:
    compact(disk, ["write.max_file_rows=13"], silent)  # four batches of three links, six of two dead letters
    kept = [row for file in paths(disk, "links") for row in rows_of(disk, file)]
    assert [row["arrival"] for row in kept] == [row["arrival"] for links in wire.links for row in links]
    assert [path.split("-")[1] for path in paths(disk, "links")] == ["000000000001", "000000000005"]
    kept = [row for file in paths(disk, "dead_letters") for row in rows_of(disk, file)]
    assert [row["payload"] for row in kept] == [row["payload"] for letters in wire.letters for row in letters]
    assert len(paths(disk, "dead_letters")) == 1


def rows_of(storage: Storage, path: str) -> list[dict[str, Any]]:
    with storage.open(path) as file:
        return pq.read_table(file).to_pylist()  # type: ignore[no-any-return]


def test_what_a_killed_run_has_staged_is_gone(disk: LocalStorage) -> None:
    disk.write("_staging/0123456789abcdef/block", b"texts")
    compact(disk, [], silent)
    assert list(disk.files("_staging")) == []


def test_whoever_asks_meanwhile_sees_every_row_once(wire: Wire, tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    commit_wire(disk, part_of(wire, slice(0, 1)), wire)

    def go_on() -> None:
        for batch in range(1, len(wire.rows)):
            commit_wire(disk, part_of(wire, slice(batch, batch + 1)), wire)
            compact(disk, [], silent)

    writer = threading.Thread(target=go_on)
    writer.start()
    answers = []
    while not answers or writer.is_alive():
        out = io.BytesIO()
        asked = "SELECT count(*) AS rows, count(DISTINCT arrival) AS numbers, max(arrival) AS last FROM all_articles"
        query(disk.root, asked, "jsonl", out)
        answers.append(json.loads(out.getvalue()))
    writer.join()
    assert {answer["rows"] for answer in answers} <= {9, 18, 27, 36, 45, 54}
    assert [answer for answer in answers if not answer["rows"] == answer["numbers"] == answer["last"] + 1] == []
    assert seen_rows(disk.root) == expected_rows(wire)


def part_of(wire: Wire, batches: slice) -> Wire:
    return Wire(wire.rows[batches], wire.links[batches], wire.letters[batches])


# How large files get


def test_a_file_holds_no_more_rows_than_it_may(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    commit_files(disk, [("articles", articles(number * 10, 4)) for number in range(7)])
    compact(disk, ["write.max_file_rows=17"], silent)
    assert [file.rows for file in read_state(disk).table("articles")] == [16, 12]
    assert [path.rpartition("-")[2] for path in paths(disk, "articles")] == ["00000.parquet", "00001.parquet"]


def articles(first: int, count: int, text: str = "") -> list[dict[str, Any]]:
    return [
        {"id": f"{number:032x}", "arrival": number, "cluster_id": f"{number:032x}", "text": text or f"text {number}"}
        for number in range(first, first + count)
    ]


def test_a_file_with_a_quarter_of_the_rows_is_left_as_it_is(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    commit_files(disk, [("articles", articles(number * 10, rows)) for number, rows in enumerate((4, 5, 4))])
    large = [file.path for file in read_state(disk).table("articles") if file.rows == 5]
    compact(disk, ["write.max_file_rows=20"], silent)
    assert sorted(file.rows for file in read_state(disk).table("articles")) == [5, 8]
    assert set(large) <= set(paths(disk, "articles"))


def test_text_counts_in_full_also_where_a_file_stores_it_once(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    copies = [articles(number * 10, 3, text=f"{number}" * 100_000) for number in range(5)]
    commit_files(disk, [("articles", rows) for rows in copies])
    compact(disk, ["write.max_file_mebibytes=1"], silent)
    assert sorted(file.rows for file in read_state(disk).table("articles")) == [6, 9]


def test_a_file_with_a_quarter_of_the_text_is_left_as_it_is(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    texts = [300_000, 200_000, 100]
    commit_files(disk, [("articles", articles(number, 1, text="x" * size)) for number, size in enumerate(texts)])
    compact(disk, ["write.max_file_mebibytes=1"], silent)
    assert sorted(file.rows for file in read_state(disk).table("articles")) == [1, 2]


def test_a_large_file_of_dead_letters_stays_between_what_came_before_and_after(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    for batch, sizes in enumerate(([9], [9], [300_000, 9], [9], [9])):
        state = read_state(disk)
        name = f"{batch:016x}"
        files = []
        for shard, size in enumerate(sizes):
            path = flat_file("dead_letters", state.sequence + 1, name, shard)
            data = parquet("dead_letters", [{"payload": b"x" * size, "detail": f"{batch}-{shard}"}])
            files.append(write_file(disk, path, data))
        commit(disk, next_manifest(state, name, [unit(name)], {}, 0, {}, files))
    compact(disk, ["write.max_file_mebibytes=1"], silent)
    found = [[row["detail"] for row in rows_of(disk, path)] for path in paths(disk, "dead_letters")]
    assert found == [["0-0", "1-0"], ["2-0"], ["2-1"], ["3-0", "4-0"]]


def test_settings_are_those_of_the_last_batch_but_for_what_is_set() -> None:
    written = {"write": {"max_file_rows": 7, "compression_level": 9, "unknown": 1}}
    found = file_settings(DatasetState(settings=written), ["write.compression_level=5"])
    assert (found.max_rows, found.max_bytes, found.parquet.compression_level) == (7, 64 << 20, 5)
    assert file_settings(DatasetState(settings={"write": 3}), []).max_rows == 50_000


@pytest.mark.parametrize(
    ("setting", "refusal"),
    [
        ("enrich.enabled=false", "--set enrich.enabled=false: compact takes settings of `write` only"),
        ("write.max_rows=3", "there is no setting write.max_rows; did you mean write.max_file_rows?"),
        ("write.max_file_rows=0", "write.max_file_rows takes at least 1, not 0"),
    ],
)
def test_other_settings_are_refused_before_anything_is_done(setting: str, refusal: str, disk: LocalStorage) -> None:
    before = digests(Path(disk.root))
    with pytest.raises(ConfigError, match=refusal):
        compact(disk, [setting], silent)
    assert digests(Path(disk.root)) == before


# What it refuses


def test_a_damaged_file_is_named_and_nothing_is_committed(disk: LocalStorage) -> None:
    path = paths(disk, "revisions")[0]
    data = bytearray(disk.read(path))
    data[20] ^= 1
    disk.write(path, bytes(data))
    with pytest.raises(DatasetError, match=rf"{path}: damaged \(its checksum is not the one that was committed\)"):
        compact(disk, [], silent)
    assert read_state(disk).sequence == 6


def test_a_missing_file_is_named(disk: LocalStorage) -> None:
    path = paths(disk, "links")[0]
    disk.delete(path)
    with pytest.raises(DatasetError, match=f"{path}: missing, though a manifest names it"):
        compact(disk, [], silent)


def test_a_column_of_a_later_release_is_not_lost(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    commit_files(disk, [("articles", articles(0, 1))])
    state = read_state(disk)
    later = pq.read_table(pa.BufferReader(parquet("articles", articles(1, 1)))).append_column("later", pa.array([1]))
    sink = pa.BufferOutputStream()
    pq.write_table(later, sink)
    file = write_file(disk, data_file("articles", DAY, "f" * 16, 0), bytes(sink.getvalue()))
    commit(disk, next_manifest(state, "f" * 16, [unit("f")], {}, 1, {}, [file]))
    with pytest.raises(DatasetError, match=f"{file.path}: has a column later, which this release does not know"):
        compact(disk, [], silent)


def test_a_column_that_an_earlier_release_did_not_have_is_null(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    commit_files(disk, [("articles", articles(0, 1))])
    state = read_state(disk)
    sink = pa.BufferOutputStream()
    pq.write_table(pq.read_table(pa.BufferReader(parquet("articles", articles(1, 1)))).drop(["excerpt"]), sink)
    file = write_file(disk, data_file("articles", DAY, "f" * 16, 0), bytes(sink.getvalue()))
    commit(disk, next_manifest(state, "f" * 16, [unit("f")], {}, 1, {}, [file]))
    compact(disk, [], silent)
    (path,) = paths(disk, "articles")
    assert [(row["arrival"], row["excerpt"]) for row in rows_of(disk, path)] == [(0, None), (1, None)]


def test_a_name_that_no_run_gives_is_refused(tmp_path: Path) -> None:
    disk = LocalStorage(str(tmp_path))
    file = write_file(disk, "links/mine.parquet", parquet("links", []), 0)
    commit(disk, next_manifest(read_state(disk), "b", [unit("a")], {}, 0, {}, [file]))
    with pytest.raises(DatasetError, match=r"links/mine\.parquet: a manifest names it, but no run of ours"):
        compact(disk, [], silent)


def test_a_place_without_a_dataset_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no dataset there, nothing is committed"):
        compact(LocalStorage(str(tmp_path / "none")), [], silent)
    assert not (tmp_path / "none").exists()


def test_it_waits_for_nobody_who_holds_the_lock(disk: LocalStorage) -> None:
    with dataset_lock(disk, silent), pytest.raises(DatasetLocked, match="is working on it"):
        compact(disk, [], silent)
    assert read_state(disk).sequence == 6


def test_replaced_files_stay_for_the_grace(disk: LocalStorage) -> None:
    replaced = paths(disk, "links")
    waited: list[tuple[float, bool]] = []
    compact(
        disk,
        [],
        silent,
        grace_seconds=30,
        wait=lambda seconds: waited.append((seconds, all(disk.size(path) is not None for path in replaced))),
    )
    assert waited == [(30, True)]
    assert [disk.size(path) for path in replaced] == [None] * 6


# Removed articles


def test_what_was_removed_is_gone_from_the_files_and_views_stay_what_they_were(wire: Wire, disk: LocalStorage) -> None:
    founders = sorted({row["cluster_id"] for row in wire.all_rows if row["table"] == "duplicates"})
    others = sorted(row["id"] for row in wire.all_rows if row["table"] == "revisions")
    gone = {founders[0], founders[1], others[-1]}
    remove_articles(disk, sorted(gone), silent)
    before = everything(disk.root)
    assert seen_rows(disk.root) == expected_rows(wire, gone)
    assert seen_stories(disk.root) == expected_stories(wire, gone)
    done = compact(disk, [], silent)
    after = everything(disk.root)
    letters = before.pop("dead_letters"), after.pop("dead_letters")
    assert after == before
    assert len(letters[0]) == len(letters[1])
    assert done.erased == 3
    state = read_state(disk)
    assert (state.tombstones, state.pending) == (gone, frozenset())
    assert stray_files(disk) == []
    texts = {row["text"] for row in wire.all_rows if row["id"] in gone}
    assert texts.isdisjoint(texts_of(disk))


def texts_of(storage: Storage) -> Iterator[str]:
    for table in ("articles", "duplicates", "revisions"):
        for path in paths(storage, table):
            yield from (row["text"] for row in rows_of(storage, path))


def test_the_row_that_leads_a_cluster_moves_within_its_partition(wire: Wire, disk: LocalStorage) -> None:
    founder, first, second = first_rows_of_a_cluster(wire)
    remove_articles(disk, [founder["id"]], silent)
    compact(disk, [], silent)
    assert placed(disk, founder["cluster_id"])[0] == ("articles", first["day"], first["arrival"])
    remove_articles(disk, [first["id"]], silent)
    assert seen_rows(disk.root) == expected_rows(wire, {founder["id"], first["id"]})
    compact(disk, [], silent)
    assert placed(disk, founder["cluster_id"])[0] == ("articles", second["day"], second["arrival"])
    leader = next(row for path in paths(disk, "articles") for row in rows_of(disk, path) if row["id"] == second["id"])
    assert (leader["cluster_id"], leader["duplicate_of"]) == (founder["id"], founder["id"])


def first_rows_of_a_cluster(wire: Wire, articles: int = 3) -> list[dict[str, Any]]:
    """The first rows of so many articles that repeat one another."""
    for cluster in sorted({row["cluster_id"] for row in wire.all_rows}):
        rows = [row for row in wire.all_rows if row["cluster_id"] == cluster]
        firsts = [row for at, row in enumerate(rows) if row["id"] not in {it["id"] for it in rows[:at]}]
        if len(firsts) >= articles:
            return firsts[:articles]
    raise AssertionError("no such cluster")


def placed(storage: Storage, cluster: str) -> list[tuple[str, str, int]]:
    """Where the rows of a cluster stand: table, day and number, in order of arrival."""
    found = [
        (table, path.split("/")[1].removeprefix("date="), row["arrival"])
        for table in ("articles", "duplicates", "revisions")
        for path in paths(storage, table)
        for row in rows_of(storage, path)
        if row["cluster_id"] == cluster
    ]
    return sorted(found, key=lambda place: place[2])


def test_a_cluster_of_removed_articles_is_gone(wire: Wire, disk: LocalStorage) -> None:
    cluster = first_rows_of_a_cluster(wire)[0]["cluster_id"]
    gone = {row["id"] for row in wire.all_rows if row["cluster_id"] == cluster}
    remove_articles(disk, sorted(gone), silent)
    compact(disk, [], silent)
    assert placed(disk, cluster) == []
    assert seen_rows(disk.root) == expected_rows(wire, gone)


def test_large_files_are_written_anew_without_what_was_removed(wire: Wire, disk: LocalStorage) -> None:
    gone = first_rows_of_a_cluster(wire)[0]["id"]
    remove_articles(disk, [gone], silent)
    done = compact(disk, ["write.max_file_rows=1"], silent)
    changed = {(row["day"], row["arrival"] // 9) for row in wire.all_rows if row["id"] == gone}
    assert 0 < len(changed) <= done.files[1] < done.files[0] + 2
    assert seen_rows(disk.root) == expected_rows(wire, {gone})
    assert gone not in {row["id"] for path in paths(disk, "articles") for row in rows_of(disk, path)}


def test_dead_letters_that_quote_a_removed_article_lose_their_payload(wire: Wire, disk: LocalStorage) -> None:
    quoted = [letters[0]["payload"].decode() for letters in wire.letters]
    gone = next(row for row in reversed(wire.all_rows) if row["url"] in quoted[2])
    remove_articles(disk, [gone["id"]], silent)
    compact(disk, [], silent)
    found = [row for path in paths(disk, "dead_letters") for row in rows_of(disk, path)]
    erased = [row for row in found if row["payload"] == b""]
    assert [row["source"] for row in erased] == [
        f"{batch}.xml" for batch, payload in enumerate(quoted) if f"/{int(gone['id'], 16)}/" in payload
    ]
    assert {row["detail"] for row in erased} == {"the payload was erased with an article that was removed"}
    assert {row["payload_bytes"] for row in erased} == {len(quoted[2])}
    assert len(found) == 12


def test_dead_letters_that_hold_a_removed_text_lose_their_payload(tmp_path: Path) -> None:
    """As where the entities of an article without URL and guid could not be found."""
    wire = make_wire(seed=1, batches=1, rows=1)
    (row,), (letter, _) = wire.rows[0], wire.letters[0]
    row |= {"url": None, "guid": None, "text": "“Nobody was there to see it”, said Zoë. " * 9}
    texts = [row["text"].encode(), row["text"].encode()[:101], b"nothing of anybody, in so many words"]
    wire.letters[0] = [letter | {"entry": at, "payload": text, "detail": ""} for at, text in enumerate(texts)]
    disk = LocalStorage(str(tmp_path))
    commit_wire(disk, wire)
    remove_articles(disk, [row["id"]], silent)
    compact(disk, [], silent)
    (path,) = paths(disk, "dead_letters")
    assert [row["payload"] for row in rows_of(disk, path)] == [b"", b"", texts[2]]


def test_the_index_entries_of_removed_articles_are_kept(wire: Wire, disk: LocalStorage) -> None:
    link = next(links[1] for links in wire.links if links[1]["id"] != links[1]["other_id"])
    gone = link["other_id"]
    before = Index(disk, read_state(disk).segments()).find("id", [bytes.fromhex(gone)])
    remove_articles(disk, [gone], silent)
    compact(disk, [], silent)
    state = read_state(disk)
    (kept,) = state.table("_removed")
    assert kept.path == f"_removed/part-000000000008-{batch(disk)}-00000.parquet"
    rows = [entry for entry in before if entry.kind == 0]
    assert Index(disk, (kept,)).find("id", [bytes.fromhex(gone)])[: len(rows)] == rows
    notes = [(it["kind"], it["id"], it.get("other_id")) for links in wire.links for it in links[:2]]
    found = [row for row in rows_of(disk, kept.path) if row["kind"]]
    assert [(row["other_id"] and row["other_id"].hex(), row["cluster"]) for row in found] == [
        (other, place) for place, (_, name, other) in enumerate(notes) if gone in (name, other)
    ]


def batch(storage: Storage) -> str:
    *_, last = read_manifests(storage)
    return last.batch


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 8), st.data())
def test_rows_are_what_they_were_however_often_articles_are_removed_and_files_merged(
    tmp_path_factory: pytest.TempPathFactory, seed: int, batches: int, size: int, data: st.DataObject
) -> None:
    wire = make_wire(seed, batches, size)
    disk = LocalStorage(str(tmp_path_factory.mktemp("removed")))
    commit_wire(disk, wire)
    ids = sorted({row["id"] for row in wire.all_rows})
    gone: set[str] = set()
    for _ in range(3):
        some = data.draw(st.sets(st.sampled_from(ids), max_size=4))
        if some:
            remove_articles(disk, sorted(some), silent)
        gone |= some
        if data.draw(st.booleans()):
            compact(disk, [f"write.max_file_rows={data.draw(st.sampled_from([1, 9, 30, 1000]))}"], silent)
            assert stray_files(disk) == []
        assert seen_rows(disk.root) == expected_rows(wire, gone)
        assert seen_stories(disk.root) == expected_stories(wire, gone)
        links = [row for some_links in wire.links for row in some_links]
        left = [row for row in links if gone.isdisjoint({row["id"], row.get("other_id")})]
        found = sql(disk.root, "SELECT kind, id, other_id, arrival FROM links")
        assert sorted(found, key=repr) == sorted(
            ((row["kind"], row["id"], row.get("other_id"), row["arrival"]) for row in left), key=repr
        )


# Whatever interrupts it


class Killed(BaseException):
    """What nothing in the program expects."""


@dataclass
class Fuse:
    """Burns for so many operations of a storage, and keeps their names."""

    left: int = 1 << 30
    burnt: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def burn(self, operation: str) -> None:
        with self.lock:
            self.burnt.append(operation)
            if len(self.burnt) > self.left:
                raise Killed


@dataclass(frozen=True)
class Fused(LocalStorage):
    """A disk that fails at one of its operations, before or after it has done it, and at all that follow."""

    fuse: Fuse = field(default_factory=Fuse, compare=False)
    is_done_first: bool = False

    def _do(self, operation: str, *arguments: Any) -> Any:
        done = getattr(LocalStorage, operation)(self, *arguments) if self.is_done_first else None
        self.fuse.burn(operation)
        return done if self.is_done_first else getattr(LocalStorage, operation)(self, *arguments)

    def files(self, folder: str = "") -> Iterator[Listed]:
        return iter(self._do("files", folder))

    def size(self, name: str) -> int | None:
        return cast("int | None", self._do("size", name))

    def open(self, name: str) -> BinaryIO:
        return cast("BinaryIO", self._do("open", name))

    def read(self, name: str) -> bytes:
        return cast("bytes", self._do("read", name))

    def write(self, name: str, data: bytes | memoryview, durable: bool = True, trailer: bytes = b"") -> None:
        self._do("write", name, data, durable, trailer)

    def create(self, name: str, data: bytes) -> None:
        self._do("create", name, data)

    def delete(self, name: str) -> None:
        self._do("delete", name)

    def delete_folder(self, folder: str) -> None:
        self._do("delete_folder", folder)

    def delete_leftovers(self) -> int:
        return cast("int", self._do("delete_leftovers"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset out of which an article was removed, with what a killed run has left."""
    wire = make_wire(seed=5, batches=2, rows=5)
    disk = LocalStorage(str(tmp_path_factory.mktemp("small") / "dataset"))
    commit_wire(disk, wire)
    remove_articles(disk, [first_rows_of_a_cluster(wire, 2)[0]["id"]], silent)
    disk.write(data_file("articles", DAY, NAME, 0), b"left over")
    return Path(disk.root)


@pytest.fixture(scope="module")
def undisturbed(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The same after a compaction that nothing disturbs, and the operations that it is made of."""
    root = shutil.copytree(small, tmp_path_factory.mktemp("undisturbed") / "dataset")
    fuse = Fuse()
    compact(Fused(str(root), fuse), [], silent)
    assert stray_files(LocalStorage(str(root))) == []
    return root, fuse.burnt


CHANGES = ("write", "create", "delete", "delete_folder", "delete_leftovers")


@pytest.mark.parametrize("is_done_first", [False, True])
def test_killed_at_any_operation_it_loses_nothing_and_does_the_rest_when_it_is_run_again(
    is_done_first: bool, small: Path, undisturbed: tuple[Path, list[str]], tmp_path: Path
) -> None:
    finished, operations = undisturbed
    rows = {False: everything(str(finished)), True: everything(str(small))}
    assert rows[False] | {"dead_letters": []} == rows[True] | {"dead_letters": []}
    for number, operation in enumerate(operations):
        if is_done_first and operation not in CHANGES:
            continue
        root = shutil.copytree(small, tmp_path / str(number))
        with pytest.raises(Killed):
            compact(Fused(str(root), Fuse(number), is_done_first), [], silent)
        disk = LocalStorage(str(root))
        disk.delete(LOCK)  # its process is gone
        if operation in CHANGES:
            assert everything(str(root)) == rows[bool(read_state(disk).pending)]
        compact(disk, [], silent)
        assert digests(root) == digests(finished), (number, operation)
