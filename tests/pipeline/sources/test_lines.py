import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.documents import ReadOptions
from pipeline.sources.lines import Line, cut_lines, lines_of_slice, read_lines
from tests.pipeline.sources.reading import UNIT, bodies, letters, pieces_of
from transforms.schemas import Document

SHORT_LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=12)


@given(lines=SHORT_LINES, size=st.integers(1, 9), end=st.booleans())
def test_lines_do_not_depend_on_the_pieces(lines: list[bytes], size: int, end: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if end else b"")
    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert [line.body for line in cut_lines(pieces_of(data, size), 100)] == expected


@given(lines=SHORT_LINES, size=st.integers(1, 9), slice_bytes=st.integers(1, 30))
def test_each_line_belongs_to_the_one_slice_in_which_it_begins(lines: list[bytes], size: int, slice_bytes: int) -> None:
    data = b"".join(line + b"\n" for line in lines)
    slices = []
    for start in range(0, len(data), slice_bytes):
        end = min(start + slice_bytes, len(data))
        at, content = lines_of_slice(pieces_of(data[max(start - 1, 0) :], size), start, end)
        slices.append(b"".join(content))
        assert not slices[-1] or at == sum(map(len, slices[:-1]))
    assert b"".join(slices) == data
    begins = [0, *(at + 1 for at, byte in enumerate(data) if byte == 10)][:-1]
    for number, content in enumerate(slices):
        inside = [begin for begin in begins if number * slice_bytes <= begin < (number + 1) * slice_bytes]
        assert content.count(b"\n") == len(inside)


def test_a_line_over_the_cap_is_cut_and_its_true_length_kept() -> None:
    assert list(cut_lines([b"abc", b"defgh\nxy\n"], 4)) == [Line(b"abcd", 8), Line(b"xy", 2)]


def test_each_line_is_a_record_with_its_number_and_blank_lines_are_none() -> None:
    items = list(read_lines([b'{"a": 1}\r\n\n  \n\xff\xfe{"b"', b": 2}"], UNIT, ReadOptions()))
    assert items == [
        Document(7, "name", 0, "record", b'{"a": 1}', place="line 1"),
        Document(7, "name", 3, "record", b'\xff\xfe{"b": 2}', place="line 4"),
    ]


def test_a_line_over_the_cap_is_a_dead_letter_and_the_rest_goes_on() -> None:
    long = b'{"a": "' + b"x" * 100 + b'"}'
    options = ReadOptions(max_document_bytes=50, max_payload_bytes=5)
    items = list(read_lines([b'{"a": 1}\n' + long + b'\n{"b": 2}\n'], UNIT, options))
    assert bodies(items) == [b'{"a": 1}', b'{"b": 2}']
    assert letters(items) == [(1, "too_large", "line 2 has 109 bytes; the limit is 50")]
    letter = items[1]
    assert not isinstance(letter, Document)
    assert (letter.kind, letter.payload, letter.payload_bytes, letter.step) == ("record", b'{"a":', 109, "Read")  # type: ignore[union-attr]


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_lines_end_where_the_caller_says(end: bytes) -> None:
    assert [line.body for line in cut_lines([b"a" + end + b"b"], 9, end)] == [b"a", b"b"]
