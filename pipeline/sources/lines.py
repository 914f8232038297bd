"""JSON lines: one record a line, each with the number of its line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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


def lines_of_slice(pieces: Iterable[bytes], start: int, end: int) -> Iterator[bytes]:
    """Of pieces that begin one byte before `start`, the bytes of the lines that begin in [start, end).

    A slice that begins the file gets pieces from byte 0.
    """
    at = max(start - 1, 0)
    skipping = start > 0
    for piece in pieces:
        data = piece
        if skipping:
            cut = data.find(b"\n") + 1
            at += cut or len(data)
            if at >= end:
                return
            if not cut:
                continue
            data = data[cut:]
            skipping = False
        stop = data.find(b"\n", max(end - 1 - at, 0)) + 1  # what begins after it begins in the next slice
        if stop:
            yield data[:stop]
            return
        at += len(data)
        yield data


def read_lines(pieces: Iterable[bytes], unit: Unit, options: ReadOptions) -> Reading:
    """A record a line; blank lines are none. A line over the cap is a dead letter, the rest goes on.

    Whether a line is JSON at all is for the parser to say.
    """
    limit = options.max_document_bytes
    for number, line in enumerate(cut_lines(pieces, limit)):
        if line.size > limit:
            failure = too_large(f"line {number + 1}", line.size, limit)
            yield read_failure(unit, number, failure, "record", line.body, options, line.size)
            continue
        body = line.body.strip()
        if body:
            yield Document(unit.ordinal, unit.name, number, "record", body)
