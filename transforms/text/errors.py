"""The closed vocabulary of reasons for a dead letter: one exception a reason.

    BadInput (ValueError)
     ├─ UnreadableFile      the file cannot be opened or changed while it was read
     ├─ UnknownFormat       neither content nor extension tells what it is
     ├─ BrokenCompression   gzip or zstd data ends early or is damaged
     ├─ BrokenContainer     a WARC, Parquet or CSV file is damaged
     ├─ MissingColumn       the field map names a column that the table does not have
     ├─ TooLarge            a document is larger than the cap of the config
     ├─ EmptyDocument       there is nothing in it
     ├─ WrongEncoding       the bytes are not text in any encoding that was declared or found
     ├─ MalformedFeed       it looks like a feed and cannot be read as one, or not all of its entries can
     ├─ MalformedPage       HTML from which no main text can be taken
     ├─ ReaderStopped       it took longer to read than any honest page, or ended the process that read it
     ├─ MalformedRecord     a line or row that is not one JSON object
     ├─ MalformedEntry      an entry of which nothing can be kept: no text, no title, no link
     └─ EnrichmentFailed    the language model failed on the text; the article is written without
A function of `transforms.text` or of a source raises one of these on bad input and nothing else; whatever else is
raised is a defect and fails the run.
"""

from typing import ClassVar


class BadInput(ValueError):
    """What a bad record raises. `reason` is the word in the dead letter, the message its detail.

    The message names line, row or field where there is one, never a path of the machine.
    """

    reason: ClassVar[str] = "bad_input"


class UnreadableFile(BadInput):
    """The file cannot be opened, or changed while it was read."""

    reason = "unreadable_file"


class UnknownFormat(BadInput):
    """Neither content nor extension tells what it is; the message names both guesses."""

    reason = "unknown_format"


class BrokenCompression(BadInput):
    """Compressed data ends early or is damaged."""

    reason = "broken_compression"


class BrokenContainer(BadInput):
    """A WARC, Parquet or CSV file is damaged."""

    reason = "broken_container"


class MissingColumn(BadInput):
    """The field map names a column that the table does not have; the message lists those it has."""

    reason = "missing_column"


class TooLarge(BadInput):
    """A document is larger than the cap of the config."""

    reason = "too_large"


class EmptyDocument(BadInput):
    """There is nothing in the document."""

    reason = "empty_document"


class WrongEncoding(BadInput):
    """The bytes are not text in any encoding that was declared or found."""

    reason = "wrong_encoding"


class MalformedFeed(BadInput):
    """It looks like a feed and cannot be read as one, or not all of its entries can."""

    reason = "malformed_feed"


class MalformedPage(BadInput):
    """HTML from which no main text can be taken."""

    reason = "malformed_page"


class ReaderStopped(BadInput):
    """It took longer to read than any honest page, or ended the process that read it; the rest of the run went on.

    The one reason that depends on the machine; replayed on another the record may well be read.
    """

    reason = "reader_stopped"


class MalformedRecord(BadInput):
    """A line or row that is not one JSON object."""

    reason = "malformed_record"


class MalformedEntry(BadInput):
    """An entry of which nothing can be kept."""

    reason = "malformed_entry"


class EnrichmentFailed(BadInput):
    """The language model failed on a text."""

    reason = "enrichment_failed"
