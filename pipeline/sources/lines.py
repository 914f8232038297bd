"""JSON lines: one record a line, each with the number of its line, or in a slice of a file with its byte offset."""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from pipeline.sources.documents import Reading, ReadOptions, read_failure, too_large
from transforms.schemas import Document, Unit


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end. Of one longer than the cap `body` is the head; `size` is the true length."""

    body: bytes
    size: int


def cut_lines(pieces: Iterable[bytes], max_bytes: int, end: bytes = b"\n") -> Iterator[Line]:
    """The lines of the pieces, each held to `max_bytes`; memory is bounded by that whatever the file is."""
    held: list[bytes] = []
    held_bytes = size = 0

    def finished(last: bytes) -> Line:
        nonlocal held_bytes, size
        body = b"".join((*held, last)) if held else last
        line = Line(body[:max_bytes], size + len(last))
        held.clear()
        held_bytes = size = 0
        return line

    for piece in pieces:
        parts = piece.split(end)
        for part in parts[:-1]:
            yield finished(part)
        rest = parts[-1]
        size += len(rest)
        if rest and held_bytes < max_bytes:
            held.append(rest[: max_bytes - held_bytes])
            held_bytes += len(held[-1])
    if size:
        yield finished(b"")


def lines_of_slice(pieces: Iterable[bytes], start: int, end: int) -> tuple[int, Iterator[bytes]]:
    """Of pieces that begin one byte before `start`, the lines that begin in [start, end): their offset and their bytes.

    A slice that begins the file gets pieces from byte 0.
    """
    rest = iter(pieces)
    if start == 0:
        return 0, _until(rest, 0, end)
    at = start - 1
    for piece in rest:
        cut = piece.find(b"\n") + 1
        at += cut or len(piece)
        if cut:
            return at, _until(chain((piece[cut:],), rest), at, end)
        if at >= end:
            break
    return at, iter(())


def _until(pieces: Iterable[bytes], at: int, end: int) -> Iterator[bytes]:
    """The bytes, the first of them at `at`, up to the end of the last line that begins before `end`."""
    if at >= end:
        return
    for piece in pieces:
        stop = piece.find(b"\n", max(end - 1 - at, 0)) + 1  # what begins after it begins in the next slice
        if stop:
            yield piece[:stop]
            return
        at += len(piece)
        yield piece


def read_lines(pieces: Iterable[bytes], unit: Unit, options: ReadOptions) -> Reading:
    """A record a line; blank lines are none. A line over the cap is a dead letter, the rest goes on.

    Whether a line is JSON at all is for the parser to say.
    """
    for number, line in enumerate(cut_lines(pieces, options.max_document_bytes)):
        yield from _record(line, number, f"line {number + 1}", unit, options)


def read_slice(pieces: Iterable[bytes], unit: Unit, end: int, options: ReadOptions) -> Reading:
    """The same of a slice up to `end`, also of the first: as its number is not known, a line is known by its offset."""
    at, pieces = lines_of_slice(pieces, unit.start, end)
    for line in cut_lines(pieces, options.max_document_bytes):
        yield from _record(line, at, f"the line at byte {at:,}", unit, options)
        at += line.size + 1


def _record(line: Line, position: int, place: str, unit: Unit, options: ReadOptions) -> Reading:
    limit = options.max_document_bytes
    if line.size > limit:
        yield read_failure(unit, position, too_large(place, line.size, limit), "record", line.body, options, line.size)
        return
    body = line.body if position else line.body.removeprefix(codecs.BOM_UTF8)
    body = body.strip()
    if body:
        yield Document(unit.ordinal, unit.name, position, "record", body, place=place)
