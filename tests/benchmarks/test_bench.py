"""What the commands of the benchmark share."""

import subprocess
import sys
from pathlib import Path

import pipeline
from tests.benchmarks.bench import ROOT, digest_of, heading, markdown, words_of


def test_a_table_is_markdown_with_padded_columns() -> None:
    assert list(markdown(["what", "a"], [["wall", "1.50"], ["CPU of it", "–"]])) == [
        "| what      |    a |",
        "|-----------|-----:|",
        "| wall      | 1.50 |",
        "| CPU of it |    – |",
    ]


def test_a_digest_follows_the_contents_and_not_the_place(tmp_path: Path) -> None:
    for name, content in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / name).write_text(content)
    a, b, c = (digest_of([tmp_path / name]) for name in "abc")
    assert a == b != c


def test_a_command_is_filled_in_word_by_word() -> None:
    words = words_of("{python} x {corpus} --output={output}", corpus=Path("a b"), output="c")
    assert words == [sys.executable, "x", "a b", "--output=c"]


def test_beamwire_is_that_of_this_checkout_where_none_is_installed() -> None:
    done = subprocess.run(words_of("{beamwire} --version"), cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"beamwire {pipeline.__version__}\n"


def test_a_heading_names_the_command_the_machine_and_the_commit() -> None:
    command, place, empty = heading("run", ["--seeds", "1"])
    assert command == "`python -m tests.benchmarks.run --seeds 1`"
    assert " cores (" in place and "commit " in place and not empty
