"""Entries of the index for tests, and segments that hold them."""

import hashlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from pipeline.dataset.index import Index
from pipeline.dataset.segments import segment_bytes, table_of
from pipeline.dataset.storage import Storage
from tests.pipeline.dataset.samples import write_file
from transforms.schemas import DatasetFile, EntryTable, IndexEntry

ALIAS, LINK = 1, 2


def key(*parts: object) -> bytes:
    """16 bytes that stand for a key."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def row(number: int, **values: Any) -> IndexEntry:
    """A row with keys of its own; one in two has no guid."""
    entry = IndexEntry(
        kind=0,
        number=number,
        id=key("id", number),
        revision=1,
        url_key=key("url", number),
        guid_key=None if number % 2 else key("guid", number),
        feed_key=key("feed"),
        title_key=key("title", number),
        title_words=4,
        content_hash=key("content", number),
        record_hash=key("record", number),
        words=300,
        chars=2000,
        excerpt=False,
        cluster=number,
        unit_time=1_700_000_000_000_000 + number,
        shingles=295,
        signature=b"".join(key("signature", number, part) for part in range(8)),
        bands=b"".join(key("bands", number, part) for part in range(8)),
    )
    return entry._replace(**values)


def listed(table: EntryTable) -> list[IndexEntry]:
    """The entries of a table; what is no column of it is None."""
    times = table.schema.get_field_index("unit_time")
    whole = table.set_column(times, "unit_time", table["unit_time"].cast(pa.int64()))
    return [IndexEntry(**values) for values in whole.to_pylist()]


def neighbours(index: Index, bands: Sequence[bytes]) -> list[IndexEntry]:
    """The entries of rows that share a bucket with one of these."""
    return listed(index.neighbours(b"".join(bands)))


def bytes_of(entries: Sequence[IndexEntry]) -> bytes:
    """The segment that holds the entries, written at once."""
    return bytes(segment_bytes([table_of(entries)], 106))


def segment(storage: Storage, number: int, entries: Sequence[IndexEntry]) -> DatasetFile:
    """Writes the segment that begins with this manifest."""
    return write_file(storage, f"_index/segment-{number:012d}-x.parquet", bytes_of(entries), len(entries))


def indexed(storage: Storage, *segments: Sequence[IndexEntry]) -> Index:
    """Writes the segments, and looks into them."""
    return Index(storage, tuple(segment(storage, number, entries) for number, entries in enumerate(segments)))


@st.composite
def batches(draw: st.DrawFn) -> list[list[IndexEntry]]:
    """What up to five batches have learned: rows with few different keys, aliases and links between them."""
    made: list[list[IndexEntry]] = []
    number = 0
    few = st.integers(0, 6)
    for kinds in draw(st.lists(st.lists(st.sampled_from([0, 0, ALIAS, LINK]), min_size=1, max_size=8), max_size=5)):
        batch = []
        for kind in kinds:
            url, guid, record = (draw(st.none() | few) for _ in range(3))
            values = {
                "url_key": None if url is None else key("url", url),
                "guid_key": None if guid is None else key("guid", guid),
                "record_hash": None if record is None and kind else key("record", record),
            }
            name = key("url", draw(few)) if draw(st.booleans()) else key("id", draw(few))
            if kind == 0:
                bands = draw(st.none() | few)
                values |= {"content_hash": key("content", draw(few)), "cluster": draw(st.integers(0, number))}
                values |= {"bands": None if bands is None else key("bands", bands) * 8}
                batch.append(row(number, id=name, **values))
                number += 1
            else:
                batch.append(IndexEntry(kind, number, name, **values))
        made.append(sorted(batch, key=lambda entry: (entry.number, -entry.kind)))
    return made
