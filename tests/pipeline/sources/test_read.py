import gzip
import os
import pickle
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.error_handling import ErrorHandler
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.sources.documents import ReadOptions
from pipeline.sources.read import ReadDocuments, read_documents
from tests.pipeline.sources.reading import bodies, id_of, letters, read_file, unit_of
from transforms.schemas import DeadLetter, Document, Unit
from transforms.text.errors import BadInput

LINES = b'{"a": 1}\n{"b": 2}\n'


def read_bytes(folder: Path, name: str, data: bytes, **options: Any) -> list[Any]:
    path = folder / name
    path.write_bytes(data)
    return read_file(path, **options)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.txt", b"Some words", [("text", b"Some words")]),
        ("a.html.gz", gzip.compress(b"<html>x</html>", mtime=0), [("page", b"<html>x</html>")]),
        ("a.xml", b'<rss version="2.0"></rss>', [("feed", b'<rss version="2.0"></rss>')]),
        ("a.jsonl", LINES, [("record", b'{"a": 1}'), ("record", b'{"b": 2}')]),
        ("a.jsonl", b"\xef\xbb\xbf" + LINES, [("record", b'{"a": 1}'), ("record", b'{"b": 2}')]),
        ("a.jsonl.zst", zstd.compress(LINES), [("record", b'{"a": 1}'), ("record", b'{"b": 2}')]),
        ("a.gz", gzip.compress(zstd.compress(LINES), mtime=0), [("record", b'{"a": 1}'), ("record", b'{"b": 2}')]),
        ("a.json", ('\ufeff[{"é": 1}]').encode("utf-16-le"), [("record", '{"é": 1}'.encode())]),
        ("a.gz", gzip.compress(b"", mtime=0) * 4000 + gzip.compress(LINES[:9], mtime=0), [("record", b'{"a": 1}')]),
        ("a.csv", b"title,text\na,b\n", [("record", b'{"title": "a", "text": "b"}')]),
    ],
    ids=id_of,
)
def test_each_format_is_read(tmp_path: Path, name: str, data: bytes, expected: list[tuple[str, bytes]]) -> None:
    assert [(item.kind, item.body) for item in read_bytes(tmp_path, name, data)] == expected


def test_parquet_is_read_also_inside_a_compression(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "a.parquet")
    plain = (tmp_path / "a.parquet").read_bytes()
    assert bodies(read_file(tmp_path / "a.parquet")) == [b'{"a": "x"}']
    assert bodies(read_bytes(tmp_path, "b.parquet.gz", gzip.compress(plain, mtime=0))) == [b'{"a": "x"}']


def test_a_page_and_a_text_carry_the_encoding_that_is_given(tmp_path: Path) -> None:
    (page,) = read_bytes(tmp_path, "a.html", b"<html>", encoding="koi8-r")
    (text,) = read_bytes(tmp_path, "a.txt", b"words", encoding="koi8-r")
    assert (page.charset, text.charset) == ("koi8-r", "koi8-r")


