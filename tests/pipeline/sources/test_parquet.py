import io
import json
import math
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("kind", "key", "expected"),
    [
        (pa.binary(), b"\xff", "/w=="),
        (pa.date32(), date(2025, 11, 1), "2025-11-01"),
        (pa.struct([("a", pa.int32())]), {"a": 1}, '{"a": 1}'),
        (pa.int64(), 5, "5"),
        (pa.bool_(), True, "true"),
    ],
    ids=str,
)
def test_keys_of_a_map_become_text(kind: pa.DataType, key: Any, expected: str) -> None:
    maps = pa.array([[(key, 1)]], pa.map_(kind, pa.int32()))
    assert rows_of(pa.table({"it": maps, "deep": pa.ListArray.from_arrays([0, 1], maps)})) == [
        {"it": {expected: 1}, "deep": [{expected: 1}]}
    ]


def test_one_odd_value_costs_no_other() -> None:
    days = pa.array([[2**62, 1], [1]], pa.list_(pa.timestamp("us")))
    assert rows_of(pa.table({"title": ["a", "b"], "days": days})) == [
        {"title": "a", "days": ["<value out of range: 4611686018427387904>", "1970-01-01T00:00:00.000001"]},
        {"title": "b", "days": ["1970-01-01T00:00:00.000001"]},
    ]


def test_an_odd_value_is_mended_at_any_depth() -> None:
    offsets = pa.py_buffer(b"\0\0\0\0\2\0\0\0\3\0\0\0")
    words = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"a\xffb")])
    table = pa.table(
        {
            "list": pa.ListArray.from_arrays([0, 1, 2], words),
            "struct": pa.StructArray.from_arrays([words, words], ["x", "x"]),
            "map": pa.MapArray.from_arrays([0, 1, 2], words, words),
        }
    )
    assert rows_of(table) == [
        {"list": [text], "struct": {"x": text, "x 2": text}, "map": {text: text}} for text in ("a\ufffd", "b")
    ]


def test_a_time_too_long_for_python_is_no_other_time() -> None:
    assert rows_of(pa.table({"it": pa.array([2**62], pa.duration("s"))})) == [{"it": str(2**62)}]


def test_columns_of_one_name_all_arrive_and_the_first_keeps_it() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["title", "title"])
    assert rows_of(table) == [{"title": 1, "title 2": 2}]


_MEASURED = """
import resource, sys
from pipeline.sources.documents import ReadOptions
from pipeline.sources.parquet import read_parquet
from transforms.schemas import Unit

unit = Unit(0, "", "", 0, "")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in read_parquet(open(sys.argv[1], "rb"), unit, ReadOptions()))
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def test_a_value_that_a_dictionary_repeats_does_not_fill_the_memory(tmp_path: Path) -> None:
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 128, pa.int32()), pa.array(["x" * (1 << 20)]))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": repeated}), path, compression="zstd")
    assert path.stat().st_size < 1000
    run = [sys.executable, "-c", _MEASURED, str(path)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=True)
    count, mebibytes = map(int, done.stdout.split())
    assert count == 128
    assert mebibytes < 100


def test_rows_keep_their_number_over_row_groups() -> None:
    file = file_of(pa.table({"n": list(range(10))}), row_group_size=3)
    items = list(read_parquet(file, UNIT, ReadOptions()))
    assert [item.position for item in items] == list(range(10))  # type: ignore[union-attr]
    assert [item.place for item in items][3:5] == ["row 4", "row 5"]  # type: ignore[union-attr]
    assert bodies(items)[9] == b'{"n": 9}'


def test_a_slice_reads_its_row_groups_only(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(file_of(pa.table({"n": list(range(10))}), row_group_size=3).read())
    items = list(read_parquet(io.BytesIO(path.read_bytes()), unit_of(path, 1, 3), ReadOptions()))
    assert bodies(items) == [b'{"n": %d}' % number for number in range(3, 9)]
    assert [item.position for item in items] == list(range(3, 9))  # type: ignore[union-attr]


def test_a_row_over_the_cap_is_a_dead_letter_and_the_rest_goes_on() -> None:
    items = list(read_parquet(file_of(pa.table({"a": ["x" * 99, "y"]})), UNIT, ReadOptions(max_document_bytes=50)))
    assert bodies(items) == [b'{"a": "y"}']
    assert letters(items) == [(0, "too_large", "row 1 has 108 bytes; the limit is 50")]


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
    assert detail.startswith("row group 2 of the Parquet file cannot be read: ")


def test_the_size_of_each_row_group_is_told() -> None:
    sizes = row_group_bytes(file_of(pa.table({"n": list(range(10))}), row_group_size=5))  # type: ignore[arg-type]
    assert len(sizes) == 2
    assert all(size > 20 for size in sizes)
