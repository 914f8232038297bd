"""CSV and its cousins: one JSON object a row, with the names of the header."""

import csv
from collections.abc import Iterable, Iterator

from pipeline.sources.documents import Reading, ReadOptions, read_failure, too_large
from pipeline.sources.formats import HEAD_BYTES, find_delimiter
from pipeline.sources.lines import Line, cut_lines
from pipeline.sources.rows import encode_row, free_names, require_columns
from pipeline.sources.transcoding import is_wide, peek, utf8_pieces, wide_encoding
from transforms.schemas import Document, Unit
from transforms.text.decoding import decode, decode_exactly
from transforms.text.errors import BadInput, BrokenContainer, MalformedRecord, WrongEncoding


def read_rows(pieces: Iterable[bytes], unit: Unit, options: ReadOptions) -> Reading:
    """A record a row, counted from 0 below the header; an empty cell is null, a line without values is no row.

    A row that has more cells than the header, that is not text, or is over the cap is a dead letter, the rest goes on.
    Raises MissingColumn, and BrokenContainer where a quoted cell is never closed.
    """
    head, pieces = peek(pieces, HEAD_BYTES)
    encoding = options.encoding
    end = b"\r" if b"\r" in head and b"\n" not in head else b"\n"
    limit = options.max_document_bytes
    lines = cut_lines(utf8_pieces(pieces, encoding), limit, end)
    feeder = _Feeder(lines, None if encoding is None or is_wide(encoding) else encoding, limit)
    csv.field_size_limit(max(csv.field_size_limit(), limit))  # of the process, 131,072 by default
    table = csv.reader(feeder, delimiter=find_delimiter(_sample(head, encoding)))
    header: list[str] | None = None
    number = -1
    while True:
        feeder.begin_row()
        try:
            row = next(table)
            if feeder.ended:  # every line is given its end, so only inside quotes does a row ask for one more
                raise BrokenContainer(f"the quoted cell that begins in line {feeder.first_line} is never closed")
            if feeder.row_bytes > limit:
                raise too_large(f"the row that begins in line {feeder.first_line}", feeder.row_bytes, limit)
            if not any(row):
                continue
            if header is None:
                names = free_names([cell.strip() for cell in row])
                require_columns(options.columns, names)
                header, number = names, 0
                continue
            if any(row[len(header) :]):
                raise MalformedRecord(f"line {feeder.first_line} has {len(row)} cells, the header {len(header)}")
        except StopIteration:
            return
        except (BadInput, csv.Error) as error:
            failure = error if isinstance(error, BadInput) else MalformedRecord(f"line {feeder.first_line}: {error}")
            if header is None or isinstance(failure, BrokenContainer):
                raise failure from None
            yield read_failure(unit, number, failure, "record", b"\n".join(feeder.row), options, feeder.row_bytes)
        else:
            cells = {name: cell or None for name, cell in zip(header, row, strict=False)}
            place = f"line {feeder.first_line}"
            yield Document(unit.ordinal, unit.name, number, "record", encode_row(cells), place=place)
        number += 1


class _Feeder(Iterator[str]):
    """Gives the csv module its lines as text, and keeps the bytes of the row that is being read.

    What it raises ends the row; the csv module begins the next one with the next line. Of a row over the cap it gives
    only whether quotes are open, so that memory is bounded and the end of the row is found.
    """

    def __init__(self, lines: Iterator[Line], encoding: str | None, max_bytes: int) -> None:
        self.row: list[bytes] = []
        self.row_bytes = 0
        self.first_line = 1
        self.ended = False
        self._lines = lines
        self._encoding = encoding
        self._max_bytes = max_bytes
        self._taken = 0
        self._kept_bytes = 0

    def begin_row(self) -> None:
        """Forgets the bytes of the row before."""
        self.row = []
        self.row_bytes = self._kept_bytes = 0
        self.first_line = self._taken + 1

    def __next__(self) -> str:
        try:
            line = next(self._lines)
        except StopIteration:
            self.ended = True
            raise
        self._taken += 1
        self.row_bytes += line.size + (1 if self.row else 0)
        if self.row_bytes > self._max_bytes:
            room = self._max_bytes - self._kept_bytes
            if room > 0:
                self._keep(line.body[:room])
            return '"' * (line.body.count(b'"') % 2) + "\n"
        self._keep(line.body)
        try:
            return self._text(line.body) + "\n"
        except WrongEncoding as error:
            raise WrongEncoding(f"line {self._taken}: {error}") from None

    def _keep(self, body: bytes) -> None:
        self.row.append(body)
        self._kept_bytes += len(body) + 1

    def _text(self, body: bytes) -> str:
        if self._encoding is not None:
            return decode_exactly(body, self._encoding)
        try:
            return body.decode()
        except UnicodeDecodeError:
            return decode(body)


def _sample(head: bytes, encoding: str | None) -> str:
    """The head as text, good enough to count delimiters."""
    try:
        return head.decode(encoding or wide_encoding(head) or "utf-8", "replace").removeprefix("\ufeff")
    except LookupError:
        return head.decode("utf-8", "replace")
