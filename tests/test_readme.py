"""What the README shows runs, and the docs name every command and every flag."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import build_parser
from pipeline.dataset.commits import read_state
from pipeline.dataset.layout import TREE
from pipeline.dataset.stores import open_storage
from tests.datasets import ROOT, beamwire, rows

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = README + (ROOT / "configs" / "REFERENCE.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^### (\w+)\n\n```\w+\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))
RUN_HERE = ("DuckDB", "pandas", "Polars", "PyArrow")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `make run` could have been called: the dataset of the seeds is in build/seeds."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "seeds").symlink_to(ROOT / "seeds")
    beamwire("run", "--config", ROOT / "configs" / "seeds.yaml", "--quiet", cwd=folder)
    return folder


def test_there_is_a_block_for_each_reader() -> None:
    assert tuple(BLOCKS) == (*RUN_HERE, "Spark", "BigQuery")
    lines = {reader: len([line for line in block.splitlines() if line]) for reader, block in BLOCKS.items()}
    assert lines == dict.fromkeys(BLOCKS, 5)


@pytest.mark.parametrize("reader", RUN_HERE)
def test_a_plain_reader_finds_each_story_once(
    reader: str, made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(made)
    names: dict[str, Any] = {}
    exec(BLOCKS[reader], names)
    articles = names["articles"]
    assert (articles.count_rows() if reader == "PyArrow" else len(articles)) == clusters(made)
    assert "date" in (articles.schema.names if reader == "PyArrow" else articles.columns)
    assert len(capsys.readouterr().out.splitlines()) > 5


def clusters(made: Path) -> int:
    """How many stories the seeds tell, counted over all three tables of articles."""
    output = made / "build" / "seeds"
    found = {row["cluster_id"] for table in ("articles", "duplicates", "revisions") for row in rows(output, table)}
    assert len(found) == sum(file.rows for file in read_state(open_storage(str(output))).table("articles")) > 0
    return len(found)


@pytest.mark.parametrize("reader", ["Spark"])
def test_what_is_not_run_here_is_python_at_least(reader: str) -> None:
    compile(BLOCKS[reader], reader, "exec")


def words(parser: argparse.ArgumentParser, name: str = "beamwire") -> Iterator[str]:
    """Every command, and every argument by its flags or its metavar."""
    yield name
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command, inner in action.choices.items():
                yield from words(inner, f"{name} {command}")
        else:
            yield from action.option_strings or [str(action.metavar)]


def test_the_docs_name_every_command_and_flag() -> None:
    missing = [it for it in words(build_parser()) if not re.search(rf"(?<![\w-]){re.escape(it)}(?![\w-])", DOCS)]
    assert missing == []


def test_the_readme_names_every_folder_of_a_dataset() -> None:
    assert [place for place, _ in TREE if f"`{place.partition('/')[0]}/" not in README] == []


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "configs/REFERENCE.md"])
def test_every_link_and_path_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = [it for it in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in it]
    assert [it for it in links if not (ROOT / document).parent.joinpath(it).exists()] == []
    paths = re.findall(r"`((?:pipeline|transforms|tests|configs|seeds|text|sources|sinks|dataset)/[\w/.]*)`", text)
    homes = (ROOT, ROOT / "pipeline", ROOT / "transforms")
    assert [it for it in paths if not any((home / it).exists() for home in homes)] == []


@pytest.mark.parametrize("target", ["run", "test"])
def test_the_commands_of_make_exist(target: str) -> None:
    assert f"`make {target}`" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
