"""Web archives (WARC): each response and resource is a page, a feed, a text or JSON; all else is left out, counted.

fastwarc takes a torn last record for a whole one, so the bytes of every record are counted here against its header,
and decompression is ours, which notices where a member ends early. It gives up at the first header that it cannot
read; here the archive goes on at the next line that begins a record.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, BinaryIO, Final, cast

from fastwarc.warc import ArchiveIterator, WarcRecordType

from pipeline.sources.compression import decompress
from pipeline.sources.documents import LeftOut, Reading, ReadOptions, Skipped, read_failure, too_large
from pipeline.sources.formats import sniff
from pipeline.sources.http_bodies import plain_body
from pipeline.sources.lines import read_lines
from pipeline.sources.objects import read_objects
from pipeline.sources.transcoding import utf8_pieces
from pipeline.sources.whole import KINDS, read_whole
from transforms.schemas import Document, DocumentKind, Unit
from transforms.text.errors import BadInput, BrokenCompression, BrokenContainer, UnknownFormat

_EXTENSIONS: Final = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/plain": "txt",
    "text/xml": "xml",
    "application/xml": "xml",
    "application/json": "json",
    "text/json": "json",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/octet-stream": "",
    "": "",
}
"""Media types that may hold an article, as the extension that says the same."""

_STATUS_OK: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DRAIN_BYTES: Final = 1 << 18
_MAX_GAPS: Final = 100
"""An archive with more stretches than this that are no records is no archive."""


def read_archive(pieces: Iterable[bytes], unit: Unit, options: ReadOptions) -> Reading:
    """The documents of the records, numbered through; a record that cannot be read is a dead letter, the rest goes on.

    So is a stretch in which no record begins. Raises BrokenContainer where the archive is torn or no record follows a
    damage, after the whole records before it.
    """
    position = 0
    for number, record in enumerate(_records(pieces, options.max_payload_bytes), 1):
        if isinstance(record, _Gap):
            failure = BrokenContainer(f"record {number}: {record.cause}; {record.size:,} bytes are skipped")
            yield read_failure(unit, position, failure, "unit", record.head, options, record.size)
            position += 1
            continue
        try:
            left_out = _left_out(record)
            if left_out is not None:
                _take(record, 0)
                yield Skipped(left_out)
                continue
            for item in _read_record(record, unit, options):
                if isinstance(item, Skipped):
                    yield item
                else:
                    if isinstance(item, Document):
                        item = replace(item, place=f"{item.place} of record {number}".removeprefix(" of "))
                    yield replace(item, position=position)
                    position += 1
        except (BrokenCompression, BrokenContainer, OSError) as failure:
            raise BrokenContainer(f"record {number}: {failure}") from None


@dataclass(frozen=True, slots=True)
class _Gap:
    """A stretch of an archive that is no record: why, its first bytes and its length."""

    cause: str
    head: bytes
    size: int


class _Stream:
    """The pieces as the file that fastwarc wants. It keeps what it has given of the header that is being read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = b""
        self._position = 0
        self._kept: deque[bytes] = deque()
        self._kept_from = self._keep = 0

    def read(self, size: int = -1) -> bytes:
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._held = piece
        data = self._held if size < 0 else self._held[:size]
        self._held = self._held[len(data) :]
        self._position += len(data)
        self._kept.append(data)
        self._drop()
        return data

    def tell(self) -> int:
        return self._position

    def end_of_header(self, start: int) -> int:
        """Where the header that begins at `start` ends; the stream keeps what was given from `start` on."""
        self.keep_from(start)
        found = _HEADER_END.search(self.kept())
        return start if found is None else start + found.end()

    def keep_from(self, position: int) -> None:
        """What was given before this position is forgotten."""
        self._keep = position
        self._drop()

    def kept(self) -> bytes:
        """What was given from that position on."""
        return b"".join(self._kept)[max(self._keep - self._kept_from, 0) :]

    def rest(self) -> Iterator[bytes]:
        """What was given from that position on, and all that follows."""
        return chain((self.kept(), self._held), self._pieces)

    def _drop(self) -> None:
        while self._kept and self._kept_from + len(self._kept[0]) <= self._keep:
            self._kept_from += len(self._kept.popleft())


_HEADER_END: Final = re.compile(rb"\r?\n\r?\n")
_RECORD_START: Final = re.compile(rb"\nWARC/[01]\.\d{1,2}\r?\n")
_START_BYTES: Final = 16
"""No start of a record is longer."""
_LENGTH: Final = re.compile(r"\s*[0-9]{1,18}\s*")


def _records(pieces: Iterable[bytes], max_head_bytes: int) -> Iterator[Any]:
    """The records of fastwarc, and the gaps between them. Raises BrokenContainer where no record follows a damage."""
    number = gaps = 0
    while True:
        stream = _Stream(pieces)
        try:
            for record in _records_until_damage(stream):
                number += 1
                yield record
            return
        except _BadHeader as damage:
            cause = str(damage)
        except BrokenCompression as failure:
            raise _broken(number + 1, failure) from None
        gaps += 1
        number += 1
        try:
            found = None if gaps > _MAX_GAPS else _next_start(stream.rest(), max_head_bytes)
        except BrokenCompression:
            found = None
        if found is None:
            raise _broken(number, cause)
        head, size, pieces = found
        yield _Gap(cause, head, size)


