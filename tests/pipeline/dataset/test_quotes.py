"""Quotes: which payloads tell of a removed article."""

import gzip
import json

import pyarrow as pa
import pytest

from pipeline.dataset.quotes import Quotes, quotes_of

TEXT = "“Nobody was there”, said Zoë.\n\nThe river rose in the night, and took all of it\\all with it.\n\nMore."
URL = "https://wire.example/a?b=1&c=2"


def quotes(**values: str) -> Quotes:
    """The quotes of one row."""
    columns = ("url", "canonical_url", "guid", "text")
    return quotes_of([pa.table({name: pa.array([values.get(name)], pa.string()) for name in columns})])


@pytest.mark.parametrize(
    "payload",
    [
        TEXT.encode(),
        TEXT.encode()[:32],
        TEXT.encode()[1:34],  # begins and ends within a character or not
        b"<p>" + TEXT.encode()[:100],
        json.dumps({"text": TEXT}).encode(),
        json.dumps({"text": TEXT}, ensure_ascii=False).encode(),
    ],
)
def test_a_part_of_a_text_is_found_and_what_holds_its_beginning(payload: bytes) -> None:
    assert quotes(text=TEXT).are_in(payload)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        b"",
        TEXT.encode()[:31],
        b"<p>" + TEXT[:79].encode(),
        gzip.compress(TEXT.encode()),
        TEXT.encode("utf-16"),
        b"nothing of anybody, in so many words",
    ],
)
def test_nothing_else_is(payload: bytes | None) -> None:
    assert not quotes(text=TEXT).are_in(payload)


def test_a_short_text_is_found_where_it_is_the_payload_only() -> None:
    text = "The river rose, and took the bridge."
    assert quotes(text=text).are_in(text.encode())
    assert not quotes(text=text).are_in(f"<p>{text}</p>".encode())
    assert not quotes(text="").are_in(text.encode())


@pytest.mark.parametrize("name", ["url", "canonical_url", "guid"])
def test_a_url_or_guid_is_found_as_it_is_and_as_json_and_html_write_it(name: str) -> None:
    found = quotes(**{name: URL})
    for spelt in (URL, URL.replace("/", "\\/"), URL.replace("&", "&amp;")):
        assert found.are_in(f"<{spelt}>".encode())
    assert not found.are_in(URL[:-1].encode())


def test_a_url_or_guid_of_a_few_characters_is_not() -> None:
    assert not quotes(guid="1234567").are_in(b"12345678")
    assert quotes(guid="12345678").are_in(b"123456789")
