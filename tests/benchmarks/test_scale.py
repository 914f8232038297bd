"""A large dataset and small batches on top of it: what the measurements are made of."""

import dataclasses
import json
from collections.abc import Collection
from pathlib import Path

import pytest

from pipeline.dataset.stores import open_storage
from tests.benchmarks.additions import write_additions
from tests.benchmarks.bench import corpus_folder
from tests.benchmarks.corpus import records_of
from tests.benchmarks.lookups import Lookup, read_lookups, watch
from tests.benchmarks.measure import MEMORY_KIND
from tests.benchmarks.plain import read
from tests.benchmarks.scale import Facts, Figures, Scale, facts_of, link_copy, main, tables
from tests.datasets import digests
from tests.pipeline.dataset.samples import commit_batch

CORPUS, SEED = 100, 1


def test_a_fifth_of_the_additions_are_stories_all_over_the_corpus(tmp_path: Path) -> None:
    assert write_additions(tmp_path, CORPUS, SEED, articles=35, entries_a_file=10, first=7) == 7
    added = list(read(tmp_path, jsonl=False))
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "added-00000.rss.xml",
        "added-00001.atom.xml",
        "added-00002.json",
        "added-00003.rss.xml",
    ]
    records = records_of(CORPUS, SEED)
    titles = {records.story(row).title: row for row in range(70)}
    copied = [titles[article["title"]] for article in added if article["title"] in titles]
    assert sorted(copied) == [7, 17, 27, 37, 47, 57, 67]
    assert len({article["url"] for article in added}) == 35


def test_additions_are_the_same_bytes_again_and_those_of_another_range_have_nothing_in_common(tmp_path: Path) -> None:
    for name, first in (("one", 0), ("again", 0), ("other", 20)):
        write_additions(tmp_path / name, CORPUS, SEED, articles=20, entries_a_file=4, first=first)
    one, again, other = (_articles(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    assert not {article["url"] for article in one} & {article["url"] for article in other}


def _articles(folder: Path) -> list[dict[str, str]]:
    return list(read(folder, jsonl=False))


def test_a_linked_copy_can_be_added_to_and_the_source_stays_as_it_was(tmp_path: Path) -> None:
    commit_batch(open_storage(str(tmp_path / "source")), ["a"], {("links", None): [{"id": "x"}]})
    before = digests(tmp_path / "source")
    link_copy(tmp_path / "source", tmp_path / "copy")
    link_copy(tmp_path / "source", tmp_path / "copy")
    commit_batch(open_storage(str(tmp_path / "copy")), ["b"], {("links", None): [{"id": "y"}]})
    assert digests(tmp_path / "source") == before
    assert (facts_of(tmp_path / "source").files, facts_of(tmp_path / "copy").files) == (1, 2)


def test_facts_are_those_of_the_manifests(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    commit_batch(storage, ["a"], {("articles", "2024-03-01"): [{"id": "x"}]})
    manifest = commit_batch(storage, ["b"], {("articles", "2024-03-01"): [{"id": "y"}], ("links", None): []})
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.parquet"))
    assert facts_of(tmp_path) == Facts(manifest.rows, 2, 0, 0, 3, size)


def test_figures_are_kept_by_name_with_their_commit(tmp_path: Path) -> None:
    Figures(tmp_path / "new" / "figures.json").put("one", seconds=2.5)
    figures = Figures(tmp_path / "new" / "figures.json")
    kept = figures.get("one")
    assert kept is not None and kept["seconds"] == 2.5 and kept["commit"]
    assert figures.get("two") is None
    figures.forget(["one"])
    assert figures.get("one") is None


@dataclasses.dataclass(frozen=True, slots=True)
class Shelf:
    """Something with public methods of which one calls another."""

    def find(self, column: str, values: Collection[int]) -> list[int]:
        """The values, found."""
        return self.numbers(values) if column == "number" else []

    def numbers(self, values: Collection[int]) -> list[int]:
        """The values."""
        return list(values)


def test_each_lookup_is_noted_once_and_calls_within_it_are_a_part_of_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert read_lookups(log) == []
    unwatch = watch(Shelf, log)
    assert Shelf().find("number", {1, 2}) == [1, 2]
    assert Shelf().find("id", [3]) == []
    assert Shelf().numbers([4]) == [4]
    unwatch()
    Shelf().numbers([5])
    noted = read_lookups(log)
    expected = [("find number", 2, 2), ("find id", 1, 0), ("numbers", 1, 1)]
    assert noted == [Lookup(*one[:1], it.seconds, *one[1:]) for one, it in zip(expected, noted, strict=True)]
    assert all(0 <= one.seconds < 1 for one in noted)


def test_a_dataset_is_grown_once_and_a_batch_on_it_finds_its_copies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--articles", "60", "--added", "10", "--repeats", "1", "--build", str(tmp_path), "--steps"]
    assert main([*words, "grow"]) == 0
    assert "copies found" not in _rows(capsys.readouterr().out)
    grown = next((tmp_path / "scale").glob("*/grown"))
    before = digests(grown, without=())
    assert main([*words, "grow", "batch"]) == 0
    lines = _rows(capsys.readouterr().out)
    assert digests(grown, without=()) == before
    assert lines["rows"][0] == str(facts_of(grown).rows)
    assert lines["copies found"] == ["2 of 2", ""]
    assert float(lines["look-ups, seconds"][0]) > 0


def test_sizes_stand_side_by_side_with_what_they_shall_reach(tmp_path: Path) -> None:
    figures = Figures(tmp_path / "figures.json")
    common = {"cpu_seconds": 10.0, "peak_bytes": 200_000_000, "segments": 2, "index_bytes": 30_000, "bytes": 10**6}
    sizes = []
    for articles, wall in ((100, 10.0), (1_000, 130.0)):
        corpus = corpus_folder(tmp_path, 60, 1, "feeds").with_name(f"c{articles}")
        size = Scale(articles, tmp_path / f"c{articles}", corpus, "beamwire", figures)
        figures.put(size.name("grown"), **common, wall_seconds=wall, rows=articles, articles=articles)
        sizes.append(size)
    figures.put(sizes[-1].name("compacted"), **common, wall_seconds=3, rows=1_000)
    lines = _rows("\n".join(tables(sizes)))
    assert lines["wall an article, µs"] == ["100,000", "130,000", "1.30", "≤ 1.2: missed"]
    assert lines["CPU an article, µs"] == ["100,000", "10,000", "0.10", "≤ 1.2: met"]
    assert lines[f"peak {MEMORY_KIND} of the tree, MB"] == ["200", "200", "1.00", "≤ 3000: met"]
    assert lines["index compacted, bytes a row"] == ["–", "30", "", "≤ 350: met"]
    assert json.loads((tmp_path / "figures.json").read_text()).keys() == {
        "c100 grown",
        "c1000 grown",
        "c1000 compacted",
    }


def _rows(text: str) -> dict[str, list[str]]:
    """The rows of all tables, by their first cell."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {first: rest for first, *rest in cells}
