"""Dead letters as an input. The flow over them: tests/test_replay.py."""

import pytest

from pipeline.sources.letters import in_units, why_kept
from transforms.schemas import DeadLetter


def letter(
    source: str = "a.jsonl",
    position: int = 0,
    step: str = "Parse",
    reason: str = "malformed_record",
    kind: str = "record",
    payload_bytes: int = 3,
) -> DeadLetter:
    return DeadLetter(0, position, 0, source, step, reason, "why", kind, b"abc", payload_bytes)


@pytest.mark.parametrize(
    ("one", "cause"),
    [
        (letter(), None),
        (letter(kind="page", step="Parse", reason="malformed_page"), None),
        (letter(kind="entry", step="Normalize", reason="malformed_entry"), None),
        (letter(kind="unit", step="Read", reason="unknown_format"), None),
        (letter(kind="record", step="Read", reason="too_large"), None),  # a row of Parquet
        (letter(kind="record", step="Read", reason="malformed_record"), "piece of a file"),  # a row of CSV
        (letter(kind="page", step="Read", reason="too_large"), "piece of a file"),  # a record of a web archive
        (letter(kind="unheard of"), "piece of a file"),
        (letter(payload_bytes=4), "cut payload"),
        (letter(kind="unit", step="Read", reason="unreadable_file"), "file to be read by the next run"),
        (letter(kind="text", step="Enrich", reason="enrichment_failed"), "article was written"),
    ],
)
def test_a_letter_is_run_again_or_kept_for_a_cause(one: DeadLetter, cause: str | None) -> None:
    assert why_kept(one, ()) == cause
    assert why_kept(one, (one.reason,)) == cause
    assert why_kept(one, ("empty_document",)) == "not chosen"


def test_the_letters_of_an_input_are_a_unit_and_those_where_all_is_kept_are_none() -> None:
    letters = [
        letter("a", payload_bytes=9),
        letter("a", 1),
        letter("a", 4),
        letter("a", 4),  # the same place again: the input under this name came twice
        letter("a", 2),
        letter("b", 2, payload_bytes=9),
        letter("c", 2),
    ]
    assert [(unit, cause is None) for unit, cause, _ in in_units(letters, ())] == [
        (0, False),
        (0, True),
        (0, True),
        (1, True),
        (2, True),
        (2, False),
        (3, True),
    ]
