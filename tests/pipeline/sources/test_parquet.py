import io
import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.sources.documents import ReadOptions
from pipeline.sources.parquet import read_parquet, row_group_bytes
from tests.pipeline.sources.reading import UNIT, bodies, letters, read_file, unit_of
from transforms.text.errors import BrokenContainer, MissingColumn


def file_of(table: Any, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    file.seek(0)
    return file


def rows_of(table: Any, **options: Any) -> list[Any]:
    return [json.loads(body) for body in bodies(list(read_parquet(file_of(table), UNIT, ReadOptions(**options))))]


BERLIN = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array(["Zoë", None]), ["Zoë", None]),
        (pa.array([1, None], pa.uint64()), [1, None]),
        (pa.array([1.5, math.nan, math.inf]), [1.5, None, None]),
        (pa.array([[1.5, math.nan]]), [[1.5, None]]),
        (pa.array([True, None]), [True, None]),
        (
            pa.array([datetime(2025, 11, 1, 12, tzinfo=BERLIN)], pa.timestamp("us", "Europe/Berlin")),
            ["2025-11-01T11:00:00Z"],
        ),
        (pa.array([1_762_000_000_123_456_789], pa.timestamp("ns", "UTC")), ["2025-11-01T12:26:40.123456Z"]),
        (pa.array([datetime(2025, 11, 1, 12)], pa.timestamp("ms")), ["2025-11-01T12:00:00"]),  # noqa: DTZ001
        (pa.array([253_402_300_800_000_000], pa.timestamp("us", "UTC")), ["10000-01-01 00:00:00.000000Z"]),
        (pa.array([date(2025, 11, 1)]), ["2025-11-01"]),
        (pa.array([time(6, 30)]), ["06:30:00"]),
        (pa.array([timedelta(seconds=90)]), [90.0]),
        (pa.array([Decimal("12.50")]), ["12.50"]),
        (pa.array([b"text", b"\xff\xfe"]), ["text", "//4="]),
        (pa.array([["a", None], None, []]), [["a", None], None, []]),
        (
            pa.array([{"url": "x", "at": datetime(2025, 11, 1, tzinfo=UTC)}]),
            [{"url": "x", "at": "2025-11-01T00:00:00Z"}],
        ),
        (pa.array([[("a", 1), ("b", 2)]], pa.map_(pa.string(), pa.int64())), [{"a": 1, "b": 2}]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([None, None], pa.null()), [None, None]),
    ],
)
def test_values_become_json(array: Any, expected: list[Any]) -> None:
    assert [row["it"] for row in rows_of(pa.table({"it": array}))] == expected


def test_a_text_that_is_no_utf8_is_mended() -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")])
    assert rows_of(pa.table({"it": broken})) == [{"it": "a\ufffd"}]


def test_rows_keep_their_number_over_row_groups() -> None:
    file = file_of(pa.table({"n": list(range(10))}), row_group_size=3)
    items = list(read_parquet(file, UNIT, ReadOptions()))
    assert [item.position for item in items] == list(range(10))  # type: ignore[union-attr]
    assert bodies(items)[9] == b'{"n": 9}'


def test_a_slice_reads_its_row_groups_only(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(file_of(pa.table({"n": list(range(10))}), row_group_size=3).read())
    items = list(read_parquet(io.BytesIO(path.read_bytes()), unit_of(path, 1, 3), ReadOptions()))
    assert bodies(items) == [b'{"n": %d}' % number for number in range(3, 9)]


def test_a_row_over_the_cap_is_a_dead_letter_and_the_rest_goes_on() -> None:
    items = list(read_parquet(file_of(pa.table({"a": ["x" * 99, "y"]})), UNIT, ReadOptions(max_document_bytes=50)))
    assert bodies(items) == [b'{"a": "y"}']
    assert letters(items) == [(0, "too_large", "row 0 has 108 bytes; the limit is 50")]


def test_a_column_that_the_field_map_names_must_be_there_and_a_path_begins_with_one() -> None:
    table = pa.table({"title": ["a"], "meta": [{"url": "x"}]})
    assert len(rows_of(table, columns=("title", "meta.url"))) == 1
    with pytest.raises(MissingColumn, match=r"no column 'body', 'data\.url'; the table has title, meta"):
        rows_of(table, columns=("body", "title", "data.url"))


def test_a_table_without_rows_gives_nothing() -> None:
    assert rows_of(pa.table({"a": pa.array([], pa.string())})) == []


def test_half_a_file_is_a_broken_container() -> None:
    data = file_of(pa.table({"a": ["x"] * 100})).read()
    with pytest.raises(BrokenContainer, match="the Parquet file cannot be read"):
        list(read_parquet(io.BytesIO(data[:-20]), UNIT, ReadOptions()))


def test_a_damaged_row_group_is_named_after_the_whole_ones(tmp_path: Path) -> None:
    table = pa.table({"a": [f"text {number}" for number in range(20)]})
    data = bytearray(file_of(table, row_group_size=10, compression="zstd", use_dictionary=False).read())
    group = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(0)
    start = group.data_page_offset
    data[start : start + group.total_compressed_size] = b"\xff" * group.total_compressed_size
    path = tmp_path / "a.parquet"
    path.write_bytes(bytes(data))
    items = read_file(path)
    assert len(bodies(items)) == 10
    ((position, reason, detail),) = letters(items)
    assert (position, reason) == (10, "broken_container")
    assert detail.startswith("row group 1 of the Parquet file cannot be read: ")


def test_the_size_of_each_row_group_is_told() -> None:
    sizes = row_group_bytes(file_of(pa.table({"n": list(range(10))}), row_group_size=5))  # type: ignore[arg-type]
    assert len(sizes) == 2
    assert all(size > 20 for size in sizes)
