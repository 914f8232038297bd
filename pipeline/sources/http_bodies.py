"""The body of an HTTP response as it was on the wire: chunks joined, content codings undone, within a bound."""

import re
import zlib
from collections.abc import Iterator
from typing import Any, Final

import brotli

from pipeline.sources.compression import PIECE_BYTES, codec_of, decompress
from transforms.text.errors import BrokenCompression, TooLarge

_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


def plain_body(body: bytes, transfer: str | None, content: str | None, max_bytes: int) -> bytes:
    """The body without its transfer coding (`chunked`) and its content codings, as the headers name them.

    Many archives keep the headers and hold the body without the codings: what does not look coded is left as it is.
    Raises BrokenCompression, and TooLarge past `max_bytes`.
    """
    if transfer is not None and "chunked" in transfer.lower():
        joined = _joined(body)
        body = body if joined is None else joined
    for coding in reversed([name.strip().lower() for name in (content or "").split(",")]):
        body = _decoded(body, coding, max_bytes)
    return body


def _joined(body: bytes) -> bytes | None:
    """The chunks as one; None where they are none, or where one is cut."""
    parts: list[bytes] = []
    at = 0
    while found := _CHUNK.match(body, at):
        size = int(found[1], 16)
        if size == 0:
            return b"".join(parts)
        part = body[found.end() : found.end() + size]
        at = found.end() + size + 2
        if len(part) < size or body[at - 2 : at] != b"\r\n":
            return None
        parts.append(part)
    return None


def _decoded(body: bytes, coding: str, max_bytes: int) -> bytes:
    codec = codec_of(body)
    if coding in ("gzip", "x-gzip", "zstd") and codec is not None:
        return _bounded(decompress([body], codec), max_bytes)
    if coding == "deflate" and body[:1] == b"\x78":  # RFC 9110 8.4.1.2: the zlib format
        return _bounded(_inflated(body), max_bytes)
    if coding == "br":
        return _unbrotli(body, max_bytes)
    return body


def _bounded(pieces: Iterator[bytes], max_bytes: int) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > max_bytes:
            raise TooLarge(f"the response has more than {max_bytes:,} bytes, decompressed")
    return bytes(content)


def _inflated(body: bytes) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    rest = body
    try:
        while not inflate.eof:
            piece = inflate.decompress(rest, PIECE_BYTES)
            rest = inflate.unconsumed_tail
            if not piece and not rest and not inflate.eof:
                raise BrokenCompression("the deflate data of the response ends early")
            yield piece
    except zlib.error:
        raise BrokenCompression("the deflate data of the response is damaged") from None


def _unbrotli(body: bytes, max_bytes: int) -> bytes:
    """Brotli has no signature: what does not decode is taken for a body without the coding."""
    try:
        return _bounded(_brotli_pieces(brotli.Decompressor(), body), max_bytes)
    except brotli.error:
        return body


def _brotli_pieces(decoder: Any, body: bytes) -> Iterator[bytes]:
    yield decoder.process(body, output_buffer_limit=PIECE_BYTES)
    while not decoder.is_finished():
        if decoder.can_accept_more_data():
            raise BrokenCompression("the brotli data of the response ends early")
        yield decoder.process(b"", output_buffer_limit=PIECE_BYTES)