def test_half_a_record_file_is_used_up_to_the_break(tmp_path: Path) -> None:
    packed = gzip.compress(
        b"".join(b'{"number": %d, "noise": "%s"}\n' % (n, os.urandom(40).hex().encode()) for n in range(2000))
    )
    items = read_bytes(tmp_path, "a.jsonl.gz", packed[: len(packed) // 2], max_payload_bytes=100)
    found = bodies(items)
    assert 900 < len(found) < 1100
    assert [body for body in found if not body.endswith(b'"}')] == []
    (letter,) = [item for item in items if isinstance(item, DeadLetter)]
    assert letter == DeadLetter(
        unit=7,
        position=len(found),
        entry=0,
        source="a.jsonl.gz",
        step="Read",
        reason="broken_compression",
        detail="the gzip data ends in the middle of member 1",
        kind="unit",
        payload=packed[:100],
        payload_bytes=len(packed) // 2,
    )


def test_half_a_document_is_none(tmp_path: Path) -> None:
    packed = gzip.compress(b"words " * 30_000, mtime=0)
    items = read_bytes(tmp_path, "a.txt.gz", packed[:-20])
    assert bodies(items) == []
    assert [reason for _, reason, _ in letters(items)] == ["broken_compression"]


@pytest.mark.parametrize(
    ("name", "data", "detail"),
    [
        ("a.txt", b"x" * 101, "the text has more than 100 bytes"),
        ("a.html.gz", gzip.compress(b"<html>" + b" " * 10**6, mtime=0), "the page has more than 100 bytes"),
        ("a.json", b'{"a": "' + b"x" * 100 + b'"}', "the JSON object has more than 100 bytes"),
    ],
    ids=id_of,
)
def test_a_document_over_the_cap_is_a_dead_letter(tmp_path: Path, name: str, data: bytes, detail: str) -> None:
    assert letters(read_bytes(tmp_path, name, data, max_document_bytes=100)) == [(0, "too_large", detail)]


def test_a_file_that_changed_since_it_was_planned_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"as planned")
    unit = unit_of(path)
    path.write_bytes(b"as changed")
    items = list(read_documents(unit, ReadOptions()))
    assert bodies(items) == []
    assert letters(items) == [(0, "unreadable_file", "the file changed while the run read it; run again")]


def test_a_file_that_grows_while_its_document_is_used_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(b"<html><p>Text")
    reading = read_documents(unit_of(path), ReadOptions())
    assert bodies([next(reading)]) == [b"<html><p>Text"]
    path.write_bytes(b"<html><p>Text and more")
    assert letters(list(reading)) == [(1, "unreadable_file", "the file changed while the run read it; run again")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.jsonl.gz", "a.parquet"])
def test_a_changed_record_file_is_noticed_at_its_end(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"something else")
    unit = unit_of(path)
    if name == "a.parquet":
        pq.write_table(pa.table({"a": ["x"]}), path)
    else:
        path.write_bytes(gzip.compress(LINES, mtime=0)[:-5] if name.endswith(".gz") else LINES)
    assert [reason for _, reason, _ in letters(list(read_documents(unit, ReadOptions())))] == ["unreadable_file"]


def test_a_slice_of_a_file_that_was_cut_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINES)
    unit = unit_of(path, 9, 18)
    path.write_bytes(b'{"a": 1}\n')
    assert letters(list(read_documents(unit, ReadOptions()))) == [
        (0, "unreadable_file", "the file changed while the run read it; run again")
    ]


def test_a_line_of_a_slice_is_known_by_its_offset_also_in_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + LINES + b'\n{"c": "' + b"x" * 1200 + b'"}\n{"d": 4}')
    size = path.stat().st_size
    items = [one for at in (0, 15) for one in read_documents(unit_of(path, at, (15, size)[at > 0]), ReadOptions())]
    found = [(one.position, one.place, one.body[:8]) for one in items if isinstance(one, Document)]
    assert found == [
        (0, "the line at byte 0", b'{"a": 1}'),
        (12, "the line at byte 12", b'{"b": 2}'),
        (22, "the line at byte 22", b'{"c": "x'),
        (1232, "the line at byte 1,232", b'{"d": 4}'),
    ]
    assert [path.read_bytes()[at:][:5] for at, _, _ in found[1:]] == [b'{"b":', b'{"c":', b'{"d":']
    options = ReadOptions(max_document_bytes=1000)
    assert letters(list(read_documents(unit_of(path, 15, size), options))) == [
        (22, "too_large", "the line at byte 22 has 1,209 bytes; the limit is 1,000")
    ]


@pytest.mark.parametrize(
    ("checksum", "detail"),
    [
        (
            "unreadable",
            "the file could not be read when the run was planned; see to its permissions, or where its link leads",
        ),
        ("sha256:0", "the file cannot be opened: it is gone since the run was planned"),
    ],
)
def test_a_file_that_is_not_to_be_had_is_a_dead_letter_without_a_path(
    tmp_path: Path, checksum: str, detail: str
) -> None:
    unit = Unit(3, "a.txt", str(tmp_path / "a.txt"), 5, checksum)
    assert list(read_documents(unit, ReadOptions())) == [
        DeadLetter(3, 0, 0, "a.txt", "Read", "unreadable_file", detail, "unit", b"", 5)
    ]


