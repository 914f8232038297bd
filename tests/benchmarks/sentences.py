"""The sentences of `data/`, laid out so that different stories share at most one of them.

Sentences stand in a grid of `COLUMNS` columns and p rows, p prime. Story number k is the line y = a·x + b (mod p) with
its own (a, b), and takes its sentences from that line. Two lines meet in one column at most, so two of the first p²
stories (about 218,000, the stories of a corpus of 280,000 articles) share one sentence at most, which drawing at random
could not promise. Later stories are parabolas y = c·x² + a·x + b, which meet twice at most.
"""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

DATA = Path(__file__).parent / "data"

COLUMNS = 81
"""Sentences on a line: at a mean of 15 words about 1,200 words, so that the longest story (900 words) fits on any."""

MIN_WORDS, MAX_WORDS = 5, 45
"""Shorter ones are fragments ("Watch below."), longer ones mostly badly split."""

_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"“\u2018(]?[A-Z0-9])")
_DATE_LINE = re.compile(r"^\w+day, \w+ \d+, \d{4}$")


@dataclass(frozen=True)
class SentenceGrid:
    """The sentences by column and row. `rows` is prime, and `len(sentences) == COLUMNS * rows`."""

    sentences: tuple[str, ...]
    rows: int

    def cell(self, story: int, column: int) -> int:
        """The number of the sentence at which the line of a story crosses a column."""
        curve, number = divmod(story, self.rows * self.rows)
        scattered = number * 48_271 % (self.rows * self.rows)  # neighbouring numbers get unlike slopes
        slope, start = divmod(scattered, self.rows)
        return column * self.rows + (curve * column * column + slope * column + start) % self.rows

    def draw(self, story: int, random: Random, words: int) -> list[int]:
        """Numbers of different sentences on the line of a story, in random order, until they hold so many words."""
        drawn: list[int] = []
        total = 0
        columns = list(range(COLUMNS))
        random.shuffle(columns)
        for column in columns:
            if total >= words:
                break
            number = self.cell(story, column)
            drawn.append(number)
            total += len(self.sentences[number].split())
        return drawn


def sentence_grid(seed: int) -> SentenceGrid:
    """The grid of a seed: as many of the sentences as fill its columns to a prime height, in an order of its own."""
    sentences = list(distinct_sentences())
    Random(f"{seed}/sentences").shuffle(sentences)
    rows = len(sentences) // COLUMNS
    while any(rows % divisor == 0 for divisor in range(2, int(rows**0.5) + 1)):
        rows -= 1
    return SentenceGrid(tuple(sentences[: rows * COLUMNS]), rows)


@cache
def distinct_sentences() -> tuple[str, ...]:
    """Every sentence of the data once (told apart by its lower-cased words), in the order of the files."""
    first: dict[tuple[str, ...], str] = {}
    for sentence in _sentences():
        words = tuple(_WORD.findall(sentence.lower()))
        if MIN_WORDS <= len(words) and len(sentence.split()) <= MAX_WORDS:
            first.setdefault(words, sentence)
    return tuple(first.values())


@cache
def headlines() -> tuple[str, ...]:
    """The HuffPost headlines of seven words or more, of which titles are made."""
    return tuple(
        dict.fromkeys(row["headline"] for row in _rows("huffpost.jsonl.gz") if len(row["headline"].split()) >= 7)
    )


def _sentences() -> Iterator[str]:
    for row in _rows("wikinews.jsonl.gz"):
        for line in row["text"].splitlines():
            if not _DATE_LINE.match(line.strip()):
                yield from _SENTENCE_END.split(" ".join(line.split()))
    for row in _rows("huffpost.jsonl.gz"):
        headline = " ".join(row["headline"].split())
        yield headline if headline[-1:] in '.!?"”' else f"{headline}."
        yield from _SENTENCE_END.split(" ".join(row["description"].split()))


def _rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
