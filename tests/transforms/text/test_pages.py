from pathlib import Path

import pytest
import trafilatura
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.schemas import Document, Problem, RawEntry
from transforms.text.errors import BadInput, EmptyDocument, MalformedPage, TooLarge, WrongEncoding
from transforms.text.pages import read_page

PAGES = Path(__file__).parent / "pages"
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
            <meta property="og:site_name" content="The Daily"><meta property="og:type" content="article">
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
        origin="page",
        section="Region",
        site_name="The Daily",
        is_article=True,
        parser="trafilatura",
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
    assert (entry.title, entry.authors) == (None, ())
    assert (entry.section, entry.site_name, entry.is_article) == (None, None, None)
    assert (entry.origin, entry.parser) == ("page", "trafilatura")


KINDS = {
    "paywalled-stub": (
        True,
        "Who will run the night ferries?",
        ("Maud Okell",),
        "2025-11-18T06:00:00+01:00",
        "en-GB",
        "Region",
        "The Fenmarsh Courier",
    ),
    "live-blog": (
        True,
        "Flood on the Calder: the day as it happened",
        ("Jonas Achterberg", "Maud Okell"),
        "2025-11-18T05:02:00Z",
        "en",
        "Region",
        None,
    ),
    "gallery": (
        True,
        "In pictures: the lamp feast at Grays Point",
        ("Petra Lind",),
        "2025-11-16T20:15",
        "en",
        "Pictures",
        None,
    ),
    "cookie-wall": (False, "Who will run the night ferries?", (), None, "en", None, None),
    "amp": (
        True,
        "Nachtfähre fährt ab Mai",
        ("Maud Okell",),
        "2025-11-18T06:00:00+01:00",
        "de-DE",
        None,
        "Der Marschkurier",
    ),
    "index": (False, "Region", (), None, "en", None, None),
}


@pytest.mark.parametrize("name", list(KINDS))
def test_pages_of_each_kind_are_told_apart_and_read(name: str) -> None:
    entry = read((PAGES / f"{name}.html").read_bytes())
    assert (
        entry.is_article, entry.title, entry.authors, entry.published, entry.language, entry.section, entry.site_name
    ) == KINDS[name]  # fmt: skip
    assert entry.problems == ()


def test_what_stands_around_the_text_is_left_out() -> None:
    entry = read((PAGES / "paywalled-stub.html").read_bytes())
    assert (entry.content or "").split("\n\n") == [
        "Who will run the night ferries?",
        "Three companies have bid for the night service between Fenmarsh and Grays Point, and none of them owns a "
        "ship that may sail there.",
        "The harbour board opened the bids on Monday behind closed doors. What is in them decides whether the last "
        "bus from the pier is of use to anybody.",
    ]


def test_a_page_on_a_cache_of_amp_keeps_the_address_where_it_was_found() -> None:
    body = (PAGES / "amp.html").read_bytes()
    assert read(body, "https://amp.kurier.example/1").url == "https://www.kurier.example/region/nachtfaehre-184402"
    cached = read(body, "https://cdn.amp.example/c/s/www.kurier.example/1")
    assert cached.url == "https://cdn.amp.example/c/s/www.kurier.example/1"
    assert [problem.reason for problem in cached.problems] == ["foreign_canonical"]


def test_broken_linked_data_is_a_problem_and_the_page_is_read() -> None:
    entry = read(page("<title>T</title><script type='application/ld+json'>{'no': json}</script>"))
    assert (entry.title, entry.problems) == ("T", (Problem("json_ld", "broken_json_ld", "{'no': json}"),))


def test_a_day_is_looked_for_where_the_page_declares_none() -> None:
    entry = read(page("<title>T</title>").replace("<article>", "<article><p class='date'>2 January 2006</p>"))
    assert entry.published == "2006-01-02"


def test_a_byline_is_looked_for_where_the_page_declares_no_author() -> None:
    entry = read(page("<title>T</title>").replace("<article>", "<article><p class='author'>Ann Alder</p>"))
    assert entry.authors == ("Ann Alder",)


def test_an_extractor_that_gives_up_leaves_what_the_page_says_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trafilatura, "bare_extraction", lambda *_, **__: 1 / 0)
    entry = read(page("<title>T</title>"))
    assert (entry.title, entry.content) == ("T", None)


def test_a_date_after_today_is_as_good_as_any() -> None:
    assert read(page('<meta name="dcterms.date" content="2098-01-02">')).published == "2098-01-02"


def test_a_title_is_enough() -> None:
    entry = read("<html><head><title>Only a title</title></head><body></body></html>")
    assert (entry.title, entry.content) == ("Only a title", None)


@pytest.mark.parametrize(
    "start",
    [
        "<!DOCTYPE html>\n<html lang='en-GB' />",
        "<?xml version='1.0' encoding='utf-8'?><html xmlns='http://www.w3.org/1999/xhtml' lang='en-GB'>",
        "<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN' 'http://w3.example/x.dtd'/><html lang=en-GB>",
    ],
)
def test_a_page_is_read_whatever_it_begins_with(start: str) -> None:
    entry = read(page("<title>T</title>").replace("<!DOCTYPE html><html lang='en-GB'>", start))
    assert (entry.title, entry.language, entry.content) == ("T", "en-GB", f"{FIRST}\n\n{SECOND}")


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
        (b"<div>" * 2_000_000, TooLarge),
        (b"<div>" * 99_000, MalformedPage),
        (b"<script type='application/ld+json'>" + b"[" * 99_000, MalformedPage),
        (b"<p>" + b"<i>x</i>" * 10_001, TooLarge),
    ],
)
def test_what_is_no_page_is_refused_by_name(body: bytes, error: type[BadInput]) -> None:
    with pytest.raises(error):
        read(body)


@settings(max_examples=50, deadline=None)
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
                '[{"@graph": [{"@type": ["Article", 1], "@id": 1, "author": {"@id": "#a"}, "url": "http://["}]}]',
                "<!--<![CDATA[",
                "<div itemscope itemtype='http://schema.org/Article'>",
                "<b itemprop='author headline' itemscope>",
                "<meta property=og:type content=article>",
                "<h2><a href=x>",
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
