"""The index: finds what was written, in the order of events, and names a damaged segment."""

import hashlib
import pickle
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset.errors import DatasetError
from pipeline.dataset.index import KEY_COLUMNS, Index, segment_bytes
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import Storage
from tests.pipeline.dataset.samples import write_file
from transforms.schemas import DatasetFile, IndexEntry


def key(*parts: object) -> bytes:
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def row(number: int, **values: object) -> IndexEntry:
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
    )
    return replace(entry, **values)  # type: ignore[arg-type]


def indexed(storage: Storage, *segments: list[IndexEntry]) -> Index:
    return Index(
        storage,
        tuple(
            write_file(storage, f"_index/segment-{number}.parquet", segment_bytes(entries, 106), len(entries))
            for number, entries in enumerate(segments)
        ),
    )


@pytest.fixture
def disk(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path))


def test_entries_are_found_by_each_key_with_all_their_columns(storage: Storage) -> None:
    index = pickle.loads(pickle.dumps(indexed(storage, [row(0), row(1)], [row(2)])))
    for column in KEY_COLUMNS:
        assert index.find(column, [getattr(row(2), column), getattr(row(0), column), key("none")]) == [row(0), row(2)]
    assert index.numbers([2, 0, 9]) == [row(0), row(2)]


def test_nothing_is_found_in_nothing(disk: LocalStorage) -> None:
    assert Index(disk, ()).find("id", [key(1)]) == []
    assert Index(disk, ()).numbers([1]) == []
    assert indexed(disk, []).find("id", [key(1)]) == []
    assert indexed(disk, [row(0)]).find("id", []) == []
    assert indexed(disk, [row(0)]).numbers([]) == []


def test_a_null_is_equal_to_no_key(disk: LocalStorage) -> None:
    assert indexed(disk, [row(1)]).find("guid_key", [bytes(16), key("guid", 1)]) == []


def test_an_entry_is_given_once_however_many_keys_name_it(disk: LocalStorage) -> None:
    same = [row(0, url_key=key("u")), row(1, url_key=key("u"))]
    assert indexed(disk, same).find("url_key", [key("u"), key("u")]) == same


def test_events_come_in_their_order(disk: LocalStorage) -> None:
    alias = IndexEntry(1, 1, key("id", 0), url_key=key("u"), guid_key=key("g"))
    second_alias = IndexEntry(1, 1, key("id", 0), url_key=key("u"), guid_key=key("h"))
    link = IndexEntry(2, 1, key("id", 0), other_id=key("id", 1), url_key=key("u"))
    rows = [row(0, url_key=key("u")), row(1, url_key=key("u"))]
    index = indexed(disk, [rows[0], alias], [rows[1], second_alias, link])
    assert index.find("url_key", [key("u")]) == [rows[0], link, alias, second_alias, rows[1]]
    assert index.numbers([1]) == [rows[1]]


def test_equal_entries_make_equal_bytes() -> None:
    entries = [row(number) for number in range(100)]
    shuffled = random.Random(1).sample(entries, len(entries))
    assert segment_bytes(shuffled, 106) == segment_bytes(entries, 106)


def test_many_row_groups_are_searched(disk: LocalStorage) -> None:
    entries = [row(number) for number in range(33_000)]
    index = indexed(disk, entries)
    wanted = [0, 32_767, 32_768, 32_999]
    assert index.numbers(wanted) == [entries[number] for number in wanted]
    assert index.find("record_hash", [key("record", number) for number in wanted]) == index.numbers(wanted)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), max_size=6), max_size=4),
    st.lists(st.integers(0, 10), max_size=6),
)
def test_the_cut_into_segments_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[list[tuple[int, int]]], wanted: list[int]
) -> None:
    segments: list[list[IndexEntry]] = []
    number = 0
    for cut in cuts:
        segments.append([])
        for value, kind in cut:
            made = row(number, kind=kind, content_hash=key("content", value), revision=len(segments[-1]))
            segments[-1].append(made)
            number += kind == 0
    ordered = sorted((it for segment in segments for it in segment), key=lambda it: (it.number, -it.kind))
    values = [key("content", value) for value in wanted]
    expected = [it for it in ordered if it.content_hash in values]
    disk = LocalStorage(str(tmp_path_factory.mktemp("index")))
    assert indexed(disk, *segments).find("content_hash", values) == expected
    assert indexed(disk, ordered).find("content_hash", values) == expected


