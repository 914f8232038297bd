"""Every record that crosses a step, in the order in which the flow makes them.

`Unit` → `Document` → its `Entries` → `Article` flow up to Stage; `Block` and `PlannedFile` are references that flow
after it; `DeadLetter` is what leaves by the one door, `DatasetFile` what a sink reports to the commit.

Module path and fields are the wire format of a running job: a field may be added with a default, never renamed.
Times are microseconds since 1970-01-01 UTC. Hashes and keys are 16 bytes (`transforms.text.keys`).
No record is changed once it has left its step. `RawEntry` and `Article` are not frozen all the same: that would take a
call for each of their fields, of which there are millions. Standard library only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol

DocumentKind = Literal["text", "page", "feed", "record", "entry"]
"""What a document is to the parser: plain text, an HTML page, a feed, a JSON object of a table or of JSON lines, or an
entry that was parsed before and is replayed.
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """What arrives at once: one input file, or a slice of a huge one, at its place in the order of the dataset.

    `ordinal` is global: the number of units committed before it. `name` is the path relative to the PATH that was
    given, so it does not tell where the folder lies; `path` opens it and never reaches a row.
    `start` and `end` are the slice (bytes of JSON lines, row groups of Parquet); `end` is None for a whole file.
    """

    ordinal: int
    name: str
    path: str
    size: int
    checksum: str
    start: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One raw document as it was read: a text, a page, a feed or a record, decompressed but not decoded.

    `position` orders the documents of the unit: the number of the document, line or row, from 0; in a slice of JSON
    lines the line's byte offset in the file. `place` says where it stands in words, for messages: "line 2", "row 5",
    "element 3", "the line at byte 1,234"; "" for a whole file. `body` of a record is one JSON object in UTF-8. `url`,
    `charset` and `fetched` are what the container knows of it (the headers of a WARC record), else None.

    `stood` is the position that a dead letter of it tells, where that is another: in a replay documents of many inputs
    are one unit, in which `position` orders them.
    """

    unit: int
    source: str
    position: int
    kind: DocumentKind
    body: bytes
    url: str | None = None
    charset: str | None = None
    fetched: int | None = None
    place: str = ""
    stood: int | None = None


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that an entry carries: its URL, media type and length in bytes, each None where the feed does not say."""

    url: str
    type: str | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A field that could not be read: its name, the reason and the raw value (cut at 200 characters)."""

    field: str
    reason: str
    raw: str


Origin = Literal["feed", "page", "url", "record", "text", "detected"]
"""Where a value was found: said by the feed, the page or the record, in the address, the text, or found by a model."""

Parser = Literal["lxml", "lxml_recovering", "feedparser", "json", "trafilatura", "record", "text"]
"""What read an entry: well-formed XML; XML with faults; what is worse; JSON Feed; a page; a record; a plain text."""


@dataclass(slots=True)
class RawEntry:
    """One entry as its document says it: values found, nothing cleaned, dates still text.

    `feed` is the scope of `guid`: the feed's self link, else its site's link; None where the feed names neither (the
    document's `source` stands in) or where there is no feed. `base_url` is what relative links are relative to.
    `content` is the body, `summary` the shorter description; `content_is_html` and `summary_is_html` say how to read
    them. Markup of `title` may be escaped HTML. `fetched` is in microseconds. `stood` is the document's.
    `origin` is where its values were found. `section` is the part of the site that it stands in, `site_name` what the
    site or feed calls itself. `is_article` is False for a page that is known to be something else (an index, a cookie
    wall), None where it is not known. `parser` is what read it.
    """

    unit: int
    source: str
    position: int
    entry: int
    url: str | None = None
    guid: str | None = None
    feed: str | None = None
    base_url: str | None = None
    title: str | None = None
    content: str | None = None
    content_is_html: bool = False
    summary: str | None = None
    summary_is_html: bool = False
    authors: tuple[str, ...] = ()
    published: str | None = None
    updated: str | None = None
    fetched: int | None = None
    language: str | None = None
    categories: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    problems: tuple[Problem, ...] = ()
    origin: Origin = "feed"
    parser: Parser = "lxml"
    section: str | None = None
    site_name: str | None = None
    is_article: bool | None = None
    stood: int | None = None


Entries = tuple[RawEntry, ...]
"""All entries of one document, in its order."""

Precision = Literal["second", "minute", "day"]


@dataclass(slots=True)
class Article:
    """One clean article with its keys: what a row of the dataset is made of.

    `text` is "" where there is none. `excerpt` tells that the text was taken out of a summary field. `removed_lines`
    are those that were taken out of the text. `*_from` is where a value was found, None where there is none.
    `language_confidence` is that of a detected language. `html` is the body with markup, where it is to be kept.
    Keys: `url_key` of the canonical URL, `guid_key` of guid and feed, `feed_key` of the feed's scope, each None where
    there is nothing to hash; `title_key` of the folded title; `content_hash` of the folded text as it is without its
    neighbours, before lines that they share are out; `record_hash` of title and that text. `chars` of the text and
    `title_words` are what the rules of identity compare.
    """

    unit: int
    position: int
    entry: int
    source: str
    url: str | None
    canonical_url: str | None
    site: str | None
    guid: str | None
    feed_url: str | None
    title: str | None
    text: str
    summary: str | None
    excerpt: bool
    authors: tuple[str, ...]
    published: int | None
    published_precision: Precision | None
    updated: int | None
    fetched: int | None
    language: str | None
    language_confidence: float | None
    language_declared: str | None
    categories: tuple[str, ...]
    images: tuple[str, ...]
    enclosures: tuple[Enclosure, ...]
    section: str | None
    site_name: str | None
    is_article: bool | None
    html: str | None
    removed_lines: tuple[str, ...]
    word_count: int
    parser: Parser
    title_from: Origin | None
    text_from: Origin | None
    published_from: Origin | None
    authors_from: Origin | None
    language_from: Origin | None
    problems: tuple[Problem, ...]
    url_key: bytes | None
    guid_key: bytes | None
    feed_key: bytes | None
    title_key: bytes | None
    title_words: int
    content_hash: bytes
    record_hash: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """A reference to a columnar file of a few thousand articles in the staging area.

    `name` is made of what the block holds, so a repeated bundle writes the same name and bytes. Beside the articles
    lie, by position, its marks (what the one pass decided) and its entities.
    """

    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A data file to come: its number in the batch, table, partition (days since 1970-01-01) and shard."""

    number: int
    table: str
    day: int
    shard: int


@dataclass(frozen=True, slots=True)
class MarkedBlock:
    """A block whose rows the one pass has decided on, its number in the batch, and the files that it goes into.

    `files` pairs each file with the record batch of the block that holds rows of it.
    """

    number: int
    block: Block
    files: tuple[tuple[PlannedFile, int], ...]


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """What the one pass learned of a unit: its articles, its time (running maximum of medians), the rows it added."""

    ordinal: int
    articles: int
    time: int
    rows: int = 0


class IndexEntry(NamedTuple):
    """One line of the index: a row of the dataset, or what a record that added no row has taught.

    `kind` is 0 for a row, 1 for further keys of an id, 2 for a pair of ids already linked. `number` is the row's
    arrival; of the other kinds that of the next row, so that (number, kind descending) is the order of events.
    `cluster` is the number of the row that founded its cluster. `signature` and `bands` are the fingerprint of the text
    (128 bytes each), `shingles` what it is made of; null where near-duplicates are not looked for.
    """

    kind: int
    number: int
    id: bytes
    other_id: bytes | None = None
    revision: int | None = None
    url_key: bytes | None = None
    guid_key: bytes | None = None
    feed_key: bytes | None = None
    title_key: bytes | None = None
    title_words: int | None = None
    content_hash: bytes | None = None
    record_hash: bytes | None = None
    words: int | None = None
    chars: int | None = None
    excerpt: bool | None = None
    cluster: int | None = None
    unit_time: int | None = None
    shingles: int | None = None
    signature: bytes | None = None
    bands: bytes | None = None


EntryTable = Any
"""Entries as a `pyarrow.Table`, whose columns are the fields of `IndexEntry`; times are whole numbers or timestamps."""


@dataclass(frozen=True, slots=True)
class Link:
    """One row of the table `links`. Keys are those of an alias; ids are 16 bytes."""

    kind: Literal["alias", "related", "cluster"]
    id: bytes
    other_id: bytes | None
    canonical_url: str | None
    guid: str | None
    feed_url: str | None
    source: str
    arrival: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the one pass decided on a batch: one element, references and small numbers only.

    `written` are the files it wrote (index segments, links), `replaced` the paths of segments that were merged into
    them. `refused` are ids of removed articles that came again under keys which `links` now name. `counts` are articles
    that arrived and what became of them: articles, duplicates_exact, duplicates_near, revisions, unchanged, excerpts,
    removed, aliases, links.
    """

    blocks: tuple[MarkedBlock, ...]
    written: tuple["DatasetFile", ...]
    units: tuple[UnitOutcome, ...]
    rows: int
    counts: tuple[tuple[str, int], ...]
    replaced: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What could not be used: where it stood, the step that gave up, why, and what to try again with.

    `reason` is of the closed vocabulary of `transforms.text.errors`; `payload` holds the bytes (cut at a size set in
    the config; `payload_bytes` is the true length); `kind` names the record that the payload replays as. `url`,
    `charset`, `fetched` and `place` are the document's.

    `position` orders it, `stood` is the position to tell where that is another. A letter is `kept` that a replay does
    not run again: it is written as it was, and counts as no failure.
    """

    unit: int
    position: int
    entry: int
    source: str
    step: str
    reason: str
    detail: str
    kind: str
    payload: bytes
    payload_bytes: int
    url: str | None = None
    charset: str | None = None
    fetched: int | None = None
    place: str | None = None
    stood: int | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A file that a step has written and the commit shall name. `path` is relative to the root of the dataset."""

    table: str
    path: str
    rows: int
    bytes: int
    checksum: str


class BlockStore(Protocol):
    """Where blocks lie while a batch runs. Picklable; names are flat; writing the same name twice is harmless."""

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Stores the bytes under the name, whole or not at all."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Opens it for reading with seek; on a local disk it is mapped, not read."""
        ...


class History(Protocol):
    """What the one pass may ask of earlier batches, and where it leaves what it learned. Picklable."""

    @property
    def rows(self) -> int:
        """Rows committed so far: the number of the next one."""
        ...

    @property
    def unit_time(self) -> int:
        """The greatest unit time so far, in microseconds; 0 before the first."""
        ...

    @property
    def tombstones(self) -> frozenset[bytes]:
        """The ids of removed articles."""
        ...

    def find(self, column: str, values: Collection[bytes]) -> list[IndexEntry]:
        """The entries whose `column` is one of the values, in the order in which they were written.

        By "id" they come whole, else with kind, number, id and what the look-up is for: by "content_hash" title_key,
        words, content_hash and cluster; by "url_key", "guid_key" and "record_hash" these three.
        """
        ...

    def neighbours(self, bands: bytes | memoryview) -> EntryTable:
        """The rows that share at least one bucket with one of these fingerprints, in order of arrival.

        `bands` holds one fingerprint behind the other, 128 bytes each. The columns are number, id, cluster, unit_time
        and those of the fingerprint.
        """
        ...

    def numbers(self, values: Collection[int]) -> list[IndexEntry]:
        """The rows with these arrival numbers, in order.

        They come with kind, number, id, title_key, title_words, content_hash, unit_time, shingles and signature.
        """
        ...

    def save(self, entries: EntryTable, links: Sequence[Link]) -> tuple[tuple[DatasetFile, ...], tuple[str, ...]]:
        """Writes the batch's index segment and links; answers what was written and the segments that it replaces.

        Entries come in the order of events.
        """
        ...


class Tally(Protocol):
    """Told by a step that an item is done, so that a progress bar can be true. Telling twice counts once."""

    def done(self, phase: str, item: int) -> None:
        """Item number `item` of `phase` is finished."""
        ...

    def expect(self, phase: str, weights: Mapping[int, int]) -> None:
        """The items of a phase, now that they are known, each with its weight."""
        ...
