"""The one door for bad records."""

import dataclasses

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.error_handling import ErrorHandler

from tests.articles import local_pipeline
from transforms.dead_letters import DivertFailures, dead_letter, entry_of
from transforms.schemas import DeadLetter, Document, Enclosure, Problem, RawEntry
from transforms.text.errors import BadInput, EmptyDocument, MalformedEntry


class Collect(beam.PTransform):
    """Hands dead letters on as they are."""

    def expand(self, letters: beam.PCollection[DeadLetter]) -> beam.PCollection[DeadLetter]:
        """Wires nothing."""
        return letters | beam.Map(lambda letter: letter)


def split(document: Document) -> list[str]:
    """The words of a document; refuses an empty one."""
    if not document.body:
        raise EmptyDocument("there is nothing in it")
    return document.body.decode().split()


def documents() -> list[Document]:
    """One good and one empty document."""
    return [Document(0, "a.txt", 0, "text", b"one two"), Document(1, "b.txt", 3, "text", b"")]


def test_a_function_that_refuses_an_element_sends_it_through_the_door_and_goes_on() -> None:
    with local_pipeline() as root:
        with ErrorHandler(Collect()) as errors:
            words = root | beam.Create(documents()) | DivertFailures(split, step="Split", to=errors)
        assert_that(words, equal_to(["one", "two"]), label="words")
        expected = DeadLetter(1, 3, 0, "b.txt", "Split", "empty_document", "there is nothing in it", "text", b"", 0)
        assert_that(errors.output(), equal_to([expected]), label="letters")


def test_a_refused_element_is_counted_by_step_and_reason() -> None:
    root = local_pipeline()
    with ErrorHandler(Collect()) as errors:
        _ = root | beam.Create(documents()) | DivertFailures(split, step="Split", to=errors)
    result = root.run()
    result.wait_until_finish()
    counters = {it.key.metric.name: it.committed for it in result.metrics().query()["counters"]}
    assert counters["Split:empty_document"] == 1


def test_without_a_door_the_failure_is_raised() -> None:
    with pytest.raises(Exception, match="there is nothing in it"), local_pipeline() as root:
        _ = root | beam.Create(documents()) | DivertFailures(split, step="Split", to=None)


def test_a_defect_fails_the_run() -> None:
    with pytest.raises(Exception, match="division by zero"), local_pipeline() as root:
        with ErrorHandler(Collect()) as errors:
            _ = root | beam.Create([1]) | DivertFailures(lambda one: [one / 0], step="Split", to=errors)


def test_the_payload_of_an_entry_is_its_fields_as_json() -> None:
    letter = dead_letter(RawEntry(0, "a.xml", 0, 7, title="\ud800"), "Normalize", MalformedEntry("no text"))
    assert (letter.entry, letter.kind, letter.reason) == (7, "entry", "malformed_entry")
    assert b'"title": "\\ud800"' in letter.payload
    assert letter.payload_bytes == len(letter.payload)


def test_an_element_that_no_dead_letter_is_defined_for_is_a_defect() -> None:
    with pytest.raises(TypeError, match="no dead letter is defined for int"):
        dead_letter(1, "Split", BadInput("x"))


def test_an_entry_comes_back_from_its_payload_at_the_place_where_it_stands_now() -> None:
    entry = RawEntry(
        1,
        "a.xml",
        2,
        3,
        url="https://x.example/1",
        title="half a pair \ud83d",
        authors=("A", "B"),
        fetched=5,
        images=("https://x.example/1.png",),
        enclosures=(Enclosure("https://x.example/1.mp3", length=7),),
        problems=(Problem("fetched", "why", "raw"),),
    )
    letter = dead_letter(entry, "Normalize", MalformedEntry("nothing"))
    assert (letter.kind, letter.position, letter.entry, letter.stood) == ("entry", 2, 3, None)
    again = entry_of(Document(8, "a.xml", 9, "entry", letter.payload))
    assert again == dataclasses.replace(entry, unit=8, position=9)
    moved = dataclasses.replace(again, stood=2)
    assert dead_letter(moved, "Normalize", MalformedEntry("nothing")) == dataclasses.replace(
        letter, unit=8, position=9, stood=2
    )


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"entry": 1}', b'{"entry": 1, "unheard_of": 2}', b"\xff"])
def test_a_payload_that_is_no_entry_is_a_malformed_one(payload: bytes) -> None:
    with pytest.raises(MalformedEntry, match="not an entry as this release writes it"):
        entry_of(Document(8, "a.xml", 9, "entry", payload))
