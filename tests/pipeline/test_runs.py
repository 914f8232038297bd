"""The row of a run, batch by batch."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.batch import RunSoFar
from pipeline.dataset.commits import DatasetState, next_manifest
from pipeline.dataset.manifests import Manifest
from pipeline.dataset.stores import open_storage
from pipeline.meter import StepCost
from pipeline.sinks.runs import after_batch, handed_on, nothing_done, read_run, with_costs, write_run
from tests.datasets import run
from tests.kills import BATCH_MEBIBYTES, write_corpus
from tests.pipeline.dataset.samples import unit
from transforms.schemas import DatasetFile

RUN = RunSoFar("20240501T000000.000000Z", 1_000_000, "DirectRunner", "{}", (("beamwire", "0.2"),), last=False)
COUNTS = {
    "documents": 30,
    "parsed": 20,
    "articles": 15,
    "unchanged": 5,
    "dead_letters:Parse:malformed_record": 9,
    "dead_letters:Normalize:malformed_entry": 2,
}


def manifest(enriched: bool = True) -> Manifest:
    """A batch of 15 rows in two files."""
    files = [
        DatasetFile("articles", "articles/date=2024-05-01/part-a-00000.parquet", 15, 400, "sha256:a"),
        DatasetFile("dead_letters", "dead_letters/part-000000000001-a-00000.parquet", 11, 100, "sha256:b"),
    ]
    settings = {"enrich": {"enabled": enriched}}
    return next_manifest(DatasetState(), "a" * 16, [unit("a")], settings, 15, COUNTS, files)


def steps_of(one: RunSoFar) -> dict[str, dict[str, Any]]:
    return {step["step"]: step for step in one.row["steps"]}


def test_each_step_hands_on_what_its_name_says() -> None:
    assert handed_on(manifest()) == {
        "Read": 30,
        "Parse": 22,
        "Normalize": 20,
        "Stage": 20,
        "Deduplicate": 15,
        "Enrich": 15,
        "Write": 15,
        "Commit": 2,
    }
    assert "Enrich" not in handed_on(manifest(enriched=False))


def test_counts_and_seconds_of_batches_are_added_and_of_peaks_the_greatest_counts() -> None:
    first = with_costs(
        after_batch(RUN, manifest(), 2_000_000), {"Parse": StepCost(1.5, 70), "Commit": StepCost(0.25, 90)}
    )
    second = with_costs(
        after_batch(first, manifest(), 3_000_000), {"Parse": StepCost(2.0, 60), "Stage": StepCost(None, 5)}
    )
    steps = steps_of(second)
    assert list(steps) == ["Read", "Parse", "Normalize", "Stage", "Deduplicate", "Enrich", "Write", "Commit"]
    assert steps["Parse"] == {"step": "Parse", "elements": 44, "seconds": 3.5, "peak_bytes": 70}
    assert steps["Commit"] == {"step": "Commit", "elements": 4, "seconds": 0.25, "peak_bytes": 90}
    assert steps["Stage"] == {"step": "Stage", "elements": 40, "seconds": None, "peak_bytes": 5}


def test_where_nobody_measures_steps_have_their_counts() -> None:
    assert {(it["seconds"], it["peak_bytes"]) for it in after_batch(RUN, manifest(), 2_000_000).row["steps"]} == {
        (None, None)
    }


def test_a_row_is_read_as_it_was_written(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    one = with_costs(after_batch(RUN, manifest(), 2_000_000), {"Parse": StepCost(1.5, 70)})
    write_run(storage, one)
    again = read_run(storage, RUN)
    assert after_batch(again, manifest(), 3_000_000).row | {"versions": None} == (
        after_batch(one, manifest(), 3_000_000).row | {"versions": None}
    )


def test_a_run_that_found_nothing_to_do_has_no_steps() -> None:
    assert nothing_done(RUN, 2_000_000).row["steps"] == []


@pytest.mark.parametrize("workers", [(), ("--direct_num_workers=2",)], ids=["one-process", "workers"])
def test_a_run_writes_what_its_steps_handed_on(tmp_path: Path, workers: tuple[str, ...]) -> None:
    output = tmp_path / "dataset"
    write_corpus(tmp_path / "corpus")
    run(output, tmp_path / "corpus", *workers, "--set", f"batch.max_mebibytes={BATCH_MEBIBYTES}")
    (path,) = (output / "runs").iterdir()
    row = read_run(open_storage(str(output)), RunSoFar(path.stem.removeprefix("run-"), 0, "", "", ())).row
    elements = {step["step"]: step["elements"] for step in row["steps"]}
    rows = row["articles"] + row["duplicates"] + row["revisions"]
    refused = sum(it["count"] for it in row["dead_letters"] if it["step"] == "Normalize")
    assert len(row["batches"]) == refused == 3
    assert {it for it in elements.items() if it[0] != "Commit"} == {
        ("Read", row["documents"]),
        ("Parse", row["parsed"] + refused),
        ("Normalize", row["parsed"]),
        ("Stage", row["parsed"]),
        ("Deduplicate", rows),
        ("Write", rows),
    }
