"""A JSON document: an array of objects gives a record each, an object is one record, or a feed.

An array is cut at its commas without being parsed, so its size does not matter and each element keeps its bytes.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from pipeline.sources.documents import Reading, ReadOptions, read_failure, too_large
from transforms.schemas import Document, DocumentKind, Unit
from transforms.text.errors import BrokenContainer, TooLarge

JSON_FEED: Final = re.compile(rb'"version"\s*:\s*"https?:(?:\\?/){2}(?:www\.)?jsonfeed\.org\\?/version\\?/')
"""The key by which a JSON Feed names itself (jsonfeed.org/version/1.1, "Top-level"); slashes may be escaped."""

_OUTSIDE: Final = re.compile(rb'["\[\]{},]')
_STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_BLANKS: Final = b" \t\r\n"


def read_objects(pieces: Iterable[bytes], unit: Unit, options: ReadOptions) -> Reading:
    """The records of a JSON document, or the feed that it is.

    Raises BrokenContainer where an array ends early, TooLarge for one object over the cap.
    """
    rest = iter(pieces)
    start = b""
    for piece in rest:
        start += piece
        if start.strip():
            break
    start = start.lstrip()
    if start.startswith(b"["):
        yield from _read_array(_chain(start[1:], rest), unit, options)
        return
    body = bytearray(start)
    for piece in rest:
        if len(body) > options.max_document_bytes:
            break
        body += piece
    if len(body) > options.max_document_bytes:
        raise TooLarge(f"the JSON object has more than {options.max_document_bytes:,} bytes")
    kind: DocumentKind = "feed" if JSON_FEED.search(body) else "record"
    yield Document(unit.ordinal, unit.name, 0, kind, bytes(body).rstrip())


def _read_array(pieces: Iterable[bytes], unit: Unit, options: ReadOptions) -> Reading:
    limit = options.max_document_bytes
    cutter = _Cutter(limit)
    for piece in pieces:
        for body, size in cutter.cut(piece):
            number = cutter.elements - 1
            place = f"element {cutter.elements}"
            if size > limit:
                failure = too_large(f"{place} of the array", size, limit)
                yield read_failure(unit, number, failure, "record", body, options, size)
            else:
                yield Document(unit.ordinal, unit.name, number, "record", body, place=place)
        if cutter.after:
            raise BrokenContainer(f"something stands after the end of the array: {cutter.after[:40]!r}")
    if not cutter.closed:
        raise BrokenContainer(f"the JSON array ends in the middle of element {cutter.elements + 1}")


class _Cutter:
    """Finds the commas between the elements of an array, whatever pieces it arrives in."""

    def __init__(self, max_bytes: int) -> None:
        self.elements = 0
        self.closed = False
        self.after = b""
        self._max = max_bytes
        self._held = bytearray()
        self._size = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def cut(self, piece: bytes) -> Iterator[tuple[bytes, int]]:
        """The elements that end in this piece, and their true lengths."""
        if self.closed:
            self.after += piece.strip(_BLANKS)[:80]
            return
        begin = at = 0
        if self._escaped and piece:
            at, self._escaped = 1, False
        while at < len(piece):
            if self._in_string:
                at = self._end_of_string(piece, at)
                continue
            found = _OUTSIDE.search(piece, at)
            if found is None:
                break
            where, token = found.start(), found.group()
            at = where + 1
            if token == b'"':
                self._in_string = True
            elif token in b"[{":
                self._depth += 1
            elif token in b"]}" and self._depth:
                self._depth -= 1
            elif token == b"," and self._depth == 0:
                yield self._finished(piece[begin:where])
                begin = at
            elif token == b"]":
                self._hold(piece[begin:where])
                if self._held.strip(_BLANKS) or self.elements:
                    yield self._finished(b"")
                self.closed = True
                self.after = piece[at:].strip(_BLANKS)[:80]
                return
        self._hold(piece[begin:])

    def _end_of_string(self, piece: bytes, at: int) -> int:
        """Where the piece goes on after the string that it is in; its length, or more, where the string does too."""
        found = _STRING.match(piece, at)
        assert found is not None
        end = found.end()
        self._in_string = piece[end : end + 1] != b'"'
        self._escaped = piece[end : end + 1] == b"\\"
        return end + 1

    def _hold(self, data: bytes) -> None:
        self._size += len(data)
        self._held += data[: max(self._max - len(self._held), 0)]

    def _finished(self, last: bytes) -> tuple[bytes, int]:
        self._hold(last)
        element = bytes(self._held).strip(_BLANKS), self._size
        self._held.clear()
        self._size = 0
        self.elements += 1
        return element


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
