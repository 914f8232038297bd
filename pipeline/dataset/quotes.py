"""Quotes: how payloads of dead letters tell of removed articles.

A payload tells of an article where it holds a URL or guid of it, as it is or as JSON and HTML write it, or the
beginning of its text, as it is or as JSON writes it; also where it is a part of the text, as that of an article is
whose entities could not be found.

What stays unfound: payloads that spell all of these otherwise, such as whole files that are compressed or in UTF-16,
and text with markup or entities within its beginning; payloads that were cut before any of them ends; and of articles
without a URL or guid those whose text is too short to be told from others.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

QUOTED_COLUMNS: Final = ("url", "canonical_url", "guid", "text")
"""The columns of articles, duplicates and revisions that quotes are made of."""

LEAST_NAME_BYTES: Final = 8
"""A shorter URL or guid (a number, a word) would be found in payloads that have nothing to do with the article."""

BEGINNING_CHARS: Final = 80
"""So much of a text is looked for in payloads. A shorter text is not: others may hold it too."""

LEAST_PART_BYTES: Final = 32
"""A shorter payload may be a part of any text."""


@dataclass(frozen=True, slots=True)
class Quotes:
    """What tells of articles: passages that a payload may hold, and texts that it may be a part of."""

    passages: frozenset[bytes] = frozenset()
    texts: frozenset[bytes] = frozenset()

    def are_in(self, payload: bytes | None) -> bool:
        """Whether the payload tells of one of the articles."""
        if payload is None:
            return False
        if len(payload) >= LEAST_PART_BYTES and any(payload in text for text in self.texts):
            return True
        return any(passage in payload for passage in self.passages)


def quotes_of(tables: Iterable[pa.Table]) -> Quotes:
    """The quotes of all rows of the tables, which have `QUOTED_COLUMNS`. Memory: their texts."""
    passages: set[bytes] = set()
    texts: set[bytes] = set()
    for rows in tables:
        for name in rows.column_names:
            for value in rows[name].drop_null().to_pylist():
                if name == "text":
                    texts.add(_utf8(value))
                    passages.update(_beginnings(value))
                else:
                    passages.update(_spellings(value))
    return Quotes(frozenset(passages), frozenset(texts))


def _spellings(name: str) -> Iterator[bytes]:
    """A URL or guid as it is, and as JSON and HTML write it."""
    for spelt in map(_utf8, (name, name.replace("/", "\\/"), name.replace("&", "&amp;"))):
        if len(spelt) >= LEAST_NAME_BYTES:
            yield spelt


def _beginnings(text: str) -> Iterator[bytes]:
    """The beginning of a text as it is, and as JSON writes it, with and without characters beyond ASCII."""
    beginning = text[:BEGINNING_CHARS]
    if len(beginning) == BEGINNING_CHARS:
        yield _utf8(beginning)
        for is_ascii in (True, False):
            yield _utf8(json.dumps(beginning, ensure_ascii=is_ascii)[1:-1])


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
