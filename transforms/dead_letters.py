"""The one way out for bad records: a function raises a named `BadInput`, the door makes it a `DeadLetter`.

A dead letter holds what can be run again: the document as it was read, or the entry as JSON, which `entry_of` turns
back. It is counted by step and reason where it is made. Only `BadInput` leaves this way; anything else is a defect and
fails the run.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from functools import singledispatch
from typing import Any, Final, Literal

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.error_handling import ErrorHandler

from transforms.schemas import DeadLetter, Document, Enclosure, Problem, RawEntry
from transforms.text.errors import BadInput, MalformedEntry
from transforms.text.spacing import without_surrogates

TAG: Final = "dead_letters"
"""The tagged output that leads to the door."""


@singledispatch
def dead_letter(element: object, step: str, failure: BadInput) -> DeadLetter:
    """The dead letter of an element that a step could not use."""
    raise TypeError(f"no dead letter is defined for {type(element).__name__}")


@dead_letter.register
def _(element: Document, step: str, failure: BadInput) -> DeadLetter:
    return DeadLetter(
        unit=element.unit,
        position=element.position,
        entry=0,
        source=element.source,
        step=step,
        reason=failure.reason,
        detail=str(failure),
        kind=element.kind,
        payload=element.body,
        payload_bytes=len(element.body),
        url=None if element.url is None else without_surrogates(element.url),
        charset=None if element.charset is None else without_surrogates(element.charset),
        fetched=element.fetched,
        place=element.place or None,
        stood=element.stood,
    )


@dead_letter.register
def _(element: RawEntry, step: str, failure: BadInput) -> DeadLetter:
    payload = payload_of(element)
    return DeadLetter(
        unit=element.unit,
        position=element.position,
        entry=element.entry,
        source=element.source,
        step=step,
        reason=failure.reason,
        detail=str(failure),
        kind="entry",
        payload=payload,
        payload_bytes=len(payload),
        stood=element.stood,
    )


def payload_of(entry: RawEntry) -> bytes:
    """An entry as JSON, without its place in the order of the dataset, which is another one when it is replayed."""
    values = {name: value for name, value in dataclasses.asdict(entry).items() if name not in _OF_ITS_PLACE}
    return json.dumps(values, sort_keys=True).encode()


def entry_of(document: Document) -> RawEntry:
    """The entry that a payload holds, at the place of the document. Raises MalformedEntry where it holds none."""
    try:
        values = {name: value for name, value in json.loads(document.body).items() if name not in _OF_ITS_PLACE}
        for name in ("authors", "categories", "images"):
            values[name] = tuple(values[name])
        values["enclosures"] = tuple(Enclosure(**it) for it in values["enclosures"])
        values["problems"] = tuple(Problem(**it) for it in values["problems"])
        return RawEntry(unit=document.unit, source=document.source, position=document.position, **values)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise MalformedEntry(f"not an entry as this release writes it: {error}") from None


_OF_ITS_PLACE: Final = ("unit", "source", "position", "stood")


def counted(letter: DeadLetter) -> "TaggedOutput[Literal['dead_letters'], DeadLetter]":
    """Sends a dead letter to the door, and counts it."""
    Metrics.counter("dead_letters", f"{letter.step}:{letter.reason}").inc()
    return TaggedOutput(TAG, letter)


class DivertFailures(beam.PTransform[beam.PCollection[Any], beam.PCollection[Any]]):
    """Runs a function of an element to several; an element on which it raises `BadInput` leaves by the door.

    In: any record that `dead_letter` knows. Out: what the function yields.
    Dead letters: `BadInput`. Without `to` the failure is raised, which is for tests.
    """

    def __init__(
        self, function: Callable[..., Iterable[Any]], *arguments: Any, step: str, to: ErrorHandler | None
    ) -> None:
        """Keeps the function, further arguments for it, and the door."""
        super().__init__()
        self.function = function
        self.arguments = arguments
        self.step = step
        self.to = to

    def expand(self, elements: beam.PCollection[Any]) -> beam.PCollection[Any]:
        """Wires the function and the door."""
        divert = beam.ParDo(Divert(self.function, self.arguments, self.step, divert=self.to is not None))
        outputs = elements | "Apply" >> divert.with_outputs(TAG, main="out")
        if self.to is not None:
            self.to.add_error_pcollection(outputs[TAG])
        out: beam.PCollection[Any] = outputs.out
        return out


class Divert(beam.DoFn):
    """The function with its failures caught."""

    def __init__(self, function: Callable[..., Iterable[Any]], arguments: tuple[Any, ...], step: str, divert: bool):
        """Keeps what pickles."""
        self.function = function
        self.arguments = arguments
        self.step = step
        self.divert = divert

    def process(self, element: Any) -> Iterator[Any]:
        """Yields what the function does, and a dead letter where it gives up."""
        try:
            yield from self.function(element, *self.arguments)
        except BadInput as failure:
            if not self.divert:
                raise
            yield counted(dead_letter(element, self.step, failure))
