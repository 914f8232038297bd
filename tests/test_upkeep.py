"""`beamwire compact` and `beamwire remove` as people type them, on disk and on an object store."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import compact as compaction
from pipeline.cli import main
from pipeline.compact import CompactionFailed, compact
from pipeline.dataset.commits import read_state
from pipeline.dataset.layout import data_file
from pipeline.dataset.lock import dataset_lock
from pipeline.dataset.removal import remove_articles
from pipeline.dataset.storage import Storage, StorageError
from pipeline.dataset.stores import open_storage
from tests.datasets import all_rows, beamwire, digests, rows, run
from tests.test_flow_gcs import upload

WORDS = "the river rose in the night and took the bridge with it while nobody was there to see how it went".split()


def story(number: int, **values: str) -> dict[str, str]:
    """A story like no other."""
    text = " ".join(f"{word}{number}" for word in WORDS * 3)
    made = {
        "url": f"https://wire.example/story/{number}",
        "title": f"Story number {number} of the wire",
        "text": text,
        "published": f"2024-05-0{1 + number % 3}T08:00:00Z",
    }
    return made | values


def copy_of(number: int, place: int) -> dict[str, str]:
    """The same text at another place."""
    return story(number, url=f"https://copy{place}.example/{number}", published=f"2024-05-0{4 + place}T08:00:00Z")


POLLS: tuple[list[dict[str, str]], ...] = (
    [story(number) for number in range(6)],
    [copy_of(0, 1), copy_of(1, 1), story(2, text=story(2)["text"] + " corrected")],
    [copy_of(0, 2), story(7), story(8)],
    [story(0, text=story(0)["text"] + " with more of it"), story(9)],
)
BROKEN = '{"url": "https://wire.example/story/0", "title": "cut'


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    for number, stories in enumerate(POLLS):
        lines = [json.dumps(it) for it in stories] + ([BROKEN] if number == 2 else [])
        (folder / f"{number}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def made(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of the inputs, a batch each."""
    output = tmp_path_factory.mktemp("made") / "dataset"
    run(output, inputs, "--set", "batch.max_mebibytes=0.000001")
    return output