def _broken(number: int, cause: object) -> BrokenContainer:
    return BrokenContainer(f"the archive breaks off or is damaged at record {number}: {cause}")


class _BadHeader(Exception):
    """A header that cannot be read."""


def _records_until_damage(stream: _Stream) -> Iterator[Any]:
    """The records of fastwarc. Raises _BadHeader, after which the stream keeps what lies behind the last record."""
    records = iter(ArchiveIterator(cast("BinaryIO", stream), stream_detect=False))
    while True:
        try:
            record = next(records)
        except StopIteration:
            return
        except OSError as failure:
            raise _BadHeader(str(failure).rstrip(".")) from None
        end = stream.end_of_header(record.stream_pos)
        declared = record.headers.get("Content-Length")
        if declared is None or _LENGTH.fullmatch(declared) is None:
            raise _BadHeader("the header is torn or names no length")
        stream.keep_from(end + int(declared))
        yield record


def _next_start(pieces: Iterator[bytes], max_head_bytes: int) -> tuple[bytes, int, Iterator[bytes]] | None:
    """The bytes before the next record that begins behind the first line: their head, their number, and what follows.

    None where none begins.
    """
    head = b""
    size = 0
    window = b""
    begun = False
    for piece in pieces:
        window += piece
        if not begun:
            window = window.lstrip(b"\r\n")
            if len(window) < _START_BYTES:
                continue
            begun = True
        found = _RECORD_START.search(window)
        passed = len(window) - _START_BYTES if found is None else found.start() + 1
        if passed <= 0:
            continue
        if len(head) < max_head_bytes:
            head += window[: min(passed, max_head_bytes - len(head))]
        size += passed
        window = window[passed:]
        if found is not None:
            return head, size, chain((window,), pieces)
    return None


def _left_out(record: Any) -> LeftOut | None:
    if record.record_type not in (WarcRecordType.response, WarcRecordType.resource):
        return "record_type"
    if record.record_type == WarcRecordType.response:
        if not record.is_http or record.http_headers is None:
            return "record_type"
        if record.http_headers.status_code != _STATUS_OK:
            return "status"
    media = _media_type(record)
    if media not in _EXTENSIONS and not media.endswith(("+xml", "+json")):
        return "content_type"
    return "content_type" if (_url(record) or "").endswith("/robots.txt") else None


def _read_record(record: Any, unit: Unit, options: ReadOptions) -> Reading:
    """Yields the documents of a record. Its own failures are dead letters, those of the archive are raised."""
    url = _url(record)
    media = _media_type(record)
    extension = _EXTENSIONS.get(media, "json" if media.endswith("+json") else "xml")
    size = record.content_length
    body = _take(record, options.max_document_bytes)
    try:
        if size > options.max_document_bytes:
            raise too_large("the record", size, options.max_document_bytes)
        if record.http_headers is not None:
            headers = record.http_headers
            codings = headers.get("Transfer-Encoding"), headers.get("Content-Encoding")
            body = plain_body(body, *codings, options.max_document_bytes)
        yield from _documents(body, extension, record, unit, options)
    except UnknownFormat:
        yield Skipped("content_type")
    except BadInput as failure:
        named = type(failure)(f"{url or 'a record without address'}: {failure}")
        kind: DocumentKind = "page" if extension == "html" else "text" if extension == "txt" else "feed"
        yield read_failure(unit, 0, named, kind, body, options, size)


def _documents(body: bytes, extension: str, record: Any, unit: Unit, options: ReadOptions) -> Reading:
    told = sniff(body, f"record.{extension}" if extension else "record")
    pieces: Iterable[bytes] = (body,)
    for codec in told.codecs:
        pieces = decompress(pieces, codec)
    moment = record.record_date
    fetched = None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)
    if told.name in KINDS:
        whole = read_whole(pieces, unit, KINDS[told.name], options)
        yield replace(whole, url=_url(record), charset=record.http_charset, fetched=fetched)
    elif told.name in ("json", "jsonl"):
        reader = read_objects if told.name == "json" else read_lines
        for item in reader(utf8_pieces(pieces), unit, options):
            if isinstance(item, Document):
                # records of one response do not share its address; a feed has it
                url = _url(record) if item.kind == "feed" else None
                yield replace(item, url=url, fetched=fetched)
            else:
                yield item
    else:
        yield Skipped("content_type")


def _take(record: Any, max_bytes: int) -> bytes:
    """The block of the record, of a longer one the head. Raises BrokenContainer where the archive ends inside it."""
    kept: list[bytes] = []
    kept_bytes = taken = 0
    while data := record.reader.read(_DRAIN_BYTES):
        taken += len(data)
        if kept_bytes < max_bytes:
            kept.append(data[: max_bytes - kept_bytes])
            kept_bytes += len(kept[-1])
    if taken < record.content_length:
        raise BrokenContainer(f"the archive ends {record.content_length - taken:,} bytes before the record does")
    return b"".join(kept)


def _media_type(record: Any) -> str:
    if record.http_headers is not None:
        media = record.http_content_type
    else:
        media = record.headers.get("Content-Type")
    return re.split("[;,]", media or "", maxsplit=1)[0].strip().lower()


def _url(record: Any) -> str | None:
    """The address; WARC 1.0 writers put it into angle brackets."""
    address = record.headers.get("WARC-Target-URI")
    return None if address is None else address.strip().strip("<>") or None
