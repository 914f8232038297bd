"""What the generator promises: the mix, the truth, and the same bytes again."""

import hashlib
import itertools
import re
from collections import Counter
from html import unescape
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.benchmarks.corpus import main, records_of, shared_sentences, write_corpus
from tests.benchmarks.plain import read
from tests.benchmarks.plan import COPY_KINDS, EXACT, HARD_NEGATIVE, NEAR, STORY, plan_corpus
from tests.benchmarks.sentences import COLUMNS, distinct_sentences, sentence_grid
from tests.benchmarks.stories import (
    boilerplate,
    count_words,
    cut,
    edit,
    flatten,
    jaccard,
    new_lede,
    opening,
    retypeset,
    shingles,
    text_of,
    tokens,
    update,
)

ARTICLES = 200
BODY = (("One two three four five.", 'Six "seven" eight.'), ("Nine ten eleven twelve thirteen.",))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus in both formats, under feeds/ and lines/."""
    root = tmp_path_factory.mktemp("corpus")
    write_corpus(ARTICLES, 1, "feeds", root / "feeds")
    write_corpus(ARTICLES, 1, "jsonl", root / "lines")
    return root


def _truth(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "truth.parquet").to_pylist()
    return rows


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()[:16]


def test_of_100_articles_70_are_stories_10_exact_20_near_and_2_hard_negatives_stand_beside() -> None:
    plan = plan_corpus(1000, 1)
    assert [int((plan.kind == kind).sum()) for kind in (STORY, EXACT, NEAR, HARD_NEGATIVE)] == [700, 100, 200, 20]


def test_ten_thousand_articles_are_334_files_and_a_hundred_thousand_3340() -> None:
    assert len(plan_corpus(10_000, 1).files) == 334
    assert round(100_000 / 10_000 * 334) == 3_340


def test_every_kind_of_copy_occurs_as_often_as_said() -> None:
    plan = plan_corpus(6_000, 1)
    counts = {COPY_KINDS[kind]: int((plan.copy_kind == kind).sum()) for kind in range(1, len(COPY_KINDS))}
    assert {name: counts[name] for name in ("feed", "retypeset", *COPY_KINDS[5:])} == {
        "feed": 180,
        "retypeset": 150,
        **dict.fromkeys(COPY_KINDS[5:], 200),
    }
    assert counts["refetch"] + counts["url"] == 270  # a re-fetch after the last poll becomes a copy at another URL


def test_a_record_of_one_url_never_stands_twice_in_a_file() -> None:
    plan = plan_corpus(3_000, 2)
    assert len(set(zip(plan.same_url.tolist(), plan.file.tolist(), strict=True))) == len(plan)
    moved = np.flatnonzero(plan.same_url != np.arange(len(plan)))
    assert (plan.file[moved] > plan.file[plan.same_url[moved]]).all()


def test_records_arrive_with_the_first_poll_after_their_date() -> None:
    plan = plan_corpus(3_000, 1)
    fetched = np.array([poll.second for poll in plan.files])[plan.file]
    assert (fetched >= plan.second).all()
    assert (np.array([poll.site for poll in plan.files])[plan.file] == plan.site).all()


def test_fewer_than_20_articles_are_refused() -> None:
    with pytest.raises(ValueError, match="20 at least"):
        plan_corpus(19, 1)


def test_two_lines_meet_in_one_sentence_at_most() -> None:
    grid = sentence_grid(1)
    assert len(grid.sentences) == COLUMNS * grid.rows <= len(distinct_sentences())
    numbers = [*range(120), *(grid.rows * number for number in range(1, 60)), grid.rows * grid.rows - 1]
    lines = [{grid.cell(number, column) for column in range(COLUMNS)} for number in numbers]
    assert max(len(one & other) for one, other in itertools.combinations(lines, 2)) == 1


def test_different_stories_rarely_share_more_than_one_sentence() -> None:
    shared = shared_sentences(1_000, 1)
    assert sum(count for sentences, count in shared.items() if sentences > 1) * 1_000 < shared[1]


def test_stories_have_150_to_900_words() -> None:
    records = records_of(1_000, 1)
    words = [count_words(records.story(row).body) for row in range(700)]
    assert 150 <= min(words) < 200 < 800 < max(words) <= 900


def test_equal_seeds_give_equal_bytes_and_another_seed_others(corpus: Path, tmp_path: Path) -> None:
    write_corpus(ARTICLES, 1, "feeds", tmp_path / "again")
    write_corpus(ARTICLES, 2, "feeds", tmp_path / "other")
    assert _digest(tmp_path / "again") == _digest(corpus / "feeds") != _digest(tmp_path / "other")


def test_the_bytes_are_those_of_every_machine(corpus: Path) -> None:
    """Figures of different days compare only while this holds; a change of the generator changes it on purpose."""
    assert _digest(corpus / "feeds" / "feeds") == "3d9cf84e503c1a70"
    assert _digest(corpus / "lines" / "jsonl") == "56757d5f133f2cbb"


def test_a_third_of_the_feeds_each_is_rss_atom_and_json_feed() -> None:
    plan = plan_corpus(10_000, 1)
    formats = Counter(poll.site % 3 for poll in plan.files)
    assert all(abs(count - 334 / 3) < 5 for count in formats.values())


def test_parsed_feeds_have_the_words_of_the_lines_in_the_same_order(corpus: Path) -> None:
    parsed = list(read(corpus / "feeds" / "feeds", jsonl=False))
    lines = list(read(corpus / "lines" / "jsonl", jsonl=True))
    assert [article["url"] for article in parsed] == [line["url"] for line in lines]
    assert [unescape(article["title"]) for article in parsed] == [line["title"] for line in lines]
    assert [tokens(article["text"]) for article in parsed] == [tokens(line["text"]) for line in lines]


@pytest.mark.parametrize(("folder", "inputs"), [("feeds", "feeds"), ("lines", "jsonl")])
def test_the_truth_names_each_record_by_file_and_position(corpus: Path, folder: str, inputs: str) -> None:
    records = read(corpus / folder / inputs, jsonl=inputs == "jsonl")
    found = [(article["record"], article["url"]) for article in records]
    assert found == [(row["record"], row["url"]) for row in _truth(corpus / folder)]
    assert len({record for record, _ in found}) == len(found) == 204


def test_the_truth_gives_the_exact_jaccard_of_the_texts_as_written(corpus: Path) -> None:
    texts = {article["record"]: article["text"] for article in read(corpus / "lines" / "jsonl", jsonl=True)}
    for row in _truth(corpus / "lines"):
        other = row["original_record"] or row["paired_record"]
        for length in (5, 6) if other else ():
            one, two = (shingles(tokens(texts[record]), length) for record in (row["record"], other))
            assert row[f"jaccard_{length}"] == jaccard(one, two)


def test_exact_copies_differ_in_quotes_and_white_space_only(corpus: Path) -> None:
    texts = {article["record"]: article["text"] for article in read(corpus / "lines" / "jsonl", jsonl=True)}
    quotes = str.maketrans("\u201c\u201d\u2018\u2019", "\"\"''")
    rows = [row for row in _truth(corpus / "lines") if row["kind"] == "exact"]
    for row in rows:
        one, other = texts[row["record"]], texts[row["original_record"]]
        assert one.translate(quotes).split() == other.translate(quotes).split()
        assert (one == other) == (row["copy_kind"] != "retypeset")
        assert (row["url"] == row["original_url"]) == (row["copy_kind"] == "refetch")
    assert len(rows) == 20


def test_hard_negatives_are_other_stories_that_share_a_passage(corpus: Path) -> None:
    rows = [row for row in _truth(corpus / "lines") if row["kind"] == "hard_negative"]
    assert len(rows) == len({row["story"] for row in rows}) == 4
    assert all(0 < row["jaccard_5"] < 0.5 and row["original_record"] is None for row in rows)


def test_jaccard_is_shared_shingles_over_all() -> None:
    one, other = (shingles(tokens(text), 2) for text in ("The cat's out, now!", "the cat s in now"))
    assert one == {("the", "cat"), ("cat", "s"), ("s", "out"), ("out", "now")}
    assert jaccard(one, other) == 2 / 6
    assert jaccard(set(), set()) == 0.0


def test_an_edit_changes_1_to_15_percent_of_the_words() -> None:
    body = (tuple(" ".join(f"w{line}x{word}" for word in range(10)) for line in range(40)),)
    for seed in range(20):
        words = tokens(text_of(edit(body, Random(seed), ("new",))))
        gone = 400 - len([word for word in words if word != "new"])
        assert 4 <= gone + words.count("new") <= 2 * 60
        assert gone <= 60


def test_a_cut_keeps_whole_sentences_from_the_start() -> None:
    body = (("a b c d e f.", "g h i j."), ("k l m n o p.", "q r s t."))
    kept = {flatten(cut(body, Random(seed))) for seed in range(50)}
    assert kept == {flatten(body)[:count] for count in (2, 3)}


def test_a_new_lede_and_news_leave_the_rest_as_it_was() -> None:
    assert new_lede(BODY, ("Fresh words.",)) == (("Fresh words.",), BODY[1])
    assert set(BODY) < set(update(BODY, Random(1), ("News.",)))


def test_boilerplate_adds_lines_of_the_site_around_the_text() -> None:
    block = tuple(f"standing line number {number} of the site" for number in range(30))
    body = boilerplate(BODY, Random(1), block)
    added = [paragraph[0] for paragraph in body if paragraph not in BODY]
    assert [paragraph for paragraph in body if paragraph in BODY] == list(BODY)
    assert 33 <= sum(len(line.split()) for line in added) <= 160
    assert set(added) <= set(block)


def test_retypesetting_changes_quotes_and_spaces() -> None:
    text = text_of(retypeset(BODY, Random(1)))
    assert "“seven”" in text
    assert re.sub(r"\s+", " ", text) == " ".join(flatten(BODY)).replace('"seven"', "“seven”")


def test_an_opening_has_one_sentence_at_least() -> None:
    assert opening(("a b c", "d e"), 2) == ("a b c",)
    assert opening(("a b c", "d e"), 5) == ("a b c", "d e")


def test_the_command_writes_and_describes_a_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--articles", "100", "--output", str(tmp_path), "--describe"]) == 0
    shown = capsys.readouterr().out
    assert "story                70  70.00% of the articles" in shown
    assert "pairs of different stories by sentences shared: 1: " in shown