@pytest.fixture
def dataset(made: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(made, tmp_path / "dataset")


def id_of(dataset: Path, url: str) -> str:
    (found,) = {row["id"] for table in ("articles", "duplicates") for row in rows(dataset, table) if row["url"] == url}
    return str(found)


def test_files_and_segments_become_few_and_rows_stay_what_they_are(dataset: Path) -> None:
    before = all_rows(dataset)
    done = beamwire("compact", dataset)
    assert done.stdout == "6 files became 3\n4 index segments became 1\n"
    assert done.stderr == ""
    assert all_rows(dataset) == before
    assert beamwire("compact", dataset).stdout == "nothing to merge\n"


def test_what_comes_after_is_what_would_have_come_without_it(inputs: Path, made: Path, tmp_path: Path) -> None:
    output = tmp_path / "dataset"
    for number in range(len(POLLS)):
        run(output, inputs / f"{number}.jsonl")
        beamwire("compact", output)
    assert all_rows(output) == all_rows(made)
    done = run(output, inputs)
    assert done.stdout.startswith("Nothing to do: every input is committed already.")


def test_a_removed_article_is_hidden_at_once_refused_when_it_comes_again_and_erased_in_time(
    dataset: Path, inputs: Path, tmp_path: Path
) -> None:
    gone = id_of(dataset, story(0)["url"])
    done = beamwire("remove", dataset, "--id", gone)
    still = f"1 removed article is still in the files until: beamwire compact {dataset}\n"
    assert done.stdout == f"removed: 1 article\n{still}"
    shown = "SELECT id, first_url FROM stories WHERE cluster_id = '{}'"
    heir = id_of(dataset, copy_of(0, 1)["url"])
    csv = beamwire("query", dataset, shown.format(gone), "--format", "csv").stdout
    assert csv == f"id,first_url\n{heir},{copy_of(0, 1)['url']}\n"

    (tmp_path / "again.jsonl").write_text(json.dumps(story(0, text=story(0)["text"] + " once more")), encoding="utf-8")
    assert "removed" in run(dataset, tmp_path / "again.jsonl").stdout
    assert read_state(open_storage(str(dataset))).rows == 14

    assert beamwire("files", dataset).stderr == f"beamwire: {still}"
    done = beamwire("compact", dataset)
    assert done.stdout.splitlines()[-1] == "1 removed article erased"
    assert beamwire("query", dataset, shown.format(gone), "--format", "csv").stdout == csv
    assert beamwire("files", dataset).stderr == ""
    (leader,) = [row for row in rows(dataset, "articles") if row["cluster_id"] == gone]
    assert (leader["id"], leader["date"]) == (heir, "2024-05-05")
    assert [row["payload"] for row in rows(dataset, "dead_letters")] == [b""]
    assert "with more of it" not in " ".join(everything_written(dataset))
    assert story(0)["url"] not in " ".join(everything_written(dataset))


def everything_written(dataset: Path) -> Iterator[str]:
    """The values of every Parquet file below the root, but for those of `runs`."""
    for path in dataset.rglob("*.parquet"):
        if path.parent.name != "runs":
            yield repr(pq.read_table(pa.BufferReader(path.read_bytes())).to_pylist())


def test_ids_may_stand_in_a_file(dataset: Path, tmp_path: Path) -> None:
    ids = [id_of(dataset, story(number)["url"]) for number in (3, 4)]
    (tmp_path / "ids.txt").write_text(f"\n{ids[0]}\n  {ids[1].upper()}\n", encoding="utf-8")
    done = beamwire("remove", dataset, "--ids", tmp_path / "ids.txt")
    assert done.stdout.splitlines()[0] == "removed: 2 articles"
    done = beamwire("remove", dataset, "--id", ids[0], "--id", id_of(dataset, story(5)["url"]))
    assert done.stdout.splitlines()[:2] == ["removed: 1 article", "removed before: 1 article"]


# What is refused


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("remove", "DIR"), ": nothing to remove: name --id ID or --ids FILE\n"),
        (("remove", "DIR", "--id", "12"), ": not an id: 12. An id has 32 hex digits, see the column `id`.\n"),
        (("remove", "DIR", "--id", "e" * 32), f": DIR: no article has the id {'e' * 32}. Nothing was removed.\n"),
        (("remove", "DIR/no", "--id", "e" * 32), ": DIR/no: no dataset there, nothing is committed. Check the path.\n"),
        (("compact", "DIR/no"), ": DIR/no: no dataset there, nothing is committed. Check the path.\n"),
        (("compact", "DIR", "--set", "x=1"), ": --set x=1: compact takes settings of `write` only, as in "),
        (("compact", "DIR", "--grace", "-1"), " compact: argument --grace: invalid number value: '-1'\n"),
        (("compact", "DIR", "--grace", "inf"), " compact: argument --grace: invalid number value: 'inf'\n"),
        (("compact",), " compact: the following arguments are required: DIR\n"),
    ],
)
def test_mistakes_are_named_and_nothing_is_changed(
    words: tuple[str, ...], refusal: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(dataset)
    try:
        code = main([word.replace("DIR", str(dataset)) for word in words])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    said = capsys.readouterr().err.replace(str(dataset), "DIR")
    assert said.startswith(f"beamwire{refusal}")
    assert digests(dataset) == before


@pytest.mark.parametrize("words", [("compact",), ("remove", "--id", "e" * 32)])
def test_a_dataset_on_which_a_run_works_is_left_alone(
    words: tuple[str, ...], dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with dataset_lock(open_storage(str(dataset)), print):
        assert main([words[0], str(dataset), *words[1:]]) == 2
    assert f"locked, process {os.getpid()}" in capsys.readouterr().err


def test_a_damaged_file_is_to_be_mended_first(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = dataset / read_state(open_storage(str(dataset))).table("articles")[0].path
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    assert main(["compact", str(dataset)]) == 2
    assert capsys.readouterr().err == (
        f"beamwire: {path}: damaged (its checksum is not the one that was committed). "
        "Restore it from a copy of the dataset.\n"
    )


def test_where_the_storage_fails_the_same_command_goes_on(
    dataset: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("the disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(compaction, "commit", refuse)
        assert main(["compact", str(dataset)]) == 1
    assert capsys.readouterr().err == (
        "beamwire: the disk is full.\nNothing is lost: run the same command again, it does the rest.\n"
    )
    assert main(["compact", str(dataset)]) == 0


# On an object store


@pytest.fixture
def store(made: Path, gcs_bucket: str) -> Storage:
    """The dataset at gs://."""
    upload(made, f"gs://{gcs_bucket}/news")
    return open_storage(f"gs://{gcs_bucket}/news")


def test_a_dataset_at_gs_is_compacted_to_the_bytes_of_a_local_one(dataset: Path, store: Storage) -> None:
    gone = id_of(dataset, story(0)["url"])
    for place in (str(dataset), store.location):
        assert main(["remove", place, "--id", gone]) == 0
        assert main(["compact", place]) == 0
    remote = {it.name: store.read(it.name) for it in store.files() if not it.name.startswith("runs/")}
    assert remote == {name: (dataset / name).read_bytes() for name in digests(dataset)}


def test_a_compaction_that_loses_against_another_commit_loses_nothing(store: Storage) -> None:
    gone = json.loads(beamwire("query", store.location, "FROM articles LIMIT 1", "--format", "jsonl").stdout)["id"]
    commit = compaction.commit

    def commit_after_another(storage: Storage, *manifest: object) -> None:
        remove_articles(open_storage(storage.location), [gone], print)
        commit(storage, *manifest)  # type: ignore[arg-type]

    before = {it.name for it in store.files()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "commit", commit_after_another)
        with pytest.raises(CompactionFailed, match="was committed by another run while batch"):
            compact(store, [], print)
    assert before < {it.name for it in store.files()}
    compact(store, [], print, abandoned_days=0)
    state = read_state(store)
    live = {file.path for files in state.files.values() for file in files}
    assert {it.name for it in store.files() if not it.name.startswith(("_commits/", "runs/"))} == live
    assert state.pending == frozenset()


def test_a_compaction_whose_files_another_one_has_deleted_says_so(store: Storage) -> None:
    plan = compaction.plan_erasure

    def plan_after_another(*state: object) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compaction, "plan_erasure", plan)
            compact(open_storage(store.location), [], print)
        return plan(*state)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "plan_erasure", plan_after_another)
        with pytest.raises(CompactionFailed) as failed:
            compact(store, [], print)
    _, more = str(failed.value).splitlines()
    assert more == (
        "Another run has committed manifest 5 meanwhile. Nothing is lost: run the same command again, it does the rest."
    )
    compact(store, [], print)


def test_files_of_a_batch_that_is_being_made_are_left_alone(store: Storage) -> None:
    young = data_file("articles", "2024-05-01", "f" * 16, 0)
    store.write(young, b"not committed yet")
    compact(store, [], print)
    assert store.size(young) == 17
    assert compact(store, [], print, abandoned_days=0).swept == 1


@pytest.mark.parametrize("cut", [(), ("--set", "batch.max_mebibytes=0.00001")], ids=["one batch", "two batches"])
def test_a_removed_article_is_refused_by_further_keys_and_they_are_erased_with_what_quotes_them(
    cut: tuple[str, ...], tmp_path: Path
) -> None:
    feed = {"guid": "urn:story-0001", "feed_url": "https://wire.example/feed"}
    moved = story(0, url="https://wire.example/moved/0", text=story(0)["text"] + " more", **feed)
    broken = '{"url": "https://wire.example/moved/0", "text": "of the removed story'
    polls = ([json.dumps(story(0)), json.dumps(story(1))], [json.dumps(story(0, **feed))], [json.dumps(moved), broken])
    for number, lines in enumerate(polls):
        (tmp_path / f"{number}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    dataset = tmp_path / "dataset"
    run(dataset, tmp_path / "0.jsonl")
    beamwire("remove", dataset, "--id", id_of(dataset, story(0)["url"]))
    beamwire("compact", dataset)
    run(dataset, tmp_path / "1.jsonl", tmp_path / "2.jsonl", *cut)
    assert [row["url"] for row in rows(dataset, "articles")] == [story(1)["url"]]
    assert rows(dataset, "duplicates") == rows(dataset, "revisions") == []
    counted = "SELECT count(*) AS links FROM links"
    assert beamwire("query", dataset, counted, "--format", "csv").stdout == "links\n0\n"
    beamwire("compact", dataset)
    assert [row["payload"] for row in rows(dataset, "dead_letters")] == [b""]
    assert rows(dataset, "links") == []
    shutil.rmtree(dataset / "_index")
    beamwire("index", "rebuild", dataset)
    (tmp_path / "3.jsonl").write_text(json.dumps(story(5, guid=feed["guid"], feed_url=feed["feed_url"])), "utf-8")
    assert "removed" in run(dataset, tmp_path / "3.jsonl").stdout
