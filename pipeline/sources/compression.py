"""Decompression as a stream: gzip of many members, zstd of many frames.

What lies before a damage comes out before `BrokenCompression` is raised, and no more than a piece is held at a time,
whatever a small file unfolds to.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final, Literal, Protocol

from backports import zstd

from transforms.text.errors import BrokenCompression

Codec = Literal["gz", "zst"]

PIECE_BYTES: Final = 1 << 18
"""What is read and decompressed at a time."""

_PORTION_BYTES: Final = 1 << 14
"""What is given to a decompressor at a time: it copies what is left at the end of each member, which may be tiny."""

_GZIP: Final = b"\x1f\x8b\x08"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_GZIP_WINDOW: Final = 31
"""15 bits of window, and 16 for the header and check sum of gzip (zlib's manual, inflateInit2)."""


def codec_of(head: bytes) -> Codec | None:
    """The compression that the first bytes tell."""
    if head.startswith(_GZIP):
        return "gz"
    if head.startswith(_ZSTD) or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F):  # or a skippable frame
        return "zst"
    return None


def decompress(pieces: Iterable[bytes], codec: Codec) -> Iterator[bytes]:
    """The content of the compressed pieces, in pieces of at most `PIECE_BYTES`.

    Zeros after a gzip member are padding, as for gzip itself. Raises BrokenCompression after what could be read.
    """
    member: _Member | None = None
    members = 0
    whole = True
    for rest in _portions(pieces):
        while rest or (member is not None and not member.needs_input):
            if member is None:
                if codec == "gz" and whole and members and not rest.strip(b"\0"):
                    break
                member, whole = (_GzipMember() if codec == "gz" else _ZstdFrame()), False
                members += 1
            try:
                content, rest = member.unfold(rest)
            except (zlib.error, zstd.ZstdError) as error:
                raise BrokenCompression(
                    f"the {_NAMES[codec]} data is damaged in member {members} ({_cause(error)})"
                ) from None
            if content:
                yield content
            if member.eof:
                member, whole = None, True
    if not whole:
        raise BrokenCompression(f"the {_NAMES[codec]} data ends in the middle of member {members}")


def _portions(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for at in range(0, len(piece), _PORTION_BYTES):
            yield piece[at : at + _PORTION_BYTES]


class _Member(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    def unfold(self, data: bytes) -> tuple[bytes, bytes]:
        """Some of the content, and the data that is left for the next call or the next member."""
        ...


class _GzipMember:
    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    def unfold(self, data: bytes) -> tuple[bytes, bytes]:
        content = self._inflate.decompress(data, PIECE_BYTES)
        rest = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        # a full piece may leave more content inside although all data was taken
        self.needs_input = self._inflate.eof or len(content) < PIECE_BYTES
        return content, rest


class _ZstdFrame:
    def __init__(self) -> None:
        self._frame = zstd.ZstdDecompressor()

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def needs_input(self) -> bool:
        return self._frame.eof or self._frame.needs_input

    def unfold(self, data: bytes) -> tuple[bytes, bytes]:
        content = self._frame.decompress(data, PIECE_BYTES)
        return content, self._frame.unused_data if self._frame.eof else b""


_NAMES: Final = {"gz": "gzip", "zst": "zstd"}


def _cause(error: Exception) -> str:
    return str(error).removeprefix("Error -3 while decompressing data: ").removeprefix("Unable to decompress ")
