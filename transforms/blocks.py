"""The columnar files behind a `Block`: articles, and by position beside them marks and entities.

A block is an Arrow IPC file, not compressed (compressing costs 10–15 µs an article, writing it plain 1.4), with one
record batch per partition, so that a writer opens just the batches of its partition. `<name>` holds the articles,
`<name>.marks` what the one pass decided and `<name>.entities` what enrichment found, batch for batch and row for row.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa

from transforms.schemas import Article, Block, BlockStore
from transforms.text.fingerprints import BANDS, PERMUTATIONS, fingerprint

_TIME = pa.timestamp("us", tz="UTC")
_KEY = pa.binary(16)
_STRINGS = pa.list_(pa.string())

SIGNATURE_BYTES = PERMUTATIONS
BANDS_BYTES = BANDS * 4
"""A fingerprint in a block and in the index: 8 bits a permutation, 32 bits (little-endian) a band."""

KEY_COLUMNS = pa.schema(
    [
        ("unit", pa.int64()),
        ("position", pa.int64()),
        ("entry", pa.int64()),
        ("day", pa.int32()),
        ("url_key", _KEY),
        ("guid_key", _KEY),
        ("feed_key", _KEY),
        ("title_key", _KEY),
        ("title_words", pa.int32()),
        ("content_hash", _KEY),
        ("record_hash", _KEY),
        ("excerpt", pa.bool_()),
        ("chars", pa.int32()),
        ("shingles", pa.int32()),
        ("signature", pa.binary(SIGNATURE_BYTES)),
        ("bands", pa.binary(BANDS_BYTES)),
    ]
)
"""What the one pass reads beside `published`, `published_precision` and `word_count`."""

ARTICLE_COLUMNS = pa.schema(
    [
        ("url", pa.string()),
        ("canonical_url", pa.string()),
        ("site", pa.string()),
        ("guid", pa.string()),
        ("feed_url", pa.string()),
        ("source", pa.string()),
        ("title", pa.string()),
        ("text", pa.string()),
        ("summary", pa.string()),
        ("authors", _STRINGS),
        ("published", _TIME),
        ("published_precision", pa.string()),
        ("updated", _TIME),
        ("fetched", _TIME),
        ("language", pa.string()),
        ("language_confidence", pa.float64()),
        ("language_declared", pa.string()),
        ("categories", _STRINGS),
        ("images", _STRINGS),
        ("enclosures", pa.list_(pa.struct([("url", pa.string()), ("type", pa.string()), ("length", pa.int64())]))),
        ("section", pa.string()),
        ("site_name", pa.string()),
        ("is_article", pa.bool_()),
        ("html", pa.string()),
        ("removed_lines", _STRINGS),
        ("word_count", pa.int32()),
        ("parser", pa.string()),
        ("title_from", pa.string()),
        ("text_from", pa.string()),
        ("published_from", pa.string()),
        ("authors_from", pa.string()),
        ("language_from", pa.string()),
        ("problems", pa.list_(pa.struct([("field", pa.string()), ("reason", pa.string()), ("raw", pa.string())]))),
    ]
)
"""Columns that go into a row as they are."""

BLOCK_SCHEMA = pa.schema([*KEY_COLUMNS, *ARTICLE_COLUMNS])

MAX_BLOCK_CHARS = 32 << 20
"""A block is closed at this much text even if it has few rows, which bounds its size whatever the articles are."""

_DAY = 86_400_000_000
_LAST_DAY = (datetime(9999, 12, 31, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days


MARKS_SCHEMA = pa.schema(
    [
        ("file", pa.int32()),
        ("arrival", pa.int64()),
        ("id", _KEY),
        ("revision", pa.int32()),
        ("cluster_id", _KEY),
        ("duplicate_of", _KEY),
        ("duplicate_kind", pa.string()),
        ("similarity", pa.float32()),
        ("effective", _TIME),
    ]
)
"""What the one pass decided; `file` is the number of a `PlannedFile`, -1 for a record that adds no row."""

ENTITIES_SCHEMA = pa.schema(
    [
        (
            "entities",
            pa.list_(
                pa.struct([("text", pa.string()), ("type", pa.string()), ("start", pa.int32()), ("end", pa.int32())])
            ),
        ),
        ("failure", pa.string()),
    ]
)
"""What enrichment found; `failure` says why there is nothing where the model failed."""


def marks_of(block: Block) -> str:
    """Name of the marks beside a block."""
    return f"{block.name}.marks"


def entities_of(block: Block) -> str:
    """Name of the entities beside a block."""
    return f"{block.name}.entities"


def partition_day(article: Article) -> int:
    """The partition of an article in days since 1970-01-01: of publication, else of landing, else day 0."""
    moment = article.published if article.published is not None else article.fetched
    return min(max(moment // _DAY, 0), _LAST_DAY) if moment is not None else 0


def encode_block(articles: Sequence[Article], shingle_words: int | None = None) -> tuple[Block, memoryview]:
    """The block of these articles and its bytes; equal articles in any order give equal bytes.

    With `shingle_words` the fingerprints of the texts stand in it, else they are null.
    """
    ordered = sorted(articles, key=lambda one: (partition_day(one), one.unit, one.position, one.entry))
    place = b"".join([b"%d %d %d %b" % (one.unit, one.position, one.entry, one.record_hash) for one in ordered])
    days = [(day, list(those)) for day, those in groupby(ordered, key=partition_day)]
    prints = _fingerprints(ordered, shingle_words)
    batches = []
    row = 0
    for day, those in days:
        batches.append(_record_batch(day, those, [column.slice(row, len(those)) for column in prints]))
        row += len(those)
    name = hashlib.blake2b(place, digest_size=12).hexdigest()
    return Block(name, len(ordered)), encode_batches(BLOCK_SCHEMA, batches)


def _fingerprints(articles: Sequence[Article], shingle_words: int | None) -> list[pa.Array]:
    """Shingles, signature and bands of each article."""
    if shingle_words is None:
        kinds = [pa.int32(), pa.binary(SIGNATURE_BYTES), pa.binary(BANDS_BYTES)]
        return [pa.nulls(len(articles), kind) for kind in kinds]
    prints = fingerprint([one.text for one in articles], shingle_words)
    bands = np.ascontiguousarray(prints.bands.astype("<u4", copy=False))
    return [
        pa.array(prints.shingles, pa.int32()),
        *(
            pa.Array.from_buffers(pa.binary(width), len(articles), [None, pa.py_buffer(values)])
            for width, values in ((SIGNATURE_BYTES, prints.signatures), (BANDS_BYTES, bands))
        ),
    ]


def _record_batch(day: int, articles: list[Article], prints: list[pa.Array]) -> pa.RecordBatch:
    columns: list[pa.Array] = []
    for column in BLOCK_SCHEMA:
        values: list[Any]
        if column.name in ("shingles", "signature", "bands"):
            columns.append(prints[("shingles", "signature", "bands").index(column.name)])
            continue
        match column.name:
            case "day":
                values = [day] * len(articles)
            case "chars":
                values = [len(one.text) for one in articles]
            case "text":
                values = [one.text or None for one in articles]
            case "enclosures":
                values = [[(file.url, file.type, file.length) for file in one.enclosures] for one in articles]
            case "problems":
                values = [[(it.field, it.reason, it.raw) for it in one.problems] for one in articles]
            case name:
                values = list(map(attrgetter(name), articles))
        columns.append(pa.array(values, column.type))
    return pa.RecordBatch.from_arrays(columns, schema=BLOCK_SCHEMA)


def encode_batches(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> memoryview:
    """Record batches as one Arrow IPC file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return memoryview(sink.getvalue())


def open_block(store: BlockStore, name: str) -> pa.ipc.RecordBatchFileReader:
    """Opens a staged Arrow file; a record batch is read when it is asked for."""
    return pa.ipc.open_file(store.open(name))
