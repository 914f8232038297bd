"""Segments: equal entries make equal bytes however they came together, and a damaged segment is named."""

import hashlib
import io
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset.errors import DatasetError, SegmentMissing
from pipeline.dataset.index import Index
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.segments import entries_of, segment_bytes, table_of
from pipeline.dataset.storage import Storage
from pipeline.dataset.tables import INDEX
from tests.pipeline.dataset.entries import ALIAS, LINK, batches, bytes_of, indexed, key, neighbours, row, segment
from tests.pipeline.dataset.samples import write_file
from transforms.schemas import DatasetFile, IndexEntry


@pytest.fixture
def disk(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path))


def merged(storage: Storage, *segments: DatasetFile) -> bytes:
    return bytes(segment_bytes(entries_of(storage, segments), 106))


def test_equal_entries_make_equal_bytes() -> None:
    entries = [row(number) for number in range(100)]
    shuffled = random.Random(1).sample(entries, len(entries))
    assert bytes_of(shuffled) == bytes_of(entries)


def test_a_segment_tells_the_rule_of_its_fingerprints() -> None:
    for rule, expected in ((106, b"106"), (None, None)):
        data = segment_bytes([table_of([row(0)])], rule)
        assert pq.read_schema(pa.BufferReader(data)).metadata.get(b"beamwire.fingerprint") == expected


def test_what_is_written_is_read(storage: Storage) -> None:
    entries = [row(0), IndexEntry(LINK, 1, key("id", 0), other_id=key("id", 1)), row(1, guid_key=None, bands=None)]
    (table,) = entries_of(storage, [segment(storage, 1, entries)])
    assert table.cast(INDEX).equals(table_of(entries))


def test_an_id_that_is_the_own_key_is_not_written_twice() -> None:
    own, other = (
        pq.read_table(pa.BufferReader(bytes_of([row(0, id=name)])))["id"] for name in (row(0).url_key, key(1))
    )
    assert (own.to_pylist(), other.to_pylist()) == ([None], [key(1)])


