"""Documents that are read as a whole: a text, a page, a feed."""

from collections.abc import Iterable
from typing import Final

from pipeline.sources.documents import FormatName, ReadOptions
from transforms.schemas import Document, DocumentKind, Unit
from transforms.text.errors import TooLarge

KINDS: Final[dict[FormatName, DocumentKind]] = {"text": "text", "html": "page", "feed": "feed"}
"""The formats that are one document a file, and what it is to the parser."""


def read_whole(pieces: Iterable[bytes], unit: Unit, kind: DocumentKind, options: ReadOptions) -> Document:
    """The one document of a file. Raises TooLarge; and what the pieces raise, so half a document is none."""
    body: list[bytes] = []
    size = 0
    for piece in pieces:
        body.append(piece)
        size += len(piece)
        if size > options.max_document_bytes:
            raise TooLarge(f"the {_NAMES[kind]} has more than {options.max_document_bytes:,} bytes")
    charset = None if kind == "feed" else options.encoding
    return Document(unit.ordinal, unit.name, 0, kind, b"".join(body), charset=charset)


_NAMES: Final[dict[DocumentKind, str]] = {"text": "text", "page": "page", "feed": "feed", "record": "record"}