def test_other_columns_and_short_keys_are_defects(disk: LocalStorage) -> None:
    with pytest.raises(ValueError, match="not a key column: title_key"):
        indexed(disk, [row(0)]).find("title_key", [key(1)])
    with pytest.raises(ValueError, match="a key has 16 bytes"):
        indexed(disk, [row(0)]).find("id", [b"short"])


def test_a_missing_segment_is_named(disk: LocalStorage) -> None:
    with pytest.raises(DatasetError, match=r"_index/segment-x.parquet: missing, though a manifest names it"):
        Index(disk, (DatasetFile("_index", "_index/segment-x.parquet", 1, 1, "sha256:x"),)).find("id", [key(1)])


@pytest.mark.parametrize("length", [0, 4, 1000, -1])
def test_a_truncated_segment_is_named(length: int, disk: LocalStorage) -> None:
    index = indexed(disk, [row(number) for number in range(50)])
    whole = disk.read(index.segments[0].path)
    cut = whole[:length]
    disk.write(index.segments[0].path, cut)
    with pytest.raises(
        DatasetError, match=rf"segment-0.parquet: damaged \({len(cut)} bytes instead of {len(whole)}\). Restore"
    ):
        index.find("id", [key("id", 1)])


def change_a_byte_of_a_record_hash(index: Index) -> None:
    path = index.segments[0].path
    data = bytearray(index.storage.read(path))
    data[data.index(key("record", 700))] ^= 1  # hashes do not compress
    index.storage.write(path, bytes(data))


def test_a_changed_byte_is_noticed_wherever_it_is(disk: LocalStorage) -> None:
    index = indexed(disk, [row(number) for number in range(2000)])
    change_a_byte_of_a_record_hash(index)
    with pytest.raises(DatasetError, match=r"segment-0.parquet: damaged \(its checksum is not the one"):
        index.find("id", [key("absent")])


def test_a_changed_byte_of_a_large_segment_is_noticed_where_it_is_read(
    disk: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.dataset.index._WHOLE_BYTES", 1000)
    index = indexed(disk, [row(number) for number in range(2000)])
    change_a_byte_of_a_record_hash(index)
    assert index.find("id", [key("absent")]) == []
    with pytest.raises(DatasetError, match=r"_index/segment-0.parquet: damaged"):
        index.find("record_hash", [key("record", 1)])


def test_another_parquet_file_is_no_segment(disk: LocalStorage) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["x"]}), sink)
    file = write_file(disk, "_index/segment-0.parquet", sink.getvalue())
    with pytest.raises(DatasetError, match="not an index segment of this release"):
        Index(disk, (file,)).find("id", [key(1)])


def test_a_segment_with_the_rows_of_another_is_not_believed(storage: Storage) -> None:
    index = indexed(storage, [row(0), row(1)])
    storage.write(index.segments[0].path, segment_bytes([], 106))
    with pytest.raises(DatasetError, match=r"segment-0.parquet: damaged \(\d+ bytes instead of \d+\). Restore it"):
        index.find("id", [key("id", 1)])
    other = segment_bytes([row(2), row(3)], 106)
    same_size = replace(index.segments[0], bytes=len(other))
    storage.write(same_size.path, other)
    with pytest.raises(DatasetError, match="its checksum is not the one that was committed"):
        Index(storage, (same_size,)).find("id", [key("id", 1)])
    fewer = replace(write_file(storage, same_size.path, other), rows=3)
    with pytest.raises(DatasetError, match="2 rows instead of 3"):
        Index(storage, (fewer,)).find("id", [key("id", 1)])
