import gzip
import zlib

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.http_bodies import plain_body
from transforms.text.errors import BadInput, BrokenCompression, TooLarge

PAGE = b"<html>" + b"words " * 50 + b"</html>"
CODED = {
    "gzip": gzip.compress(PAGE, mtime=0),
    "x-gzip": gzip.compress(PAGE, mtime=0),
    "deflate": zlib.compress(PAGE),
    "br": brotli.compress(PAGE),
    "zstd": zstd.compress(PAGE),
}


@pytest.mark.parametrize("coding", sorted(CODED))
def test_each_coding_is_undone(coding: str) -> None:
    assert plain_body(CODED[coding], None, coding.upper(), 1000) == PAGE


@pytest.mark.parametrize("coding", sorted(CODED))
def test_a_body_that_is_not_coded_stays(coding: str) -> None:
    assert plain_body(PAGE, "chunked", coding, 1000) == PAGE


@pytest.mark.parametrize("coding", sorted(CODED))
def test_a_body_that_ends_early_is_broken(coding: str) -> None:
    with pytest.raises(BrokenCompression):
        plain_body(CODED[coding][:-6], None, coding, 1000)


@pytest.mark.parametrize("coding", sorted(CODED))
def test_no_more_is_unfolded_than_the_cap(coding: str) -> None:
    with pytest.raises(TooLarge, match="the response has more than 100 bytes, decompressed"):
        plain_body(CODED[coding], None, coding, 100)


def test_codings_are_undone_in_reverse() -> None:
    assert plain_body(zstd.compress(gzip.compress(PAGE, mtime=0)), None, "gzip, zstd", 1000) == PAGE


def test_chunks_are_joined() -> None:
    chunked = b"4;name=value\r\n<htm\r\n2\r\nl>\r\n0\r\n\r\n"
    assert plain_body(chunked, "chunked", None, 100) == b"<html>"
    assert plain_body(chunked, None, None, 100) == chunked


@given(body=st.binary(max_size=60), coding=st.sampled_from([*sorted(CODED), "", "unknown"]))
def test_any_bytes_give_a_body_or_bad_input(body: bytes, coding: str) -> None:
    try:
        plain_body(body, "chunked", coding, 1000)
    except BadInput:
        pass
