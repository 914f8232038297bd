import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.documents import ReadOptions
from pipeline.sources.objects import read_objects
from tests.pipeline.sources.reading import UNIT, bodies, letters, pieces_of
from transforms.schemas import Document
from transforms.text.errors import BrokenContainer, TooLarge

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\[]{},: é\n', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='a"\\]', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values=st.lists(VALUES, max_size=5), size=st.integers(1, 20), indent=st.none() | st.integers(0, 2))
def test_an_array_is_cut_as_json_reads_it(values: list[Any], size: int, indent: int | None) -> None:
    data = b" " + json.dumps(values, indent=indent).encode() + b"\n"
    found = bodies(list(read_objects(pieces_of(data, size), UNIT, ReadOptions())))
    assert [json.loads(body) for body in found] == values


def test_an_array_gives_a_record_each_with_the_bytes_as_they_stand() -> None:
    items = list(read_objects([b'[ {"a" : 1},\n{"b":"]"} ]'], UNIT, ReadOptions()))
    assert items == [
        Document(7, "name", 0, "record", b'{"a" : 1}', place="element 1"),
        Document(7, "name", 1, "record", b'{"b":"]"}', place="element 2"),
    ]


def test_an_array_that_ends_early_gives_what_came_before() -> None:
    items: list[Any] = []
    with pytest.raises(BrokenContainer, match="the JSON array ends in the middle of element 2"):
        for item in read_objects([b'[{"a": 1}, {"b": 2'], UNIT, ReadOptions()):
            items.append(item)
    assert bodies(items) == [b'{"a": 1}']


def test_an_object_over_the_cap_is_a_dead_letter_and_the_rest_goes_on() -> None:
    data = b'[{"a": "' + b"x" * 60 + b'"}, {"b": 2}]'
    items = list(read_objects([data], UNIT, ReadOptions(max_document_bytes=20)))
    assert bodies(items) == [b'{"b": 2}']
    assert letters(items) == [(0, "too_large", "element 1 of the array has 69 bytes; the limit is 20")]


def test_one_object_is_one_record() -> None:
    (item,) = read_objects([b'\n{"a":', b" 1}\n"], UNIT, ReadOptions())
    assert item == Document(7, "name", 0, "record", b'{"a": 1}')


def test_an_object_that_names_itself_a_feed_is_one() -> None:
    data = b'{"items": [], "version": "https://jsonfeed.org/version/1"}'
    (item,) = read_objects([data], UNIT, ReadOptions())
    assert item == Document(7, "name", 0, "feed", data)


def test_one_object_over_the_cap_is_too_large() -> None:
    with pytest.raises(TooLarge, match="the JSON object has more than 5 bytes"):
        list(read_objects([b'{"a": 1}'], UNIT, ReadOptions(max_document_bytes=5)))


def test_what_follows_an_array_is_damage() -> None:
    with pytest.raises(BrokenContainer, match="something stands after the end of the array"):
        list(read_objects([b"[{}]", b" [{}]"], UNIT, ReadOptions()))
