import gzip
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.repetition import MAX_LINES, NONE_REPEATED, RepeatedLines, repeated_lines, strip_repeated
from transforms.text.spacing import tidy

ROOT = Path(__file__).parents[3]
TEXTS = st.lists(
    st.lists(st.sampled_from(["Head", "Foot", "Sub", "One.", "Two.", "", ""])).map("\n".join).map(tidy), max_size=9
)


def framed(number: int, first: str = "Harbour Post, since 1902", last: str = "All about the harbour, daily") -> str:
    return f"{first}\n\nStory {number} begins.\n\nStory {number} ends.\n{last}"


def test_lines_that_most_entries_begin_or_end_with_are_found_and_taken_out() -> None:
    texts = [framed(number) for number in range(3)] + ["Another story.\n\nIt ends."]
    repeated = repeated_lines(texts)
    assert repeated == RepeatedLines(
        frozenset({"Harbour Post, since 1902"}), frozenset({"All about the harbour, daily"})
    )
    assert strip_repeated(texts[1], repeated) == (
        "Story 1 begins.\n\nStory 1 ends.",
        ("Harbour Post, since 1902", "All about the harbour, daily"),
    )
    assert strip_repeated(texts[3], repeated) == (texts[3], ())


def test_several_lines_at_an_end_are_peeled_from_the_outside_in() -> None:
    texts = [f"Story {number}.\n\nThe Post\nHarbour Street 1\n\nPhone 123" for number in range(5)]
    repeated = repeated_lines([*texts, "Story 6.\n\nThe Post"])
    assert repeated.last == {"The Post", "Harbour Street 1", "Phone 123"}
    assert strip_repeated(texts[0], repeated) == ("Story 0.", ("The Post", "Harbour Street 1", "Phone 123"))
    assert strip_repeated("Story 6.\n\nThe Post", repeated) == ("Story 6.", ("The Post",))


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [framed(number) for number in range(3)],
        [framed(number) for number in range(2)] + ["One story.", "Another story."],
        [framed(1)] * 9,
        ["", "", *(framed(number) for number in range(3))],
        [framed(number, f"First {number}", "x" * 241) for number in range(9)],
        [framed(number, f"First {number}", f"Last {number}") for number in range(9)],
    ],
)
def test_where_too_little_repeats_nothing_does(texts: list[str]) -> None:
    assert repeated_lines(texts) == NONE_REPEATED


def test_versions_of_one_article_are_no_boilerplate() -> None:
    article = "\n\n".join(f"Paragraph {number}." for number in range(MAX_LINES + 1))
    texts = [f"{article}\n\nUpdate {number}." for number in range(9)]
    assert repeated_lines(texts) == NONE_REPEATED


def test_a_line_in_the_middle_stays() -> None:
    texts = [f"Story {number}.\n\nFoot\n\nIt ends {number}.\n\nFoot" for number in range(9)]
    assert strip_repeated(texts[0], repeated_lines(texts))[0] == "Story 0.\n\nFoot\n\nIt ends 0."


def test_an_entry_that_is_made_of_repeated_lines_stays() -> None:
    texts = [framed(number) for number in range(9)]
    whole = "Harbour Post, since 1902\n\nAll about the harbour, daily"
    assert strip_repeated(whole, repeated_lines([*texts, whole])) == (whole, ())


def test_the_order_of_the_entries_does_not_matter() -> None:
    texts = [framed(0), framed(1), framed(2), "Foot\n\nAnother."]
    assert len({repeated_lines(several) for several in itertools.permutations(texts)}) == 1


def test_articles_of_wikinews_have_nothing_in_common() -> None:
    """CC BY 2.5, Wikinews contributors."""
    with gzip.open(ROOT / "tests" / "benchmarks" / "data" / "wikinews.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [tidy(json.loads(line)["text"]) for line in lines]
    for start in range(0, len(texts), 20):
        assert repeated_lines(texts[start : start + 20]) == NONE_REPEATED


@given(TEXTS)
def test_what_is_left_is_tidy_and_not_empty_and_a_second_pass_removes_nothing(texts: list[str]) -> None:
    repeated = repeated_lines(texts)
    for text in texts:
        stripped, removed = strip_repeated(text, repeated)
        assert tidy(stripped) == stripped
        assert bool(stripped) == bool(text)
        assert strip_repeated(stripped, repeated) == (stripped, ())
        assert sorted([*filter(None, stripped.split("\n")), *removed]) == sorted(filter(None, text.split("\n")))
