import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.transcoding import utf8_pieces, wide_encoding
from tests.pipeline.sources.reading import pieces_of
from transforms.text.errors import WrongEncoding


@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")),
    size=st.integers(1, 9),
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_text_with_a_mark_becomes_utf8_whatever_its_pieces(encoding: str, text: str, size: int) -> None:
    assert b"".join(utf8_pieces(pieces_of(text.encode(encoding), size))) == text.encode()


def test_utf16_without_a_mark_is_seen_by_its_zeros() -> None:
    assert wide_encoding("some text".encode("utf-16-le")) == "utf-16-le"
    assert wide_encoding("some text".encode("utf-16-be")) == "utf-16-be"
    assert wide_encoding(b"some text") is None
    assert wide_encoding(b"\xef\xbb\xbfsome text") is None


def test_other_bytes_stay_as_they_are() -> None:
    assert b"".join(utf8_pieces([b"a\xff", b"\xfe"])) == b"a\xff\xfe"


@pytest.mark.parametrize("encoding", ["utf-16", "UTF_16_LE", "utf-32-be"])
def test_bytes_that_do_not_fit_are_refused(encoding: str) -> None:
    with pytest.raises(WrongEncoding):
        list(utf8_pieces([b"abc"], encoding))


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(WrongEncoding, match="unknown encoding 'utf-16-middle'"):
        list(utf8_pieces([b"abc"], "utf-16-middle"))