@settings(max_examples=25, deadline=None)
@given(batches(), st.data())
def test_merged_segments_are_the_one_that_would_have_been_written_at_once(
    tmp_path_factory: pytest.TempPathFactory, made: list[list[IndexEntry]], data: st.DataObject
) -> None:
    disk = LocalStorage(str(tmp_path_factory.mktemp("index")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.dataset.segments._ROW_GROUP_ROWS", data.draw(st.sampled_from([2, 5, 100])))
        live = [segment(disk, number, batch) for number, batch in enumerate(made)]
        while len(live) > 1:
            first = data.draw(st.integers(0, len(live) - 2))
            behind = data.draw(st.integers(first + 2, len(live)))
            rows = sum(one.rows for one in live[first:behind])
            live[first:behind] = [write_file(disk, f"_index/{len(live)}", merged(disk, *live[first:behind]), rows)]
        assert merged(disk, *live) == bytes_of([one for batch in made for one in batch])


def test_entries_of_two_batches_with_one_number_mix_across_row_groups(
    disk: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.dataset.segments._ROW_GROUP_ROWS", 4)
    aliases = [IndexEntry(ALIAS, 3, key("id", 0), url_key=key("alias", at)) for at in range(9)]
    link = IndexEntry(LINK, 3, key("id", 0), other_id=key("id", 1))
    first, second, third = [row(0), row(1), row(2), *aliases[:2]], [link, *aliases[2:8]], [aliases[8], row(3), row(4)]
    data = merged(disk, *(segment(disk, number, entries) for number, entries in enumerate((first, second, third))))
    assert data == bytes_of([*first, *second, *third])
    whole = write_file(disk, "_index/whole", data, 15)
    tables = list(entries_of(disk, [whole]))
    assert [table.num_rows for table in tables] == [4, 4, 4, 3]
    assert pa.concat_tables(tables).cast(INDEX).equals(table_of([*first[:3], link, *aliases, row(3), row(4)]))


def test_rows_are_small_on_disk() -> None:
    entries = [
        row(number, id=key("url", number), guid_key=key("guid", number), words=number % 700, chars=number % 4_100)
        for number in range(4_000)
    ]
    assert len(bytes_of(entries)) / len(entries) < 350


def test_a_missing_segment_is_named(disk: LocalStorage) -> None:
    gone = DatasetFile("_index", "_index/segment-x.parquet", 1, 1, "sha256:x")
    remedy = f"Rebuild it: beamwire index rebuild {disk.root}"
    with pytest.raises(
        SegmentMissing, match=f"_index/segment-x.parquet: missing, though a manifest names it. {remedy}"
    ):
        Index(disk, (gone,)).find("id", [key(1)])


@pytest.mark.parametrize("length", [0, 4, 1000, -1])
def test_a_truncated_segment_is_named(length: int, disk: LocalStorage) -> None:
    index = indexed(disk, [row(number) for number in range(50)])
    whole = disk.read(index.segments[0].path)
    cut = whole[:length]
    disk.write(index.segments[0].path, cut)
    with pytest.raises(DatasetError) as refused:
        index.find("id", [key("id", 1)])
    assert str(refused.value) == (
        f"{disk.where(index.segments[0].path)}: damaged ({len(cut)} bytes instead of {len(whole)}). "
        f"Rebuild it: beamwire index rebuild {disk.root}"
    )


def change_a_byte_of_a_record_hash(index: Index) -> None:
    path = index.segments[0].path
    data = bytearray(index.storage.read(path))
    data[data.index(key("record", 700))] ^= 1
    index.storage.write(path, bytes(data))


def test_a_changed_byte_is_noticed_wherever_it_is(disk: LocalStorage) -> None:
    index = indexed(disk, [row(number) for number in range(2000)])
    change_a_byte_of_a_record_hash(index)
    with pytest.raises(DatasetError, match=r"damaged \(its checksum is not the one that was committed\). Rebuild it"):
        index.find("id", [key("absent")])


def test_a_changed_byte_of_a_large_segment_is_noticed_where_it_is_read(
    disk: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.dataset.segments._WHOLE_BYTES", 1000)
    index = indexed(disk, [row(number) for number in range(2000)])
    change_a_byte_of_a_record_hash(index)
    assert index.find("id", [key("absent")]) == []
    with pytest.raises(DatasetError, match=r"segment-000000000000-x.parquet: damaged .*CRC"):
        index.find("record_hash", [key("record", 1)])
    with pytest.raises(DatasetError, match=r"segment-000000000000-x.parquet: damaged .*CRC"):
        merged(disk, *index.segments)


@pytest.mark.parametrize("bit", [0, 3, 7])
def test_a_changed_byte_of_a_large_segment_is_noticed_or_changes_nothing(
    disk: LocalStorage, monkeypatch: pytest.MonkeyPatch, bit: int
) -> None:
    monkeypatch.setattr("pipeline.dataset.segments._WHOLE_BYTES", 0)
    entries = [row(number) for number in range(20)]
    index = indexed(disk, entries)
    path = index.segments[0].path
    data = disk.read(path)
    noticed = 0
    look_ups: list[Callable[[], list[IndexEntry]]] = [
        lambda: index.find("id", [key("id", number) for number in range(0, 20, 3)]),
        lambda: index.numbers(range(20)),
        lambda: neighbours(index, [one.bands or b"" for one in entries]),
    ]
    expected = [look_up() for look_up in look_ups]
    for at in random.Random(bit).sample(range(len(data)), 300):
        disk.write(path, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :], durable=False)
        try:
            assert [look_up() for look_up in look_ups] == expected, at
        except DatasetError:
            noticed += 1
    assert noticed > 200


def test_another_parquet_file_is_no_segment(disk: LocalStorage) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["x"]}), sink)
    file = write_file(disk, "_index/segment-0.parquet", sink.getvalue())
    with pytest.raises(DatasetError, match="not an index segment of this release: its columns differ"):
        Index(disk, (file,)).find("id", [key(1)])


def test_a_segment_with_the_rows_of_another_is_not_believed(storage: Storage) -> None:
    (committed,) = indexed(storage, [row(0), row(1)]).segments
    storage.write(committed.path, bytes_of([]))
    with pytest.raises(DatasetError, match=r"-x.parquet: damaged \(\d+ bytes instead of \d+\). Rebuild it"):
        Index(storage, (committed,)).find("id", [key("id", 1)])
    other = bytes_of([row(2), row(3)])
    storage.write(committed.path, other)
    checksum = f"sha256:{hashlib.sha256(other).hexdigest()}"
    with pytest.raises(DatasetError, match="its checksum is not the one that was committed"):
        Index(storage, (replace(committed, bytes=len(other)),)).find("id", [key("id", 1)])
    with pytest.raises(DatasetError, match="2 rows instead of 3"):
        Index(storage, (replace(committed, bytes=len(other), checksum=checksum, rows=3),)).find("id", [key("id", 1)])
