"""Normalize: raw entries become articles with clean fields and keys."""

import apache_beam as beam
from apache_beam.transforms.error_handling import ErrorHandler

from transforms.dead_letters import DivertFailures
from transforms.schemas import Article, RawEntry
from transforms.text.articles import clean_article
from transforms.text.dates import DateBounds


class Normalize(beam.PTransform[beam.PCollection[RawEntry], beam.PCollection[Article]]):
    """Reads raw entries as articles and cleans their fields.

    In: RawEntry. Out: Article; what could not be read of it is named in `problems`.
    Dead letters: `malformed_entry`, when nothing of it can be kept.
    """

    def __init__(self, bounds: DateBounds, errors: ErrorHandler | None = None) -> None:
        """Keeps the bounds between which a date is believed."""
        super().__init__()
        self.bounds = bounds
        self.errors = errors

    def expand(self, entries: beam.PCollection[RawEntry]) -> beam.PCollection[Article]:
        """Wires the step."""
        articles: beam.PCollection[Article] = entries | "Clean" >> DivertFailures(
            _clean, self.bounds, step="Normalize", to=self.errors
        ).with_output_types(Article)
        return articles


def _clean(entry: RawEntry, bounds: DateBounds) -> tuple[Article]:
    return (clean_article(entry, bounds),)
