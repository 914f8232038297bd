"""UTF-16 and UTF-32 as UTF-8, as a stream: so that lines, tables and JSON can be cut at ASCII bytes."""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from transforms.text.errors import BadInput, WrongEncoding

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""UTF-32 before UTF-16: its little-endian mark begins with that of UTF-16."""

_ANY_MARK: Final = tuple(mark for mark, _ in _MARKS)
_ENOUGH_PAIRS: Final = 4
_LOOK_BYTES: Final = 4096


def byte_order_mark(head: bytes) -> tuple[str, int] | None:
    """The encoding that a mark at the start tells, and the length of the mark."""
    if head.startswith(_ANY_MARK):
        for mark, encoding in _MARKS:
            if head.startswith(mark):
                return encoding, len(mark)
    return None


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 by its mark, or UTF-16 of mostly Latin text by the zeros in every second byte; else None."""
    marked = byte_order_mark(head)
    if marked is not None:
        return None if marked[0] == "utf-8" else marked[0]
    if b"\0" not in head:
        return None
    even, odd, pairs = head[0::2].count(0), head[1::2].count(0), len(head) // 2
    if pairs >= _ENOUGH_PAIRS and odd > 0.7 * pairs and even <= 0.05 * pairs:
        return "utf-16-le"
    if pairs >= _ENOUGH_PAIRS and even > 0.7 * pairs and odd <= 0.05 * pairs:
        return "utf-16-be"
    return None


def is_wide(encoding: str) -> bool:
    """Whether a character of this encoding takes at least two bytes, so that a line cannot be cut at a byte."""
    return encoding.lower().replace("_", "-").startswith(("utf-16", "utf16", "utf-32", "utf32"))


def peek(pieces: Iterable[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and all the pieces; bad input behind the first bytes is raised where it stands."""
    rest = iter(pieces)
    held: list[bytes] = []
    held_bytes = 0
    try:
        while held_bytes < size and (piece := next(rest, None)) is not None:
            held.append(piece)
            held_bytes += len(piece)
    except BadInput as failure:
        rest = _raise(failure)
    return b"".join(held)[:size], chain(held, rest)


def _raise(failure: BadInput) -> Iterator[bytes]:
    raise failure
    yield b""


def utf8_pieces(pieces: Iterable[bytes], encoding: str | None = None) -> Iterator[bytes]:
    """The pieces in UTF-8 and without a byte order mark, if they are UTF-16 or UTF-32; else without the mark only.

    `encoding` is what the user says. Raises WrongEncoding where the bytes do not fit.
    """
    head, pieces = peek(pieces, _LOOK_BYTES)
    wide = encoding if encoding is not None and is_wide(encoding) else wide_encoding(head)
    if wide is None:
        yield from _without_mark(head, pieces)
        return
    try:
        decoder = codecs.getincrementaldecoder(wide)("strict")
    except LookupError:
        raise WrongEncoding(f"unknown encoding {wide[:60]!r}") from None
    first = True
    try:
        for piece in pieces:
            text = decoder.decode(piece)
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            yield text.encode()
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError | UnicodeEncodeError) else str(error)
        raise WrongEncoding(f"not {wide}: {reason}") from None


def _without_mark(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    left = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    for piece in pieces:
        yield piece[left:]
        left = max(left - len(piece), 0)
