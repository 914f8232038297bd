"""Read: the step that opens each unit and gives its documents one by one."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, Literal, cast

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.error_handling import ErrorHandler

from pipeline.dataset.layout import UNREADABLE
from pipeline.sources.archives import read_archive
from pipeline.sources.compression import decompress
from pipeline.sources.delimited import read_rows
from pipeline.sources.documents import Reading, ReadOptions, Skipped, read_failure
from pipeline.sources.formats import read_head, sniff
from pipeline.sources.letters import read_letters
from pipeline.sources.lines import read_lines, read_slice
from pipeline.sources.objects import read_objects
from pipeline.sources.opening import CheckedInput, open_input
from pipeline.sources.parquet import read_parquet
from pipeline.sources.transcoding import utf8_pieces
from pipeline.sources.whole import KINDS, read_whole
from transforms.dead_letters import TAG, counted
from transforms.schemas import DeadLetter, Document, Tally, Unit
from transforms.text.errors import BadInput, TooLarge, UnreadableFile

_MAX_UNFOLDED_BYTES: Final = 1 << 30
"""A Parquet file that is compressed once more is unfolded into a temporary file of at most this size."""

_PARQUET_MARK: Final = b"PAR1"


def read_documents(unit: Unit, options: ReadOptions) -> Reading:
    """The documents of a unit in order, and a dead letter where one or the rest of the unit cannot be read.

    Record files stream: memory is bounded by the caps, whatever their size. A dead letter of kind `unit` is the last
    that comes, unless it is of a stretch of a web archive that was skipped; the documents before it are good. Only what
    is no bad input is raised.
    """
    position = 0
    try:
        with CheckedInput(unit) as source:
            try:
                for item in _documents(source, unit, options):
                    if not isinstance(item, Skipped):
                        position = item.position + 1
                    yield item
            except UnreadableFile:
                raise
            except BadInput:
                source.verify()  # half a file may be one that is still being written
                raise
            source.verify()
    except BadInput as failure:
        payload = _head_of(unit, options.max_payload_bytes)
        yield read_failure(unit, position, failure, "unit", payload, options, unit.size)


class ReadDocuments(beam.PTransform[beam.PCollection[Unit], beam.PCollection[Document]]):
    """Opens units and gives their documents.

    In: Unit. Out: Document.
    Dead letters: a document that is too large, a row that is none; and a unit, as a whole or from some position on,
    that is unreadable, of unknown format, damaged or lacks a column; in a replay also those that are kept. Without
    `errors` they are raised: for tests.
    What a web archive holds beside articles is left out and counted (`read`, `left_out_…`).
    """

    def __init__(self, options: ReadOptions, errors: ErrorHandler | None = None, tally: Tally | None = None) -> None:
        """Keeps how units are read, the door, and who is told of a finished unit."""
        super().__init__()
        self.options = options
        self.errors = errors
        self.tally = tally

    def expand(self, units: beam.PCollection[Unit]) -> beam.PCollection[Document]:
        """Wires the reader and the door."""
        reader = ReadUnits(self.options, self.tally, divert=self.errors is not None)
        outputs = units | "Open" >> beam.ParDo(reader).with_outputs(TAG, main="documents")
        if self.errors is not None:
            self.errors.add_error_pcollection(outputs[TAG])
        documents: beam.PCollection[Document] = outputs.documents
        return documents


class ReadUnits(beam.DoFn):
    """`read_documents` on each unit, in a replay `read_letters`."""

    def __init__(self, options: ReadOptions, tally: Tally | None, divert: bool) -> None:
        """Keeps what pickles."""
        self.options = options
        self.tally = tally
        self.divert = divert

    def process(self, unit: Unit) -> Iterator[Document | TaggedOutput[Literal["dead_letters"], DeadLetter]]:
        """Yields documents; dead letters by their own output. A finished unit is told and counted."""
        counts: Counter[str] = Counter(units=1)
        is_replay = self.options.reasons is not None
        items = read_letters(unit, self.options, read_documents) if is_replay else read_documents(unit, self.options)
        for item in items:
            if isinstance(item, Document):
                counts["documents"] += 1
                yield item
            elif isinstance(item, Skipped):
                counts[f"left_out_{item.why}"] += 1
            elif item.kept:
                yield TaggedOutput(TAG, item)
            elif self.divert:
                yield counted(item)
            else:
                raise BadInput(f"{item.source}: {item.reason}: {item.detail}")
        for name, count in counts.items():
            Metrics.counter("read", name).inc(count)
        if self.tally is not None:
            self.tally.done("read", unit.ordinal)


def _documents(source: CheckedInput, unit: Unit, options: ReadOptions) -> Reading:
    if unit.end is not None:
        return _slice(source, unit, unit.end, options)
    return _whole_file(source, unit, options)


def _slice(source: CheckedInput, unit: Unit, end: int, options: ReadOptions) -> Reading:
    """The lines of a slice of JSON lines, or the rows of some row groups: nothing else is sliced."""
    if source.file.read(len(_PARQUET_MARK)) == _PARQUET_MARK:
        source.file.seek(0)
        return read_parquet(cast("BinaryIO", source.file), unit, options)
    source.require_bytes(end)
    return read_slice(source.pieces_from(max(unit.start - 1, 0)), unit, end, options)


def _whole_file(source: CheckedInput, unit: Unit, options: ReadOptions) -> Reading:
    head, pieces = read_head(source.pieces())
    told = sniff(head, unit.name, options.format)
    for codec in told.codecs:
        pieces = decompress(pieces, codec)
    match told.name:
        case "jsonl":
            yield from read_lines(utf8_pieces(pieces), unit, options)
        case "json":
            yield from read_objects(utf8_pieces(pieces), unit, options)
        case "csv":
            yield from read_rows(pieces, unit, options)
        case "warc":
            yield from read_archive(pieces, unit, options)
        case "parquet" if told.codecs:
            with tempfile.TemporaryFile() as unfolded:
                _unfold(pieces, unfolded)
                yield from read_parquet(unfolded, unit, options)
        case "parquet":
            source.hash_ahead()
            yield from read_parquet(cast("BinaryIO", source.file), unit, options)
        case "text" | "html" | "feed":
            document = read_whole(pieces, unit, KINDS[told.name], options)
            source.verify()
            yield document


def _unfold(pieces: Iterable[bytes], target: BinaryIO) -> None:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > _MAX_UNFOLDED_BYTES:
            raise TooLarge(f"the Parquet file has more than {_MAX_UNFOLDED_BYTES:,} bytes inside its compression")
        target.write(piece)
    target.seek(0)


def _head_of(unit: Unit, max_bytes: int) -> bytes:
    """The first raw bytes of the unit, as far as they can be had."""
    if unit.checksum == UNREADABLE:
        return b""
    try:
        with open_input(unit.path) as file:
            return file.read(max_bytes)
    except OSError:
        return b""
