"""What the readers of all formats share: what a feed hands down to its entries, and entries while they are made."""

from dataclasses import dataclass
from typing import Any, Final, cast

from transforms.schemas import Document, Enclosure, Problem, RawEntry
from transforms.text.errors import TooLarge

MAX_ENTRIES: Final = 50_000
"""Entries a feed may have: 50 times the longest of 200 real ones, and 2 s."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says of itself and its entries share."""

    scope: str | None
    base_url: str | None
    language: str | None
    authors: tuple[str, ...] = ()


class Draft:
    """An entry that is being read: a `RawEntry` but for being frozen, with what document and feed hand down to it.

    It takes a frozen dataclass a call to set each of its fields, which is a tenth of the time to read a feed. A draft
    has the same slots, sets them freely, and becomes an entry by its class alone.
    """

    __slots__ = RawEntry.__slots__

    def __init__(self, document: Document, number: int, feed: Feed) -> None:
        self.unit = document.unit
        self.source = document.source
        self.position = document.position
        self.entry = number
        self.url: str | None = None
        self.guid: str | None = None
        self.feed = feed.scope
        self.base_url = feed.base_url
        self.title: str | None = None
        self.content: str | None = None
        self.content_is_html = False
        self.summary: str | None = None
        self.summary_is_html = False
        self.authors = feed.authors
        self.published: str | None = None
        self.updated: str | None = None
        self.fetched = document.fetched
        self.language = feed.language
        self.categories: tuple[str, ...] = ()
        self.images: tuple[str, ...] = ()
        self.enclosures: tuple[Enclosure, ...] = ()
        self.problems: tuple[Problem, ...] = ()
        self.stood: int | None = None

    def finished(self) -> RawEntry:
        """The entry that the draft has become."""
        self.__class__ = RawEntry  # type: ignore[assignment]
        return cast("RawEntry", self)


def too_many_entries() -> TooLarge:
    """Says that a feed has more entries than it may."""
    return TooLarge(f"a feed of more than {MAX_ENTRIES:,} entries")


def enclosure_of(url: Any, kind: Any, length: Any) -> Enclosure | None:
    """The enclosure of three values as a feed gives them; None without a URL. A length that is none is left out."""
    url = url.strip() if isinstance(url, str) else ""
    if not url:
        return None
    digits = str(length).strip() if isinstance(length, (str, int)) and not isinstance(length, bool) else ""
    size = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
    return Enclosure(url, kind.strip() or None if isinstance(kind, str) else None, size)
