"""The table of thresholds is made of what a run would decide."""

from pathlib import Path

import pytest

from tests.benchmarks.bench import corpus_folder
from tests.benchmarks.score import read_dataset, read_truth
from tests.benchmarks.staged import decide, stage
from tests.benchmarks.thresholds import Setting, difference, main, tables, variants
from tests.datasets import run

ARTICLES = 100


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder with a small corpus in it."""
    folder = tmp_path_factory.mktemp("build")
    corpus_folder(folder, ARTICLES, 1, "feeds")
    return folder


def test_one_pass_over_staged_blocks_makes_the_clusters_of_a_run(build: Path, tmp_path: Path) -> None:
    corpus = corpus_folder(build, ARTICLES, 1, "feeds")
    run(tmp_path / "dataset", corpus / "feeds")
    truth = read_truth(corpus / "truth.parquet")
    setting = Setting()
    staged = stage(corpus / "feeds", [setting.shingle_words], build / "staged")
    decided = decide(staged[setting.shingle_words], setting.likeness)
    assert decided == read_dataset(tmp_path / "dataset", truth)
    assert len(decided.kept) < len(decided.clusters) > ARTICLES * 0.9


def test_what_is_staged_is_kept_for_each_length_of_shingles(build: Path) -> None:
    inputs = corpus_folder(build, ARTICLES, 1, "feeds") / "feeds"
    first = stage(inputs, [3, 4], build / "kept")
    names = sorted(build.glob("kept/*/blocks/*"))
    assert stage(inputs, [3], build / "kept")[3] == first[3]
    assert sorted(build.glob("kept/*/blocks/*")) == names
    assert sum(block.rows for block in first[4].blocks) == 102


def test_variants_are_the_default_and_settings_of_which_one_differs() -> None:
    found = variants([0.2, Setting().loose_threshold], [7], [3])
    assert [difference(one) for one in found] == ["default", "loose_threshold 0.2", "min_shingles 7", "horizon_days 3"]


def test_scores_of_seeds_are_pooled_and_shown_by_threshold(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--shingles", "6", "--thresholds", ".01", ".54", "1", "--loose", "--min-shingles", "--horizons"]
    assert main(["--articles", str(ARTICLES), "--seeds", "1", "2", *words, "--build", str(build)]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    names = [row[0] for row in table if not row[0].startswith("--")]
    assert names == [*(2 * ["threshold", "0.01", "**0.54**", "1.00"]), "setting", "**default**"]
    equal_texts_only = dict(zip(table[0], table[4], strict=True))
    assert equal_texts_only["precision"].startswith("1.00000 [")
    assert equal_texts_only["wrong"] == "0"
    assert "The same, recall by kind of copy (of exact copies: 1.0000 [.8389, 1.0000]):" in lines
    assert float(table[2][1].split()[0]) >= float(table[3][1].split()[0]) > float(table[4][1].split()[0])


def test_a_setting_without_scores_is_an_error() -> None:
    with pytest.raises(KeyError):
        list(tables({6: [Setting()]}, [], {}))
