import gzip

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.compression import PIECE_BYTES, Codec, codec_of, decompress
from tests.pipeline.sources.reading import pieces_of
from transforms.text.errors import BrokenCompression

PACK = {"gz": lambda data: gzip.compress(data, mtime=0), "zst": zstd.compress}
LINES = b"".join(b'{"number": %d}\n' % number for number in range(5000))


@pytest.mark.parametrize("codec", ["gz", "zst"])
@given(members=st.lists(st.binary(max_size=300), min_size=1, max_size=4), size=st.integers(1, 50))
def test_members_in_any_pieces_give_their_content(codec: Codec, members: list[bytes], size: int) -> None:
    packed = b"".join(map(PACK[codec], members))
    assert b"".join(decompress(pieces_of(packed, size), codec)) == b"".join(members)


@pytest.mark.parametrize("codec", ["gz", "zst"])
def test_no_piece_is_larger_than_the_bound_whatever_a_small_file_unfolds_to(codec: Codec) -> None:
    packed = PACK[codec](bytes(10 * PIECE_BYTES))
    sizes = [len(piece) for piece in decompress([packed], codec)]
    assert sum(sizes) == 10 * PIECE_BYTES
    assert max(sizes) <= PIECE_BYTES


@pytest.mark.parametrize(("codec", "name"), [("gz", "gzip"), ("zst", "zstd")])
def test_what_lies_before_the_end_of_half_a_file_is_given(codec: Codec, name: str) -> None:
    packed = PACK[codec](LINES) + PACK[codec](LINES)
    given_out = b""
    with pytest.raises(BrokenCompression, match=f"the {name} data ends in the middle of member 2"):
        for piece in decompress([packed[:-10]], codec):
            given_out += piece
    assert given_out.startswith(LINES)
    assert (LINES + LINES).startswith(given_out)


def test_a_damaged_member_is_named() -> None:
    first, second = gzip.compress(LINES, mtime=0), bytearray(gzip.compress(LINES, mtime=0))
    second[-6] ^= 0xFF
    given_out = b""
    with pytest.raises(BrokenCompression) as failure:
        for piece in decompress([first + bytes(second)], "gz"):
            given_out += piece
    assert str(failure.value) == "the gzip data is damaged in member 2 (incorrect data check)"
    assert given_out.startswith(LINES)


def test_zeros_after_a_gzip_member_are_padding() -> None:
    assert b"".join(decompress([gzip.compress(b"x"), b"\0" * 100], "gz")) == b"x"


def test_other_bytes_after_a_gzip_member_are_damage() -> None:
    with pytest.raises(BrokenCompression, match="damaged in member 2"):
        list(decompress([gzip.compress(b"x") + b"rubbish"], "gz"))


def test_a_skippable_frame_is_zstd() -> None:
    packed = b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd.compress(b"content")
    assert codec_of(packed) == "zst"
    assert b"".join(decompress([packed], "zst")) == b"content"


@pytest.mark.parametrize("head", [b"", b"\x1f", b"\x1f\x8b", b"text", b"\x28\xb5\x2f"])
def test_other_bytes_are_not_compressed(head: bytes) -> None:
    assert codec_of(head) is None
