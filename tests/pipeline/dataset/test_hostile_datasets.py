"""A dataset that somebody else wrote into: refused by name, in words that a terminal survives, at the command line."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.cli import main
from pipeline.dataset.layout import manifest_file
from tests.datasets import beamwire

FLAGS = ("--set", "enrich.enabled=false", "--quiet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with inputs and the dataset of the first of them."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "inputs").mkdir()
    (folder / "inputs" / "a.jsonl").write_text('{"url": "https://a.example/1", "title": "One", "text": "some text"}\n')
    beamwire("run", folder / "inputs", "--output", folder / "dataset", *FLAGS)
    (folder / "inputs" / "b.jsonl").write_text(
        '{"url": "https://a.example/1", "title": "One", "text": "other text", "date": "2020-01-01"}\n'
    )
    return folder


@pytest.fixture
def inputs(made: Path) -> Path:
    return made / "inputs"


@pytest.fixture
def dataset(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to write into."""
    yield shutil.copytree(made / "dataset", tmp_path / "dataset")


@pytest.mark.parametrize(
    "manifest",
    [b"[" * 200_000, b'{"manifest": {"format": "\\u001b]0;x\\u0007"}, "sha256": ""}\n'],
    ids=["deep", "escapes"],
)
@pytest.mark.parametrize("command", ["query", "files"])
def test_a_hostile_manifest_is_refused_without_control_characters(
    command: str, manifest: bytes, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / manifest_file(1)).write_bytes(manifest)
    assert main([command, str(dataset)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"beamwire: {dataset / manifest_file(1)}: ")
    assert said.removesuffix("\n").isprintable()


def test_a_message_of_sql_carries_no_control_characters(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", str(dataset), "SELECT CAST(chr(27) || title AS INT) FROM articles"]) == 2
    assert r"'\x1bOne'" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["emptied", "missing"])
def test_a_segment_that_is_not_the_committed_one_is_named_in_a_line(damage: str, dataset: Path, inputs: Path) -> None:
    (segment,) = (dataset / "_index").iterdir()
    if damage == "emptied":
        pq.write_table(pq.read_table(segment).slice(0, 0), segment)
    else:
        segment.unlink()
    done = beamwire("run", inputs, "--output", dataset, *FLAGS, expect=1)
    assert done.stderr.startswith(f"beamwire: {segment}: {'damaged (' if damage == 'emptied' else 'missing'}")
    assert "Traceback" not in done.stderr
    assert len(list((dataset / "_commits").iterdir())) == 1


@pytest.mark.parametrize("folder", ["revisions", "revisions/date=2020-01-01", "_commits", "_index", "_staging", "runs"])
def test_a_folder_that_leads_out_of_the_dataset_is_not_written_through(
    folder: str, dataset: Path, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path / "outside"
    if (dataset / folder).exists():
        (dataset / folder).rename(outside)  # so that all is there that a run reads
    else:
        outside.mkdir()
        (dataset / folder).parent.mkdir(exist_ok=True)
    (dataset / folder).symlink_to(outside)
    before = sorted(outside.iterdir())
    code = main(["run", str(inputs), "--output", str(dataset), *FLAGS])
    assert sorted(outside.iterdir()) == before
    if folder != "_staging":  # it is emptied first, and the link with it
        assert code == 1
        assert f"{dataset / folder} is a symbolic link" in capsys.readouterr().err
