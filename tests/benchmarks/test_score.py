"""What the scorer counts, by hand."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.benchmarks.score import (
    Output,
    Rate,
    Truth,
    jaccard_bin,
    main,
    read_dataset,
    read_marks,
    read_output,
    score,
)


def _row(name: str, story: int, kind: str = "story", copy_kind: str | None = None, **values: object) -> Truth:
    original = None if kind in ("story", "hard_negative") else "a"
    known = {"url": f"https://x.example/{name}", "file": "f.xml", "jaccard": 1.0 if kind == "exact" else None}
    return Truth(record=name, kind=kind, copy_kind=copy_kind, story=story, original_record=original, **(known | values))  # type: ignore[arg-type]


def _output(*clusters: str) -> Output:
    """`a bc`: a stays alone, b stays and c was removed for it."""
    return Output(
        {record: cluster[0] for cluster in clusters for record in cluster},
        frozenset(cluster[0] for cluster in clusters),
    )


STORY = [
    _row("a", 0),
    _row("b", 0, "exact", "feed"),
    _row("c", 0, "near", "edit", jaccard=0.7),
    _row("d", 0, "near", "cut", jaccard=0.4),
]
OTHER = _row("n", 9, "hard_negative")


def test_everything_removed_and_nothing_else_is_perfect() -> None:
    result = score([*STORY, OTHER], _output("abcd", "n"))
    assert (result.recall, result.precision, result.kept, result.lost) == (Rate(3, 3), Rate(3, 3), 2, 0)


def test_nothing_removed_finds_nothing_and_is_precise() -> None:
    result = score(STORY, _output("a", "b", "c", "d"))
    assert (result.recall, result.precision, result.precision.value) == (Rate(0, 3), Rate(0, 0), 1.0)


def test_any_record_of_a_story_may_be_the_one_that_stays() -> None:
    assert score(STORY, _output("cabd")).recall == Rate(3, 3)


def test_a_miss_is_booked_on_the_copy_even_if_the_original_arrives_after_it() -> None:
    first, rest = STORY[2], [STORY[0], STORY[1], STORY[3]]
    result = score([first, *rest], _output("c", "abd"))
    assert result.recall == Rate(2, 3)
    assert result.recall_by["copy kind"] == {
        "exact: feed": Rate(1, 1),
        "near: cut": Rate(1, 1),
        "near: edit": Rate(0, 1),
    }


def test_copies_that_are_together_but_apart_from_the_original_are_one_miss() -> None:
    result = score(STORY, _output("ab", "cd"))
    assert result.recall == Rate(2, 3)
    assert result.recall_by["copy kind"] == {
        "exact: feed": Rate(1, 1),
        "near: cut": Rate(1, 1),
        "near: edit": Rate(0, 1),
    }


def test_near_copies_are_counted_by_true_jaccard() -> None:
    result = score(STORY, _output("abc", "d"))
    assert result.recall_by["near, true Jaccard"] == {"0.35-0.50": Rate(0, 1), "0.65-0.75": Rate(1, 1)}
    assert result.recall_by["near"] == {"J < 0.65": Rate(0, 1), "J >= 0.65": Rate(1, 1)}


def test_a_removed_hard_negative_is_one_wrong() -> None:
    result = score([*STORY, OTHER], _output("abcdn"))
    assert (result.precision, result.wrong_by_kind, result.misplaced) == (Rate(3, 4), {"hard_negative": 1}, 1)


def test_a_hard_negative_is_apart_where_its_cluster_tells_no_other_story_whichever_row_stays() -> None:
    assert score([*STORY, OTHER], _output("abcd", "n")).apart == Rate(1, 1)
    assert score([*STORY, OTHER], _output("abc", "dn")).apart == Rate(0, 1)
    assert score([OTHER, *STORY], _output("nd", "abc")).apart == Rate(0, 1)


def test_a_story_in_a_foreign_cluster_is_wrong_once_and_misplaced_with_every_record() -> None:
    result = score([OTHER, *STORY], _output("nabcd"))
    assert (result.recall, result.precision) == (Rate(3, 3), Rate(3, 4))
    assert (result.wrong_by_kind, result.misplaced) == ({"story": 1}, 4)


def test_one_cluster_of_all_is_not_precise() -> None:
    rows = [_row(name, number) for number, name in enumerate("abcde")]
    assert score(rows, _output("abcde")).precision == Rate(0, 4)


def test_a_copy_removed_for_another_story_is_missed_and_wrong() -> None:
    result = score([*STORY, OTHER], _output("abc", "nd"))
    assert (result.recall, result.precision, result.wrong_by_kind) == (Rate(2, 3), Rate(2, 3), {"cut": 1})


def test_a_refetch_without_a_row_counts_as_removed() -> None:
    again = _row("r", 0, "exact", "refetch", url=STORY[0].url)
    result = score([*STORY, again], _output("abcd"))
    assert (result.recall, result.precision, result.lost) == (Rate(4, 4), Rate(4, 4), 0)


def test_a_record_that_vanished_is_lost_and_not_found() -> None:
    result = score(STORY, _output("abc"))
    assert (result.recall, result.precision, result.lost) == (Rate(2, 3), Rate(2, 2), 1)


def test_scores_of_seeds_add_up() -> None:
    total = score([*STORY, OTHER], _output("abcd", "n")) + score([*STORY, OTHER], _output("abcn", "d"))
    assert (total.recall, total.precision, total.kept, total.apart) == (Rate(5, 6), Rate(5, 6), 4, Rate(1, 2))
    assert total.recall_by["copy kind"]["near: cut"] == Rate(1, 2)
    assert total.wrong_by_kind == {"hard_negative": 1}


@pytest.mark.parametrize(
    ("right", "of", "low", "high"), [(8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775)]
)
def test_intervals_are_wilsons(right: int, of: int, low: float, high: float) -> None:
    assert Rate(right, of).interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("value", "label"), [(0.0, "0.00-0.20"), (0.6499, "0.58-0.65"), (0.65, "0.65-0.75"), (1.0, "0.95-1.00")]
)
def test_bins_hold_their_lower_edge_and_the_last_one_both(value: float, label: str) -> None:
    assert jaccard_bin(value) == label


def test_marks_are_followed_to_the_row_that_stays() -> None:
    marks: list[dict[str, object]] = [
        {"record": "a", "duplicate_of": None},
        {"record": "b", "duplicate_of": "a"},
        {"record": "c", "duplicate_of": "b"},
        {"record": "x", "duplicate_of": None},
    ]
    output = read_marks(marks, STORY)
    assert output == Output({"a": "a", "b": "a", "c": "a"}, frozenset("a"), 1)


def test_marks_may_name_urls() -> None:
    again = _row("r", 0, "exact", "refetch", url=STORY[0].url)
    marks: list[dict[str, object]] = [
        {"url": STORY[0].url, "duplicate_of_url": None, "kept": True},
        {"url": STORY[1].url, "duplicate_of_url": STORY[0].url, "kept": False},
        {"url": again.url, "duplicate_of_url": again.url, "kept": False},
    ]
    assert read_marks(marks, [*STORY, again]).clusters == {"a": "a", "b": "a", "r": "a"}


def test_marks_that_go_in_a_circle_are_refused() -> None:
    with pytest.raises(ValueError, match="itself"):
        read_marks([{"record": "a", "duplicate_of": "b"}, {"record": "b", "duplicate_of": "a"}], STORY)


def _write_rows(root: Path, table: str, *rows: tuple[str, str, int, int, str]) -> None:
    folder = root / table / "date=2024-03-01"
    folder.mkdir(parents=True)
    columns = ("url", "source", "revision", "arrival", "cluster_id")
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    pq.write_table(pa.Table.from_pylist(named), folder / "part-0.parquet")


def test_a_dataset_is_read_by_url_and_source(tmp_path: Path) -> None:
    updated = _row("u", 0, "near", "update", url=STORY[0].url, file="later.xml", jaccard=0.9)
    again = _row("r", 0, "exact", "refetch", url=STORY[0].url, file="again.xml")
    _write_rows(tmp_path, "articles", (STORY[0].url, "f.xml", 1, 0, "A"), (OTHER.url, "f.xml", 1, 3, "N"))
    _write_rows(
        tmp_path, "duplicates", (STORY[1].url, "f.xml", 1, 1, "A"), ("https://else.example/", "f.xml", 1, 4, "E")
    )
    _write_rows(tmp_path, "revisions", (STORY[0].url, "later.xml", 2, 2, "A"))
    truth = [*STORY[:2], updated, again, OTHER]
    output = read_output(tmp_path, truth)
    assert output == Output({"a": "A", "b": "A", "u": "A", "n": "N"}, frozenset("an"), 1)
    assert score(truth, output).recall == Rate(3, 3)


def test_rows_of_one_url_and_source_go_to_refetches_last(tmp_path: Path) -> None:
    again = _row("r", 0, "exact", "refetch", url=STORY[0].url)
    updated = _row("u", 0, "near", "update", url=STORY[0].url, jaccard=0.9)
    _write_rows(tmp_path, "articles", (STORY[0].url, "f.xml", 1, 0, "A"))
    _write_rows(tmp_path, "revisions", (STORY[0].url, "f.xml", 2, 1, "A"))
    assert read_dataset(tmp_path, [STORY[0], again, updated]).clusters == {"a": "A", "u": "A"}


def test_an_output_of_no_known_form_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"articles/.*marks\.parquet"):
        read_output(tmp_path, STORY)


def test_the_command_prints_the_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {
            "record": row.record,
            "url": row.url,
            "file": row.file,
            "kind": row.kind,
            "copy_kind": row.copy_kind,
            "story": row.story,
            "original_record": row.original_record,
            "jaccard_5": row.jaccard,
        }
        for row in STORY
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "truth.parquet")
    marks = [{"record": name, "duplicate_of": of} for name, of in (("a", None), ("b", "a"), ("c", "a"), ("d", None))]
    (tmp_path / "marks.jsonl").write_text("".join(json.dumps(mark) + "\n" for mark in marks))
    assert main(["--truth", str(tmp_path / "truth.parquet"), str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["recall", "0.6667", "[0.2077,", "0.9385]", "2/3"]
    assert lines[-1] == "kept 2; lost 0; rows that are no record of the corpus 0"