NAMES = st.sampled_from(
    ["a", "a.txt", "a.html", "a.xml", "a.json", "a.jsonl", "a.csv", "a.tsv.gz", "a.parquet", "a.warc.gz"]
)
STARTS = st.sampled_from(
    [
        b"",
        b"{",
        b'[{"a":',
        b'{"a": 1}\n',
        b"<rss>",
        b"<?xml version='1.0'?><",
        b"<!DOCTYPE ",
        b"<html>",
        b"title,url\n",
        b"PAR1",
        b"WARC/1.0\r\n",
        b"WARC/1.1\r\nWARC-Type: response\r\n",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\x1f\x8b\x08\0",
        b"\x28\xb5\x2f\xfd",
    ]
)
FORMATS = st.sampled_from(["auto", "text", "html", "feed", "jsonl", "json", "csv", "parquet", "warc"])
PACK = st.sampled_from([bytes, gzip.compress, zstd.compress])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(name=NAMES, start=STARTS, rest=st.binary(max_size=80), given_format=FORMATS, pack=PACK, cut=st.integers(0, 9))
def test_any_bytes_give_documents_and_dead_letters_and_nothing_is_raised(
    tmp_path: Path, name: str, start: bytes, rest: bytes, given_format: Any, pack: Any, cut: int
) -> None:
    data = pack(start + rest)
    items = read_bytes(tmp_path, name, data[: len(data) - cut], format=given_format, max_document_bytes=60)
    positions = [item.position for item in items if isinstance(item, Document | DeadLetter)]
    assert positions == sorted(positions)
    assert len(set(positions)) == len(positions)


class KeepAll(beam.PTransform):  # type: ignore[type-arg]
    """A door that checks what goes through it."""

    def __init__(self, expected: list[tuple[str, str]]) -> None:
        super().__init__()
        self.expected = expected

    def expand(self, letters: Any) -> Any:
        seen = letters | "Reasons" >> beam.Map(lambda letter: (letter.source, letter.reason))
        assert_that(seen, equal_to(self.expected), label="dead letters")
        return seen


class Notes:
    """A tally that writes files, so that it works wherever the step runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def done(self, phase: str, item: int) -> None:
        (self.folder / f"{phase}-{item}").touch()


def test_the_step_gives_documents_diverts_the_rest_and_tells_of_finished_units(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b.html").write_bytes(b"%PDF-1.4")
    units = [unit_of(tmp_path / "a.jsonl"), Unit(8, "b.html", str(tmp_path / "b.html"), 8, "crc32c:x")]
    root = beam.Pipeline("FnApiRunner")
    with ErrorHandler(KeepAll([("b.html", "unknown_format")])) as errors:
        step = ReadDocuments(ReadOptions(), errors, Notes(tmp_path / "notes"))
        documents = root | "Units" >> beam.Create(units) | "Read" >> step
        assert documents.element_type == Document
        assert_that(
            documents | beam.Map(lambda one: (one.position, one.body)), equal_to([(0, b'{"a": 1}'), (1, b'{"b": 2}')])
        )
    result = root.run()
    assert sorted(path.name for path in (tmp_path / "notes").iterdir()) == ["read-7", "read-8"]
    counters = result.metrics().query(MetricsFilter().with_namespace("read"))["counters"]
    assert {one.key.metric.name: one.committed for one in counters} == {"units": 2, "documents": 2}


def test_without_a_door_a_failure_is_raised(tmp_path: Path) -> None:
    (tmp_path / "b.html").write_bytes(b"%PDF-1.4")
    root = beam.Pipeline("FnApiRunner")
    root | beam.Create([unit_of(tmp_path / "b.html")]) | ReadDocuments(ReadOptions())
    with pytest.raises(BadInput, match=r"b\.html: unknown_format: content looks like PDF"):
        root.run()


def test_units_and_options_can_be_sent_to_workers() -> None:
    unit, options = Unit(0, "a", "/a", 1, "sha256:0", 3, 4), ReadOptions("csv", ("a",), "utf-8", 1, 2)
    assert pickle.loads(pickle.dumps((unit, options))) == (unit, options)
