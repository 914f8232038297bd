import hashlib
import io
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.dataset.storage import Storage, StorageError
from pipeline.sources.documents import ReadOptions
from pipeline.sources.inputs import Input, find_inputs
from pipeline.sources.read import read_documents
from pipeline.sources.units import DoneUnit, format_of, plan_units
from tests.pipeline.sources.reading import bodies
from transforms.schemas import Unit

MEBIBYTE = 1 << 20


def plan(*paths: Path, done: tuple[DoneUnit, ...] = (), slice_bytes: int = MEBIBYTE, first: int = 0) -> list[Unit]:
    return plan_units(find_inputs([str(path) for path in paths]).files, first, done, slice_bytes)


def done_of(units: list[Unit]) -> tuple[DoneUnit, ...]:
    return tuple((unit.name, unit.size, unit.checksum, unit.start, unit.end) for unit in units)


def ranges(units: list[Unit]) -> list[tuple[int, int | None]]:
    return [(unit.start, unit.end) for unit in units]


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_units_are_numbered_in_the_order_of_the_inputs(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"bb")
    (tmp_path / "a.txt").write_bytes(b"a")
    assert plan(tmp_path, first=5) == [
        Unit(5, "a.txt", str(tmp_path / "a.txt"), 1, sha256(b"a")),
        Unit(6, "b.txt", str(tmp_path / "b.txt"), 2, sha256(b"bb")),
    ]


def test_each_file_has_its_own_checksum_however_many_are_read_at_once(tmp_path: Path) -> None:
    sizes = [7, 3_000_000, 1_500_000, 1_500_000, 0, 9, 2_097_152, 5]
    for number, size in enumerate(sizes):
        (tmp_path / f"{number}.txt").write_bytes(bytes([number]) * size)
    assert [(unit.name, unit.checksum) for unit in plan(tmp_path)] == [
        (f"{number}.txt", sha256(bytes([number]) * size)) for number, size in enumerate(sizes)
    ]


def test_what_is_done_is_left_out_and_changed_content_is_a_new_unit(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    (tmp_path / "b.txt").write_bytes(b"b")
    done = done_of(plan(tmp_path))
    assert plan(tmp_path, done=done, first=2) == []
    (tmp_path / "b.txt").write_bytes(b"new")
    assert [(unit.ordinal, unit.name) for unit in plan(tmp_path, done=done, first=2)] == [(2, "b.txt")]


def test_the_same_name_and_content_twice_is_one_unit(tmp_path: Path) -> None:
    for folder, data in (("x", b"same"), ("y", b"same"), ("z", b"other")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_bytes(data)
    units = plan(tmp_path / "x", tmp_path / "y", tmp_path / "z")
    assert [unit.path for unit in units] == [str(tmp_path / "x/a.txt"), str(tmp_path / "z/a.txt")]


def test_large_json_lines_are_sliced_at_multiples_and_each_line_is_read_once(tmp_path: Path) -> None:
    lines = [b'{"number": %d}' % number for number in range(100)]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    size = path.stat().st_size
    units = plan(path, slice_bytes=500)
    assert ranges(units) == [(0, 500), (500, 1000), (1000, size)]
    assert sum(unit.size for unit in units) == size
    read = [body for unit in units for body in bodies(list(read_documents(unit, ReadOptions())))]
    assert read == lines


def test_slices_stay_done_when_their_size_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n' * 300)
    first = plan(path, slice_bytes=1000)
    assert ranges(first) == [(0, 1000), (1000, 2000), (2000, 2700)]
    for slice_bytes in (700, 1000, MEBIBYTE):
        assert plan(path, done=done_of(first), slice_bytes=slice_bytes) == []
    part = (first[0], first[2])
    assert ranges(plan(path, done=done_of(list(part)), slice_bytes=400)) == [(1000, 1200), (1200, 1600), (1600, 2000)]
    assert plan(path, done=done_of(plan(path)), slice_bytes=700) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b"Some words of a long text. " * 50),
        ("a.jsonl", b"\xff\xfe" + ('{"a": 1}\n' * 90).encode("utf-16-le")),
        ("a.csv", b"title,text\n" + b"a,b\n" * 300),
        ("a.parquet", b"PAR1 no Parquet" * 90),
        ("a.html", b"%PDF-1.4" * 90),
    ],
)
def test_everything_else_is_read_whole(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert ranges(plan(tmp_path, slice_bytes=100)) == [(0, None)]


def test_parquet_is_sliced_at_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"{number:0100}" for number in range(60)]})
    pq.write_table(table, path, row_group_size=10, compression="none", use_dictionary=False)
    units = plan(path, slice_bytes=2000)
    assert ranges(units) == [(0, 2), (2, 4), (4, 6)]
    read = [body for unit in units for body in bodies(list(read_documents(unit, ReadOptions())))]
    assert read == [b'{"text": "%s"}' % f"{number:0100}".encode() for number in range(60)]
    assert ranges(plan(path, done=done_of(units[:1]), slice_bytes=5000)) == [(2, 6)]


def test_a_file_that_cannot_be_read_is_a_unit_until_it_can(tmp_path: Path) -> None:
    one = Input("a.txt", str(tmp_path / "a.txt"), 3)
    (unit,) = plan_units([one], 0, (), MEBIBYTE)
    assert unit == Unit(0, "a.txt", one.path, 3, "unreadable")
    assert plan_units([one], 1, done_of([unit]), MEBIBYTE) == []
    (tmp_path / "a.txt").write_bytes(b"now")
    (again,) = plan_units([one], 1, done_of([unit]), MEBIBYTE)
    assert again.checksum == sha256(b"now")


class Bucket(Storage):
    """An object store that keeps check sums."""

    def __init__(self, kept: str | None) -> None:
        self.kept = kept

    def checksum(self, name: str) -> str | None:
        return self.kept

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(b"content")


def test_at_gs_the_checksum_is_that_of_the_store() -> None:
    one = Input("a.txt", "gs://b/a.txt", 7)
    (unit,) = plan_units([one], 0, (), MEBIBYTE, storage_at=lambda location: Bucket("crc32c:AAAA"))
    assert unit == Unit(0, "a.txt", "gs://b/a.txt", 7, "crc32c:AAAA")
    (unit,) = plan_units([one], 0, (), MEBIBYTE, storage_at=lambda location: Bucket(None))
    assert unit.checksum == sha256(b"content")


def test_a_store_that_refuses_ends_the_plan() -> None:
    def refuse(location: str) -> Storage:
        raise StorageError(f"{location}: no credentials")

    with pytest.raises(StorageError, match="gs://b: no credentials"):
        plan_units([Input("a.txt", "gs://b/a.txt", 7)], 0, (), MEBIBYTE, storage_at=refuse)


def test_the_format_of_an_input_is_told_for_a_plan(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"a": 1}\n')
    (one,) = find_inputs([str(tmp_path)]).files
    assert str(format_of(one)) == "jsonl"
    assert str(format_of(one, "text")) == "text"
