"""What the readers of all formats share: what a feed hands down to its entries, and entries while they are made."""

from dataclasses import dataclass
from typing import Any, Final

from transforms.schemas import Document, Enclosure, Parser, RawEntry
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
    title: str | None = None
    parser: Parser = "lxml"


def draft(document: Document, number: int, feed: Feed) -> RawEntry:
    """An entry to be filled by its reader, with what document and feed hand down to it."""
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=number,
        feed=feed.scope,
        base_url=feed.base_url,
        authors=feed.authors,
        fetched=document.fetched,
        language=feed.language,
        parser=feed.parser,
        site_name=feed.title,
    )


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
