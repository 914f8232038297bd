"""Normalize: raw entries become articles with clean fields and keys."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.error_handling import ErrorHandler

from transforms.dead_letters import TAG, counted, dead_letter
from transforms.schemas import Article, Entries
from transforms.text.articles import Cleaning, clean_document


class Normalize(beam.PTransform[beam.PCollection[Entries], beam.PCollection[Article]]):
    """Reads the raw entries of a document as articles and cleans their fields.

    In: Entries. Out: Article; what could not be read of it is named in `problems`.
    Dead letters: `malformed_entry`, when nothing of an entry can be kept.
    """

    def __init__(self, cleaning: Cleaning, errors: ErrorHandler | None = None) -> None:
        """Keeps how values are cleaned. Without `errors` failures are raised, for tests."""
        super().__init__()
        self.cleaning = cleaning
        self.errors = errors

    def expand(self, entries: beam.PCollection[Entries]) -> beam.PCollection[Article]:
        """Wires the step."""
        clean = CleanEntries(self.cleaning, divert=self.errors is not None)
        outputs = entries | "Clean" >> beam.ParDo(clean).with_outputs(TAG, main="articles")
        if self.errors is not None:
            self.errors.add_error_pcollection(outputs[TAG])
        articles: beam.PCollection[Article] = outputs.articles
        return articles


class CleanEntries(beam.DoFn):
    """`clean_document` on the entries of each."""

    def __init__(self, cleaning: Cleaning, divert: bool) -> None:
        """Keeps what pickles."""
        self.cleaning = cleaning
        self.divert = divert

    def process(self, entries: Entries) -> Iterator[Any]:
        """Yields articles, and dead letters by their own output."""
        articles, failures = clean_document(entries, self.cleaning)
        yield from articles
        for entry, failure in failures:
            if not self.divert:
                raise failure
            yield counted(dead_letter(entry, "Normalize", failure))
