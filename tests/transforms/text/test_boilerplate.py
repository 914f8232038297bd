import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.boilerplate import MAX_LINE_CHARS, is_boilerplate, strip_boilerplate
from transforms.text.spacing import tidy

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BOILERPLATE = (HERE / "data" / "boilerplate_lines.txt").read_text("utf-8").splitlines()
REAL = (HERE / "data" / "real_lines.txt").read_text("utf-8").splitlines()
LABELS = json.loads((HERE / "data" / "wikinews_labels.json").read_text("utf-8"))["boilerplate"]
TITLE = "Ferry fares to rise in spring"

TEXTS = st.lists(st.sampled_from([*BOILERPLATE[::9], *REAL[::9], TITLE, TITLE.upper(), "12 March 2024", "", ""])).map(
    lambda lines: tidy("\n".join(lines))
)


def wikinews() -> list[tuple[str, str]]:
    """Title and tidy text of each; CC BY 2.5, Wikinews contributors."""
    with gzip.open(ROOT / "tests" / "benchmarks" / "data" / "wikinews.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [(row["title"], tidy(row["text"])) for row in map(json.loads, lines)]


@pytest.mark.parametrize("line", BOILERPLATE)
def test_what_pages_put_around_a_text_is_recognized(line: str) -> None:
    assert strip_boilerplate(f"One.\n\n{line}\n\nTwo.", None) == ("One.\n\nTwo.", (line,))


@pytest.mark.parametrize("line", REAL)
def test_a_sentence_that_begins_like_it_stays(line: str) -> None:
    text = f"One.\n\n{line}\n\nTwo."
    assert strip_boilerplate(text, None) == (text, ())


def test_the_sample_from_a_web_site_comes_out_with_twelve_paragraphs_and_nothing_else() -> None:
    title, _, text = tidy((ROOT / "seeds" / "good" / "text" / "us-pakistan-ties.txt").read_text("utf-8")).partition(
        "\n\n"
    )
    stripped, removed = strip_boilerplate(f"{title}\n\n{text}", title)
    assert title == "US sees opportunity to cement bilateral strategic ties with Pakistan: Rubio"
    assert removed == (
        title,
        "2 minutes, 14 seconds Read",
        "Read More: Rubio seeks quick Gaza force deployment",
        "Similar Posts",
    )
    paragraphs = stripped.split("\n\n")
    assert len(paragraphs) == 12
    assert paragraphs[0].startswith("The United States sees an opportunity to strengthen")
    assert paragraphs[-1].endswith("concessions on tariffs and expanded market access for Pakistani exports.")
    assert not any("\n" in paragraph for paragraph in paragraphs)


def test_of_a_sample_of_wikinews_exactly_what_was_labelled_is_removed() -> None:
    articles = wikinews()
    assert len(LABELS) == 50
    for place, lines in LABELS.items():
        title, text = articles[int(place)]
        assert strip_boilerplate(text, title)[1] == tuple(lines)


def test_of_all_wikinews_nothing_goes_but_dates_and_credits() -> None:
    removed = [line for title, text in wikinews() for line in strip_boilerplate(text, title)[1]]
    assert len(removed) == 203
    assert removed.count("Image: Nicholas Moreau.") == 29
    assert sum(line.endswith((", 2019", ", 2020", ", 2021")) for line in removed) == 174


def test_of_the_headlines_and_descriptions_of_huffpost_none_is_taken_for_boilerplate() -> None:
    with gzip.open(ROOT / "tests" / "benchmarks" / "data" / "huffpost.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts = [tidy(row[field]) for row in rows for field in ("headline", "description")]
    taken = [
        line for text in texts for line in text.split("\n") if len(line) <= MAX_LINE_CHARS and is_boilerplate(line)
    ]
    assert (len(texts), taken) == (26_910, [])


@pytest.mark.parametrize("first", [TITLE, TITLE.upper(), "FERRY FARES\xa0to rise in spring", f"{TITLE}\n\n{TITLE}"])
def test_first_lines_that_repeat_the_title_go(first: str) -> None:
    stripped, removed = strip_boilerplate(tidy(f"{first}\n\nThe council has decided."), TITLE)
    assert stripped == "The council has decided."
    assert removed == tuple(line for line in tidy(first).split("\n") if line)


def test_quotes_and_dashes_of_either_form_make_the_same_title() -> None:
    text = "“It’s over” – captain\nThe ferry has stopped."
    assert strip_boilerplate(text, '"It\'s over" - captain') == ("The ferry has stopped.", ("“It’s over” – captain",))


def test_a_title_further_down_stays() -> None:
    text = f"The council has decided.\n\n{TITLE}\n\nSo it says."
    assert strip_boilerplate(text, TITLE) == (text, ())


@pytest.mark.parametrize(
    "line",
    ["Friday, January 4, 2019", "12 March 2024", "12.03.2024, 10:15 Uhr", "March 12th, 2024 at 10:15 am", "2024-03-12"],
)
def test_a_date_goes_as_first_line_only(line: str) -> None:
    assert strip_boilerplate(f"{line}\nThe ferry sank.", TITLE) == ("The ferry sank.", (line,))
    text = f"The ferry sank.\n\n{line}\n\nThe ferry was built."
    assert strip_boilerplate(text, TITLE) == (text, ())


def test_a_text_that_is_its_title_stays() -> None:
    assert strip_boilerplate(f"{TITLE}\n\nRead more", TITLE) == (TITLE, ("Read more",))


def test_a_text_of_nothing_but_boilerplate_is_empty() -> None:
    assert strip_boilerplate("Share this:\n\nRead more", TITLE) == ("", ("Share this:", "Read more"))


def test_a_long_line_stays_whatever_it_says() -> None:
    longest = "Read more: " + "x" * (MAX_LINE_CHARS - 11)
    assert strip_boilerplate(f"A.\n\n{longest}", None) == ("A.", (longest,))
    assert strip_boilerplate(f"A.\n\n{longest}x", None) == (f"A.\n\n{longest}x", ())


@pytest.mark.parametrize("line", ["“Follow us on Twitter”", '"Subscribe"', "»Read more"])
def test_what_somebody_says_stays(line: str) -> None:
    assert is_boilerplate(line) == line.startswith("»")


@given(TEXTS, st.sampled_from([TITLE, None]))
def test_what_is_left_is_tidy_and_a_second_pass_removes_nothing(text: str, title: str | None) -> None:
    stripped, removed = strip_boilerplate(text, title)
    assert tidy(stripped) == stripped
    assert strip_boilerplate(stripped, title) == (stripped, ())
    assert sorted([*filter(None, stripped.split("\n")), *removed]) == sorted(filter(None, text.split("\n")))


@pytest.mark.parametrize(
    "line",
    [
        "Reporting by Jane; Editing " + "Editing/" * 26 + "?",
        "Reporting by A" + "; editing by A" * 16 + "?",
        "Follow us on Facebook" + " , " * 70 + "?",
        "Get " + "news newsletter " * 14 + "?",
        "Share " + "e-mail, email " * 16 + "?",
        "The post " + "Appeared first on " * 12,
        "Continue reading " + ": " * 100 + "é'",
    ],
)
def test_no_line_is_tried_in_more_ways_than_it_has_characters_squared(line: str) -> None:
    """With one repetition inside another the first of them took minutes."""
    assert len(line) <= MAX_LINE_CHARS
    assert is_boilerplate(line) == line.startswith(("The post", "Continue"))
