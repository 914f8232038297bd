import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.schemas import Document, RawEntry
from transforms.text.errors import BadInput, EmptyDocument, WrongEncoding
from transforms.text.plain import read_text


def read(body: bytes, encoding: str | None = None) -> RawEntry:
    return read_text(Document(1, "a.txt", 2, "text", body, fetched=3), encoding)


def test_a_short_first_line_before_an_empty_one_is_the_title() -> None:
    entry = read(b"\r\n Headline \r\n\r\nFirst line\r\nsecond.\r\n\r\nNext.\r\n")
    text = "First line\nsecond.\n\nNext."
    assert entry == RawEntry(1, "a.txt", 2, 0, title="Headline", content=text, fetched=3, origin="text", parser="text")


@pytest.mark.parametrize(
    "body",
    [b"One line only.", b"Line one\nline two\n\nnext", b"x" * 201 + b"\n\nrest"],
    ids=["alone", "two lines", "long"],
)
def test_any_other_first_line_is_text(body: bytes) -> None:
    entry = read(body)
    assert entry.title is None
    assert entry.content == body.decode()


def test_nothing_is_an_empty_document() -> None:
    for body in (b"", b" \n", b"\xef\xbb\xbf", "\u200b\xa0".encode()):
        with pytest.raises(EmptyDocument):
            read(body)


def test_the_encoding_that_the_user_names_is_used() -> None:
    assert read(b"\xb9", "iso-8859-2").content == "š"
    with pytest.raises(WrongEncoding):
        read(b"\xe9", "utf-8")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_by_name(body: bytes) -> None:
    try:
        assert read(body).content
    except BadInput:
        pass
