"""What the readers of all formats share: what a feed hands down to its entries, and entries while they are made."""

from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any, Final

from transforms.schemas import Document, Enclosure, RawEntry
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


_Draft: Final = make_dataclass(
    "_Draft", [(it.name, it.type, field(default=it.default)) for it in fields(RawEntry)], eq=False, slots=True
)
"""A `RawEntry` that is not frozen: same fields, same defaults. To set a field of a frozen one takes a call each time,
and makes 5 µs of the 1.2 that an entry takes."""


def draft_of(document: Document, number: int, feed: Feed) -> Any:
    """An entry to be filled in, with what its document and its feed hand down to it."""
    return _Draft(
        document.unit,
        document.source,
        document.position,
        number,
        feed=feed.scope,
        base_url=feed.base_url,
        authors=feed.authors,
        fetched=document.fetched,
        language=feed.language,
    )


def finished(draft: Any) -> RawEntry:
    """The draft as the entry that it has become; the draft is none any more."""
    draft.__class__ = RawEntry
    entry: RawEntry = draft
    return entry


def refuse_many(entries: int) -> None:
    """Raises TooLarge if a feed has more entries than it may."""
    if entries > MAX_ENTRIES:
        raise TooLarge(f"a feed of more than {MAX_ENTRIES:,} entries")


def enclosure_of(url: Any, kind: Any, length: Any) -> Enclosure | None:
    """The enclosure of three values as a feed gives them; None without a URL. A length that is none is left out."""
    if not isinstance(url, str) or not url.strip():
        return None
    digits = str(length).strip() if isinstance(length, (str, int)) and not isinstance(length, bool) else ""
    size = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
    return Enclosure(url.strip(), kind.strip() or None if isinstance(kind, str) else None, size)
