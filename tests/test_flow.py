"""The whole flow over `seeds/`: golden rows, and what must not change them."""

import json
import re
import shutil
from pathlib import Path

import apache_beam as beam
import pytest

from pipeline.config import Config
from pipeline.dataset.stores import open_storage
from pipeline.flow import build
from tests.batches import batch_after
from tests.datasets import ROOT, SEEDS, all_rows, digests, rows, run
from tests.golden import GOLDEN, golden_rows
from transforms.enrich import find_model
from transforms.schemas import Unit

GOOD, BAD = SEEDS / "good", SEEDS / "bad"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of a run over all seeds, with entities."""
    output = tmp_path_factory.mktemp("seeded") / "dataset"
    run(output, GOOD, BAD, entities=True)
    return output


@pytest.mark.parametrize("table", sorted(GOLDEN))
def test_the_seeds_give_the_golden_rows(seeded: Path, table: str) -> None:
    expected = [json.loads(line) for line in GOLDEN[table].read_text(encoding="utf-8").splitlines()]
    assert golden_rows(seeded, table) == expected


def test_worker_processes_give_the_same_bytes_as_one_process(seeded: Path, tmp_path: Path) -> None:
    run(
        tmp_path / "dataset",
        GOOD,
        BAD,
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
        entities=True,
    )
    assert digests(tmp_path / "dataset") == digests(seeded)


def test_the_same_command_again_changes_no_byte_outside_runs(seeded: Path, tmp_path: Path) -> None:
    output = tmp_path / "dataset"
    shutil.copytree(seeded, output)
    before = digests(output)
    done = run(output, GOOD, BAD, entities=True)
    assert digests(output) == before
    assert len(list((output / "runs").iterdir())) == 2
    assert done.stdout.startswith("Nothing to do: every input is committed already.")


def test_a_finished_run_leaves_nothing_but_the_dataset(seeded: Path) -> None:
    assert sorted(path.name for path in seeded.iterdir()) == [
        "_commits",
        "_index",
        "articles",
        "dead_letters",
        "duplicates",
        "links",
        "revisions",
        "runs",
    ]


def test_every_file_of_a_finished_run_is_named_by_a_manifest(seeded: Path) -> None:
    manifest = json.loads((seeded / "_commits" / "000000000001.json").read_text(encoding="utf-8"))["manifest"]
    named = {file["path"]: file["checksum"].removeprefix("sha256:") for file in manifest["added"]}
    assert digests(seeded, without=("runs", "_commits")) == named


def test_the_same_inputs_in_the_same_order_in_three_runs_give_the_same_rows_as_in_one(tmp_path: Path) -> None:
    folders = [GOOD / "feeds", GOOD / "records", BAD]
    run(tmp_path / "one", *folders)
    for folder in folders:
        run(tmp_path / "three", folder)
    assert all_rows(tmp_path / "three") == all_rows(tmp_path / "one")


def test_where_a_run_is_cut_into_batches_changes_no_row(tmp_path: Path) -> None:
    run(tmp_path / "one", GOOD, BAD)
    run(tmp_path / "many", GOOD, BAD, "--set", "batch.max_mebibytes=0.004", "--set", "batch.block_rows=2")
    assert len(list((tmp_path / "many" / "_commits").iterdir())) > 5
    assert all_rows(tmp_path / "many") == all_rows(tmp_path / "one")


def test_where_the_folder_lies_and_the_order_in_which_it_is_listed_change_no_byte(tmp_path: Path) -> None:
    run(tmp_path / "here", GOOD)
    moved = tmp_path / "some where" / "else"
    for source in sorted(GOOD.rglob("*"), reverse=True):  # created in reverse, so most file systems list it otherwise
        target = moved / source.relative_to(GOOD)
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    run(tmp_path / "there", moved)
    assert digests(tmp_path / "there") == digests(tmp_path / "here")


def test_a_run_with_further_inputs_adds_their_rows_and_leaves_every_file_as_it_was(tmp_path: Path) -> None:
    output = tmp_path / "dataset"
    run(output, GOOD / "feeds")
    before = digests(output)
    run(output, GOOD / "feeds", GOOD / "records")
    after = digests(output)
    assert {name: after[name] for name in before} == before
    assert len(after) > len(before)


def test_without_entities_their_column_is_null(tmp_path: Path) -> None:
    run(tmp_path / "dataset", GOOD / "text")
    assert {row["entities"] is None for row in rows(tmp_path / "dataset", "articles")} == {True}


def test_entities_stand_where_they_say(seeded: Path) -> None:
    found = [(row["text"], one) for row in rows(seeded, "articles") for one in row["entities"] or ()]
    assert len(found) > 100
    assert [one for text, one in found if text[one["start"] : one["end"]] != one["text"]] == []


def test_the_count_of_articles_is_the_number_of_clusters(seeded: Path) -> None:
    every = [row for table in ("articles", "duplicates", "revisions") for row in rows(seeded, table)]
    founders = [row["id"] for row in rows(seeded, "articles")]
    assert sorted(founders) == sorted({row["cluster_id"] for row in every})
    assert sorted(row["arrival"] for row in every) == list(range(len(every)))


def test_the_labels_of_the_graph_are_stable(tmp_path: Path) -> None:
    root = beam.Pipeline()
    units = [Unit(0, "a.txt", "a.txt", 1, "sha256:0")]
    build(root, Config(), batch_after(open_storage(str(tmp_path)), "name"), units, find_model(None))
    beams = re.compile(r"(Units|CountDocuments|DeadLetters)/|.*/.*/")  # what Beam or a helper names
    labels = [label for label in sorted(root.applied_labels) if not beams.match(label)]
    assert labels == (ROOT / "tests" / "golden" / "labels.txt").read_text(encoding="utf-8").splitlines()
