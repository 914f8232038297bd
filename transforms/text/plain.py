"""Plain text to an entry."""

from transforms.schemas import Document, RawEntry
from transforms.text.decoding import decode, decode_exactly
from transforms.text.errors import EmptyDocument
from transforms.text.spacing import tidy

MAX_TITLE_CHARS = 200
"""A longer first line is a paragraph: the longest headline of 295 Wikinews articles has 167 characters."""


def read_text(document: Document, encoding: str | None) -> RawEntry:
    """The entry of a plain text: its title and its text.

    The first line with text is the title if it has at most 200 characters and an empty line, but not the end, follows.
    `encoding` is what the user says, and then nothing else is tried. Raises `EmptyDocument` and `WrongEncoding`.
    """
    if not document.body.strip():
        raise EmptyDocument("an empty file")
    body = document.body
    text = decode_exactly(body, encoding) if encoding else decode(body, document.charset)
    text = tidy(text)
    if not text:
        raise EmptyDocument("nothing but white space")
    title, gap, rest = text.partition("\n\n")
    has_title = bool(gap) and "\n" not in title and len(title) <= MAX_TITLE_CHARS
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=0,
        url=document.url,
        title=title if has_title else None,
        content=rest if has_title else text,
        fetched=document.fetched,
        origin="text",
        parser="text",
    )
