import csv
import io
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.delimited import read_rows
from pipeline.sources.documents import ReadOptions
from tests.pipeline.sources.reading import UNIT, bodies, letters, pieces_of
from transforms.schemas import DeadLetter, Document
from transforms.text.errors import BrokenContainer, MissingColumn


def rows_of(data: bytes, size: int = 1 << 16, **options: Any) -> list[Any]:
    return [json.loads(body) for body in bodies(list(read_rows(pieces_of(data, size), UNIT, ReadOptions(**options))))]


CELLS = st.text(alphabet='ab ,;"\n\té|', max_size=8)


@given(table=st.lists(st.tuples(CELLS, CELLS, st.just("x")), max_size=6), size=st.integers(1, 40))
def test_a_table_comes_back_as_it_was_written(table: list[tuple[str, str, str]], size: int) -> None:
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows([("title", "text", "id"), *table])
    expected = [{"title": title or None, "text": text or None, "id": one} for title, text, one in table]
    assert rows_of(target.getvalue().encode(), size) == expected


def test_a_row_is_a_record_with_its_number_and_lines_without_values_are_none() -> None:
    items = list(read_rows([b"title,text\nOne,1\n\n,,\nTwo,2"], UNIT, ReadOptions()))
    assert items == [
        Document(7, "name", 0, "record", b'{"title": "One", "text": "1"}', place="line 2"),
        Document(7, "name", 1, "record", b'{"title": "Two", "text": "2"}', place="line 5"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_delimiter_is_found(delimiter: str) -> None:
    data = f'title{delimiter}text\nOne{delimiter}"a, b; c | d"\n'.encode()
    assert rows_of(data) == [{"title": "One", "text": "a, b; c | d"}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_is_read(end: str) -> None:
    assert rows_of(end.join(("title,text", "One,1", "Two,2")).encode()) == [
        {"title": "One", "text": "1"},
        {"title": "Two", "text": "2"},
    ]


@pytest.mark.parametrize(
    ("encoding", "given_encoding"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", None),
        ("utf-16-le", None),
        ("cp1252", None),
        ("koi8-r", "koi8-r"),
    ],
)
def test_the_encoding_is_found_or_given(encoding: str, given_encoding: str | None) -> None:
    title = "Улица" if encoding == "koi8-r" else "Café “Zoë”"
    data = f"title,text\n{title},one more line of text\n".encode(encoding)
    assert rows_of(data, encoding=given_encoding) == [{"title": title, "text": "one more line of text"}]


def test_a_line_that_is_not_in_the_given_encoding_is_a_dead_letter_and_the_rest_goes_on() -> None:
    items = list(read_rows([b"title,text\nCaf\xe9,1\nTwo,2\n"], UNIT, ReadOptions(encoding="utf-8")))
    assert bodies(items) == [b'{"title": "Two", "text": "2"}']
    assert [(position, reason) for position, reason, _ in letters(items)] == [(0, "wrong_encoding")]


def test_a_row_with_too_many_cells_is_a_dead_letter_and_one_with_too_few_lacks_the_last() -> None:
    items = list(read_rows([b"title,text\na,b,c\nd\ne,f,,\n"], UNIT, ReadOptions()))
    assert bodies(items) == [b'{"title": "d"}', b'{"title": "e", "text": "f"}']
    assert letters(items) == [(0, "malformed_record", "line 2 has 3 cells, the header 2")]
    assert [(one.kind, one.payload) for one in items if isinstance(one, DeadLetter)] == [("record", b"a,b,c")]


def test_a_row_over_the_cap_is_a_dead_letter_and_the_rest_goes_on() -> None:
    data = b'title,text\nOne,"' + b"x\n" * 60 + b'"\nTwo,2\n'
    items = list(read_rows([data], UNIT, ReadOptions(max_document_bytes=100, max_payload_bytes=9)))
    assert bodies(items) == [b'{"title": "Two", "text": "2"}']
    assert letters(items) == [(0, "too_large", "the row that begins in line 2 has 126 bytes; the limit is 100")]
    assert [(one.payload, one.payload_bytes) for one in items if isinstance(one, DeadLetter)] == [(b'One,"x\nx\n', 126)]


def test_a_quote_that_is_never_closed_is_named_by_its_line() -> None:
    items: list[Any] = []
    with pytest.raises(BrokenContainer, match="the quoted cell that begins in line 3 is never closed"):
        for item in read_rows([b'title,text\nOne,1\nTwo,"2\nThree,3\n'], UNIT, ReadOptions()):
            items.append(item)
    assert bodies(items) == [b'{"title": "One", "text": "1"}']


def test_a_long_cell_is_read() -> None:
    assert rows_of(b"title,text\nOne," + b"x" * 200_000 + b"\n") == [{"title": "One", "text": "x" * 200_000}]


def test_unnamed_and_repeated_columns_get_their_number() -> None:
    assert rows_of(b"title,,title\na,b,c\n") == [{"title": "a", "column 2": "b", "title 3": "c"}]


def test_no_column_takes_the_name_of_another() -> None:
    assert rows_of(b"text 3,text,text\na,b,c\n") == [{"text 3": "a", "text": "b", "text 3 3": "c"}]
    assert rows_of(b"text,text,text 2\na,b,c\n") == [{"text": "a", "text 2 2": "b", "text 2": "c"}]


@pytest.mark.parametrize("name", ["c{}", "same"])
def test_a_header_of_many_columns_takes_linear_time(name: str) -> None:
    header = ",".join(name.format(number) for number in range(60_000))
    started = time.process_time()
    assert len(rows_of(header.encode() + b"\nx\n")) == 1
    assert time.process_time() - started < 2


def test_the_lines_of_a_row_over_the_cap_take_linear_time() -> None:
    started = time.process_time()
    data = b'title,text\nOne,"' + b"x\n" * 100_000 + b'"\n'
    assert len(letters(list(read_rows([data], UNIT, ReadOptions(max_document_bytes=150_000))))) == 1
    assert time.process_time() - started < 2


def test_a_column_that_the_field_map_names_must_be_there() -> None:
    with pytest.raises(MissingColumn, match="no column 'body'; the table has title, text"):
        rows_of(b"title,text\na,b\n", columns=("title", "body"))


def test_a_header_without_rows_gives_nothing() -> None:
    assert rows_of(b"title,text\n") == []
