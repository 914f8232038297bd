"""The flow on an object store: inputs, staging, index, commits and output at gs://."""

from pathlib import Path

import pytest

from pipeline.dataset.stores import open_storage
from tests.datasets import SEEDS, all_rows, beamwire, run

GOOD = SEEDS / "good"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of the samples on disk."""
    output = tmp_path_factory.mktemp("local") / "dataset"
    run(output, GOOD / "feeds", GOOD / "records")
    return output


def upload(folder: Path, location: str) -> None:
    """Copies the files below a folder to a place."""
    storage = open_storage(location)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            storage.write(path.relative_to(folder).as_posix(), path.read_bytes())


def test_a_dataset_at_gs_holds_the_bytes_of_a_local_one(local: Path, gcs_bucket: str) -> None:
    output = f"gs://{gcs_bucket}/news"
    run(output, GOOD / "feeds", GOOD / "records")
    storage = open_storage(output)
    remote = {file.name: storage.read(file.name) for file in storage.files() if not file.name.startswith("runs/")}
    assert remote == {
        path.relative_to(local).as_posix(): path.read_bytes()
        for path in local.rglob("*")
        if path.is_file() and path.parent.name != "runs"
    }


def test_inputs_at_gs_give_the_rows_of_local_ones(local: Path, gcs_bucket: str, tmp_path: Path) -> None:
    upload(GOOD / "feeds", f"gs://{gcs_bucket}/in/feeds")
    upload(GOOD / "records", f"gs://{gcs_bucket}/in/records")
    run(tmp_path / "dataset", f"gs://{gcs_bucket}/in/feeds", f"gs://{gcs_bucket}/in/records/*")
    assert all_rows(tmp_path / "dataset") == all_rows(local)


def test_a_dataset_at_gs_is_queried_and_listed_where_it_is(gcs_bucket: str) -> None:
    output = f"gs://{gcs_bucket}/queried"
    run(output, GOOD / "feeds")
    done = beamwire("query", output, "SELECT count(*) AS stories FROM stories", "--format", "csv")
    assert done.stdout == "stories\n15\n"
    listed = beamwire("files", output, "articles").stdout.splitlines()
    assert listed == sorted(listed)
    assert {line.startswith(f"{output}/articles/date=") for line in listed} == {True}


def test_the_same_command_on_a_dataset_at_gs_adds_nothing(gcs_bucket: str) -> None:
    output = f"gs://{gcs_bucket}/again"
    run(output, GOOD / "feeds")
    done = run(output, GOOD / "feeds")
    assert done.stdout.startswith("Nothing to do: every input is committed already.")
