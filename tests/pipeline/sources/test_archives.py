import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.archives import read_archive
from pipeline.sources.compression import decompress
from pipeline.sources.documents import ReadOptions, Skipped
from tests.pipeline.sources.reading import UNIT, bodies, letters, pieces_of
from transforms.schemas import DeadLetter, Document
from transforms.text.errors import BadInput, BrokenContainer

PAGE = b"<html><body>A page</body></html>"
FEED = b'<rss version="2.0"><channel></channel></rss>'
FETCHED = 1_763_992_800_000_000  # 2025-11-24T14:00:00Z


def record(
    kind: str, block: bytes, media: str = "application/http; msgtype=response", url: str = "https://a.example/"
) -> bytes:
    head = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2025-11-24T14:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\nContent-Type: {media}\r\n"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def response(
    body: bytes, media: str | None = "text/html; charset=iso-8859-1", status: int = 200, more: str = ""
) -> bytes:
    content_type = "" if media is None else f"Content-Type: {media}\r\n"
    return f"HTTP/1.1 {status} Reason\r\n{content_type}{more}\r\n".encode() + body


def read(data: bytes, size: int = 1000, **options: Any) -> list[Any]:
    return list(read_archive(pieces_of(data, size), UNIT, ReadOptions(**options)))


def test_a_page_comes_with_its_address_charset_and_time() -> None:
    assert read(record("response", response(PAGE))) == [
        Document(7, "name", 0, "page", PAGE, "https://a.example/", "iso-8859-1", FETCHED, "record 1")
    ]


def test_a_resource_is_read_like_a_response_and_brackets_around_its_address_are_dropped() -> None:
    assert read(record("resource", b"Plain text", "text/plain", "<https://a.example/t>")) == [
        Document(7, "name", 0, "text", b"Plain text", url="https://a.example/t", fetched=FETCHED, place="record 1")
    ]


@pytest.mark.parametrize(
    ("media", "body", "kind"),
    [
        ("text/html", PAGE, "page"),
        ("application/xhtml+xml", PAGE, "page"),
        ("application/rss+xml", FEED, "feed"),
        ("text/html", FEED, "feed"),
        ("text/xml", FEED, "feed"),
        (None, PAGE, "page"),
        ("application/octet-stream", FEED, "feed"),
        ("text/plain", b"Some words", "text"),
        ("application/feed+json", b'{"version": "https://jsonfeed.org/version/1.1", "items": []}', "feed"),
        ("application/json", b'{"title": "One"}', "record"),
    ],
)
def test_what_may_hold_an_article_is_told_by_its_content(media: str | None, body: bytes, kind: str) -> None:
    (item,) = read(record("response", response(body, media)))
    assert (item.kind, item.body) == (kind, body)


def test_the_records_of_a_json_answer_do_not_share_its_address() -> None:
    items = read(
        record("response", response(b'[{"a": 1}, {"b": 2}]', "application/json")) + record("response", response(PAGE))
    )
    assert [(item.position, item.place, item.kind, item.url) for item in items] == [
        (0, "element 1 of record 1", "record", None),
        (1, "element 2 of record 1", "record", None),
        (2, "record 2", "page", "https://a.example/"),
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (record("warcinfo", b"software: x\r\n", "application/warc-fields"), "record_type"),
        (record("request", b"GET / HTTP/1.1\r\n\r\n", "application/http; msgtype=request"), "record_type"),
        (record("metadata", b"x: y\r\n", "application/warc-fields"), "record_type"),
        (record("revisit", response(b"")), "record_type"),
        (record("response", b"a.example 1.2.3.4", "text/dns"), "record_type"),
        (record("response", response(PAGE, status=404)), "status"),
        (record("response", response(b"", status=301)), "status"),
        (record("response", response(b"body {}", "text/css")), "content_type"),
        (record("response", response(b"\x89PNG\r\n\x1a\n", "image/png")), "content_type"),
        (record("response", response(b"%PDF-1.4", "text/html")), "content_type"),
        (record("response", response(b"<?xml version='1.0'?><urlset>", "text/xml")), "content_type"),
        (
            record("response", response(b"User-agent: *\n", "text/plain"), url="https://a.example/robots.txt"),
            "content_type",
        ),
    ],
)
def test_all_else_is_left_out_and_named(data: bytes, why: str) -> None:
    assert read(data + record("response", response(PAGE)))[:-1] == [Skipped(why)]  # type: ignore[arg-type]


def test_codings_of_the_answer_are_undone() -> None:
    coded = gzip.compress(PAGE, mtime=0)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(coded), coded)
    data = record("response", response(chunked, more="Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n"))
    assert bodies(read(data)) == [PAGE]


