"""A damaged index is noticed and named by a run, and made again from the dataset, byte for byte."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.compact import compact
from pipeline.dataset.commits import commit, next_manifest, read_state
from pipeline.dataset.errors import DatasetError, DatasetLocked
from pipeline.dataset.index import Index
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.lock import dataset_lock
from pipeline.dataset.rebuild import rebuild_index
from pipeline.dataset.removal import remove_articles
from pipeline.dataset.segments import entries_of, table_of, write_segment
from pipeline.dataset.stores import open_storage
from pipeline.dataset.tables import ARTICLES
from tests.datasets import ROOT, beamwire, digests, run
from tests.pipeline.dataset.samples import write_file
from transforms.schemas import DatasetFile

FEED = "https://wire.example/feed.json"


def words(seed: object, count: int = 120) -> str:
    """A text like no other."""
    draw = random.Random(repr(seed))
    return " ".join(f"{draw.choice('bdfgklmnprst')}{draw.choice('aeiou')}{draw.randrange(9999)}" for _ in range(count))


def item(number: int, **values: Any) -> dict[str, Any]:
    """An entry of a feed with link, guid and text of its own."""
    made = {
        "id": f"guid-{number}",
        "url": f"https://wire.example/{number}",
        "title": f"Story number {number} of the wire",
        "content_text": words(number),
        "date_published": f"2026-03-{1 + number % 28:02d}T10:00:00Z",
    }
    return {name: value for name, value in (made | values).items() if value is not None}


def write_inputs(folder: Path) -> None:
    """Ten polls of a feed that does all a feed can do, and a file that is read in slices."""
    folder.mkdir()
    near = " ".join([*words(3).split()[:100], words("another end", 10)])
    polls: dict[str, list[dict[str, Any]]] = {
        "01": [item(number) for number in range(12)],
        "02": [item(1), item(2, content_text=words(2) + " corrected")],  # nothing, a revision
        "03": [
            item(20, content_text=words(3)),
            item(21, content_text=near),
            item(22, id=None, content_text=words(4)),
            item(23, url=None),
        ],
        "04": [item(5, id="guid-5-again"), item(6, url="https://wire.example/6-moved")],  # aliases
        "05": [item(20, id="guid-3", content_text=words(3))],  # the keys of two ids, which are alike
        "07": [item(30), item(31, title=None), item(32, title=None, content_text=None), item(33, url=None, id=None)],
        "08": [item(21, content_text=words("its own story"))],  # leaves its cluster and founds one
        "09": [item(40, date_published=None), item(41, content_text=f"Grüße, 北京 und “Zürich”. {words(41)}")],
        "10": [item(1, id="guid-1-last")],
    }
    for name, items in polls.items():
        write_feed(folder / f"{name}.json", items)
    write_feed(folder / "06.json", [item(30, content_text=None, summary=words(30, 40))], feed=None)  # an excerpt
    lines = (json.dumps(item(number)) for number in range(60, 100))
    (folder / "11.jsonl").write_text("\n".join(lines), encoding="utf-8")


def write_feed(path: Path, items: list[dict[str, Any]], feed: str | None = FEED) -> None:
    document = {"version": "https://jsonfeed.org/version/1.1", "title": "Wire", "items": items}
    path.write_text(json.dumps(document | ({"feed_url": feed} if feed else {})), encoding="utf-8")


MANY_BATCHES = ("--set", "batch.max_mebibytes=0.000001", "--set", "source.slice_mebibytes=0.02")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wire") / "inputs"
    write_inputs(folder)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, inputs: Path) -> Path:
    """A dataset of many batches."""
    output = tmp_path_factory.mktemp("made") / "dataset"
    run(output, inputs, *MANY_BATCHES)
    return output


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """The same dataset, to change."""
    return shutil.copytree(made, tmp_path / "dataset")


def live(dataset: Path) -> tuple[DatasetFile, ...]:
    return read_state(LocalStorage(str(dataset))).segments()


def rebuild(dataset: Path) -> tuple[bool, list[str]]:
    """Whether the index is whole at last, and what was said."""
    lines: list[str] = []
    return rebuild_index(LocalStorage(str(dataset)), lines.append, lines.append), lines


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


HARMS = pytest.mark.parametrize("harm", [delete, truncate, flip_a_bit])


def test_the_dataset_holds_what_an_index_can_hold(made: Path) -> None:
    segments = live(made)
    first_sequences = [int(segment.path.split("-")[1]) for segment in segments]
    assert first_sequences == [1, 9, 10, 11, 12]  # the first eight are merged
    entries = pa.concat_tables(entries_of(LocalStorage(str(made)), segments))
    assert Counter(entries["kind"].to_pylist()) == {0: 65, 1: 4, 2: 1}
    assert Counter(entries["excerpt"].to_pylist()) == {None: 5, False: 64, True: 1}
    assert Counter(entries["revision"].to_pylist()) == {None: 5, 1: 62, 2: 3}
    clusters = zip(
        entries["kind"].to_pylist(), entries["number"].to_pylist(), entries["cluster"].to_pylist(), strict=True
    )
    assert sum(kind == 0 and number != cluster for kind, number, cluster in clusters) == 5


def test_an_intact_index_is_left_alone(copied: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("*") if path.is_file()}
    assert rebuild(copied) == (
        True,
        ["Nothing to do: the index is intact, all 5 of its segments are what was committed."],
    )
    assert {path: path.stat().st_mtime_ns for path in copied.rglob("*") if path.is_file()} == before


@HARMS
@pytest.mark.parametrize("number", range(5))
def test_a_segment_is_rebuilt_byte_for_byte(copied: Path, number: int, harm: Callable[[Path], None]) -> None:
    before = digests(copied)
    segment = live(copied)[number]
    harm(copied / segment.path)
    is_whole, lines = rebuild(copied)
    assert digests(copied) == before
    what = "missing" if harm is delete else "damaged"
    assert is_whole
    assert lines[number] == f"{segment.path}: {what}, rebuilt with {segment.rows} entries"
    assert [line.endswith(": intact") for line in lines] == [at != number for at in range(5)]


def test_a_whole_index_is_rebuilt_byte_for_byte(copied: Path) -> None:
    before = digests(copied)
    shutil.rmtree(copied / "_index")
    assert rebuild(copied)[0]
    assert digests(copied) == before


def test_so_is_one_in_a_bucket(made: Path, gcs_bucket: str) -> None:
    location = f"gs://{gcs_bucket}/dataset"
    storage = open_storage(location)
    for path in made.rglob("*.*"):
        if path.is_file():
            storage.write(path.relative_to(made).as_posix(), path.read_bytes())
    first, second, *_ = live(made)
    storage.delete(first.path)
    storage.write(second.path, b"damaged")
    assert rebuild_index(storage, lambda _: None, lambda _: None)
    assert [storage.read(one.path) for one in (first, second)] == [
        (made / one.path).read_bytes() for one in (first, second)
    ]


def test_so_is_one_of_many_units_a_batch_and_without_fingerprints(inputs: Path, tmp_path: Path) -> None:
    run(tmp_path / "dataset", inputs, "--set", "dedupe.near.enabled=false")
    before = digests(tmp_path / "dataset")
    shutil.rmtree(tmp_path / "dataset" / "_index")
    assert rebuild(tmp_path / "dataset")[0]
    assert digests(tmp_path / "dataset") == before


def test_so_is_a_segment_that_was_merged_by_a_compaction(copied: Path) -> None:
    storage, segments = LocalStorage(str(copied)), live(copied)
    path = "_index/segment-000000000001-compacted.parquet"
    whole = write_segment(storage, path, entries_of(storage, segments), 106)
    change(copied, [whole], segments)
    before = digests(copied)
    delete(copied / path)
    assert rebuild(copied)[0]
    assert digests(copied) == before


def test_rows_that_were_erased_have_kept_their_entries(copied: Path) -> None:
    """As a compaction leaves it: the founder of a cluster is gone, with all that tells of it."""
    storage = LocalStorage(str(copied))
    articles = read_state(storage).table("articles")
    founder = next(row["id"] for file in articles for row in rows_of(copied, file) if row["url"] == item(3)["url"])
    entries = Index(storage, live(copied)).find("id", [bytes.fromhex(founder)])
    (old,) = (file for file in articles if founder in [row["id"] for row in rows_of(copied, file)])
    kept = pa.Table.from_pylist([row for row in rows_of(copied, old) if row["id"] != founder], schema=ARTICLES)
    new = write_file(storage, "articles/date=2026-03-04/part-erased-00000.parquet", parquet(kept), kept.num_rows)
    erased = write_segment(storage, "_removed/part-000000000014-erased-00000.parquet", [table_of(entries)], 106)
    change(copied, [new, erased], [old])
    before = digests(copied)
    shutil.rmtree(copied / "_index")
    assert rebuild(copied)[0]
    assert digests(copied) == before


def test_an_index_is_made_again_after_articles_were_removed_and_files_merged(copied: Path, tmp_path: Path) -> None:
    """Entries of links that are gone keep their places among the others, though all these have one number."""
    storage = LocalStorage(str(copied))
    (tmp_path / "more").mkdir()
    for poll, number in enumerate((6, 20, 7)):
        remove_articles(storage, [id_of(copied, item(number)["url"])], fail)
        compact(storage, [], fail)
        assert made_again(copied)
        moved = [item(it, url=f"https://wire.example/{it}-moved-{poll}") for it in (7, 8)]
        write_feed(tmp_path / "more" / f"{poll}.json", moved)
        run(copied, tmp_path / "more")
        assert made_again(copied)
    erased = [row for file in read_state(storage).table("_removed") for row in rows_of(copied, file)]
    assert [(row["kind"], row["cluster"]) for row in erased if row["kind"]] == [(1, 1), (2, 2), (1, 3), (1, 5), (1, 7)]
    told = pa.concat_tables(entries_of(storage, live(copied)))
    assert told.num_rows == 65 + 5 + 6  # the removed article came again by another URL, which is known now


def test_what_is_kept_of_erased_rows_is_checked_and_nothing_else_tells_it(copied: Path) -> None:
    storage = LocalStorage(str(copied))
    remove_articles(storage, [id_of(copied, item(6)["url"])], fail)
    compact(storage, [], fail)
    kept = read_state(storage).table("_removed")[0].path
    (copied / kept).write_bytes(b"PAR1")
    said: list[str] = []
    assert not rebuild_index(storage, said.append, fail)
    assert said[0] == f"{kept}: damaged, and nothing else tells it. Restore it from a copy of the dataset."


def id_of(dataset: Path, url: str) -> str:
    state = read_state(LocalStorage(str(dataset)))
    files = [*state.table("articles"), *state.table("duplicates")]
    return next(str(row["id"]) for file in files for row in rows_of(dataset, file) if row["url"] == url)


def made_again(dataset: Path) -> bool:
    before = digests(dataset)
    shutil.rmtree(dataset / "_index")
    return rebuild(dataset)[0] and digests(dataset) == before


def fail(line: str) -> None:
    raise AssertionError(line)


def change(dataset: Path, added: Sequence[DatasetFile], removed: Sequence[DatasetFile]) -> None:
    """Commits files in place of others, and deletes those."""
    storage = LocalStorage(str(dataset))
    state = read_state(storage)
    paths = [file.path for file in removed]
    commit(storage, next_manifest(state, "change", [], {"compact": True}, 0, {}, added, paths))
    for path in paths:
        storage.delete(path)


def rows_of(dataset: Path, file: DatasetFile) -> list[dict[str, Any]]:
    return list(pq.read_table(pa.BufferReader((dataset / file.path).read_bytes())).to_pylist())


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


# What cannot be made again


def test_what_would_be_other_than_committed_is_refused(copied: Path) -> None:
    storage = LocalStorage(str(copied))
    old = read_state(storage).table("articles")[0]
    edited = pa.Table.from_pylist([row | {"title": "Edited"} for row in rows_of(copied, old)], schema=ARTICLES)
    change(copied, [write_file(storage, f"{old.path}.edited", parquet(edited), old.rows)], [old])
    shutil.rmtree(copied / "_index")
    is_whole, lines = rebuild(copied)
    assert not is_whole
    refused = [line for line in lines if "not rebuilt" in line]
    assert 0 < len(refused) < 5
    assert refused[0].endswith(
        ": missing, not rebuilt: the tables give other bytes than were committed. Use the releases of beamwire and "
        "pyarrow that wrote it (`versions` in runs), or restore it from a copy of the dataset."
    )
    there = [segment.path for segment in live(copied) if (copied / segment.path).exists()]
    assert there == [line.partition(":")[0] for line in lines if "rebuilt with" in line]


def test_rows_and_founders_that_are_gone_are_missed(copied: Path) -> None:
    storage = LocalStorage(str(copied))
    change(copied, [], read_state(storage).table("revisions"))
    shutil.rmtree(copied / "_index")
    assert ": missing, not rebuilt: the tables give 25 of its 27 entries." in rebuild(copied)[1][0]
    change(copied, [], read_state(storage).table("articles"))
    assert ": missing, not rebuilt: articles lacks 2 of 2 founders of clusters." in rebuild(copied)[1][0]


@HARMS
def test_a_damaged_data_file_is_named(copied: Path, harm: Callable[[Path], None]) -> None:
    file = read_state(LocalStorage(str(copied))).table("duplicates")[0]
    harm(copied / file.path)
    delete(copied / live(copied)[0].path)
    is_whole, lines = rebuild(copied)
    assert not is_whole
    assert f"missing, not rebuilt: {copied / file.path}: " in lines[0]
    assert lines[0].endswith("Restore it from a copy of the dataset.")
    assert all(line.endswith(": intact") for line in lines[1:])


def test_fingerprints_of_another_release_are_refused(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    delete(copied / live(copied)[0].path)
    monkeypatch.setattr("transforms.text.fingerprints.ALGORITHM", 2)
    assert (
        "its fingerprints of texts are of rule 106, unknown to this release. Use the one that made them."
        in (rebuild(copied)[1][0])
    )


def test_a_dataset_of_another_format_is_refused(tmp_path: Path) -> None:
    old = shutil.copytree(ROOT / "tests" / "golden" / "release-0.1", tmp_path / "dataset")
    with pytest.raises(DatasetError, match=r"of format 1, made by release 0\.1"):
        rebuild(old)


def test_where_no_dataset_is_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere: no dataset there, nothing is committed"):
        rebuild(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_the_dataset_is_locked_meanwhile(copied: Path) -> None:
    with (
        dataset_lock(LocalStorage(str(copied)), lambda _: None),
        pytest.raises(DatasetLocked, match="is working on it"),
    ):
        rebuild(copied)


# The command


@HARMS
def test_a_run_names_the_damaged_segment_and_the_command_mends_it(
    copied: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    before = digests(copied)
    what = "missing" if harm is delete else "damaged"
    segment = copied / live(copied)[0].path
    harm(segment)
    write_feed(tmp_path / "new.json", [item(1, content_text=words("new"))])
    refused = beamwire("run", tmp_path / "new.json", "--output", copied, "--set", "enrich.enabled=false", expect=1)
    assert f"beamwire: {segment}: {what}" in refused.stderr
    assert f". Rebuild it: beamwire index rebuild {copied}\n" in refused.stderr
    mended = beamwire("index", "rebuild", copied)
    assert f"{segment.relative_to(copied)}: {what}, rebuilt with 27 entries\n" in mended.stdout
    assert digests(copied, without=("runs", "_staging")) == before


def test_the_command_fails_where_a_segment_cannot_be_rebuilt(copied: Path) -> None:
    delete(copied / read_state(LocalStorage(str(copied))).table("links")[0].path)
    delete(copied / live(copied)[0].path)
    assert "not rebuilt" in beamwire("index", "rebuild", copied, expect=1).stdout


def test_the_command_says_what_is_no_dataset(tmp_path: Path) -> None:
    done = beamwire("index", "rebuild", tmp_path, expect=2)
    assert (done.stdout, done.stderr) == (
        "",
        f"beamwire: {tmp_path}: no dataset there, nothing is committed. Check the path.\n",
    )
