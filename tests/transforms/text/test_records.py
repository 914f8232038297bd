import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.schemas import Document, Enclosure, Problem, RawEntry
from transforms.text.errors import BadInput, EmptyDocument, MalformedRecord, WrongEncoding
from transforms.text.records import USUAL_NAMES, read_record


def read(record: Any, fields: dict[str, str] | None = None) -> RawEntry:
    body = record if isinstance(record, bytes) else json.dumps(record).encode()
    return read_record(Document(1, "a.jsonl", 7, "record", body), fields or {})


def test_fields_are_found_under_their_usual_names() -> None:
    entry = read(
        {
            "Link": "https://example.org/1",
            "uuid": 17,
            "headline": "A headline",
            "body": "Some text",
            "short description": "In short",
            "authors": [{"name": "Ann"}, "Bob", None, {"role": "editor"}],
            "datePublished": 1136214245.0,
            "last-modified": "2006-01-03",
            "crawled_at": "2006-01-04T00:00:00Z",
            "lang": "en",
            "tags": ["one", 2],
            "image": {"url": "https://example.org/i.jpg"},
            "enclosures": [{"url": "https://example.org/a.mp3", "type": "audio/mpeg", "length": 5}, {"type": "x"}],
        }
    )
    assert entry == RawEntry(
        unit=1,
        source="a.jsonl",
        position=7,
        entry=0,
        url="https://example.org/1",
        guid="17",
        title="A headline",
        content="Some text",
        summary="In short",
        authors=("Ann", "Bob"),
        published="1136214245",
        updated="2006-01-03",
        fetched=1136332800000000,
        language="en",
        categories=("one", "2"),
        images=("https://example.org/i.jpg",),
        enclosures=(Enclosure("https://example.org/a.mp3", "audio/mpeg", 5),),
        origin="record",
        parser="record",
    )


def test_a_field_map_names_columns_and_paths_into_objects() -> None:
    record = {"meta": {"link": "https://example.org/1"}, "a.b": "dotted", "text": "no", "words": "yes", "title": "no"}
    entry = read(record, {"url": "meta.link", "summary": "a.b", "text": "words", "title": "missing.path"})
    assert (entry.url, entry.summary, entry.content, entry.title) == ("https://example.org/1", "dotted", "yes", None)


def test_the_first_name_that_holds_something_counts() -> None:
    assert read({"title": "", "headline": None, "heading": "Third"}).title == "Third"
    assert read({"text": float("nan"), "summary": "s"}).content is None


def test_markup_is_told_from_text() -> None:
    assert read({"text": "<p>a</p>"}).content_is_html
    assert not read({"text": "1 < 2"}).content_is_html
    html = read({"html": "no tags"})
    assert (html.content, html.content_is_html) == ("no tags", True)
    assert read({"summary": "a<br>b"}).summary_is_html


def test_an_unreadable_time_of_fetching_is_a_problem() -> None:
    entry = read({"fetched": "last week", "text": "t"})
    assert entry.fetched is None
    assert entry.problems == (Problem("fetched", "in no known form", "last week"),)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": 1', r"record 8: Expecting ',' delimiter at column 8, near '\{\"a\": 1'"),
        (b"[1]", "record 8: not a JSON object but an array"),
        (b"null", "record 8: not a JSON object but null"),
        (b'{"a":' * 100_000, "record 8: nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "record 8: Exceeds the limit"),
    ],
)
def test_what_is_no_object_is_refused_with_its_place(body: bytes, message: str) -> None:
    with pytest.raises(MalformedRecord, match=message):
        read(body)


def test_a_message_names_the_place_that_the_document_has() -> None:
    with pytest.raises(MalformedRecord, match="line 2: not a JSON object but an array"):
        read_record(Document(1, "a.jsonl", 7, "record", b"[1]", place="line 2"), {})


def test_numbers_that_are_not_finite_are_no_values() -> None:
    entry = read(b'{"id": NaN, "title": 1e999, "text": NaN, "body": "kept", "authors": ["Ann", -Infinity]}')
    assert (entry.guid, entry.title, entry.content, entry.authors) == (None, None, "kept", ("Ann",))
    assert entry.problems == (
        Problem("guid", "not a finite number", "nan"),
        Problem("title", "not a finite number", "inf"),
        Problem("authors", "not a finite number", "-inf"),
    )


def test_an_empty_line_and_binary_data_have_their_own_reasons() -> None:
    with pytest.raises(EmptyDocument):
        read(b" \n")
    with pytest.raises(WrongEncoding, match="record 8"):
        read(b"\x00\x01\x02\x03" * 9)


def test_no_name_stands_for_two_fields() -> None:
    names = [name for names in USUAL_NAMES.values() for name in names]
    assert len(names) == len(set(names))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "url", "text"]) | st.text(), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([names[0] for names in USUAL_NAMES.values()]) | st.text(), JSON, max_size=6))
def test_any_object_is_read(record: dict[str, Any]) -> None:
    assert isinstance(read(record, {"title": "a.b"}), RawEntry)


@given(st.binary(max_size=200) | st.text(st.sampled_from('{}[]":,ab1e\\u'), max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_by_name(body: bytes) -> None:
    try:
        read(body)
    except BadInput:
        pass