def test_an_answer_over_the_cap_is_a_dead_letter_and_the_rest_goes_on() -> None:
    large, small = record("response", response(b"<html>" + b"x" * 500)), record("response", response(PAGE))
    items = read(large + small, max_document_bytes=200, max_payload_bytes=10)
    assert bodies(items) == [PAGE]
    assert letters(items) == [(0, "too_large", "https://a.example/: the record has 506 bytes; the limit is 200")]
    assert (items[0].kind, items[0].payload, items[0].payload_bytes) == ("page", b"<html>xxxx", 506)


def test_an_answer_that_unfolds_past_the_cap_is_a_dead_letter() -> None:
    data = record("response", response(gzip.compress(b"x" * 5000, mtime=0), more="Content-Encoding: gzip\r\n"))
    assert [reason for _, reason, _ in letters(read(data, max_document_bytes=300))] == ["too_large"]


def test_an_empty_answer_is_a_dead_letter() -> None:
    assert letters(read(record("response", response(b"")))) == [
        (0, "empty_document", "https://a.example/: the file is empty")
    ]


@given(cut=st.integers(1, 400), size=st.integers(1, 200))
def test_a_plain_archive_torn_anywhere_gives_the_whole_records_and_then_fails(cut: int, size: int) -> None:
    first, last = record("response", response(PAGE)), record("response", response(PAGE, "text/html"))
    torn = (first + last)[: len(first) + min(cut, len(last) - len("\r\n\r\n") - 1)]
    items: list[Any] = []
    with pytest.raises(BrokenContainer):
        for item in read_archive(pieces_of(torn, size), UNIT, ReadOptions()):
            items.append(item)
    assert bodies(items) == [PAGE]


@pytest.mark.parametrize("kind", ["response", "request"])
def test_a_torn_last_member_is_noticed(kind: str) -> None:
    first = gzip.compress(record("response", response(PAGE)), mtime=0)
    last = gzip.compress(record(kind, response(PAGE)), mtime=0)
    for cut in (1, 9, 20, len(last) - 1):
        items: list[Any] = []
        with pytest.raises(BrokenContainer):
            for item in read_archive(decompress([first + last[:-cut]], "gz"), UNIT, ReadOptions()):
                items.append(item)
        assert Document(7, "name", 0, "page", PAGE, "https://a.example/", "iso-8859-1", FETCHED, "record 1") in items


GOOD = record("response", response(PAGE))
BAD_STRETCHES = {
    "Maximum header length exceeded": GOOD.replace(b"WARC-Date", b"X: " + b"x" * 90_000 + b"\r\nWARC-Date"),
    "Invalid WARC header": b"rubbish\r\n" * 9,
    "the header is torn or names no length": GOOD.replace(b"Content-Length: ", b"Content-Length: 1e"),
}


@pytest.mark.parametrize("cause", sorted(BAD_STRETCHES))
@pytest.mark.parametrize("size", [7, 1000, 1 << 18])
def test_after_what_is_no_record_the_archive_goes_on_at_the_next(cause: str, size: int) -> None:
    bad = BAD_STRETCHES[cause]
    items = read(GOOD + bad + GOOD + bad + GOOD, size, max_payload_bytes=8)
    assert [(item.position, getattr(item, "place", None)) for item in items] == [
        (0, "record 1"),
        (1, None),
        (2, "record 3"),
        (3, None),
        (4, "record 5"),
    ]
    assert bodies(items) == [PAGE] * 3
    assert letters(items)[0] == (1, "broken_container", f"record 2: {cause}; {len(bad):,} bytes are skipped")
    assert (items[1].payload, items[1].payload_bytes) == (bad[:8], len(bad))


def test_a_line_of_a_page_that_looks_like_a_record_is_none() -> None:
    quoting = record("response", response(b"<html>\nWARC/1.1\r\nand more</html>"))
    assert len(bodies(read(quoting + b"rubbish\r\n" * 9 + GOOD))) == 2


def test_an_archive_that_is_mostly_rubbish_is_given_up() -> None:
    items: list[Any] = []
    with pytest.raises(BrokenContainer, match="damaged at record 101"):
        for item in read_archive([b"WARC/1.1\r\n" * 100_000], UNIT, ReadOptions()):
            items.append(item)
    assert len(items) == 100


def test_rubbish_after_the_last_record_is_damage() -> None:
    items: list[Any] = []
    with pytest.raises(BrokenContainer, match="the archive breaks off or is damaged at record 2: Invalid WARC header"):
        for item in read_archive([record("response", response(PAGE)) + b"rubbish\r\n" * 9], UNIT, ReadOptions()):
            items.append(item)
    assert bodies(items) == [PAGE]


@given(st.data())
def test_any_change_of_bytes_gives_documents_or_bad_input(data: st.DataObject) -> None:
    archive = bytearray(record("response", response(PAGE)) + record("resource", b"Words", "text/plain"))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(archive) - 1))
        archive[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
        if not archive:
            return
    try:
        for item in read_archive([bytes(archive)], UNIT, ReadOptions()):
            assert isinstance(item, Document | DeadLetter | Skipped)
    except BadInput:
        pass
