import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.schemas import Document, Problem, RawEntry
from transforms.text.errors import BadInput, EmptyDocument, MalformedPage, TooLarge, WrongEncoding
from transforms.text.pages import read_page

FIRST = "The harbour authority said on Tuesday that the new ferry will sail from the first of May, a year late."
SECOND = "Fares have not been set, the authority added, but are to stay below those of the old line for a year."


def read(
    page: str | bytes, url: str | None = None, charset: str | None = None, encoding: str | None = None
) -> RawEntry:
    body = page.encode() if isinstance(page, str) else page
    return read_page(Document(1, "page.html", 2, "page", body, url=url, charset=charset, fetched=3), encoding)


def page(head: str = "") -> str:
    return f"""<!DOCTYPE html><html lang='en-GB'><head>{head}</head><body>
        <nav><a href='/'>Home</a><a href='/x'>Sport</a></nav>
        <article><p>{FIRST}</p><p>{SECOND}</p></article><footer>&copy; The Daily</footer></body></html>"""


def test_main_text_and_what_the_head_says_are_read() -> None:
    entry = read(
        page(
            """<title>Ferry to sail | The Daily</title>
            <meta property="og:title" content="Ferry to sail in May"><meta name="author" content="Ann Alder">
            <meta name="description" content="A year late."><meta property="og:image" content="/ferry.jpg">
            <meta property="article:published_time" content="2006-01-02T15:04:05+01:00">
            <meta property="article:modified_time" content="2006-01-03T10:00:00Z">
            <meta property="article:section" content="Region"><link rel="canonical" href="/news/ferry">"""
        ),
        "https://daily.example/news/ferry?session=1",
    )
    assert entry == RawEntry(
        unit=1,
        source="page.html",
        position=2,
        entry=0,
        url="https://daily.example/news/ferry",
        base_url="https://daily.example/news/ferry?session=1",
        title="Ferry to sail in May",
        content=f"{FIRST}\n\n{SECOND}",
        summary="A year late.",
        authors=("Ann Alder",),
        published="2006-01-02T15:04:05+01:00",
        updated="2006-01-03T10:00:00Z",
        fetched=3,
        language="en-GB",
        categories=("Region",),
        images=("/ferry.jpg",),
    )


@pytest.mark.parametrize("base", ["", "<base href='https://other.example/'>"])
def test_a_canonical_link_to_another_publisher_is_not_believed(base: str) -> None:
    link = "<link rel='canonical' href='{}'>"
    head = f"<title>T</title>{base}" + link.format("https://other.example/1")
    entry = read(page(head), "https://daily.example/1")
    assert entry.url == "https://daily.example/1"
    assert entry.problems == (Problem("url", "foreign_canonical", "https://other.example/1"),)
    near = read(page(link.format("https://www.daily.example/2")), "https://amp.daily.example/1")
    assert (near.url, near.problems) == ("https://www.daily.example/2", ())
    assert read(page(head)).url == "https://other.example/1"


def test_linked_data_is_trusted_before_other_metadata() -> None:
    entry = read(
        page(
            """<title>x</title><meta property="og:title" content="y"><meta name="date" content="2001-01-01">
            <script type="application/ld+json">{"broken": </script>
            <script type="application/ld+json">{"@graph": [{"@type": "WebSite", "name": "no"},
            {"@type": ["NewsArticle"], "headline": "Ferry", "inLanguage": "de",
            "datePublished": "2006-01-02", "dateModified": "2006-01-03",
            "author": [{"@type": "Person", "name": "Ann"}, "Bob"], "articleSection": ["Region", "Sea"]}]}</script>"""
        )
    )
    assert (entry.title, entry.published, entry.updated, entry.language) == ("Ferry", "2006-01-02", "2006-01-03", "de")
    assert (entry.authors, entry.categories) == (("Ann", "Bob"), ("Region", "Sea"))


def test_without_metadata_nothing_is_made_up() -> None:
    entry = read(page())
    assert (entry.url, entry.published, entry.updated, entry.images) == (None, None, None, ())
    assert entry.content == f"{FIRST}\n\n{SECOND}"


def test_a_date_after_today_is_as_good_as_any() -> None:
    assert read(page('<meta name="dcterms.date" content="2098-01-02">')).published == "2098-01-02"


def test_a_title_is_enough() -> None:
    entry = read("<html><head><title>Only a title</title></head><body></body></html>")
    assert (entry.title, entry.content) == ("Only a title", None)


def test_the_encoding_is_the_users_the_containers_or_declared() -> None:
    head = '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-2"><title>š</title>'
    assert read(page(head).encode("iso-8859-2")).title == "š"
    assert read(page("<title>š</title>").encode("iso-8859-2", "replace"), charset="iso-8859-2").title == "š"
    assert read(page("<title>š</title>").encode("iso-8859-2", "replace"), encoding="iso-8859-2").title == "š"
    assert read(page("<title>š</title>").encode("utf-16")).title == "š"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", EmptyDocument),
        (b"\xef\xbb\xbf\n", EmptyDocument),
        (b"<html><body><p></p></body></html>", MalformedPage),
        (b"\x00\x01\x02\x03" * 9, WrongEncoding),
        (b"<p>x" * 100_001, TooLarge),
    ],
)
def test_what_is_no_page_is_refused_by_name(body: bytes, error: type[BadInput]) -> None:
    with pytest.raises(error):
        read(body)


def test_hostile_pages_end_quickly() -> None:
    started = time.process_time()
    for body in (b"<div>" * 2_000_000, b"<div>" * 99_000, b"<script type='application/ld+json'>" + b"[" * 99_000):
        with pytest.raises(BadInput):
            read(body)
    assert time.process_time() - started < 5


@settings(max_examples=50)
@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                "<html>",
                "<head>",
                "<title>",
                "T",
                "</title>",
                "<body>",
                "<p>",
                FIRST,
                "</p>",
                "<table>",
                "<td>",
                "<a href='x'>",
                "<script type='application/ld+json'>",
                '{"@type": "Article", "author": {"name": {}}}',
                "</script>",
                "\x00",
                "<!--",
                "<time datetime='x' pubdate>",
                "<meta name=date content=x>",
                "<base href='http://['>",
                "<link rel=canonical>",
            ]
        )
    ).map(lambda pieces: "".join(pieces).encode())
)
def test_any_bytes_are_read_or_refused_by_name(body: bytes) -> None:
    try:
        assert isinstance(read(body), RawEntry)
    except BadInput:
        pass
