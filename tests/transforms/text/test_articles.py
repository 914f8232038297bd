from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets import ROOT
from transforms.schemas import Article, Document, Enclosure, Problem, RawEntry
from transforms.text.articles import MAX_ITEMS, Cleaning, clean_article, clean_document
from transforms.text.dates import date_bounds
from transforms.text.errors import MalformedEntry
from transforms.text.keys import content_hash, feed_key, guid_key, record_hash, title_key, url_key
from transforms.text.plain import read_text

DAY = 86_400_000_000
CLEANING = Cleaning(date_bounds(date(1980, 1, 1), date(2099, 12, 31)), 2 * DAY)


def clean(**values: Any) -> Article:
    return clean_article(RawEntry(1, "feed.xml", 2, 3, **values), CLEANING)


def test_every_field_is_cleaned_and_every_key_made() -> None:
    article = clean(
        url="/News/1/?utm_source=rss#top",
        guid=" g\n1 ",
        feed="https://example.org/feed",
        base_url="http://Example.org/",
        title=" <b>Tom</b> &amp;\n Jerry’s\u00a0day ",
        content="<p>One &amp; two.</p><p>Three</p>",
        content_is_html=True,
        summary="<i>In short</i>",
        summary_is_html=True,
        authors=(" Ann\u200b ", "Bob", "ANN", ""),
        published="Mon, 02 Jan 2006 15:04:05 GMT",
        updated="2006-01-03",
        fetched=1136300000000000,
        language="en-GB",
        categories=("World &amp; Art", "world & art"),
        images=("/a b.jpg", "/a b.jpg"),
        enclosures=(Enclosure("/a.mp3", " audio/mpeg ", 5),),
    )
    assert article == Article(
        unit=1,
        position=2,
        entry=3,
        source="feed.xml",
        url="http://Example.org/News/1/?utm_source=rss#top",
        canonical_url="https://example.org/News/1",
        site="example.org",
        guid="g 1",
        feed_url="https://example.org/feed",
        title="Tom & Jerry’s day",
        text="One & two.\n\nThree",
        summary="In short",
        excerpt=False,
        authors=("Ann", "Bob"),
        published=1136214245000000,
        published_precision="second",
        updated=1136246400000000,
        fetched=1136300000000000,
        language="en",
        language_confidence=0.558,
        language_declared="en",
        categories=("World & Art",),
        images=("http://Example.org/a%20b.jpg",),
        enclosures=(Enclosure("http://Example.org/a.mp3", "audio/mpeg", 5),),
        section=None,
        site_name=None,
        is_article=None,
        html=None,
        removed_lines=(),
        word_count=3,
        parser="lxml",
        title_from="feed",
        text_from="feed",
        published_from="feed",
        authors_from="feed",
        language_from="detected",
        problems=(),
        url_key=url_key("https://example.org/News/1"),
        guid_key=guid_key("g 1", "https://example.org/feed"),
        feed_key=feed_key("https://example.org/feed"),
        title_key=title_key("Tom & Jerry's day"),
        title_words=4,
        content_hash=content_hash("One & two. Three"),
        record_hash=record_hash("Tom & Jerry’s day", "One & two.\n\nThree"),
    )


def test_without_a_feed_the_input_is_the_scope_of_a_guid() -> None:
    article = clean(guid="g", title="T")
    assert (article.guid_key, article.feed_key) == (guid_key("g", "feed.xml"), feed_key("feed.xml"))
    assert article.feed_url is None


@pytest.mark.parametrize(
    ("content", "summary", "expected"),
    [
        ("<p>Long</p>", "Short", ("Long", "Short", False)),
        ("<p>Same</p>", " Same ", ("Same", None, False)),
        ("<p> </p>", "Short", ("Short", "Short", True)),
        (None, "Short", ("Short", "Short", True)),
        ("<p>Long</p>", "&nbsp;", ("Long", None, False)),
        ("", None, ("", None, False)),
    ],
)
def test_a_text_is_an_excerpt_exactly_where_it_is_the_summary(
    content: str | None, summary: str | None, expected: tuple[str, str | None, bool]
) -> None:
    article = clean(title="T", content=content, content_is_html=True, summary=summary, summary_is_html=True)
    assert (article.text, article.summary, article.excerpt) == expected


def test_plain_text_is_not_read_as_markup() -> None:
    assert clean(content="1 < 2 &amp; <b>", content_is_html=False).text == "1 < 2 &amp; <b>"


@pytest.mark.parametrize(
    ("field", "raw", "reason"),
    [
        ("published", "yesterday", "in no known form"),
        ("published", "1975-01-01", "outside of the dates that are accepted"),
        ("updated", "2100-01-01", "outside of the dates that are accepted"),
        ("language", "klingon", "not a language of ISO 639"),
        ("url", "javascript:alert(1)", "not an http(s) URL of at most 2048 characters"),
    ],
)
def test_a_value_that_cannot_be_read_is_null_and_a_problem(field: str, raw: str, reason: str) -> None:
    article = clean(title="T", **{field: raw})
    assert getattr(article, field) is None
    assert article.problems == (Problem(field, reason, raw),)


def test_problems_of_links_in_lists_leave_the_others() -> None:
    article = clean(
        title="T",
        feed="tag:feed",
        images=("data:image/png;base64,AA==", "https://example.org/i.jpg"),
        enclosures=(Enclosure("file:///etc/passwd"), Enclosure("https://example.org/a", None, -1)),
        fetched=-1,
    )
    assert article.images == ("https://example.org/i.jpg",)
    assert article.enclosures == (Enclosure("https://example.org/a"),)
    assert [problem.field for problem in article.problems] == [
        "feed_url",
        "fetched",
        "images",
        "enclosures",
        "enclosures",
    ]


def test_an_empty_value_is_no_problem() -> None:
    assert clean(title="T", url=" ", published="", updated=" ", language="", images=(" ",)).problems == ()


def test_a_long_list_is_cut_and_a_long_name_too() -> None:
    article = clean(title="T" * 2000, categories=tuple(f"c{n}" for n in range(MAX_ITEMS + 1)))
    assert len(article.categories) == MAX_ITEMS
    assert article.title == "T" * 1000
    assert article.problems == (
        Problem("title", "longer than 1000 characters", "T" * 200),
        Problem("categories", "more than 100", "101"),
    )


@pytest.mark.parametrize("values", [{}, {"title": "<br>", "content": " "}, {"guid": "g", "authors": ("Ann",)}])
def test_an_entry_without_text_title_and_link_is_malformed(values: dict[str, Any]) -> None:
    with pytest.raises(MalformedEntry, match="entry 3: no text, no title and no link"):
        clean(**values)


def test_a_link_alone_makes_an_article() -> None:
    article = clean(url="https://example.org/1")
    assert (article.text, article.title_key, article.title_words, article.word_count) == ("", None, 0, 0)


TEXT = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["https://example.org/a", "/a", "http://[", "2006-01-02", "en", "<p>x</p>", "\ud800", "\u200b", "9" * 5000]
)
ENCLOSURES = st.builds(Enclosure, TEXT, st.none() | TEXT, st.none() | st.integers())
ENTRIES = st.builds(
    RawEntry,
    unit=st.integers(0, 9),
    source=TEXT,
    position=st.integers(0, 9),
    entry=st.integers(0, 9),
    fetched=st.none() | st.integers(),
    authors=st.lists(TEXT, max_size=3).map(tuple),
    categories=st.lists(TEXT, max_size=3).map(tuple),
    images=st.lists(TEXT, max_size=3).map(tuple),
    enclosures=st.lists(ENCLOSURES, max_size=2).map(tuple),
    problems=st.lists(st.builds(Problem, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    **{
        name: st.none() | TEXT
        for name in "url guid feed base_url title content summary published updated language".split()
    },
)


def test_lines_that_most_entries_of_a_document_share_are_taken_out_of_texts_and_not_out_of_hashes() -> None:
    def entry(number: int, **values: Any) -> RawEntry:
        text = f"Story number {number} is told here.\n\nFrom our desk in Port Ellison"
        return RawEntry(0, "feed.xml", 0, number, **({"title": f"Title {number}", "content": text} | values))

    entries = [*map(entry, range(4)), entry(4, content=None, summary="A brief.\n\nFrom our desk in Port Ellison")]
    articles, failures = clean_document([*entries, RawEntry(0, "feed.xml", 0, 5)], CLEANING)
    assert [article.text for article in articles[:2]] == [
        "Story number 0 is told here.",
        "Story number 1 is told here.",
    ]
    assert {article.removed_lines for article in articles} == {("From our desk in Port Ellison",)}
    assert (articles[0].word_count, articles[4].text, articles[4].summary) == (6, "A brief.", "A brief.")
    alone = [clean_article(one, CLEANING) for one in entries]
    assert [one.content_hash for one in articles] == [one.content_hash for one in alone]
    assert [(one.entry, error.reason) for one, error in failures] == [(5, "malformed_entry")]


def test_three_entries_are_too_few_to_know_what_repeats() -> None:
    entries = [RawEntry(0, "f", 0, number, content=f"Story {number}.\n\nThe desk") for number in range(3)]
    articles, _ = clean_document(entries, CLEANING)
    assert [article.text for article in articles] == [f"Story {number}.\n\nThe desk" for number in range(3)]


def test_the_day_in_the_address_stands_in_for_a_date_that_is_missing_or_refused() -> None:
    address = "https://example.org/2024/03/05/ferry"
    article = clean(url=address, title="T")
    assert (article.published, article.published_precision, article.published_from) == (1709596800000000, "day", "url")
    refused = clean(url=address, title="T", published="soon")
    assert (refused.published_from, [it.field for it in refused.problems]) == ("url", ["published"])
    said = clean(url=address, title="T", published="2024-03-04T10:00:00Z")
    assert (said.published, said.published_from) == (1709546400000000, "feed")


def test_a_date_much_later_than_the_fetch_is_refused() -> None:
    fetched = 1709596800000000
    article = clean(title="T", published="2024-03-08", updated="2024-03-06", fetched=fetched)
    assert (article.published, article.updated) == (None, 1709683200000000)
    assert article.problems == (Problem("published", "later than the page was fetched", "2024-03-08"),)


def test_the_name_of_the_site_goes_off_the_title() -> None:
    article = clean(title="Ferry sinks - The Daily", site_name="The Daily", content="Text.")
    assert (article.title, article.site_name, article.title_key) == (
        "Ferry sinks",
        "The Daily",
        title_key("Ferry sinks"),
    )


def test_mojibake_is_mended_and_boilerplate_kept_apart() -> None:
    article = clean(title="CafÃ© opens", content="CafÃ© opens\n\nIt is small.\n\nRead More: Another story")
    assert (article.title, article.text) == ("Café opens", "It is small.")
    assert article.removed_lines == ("Café opens", "Read More: Another story")
    assert article.content_hash == content_hash("It is small.")


def test_the_language_of_the_text_goes_before_the_declared_one() -> None:
    german = "Der Rat der Stadt hat am Montag nicht über die Brücke entschieden, weil das Geld fehlt und die Zeit auch."
    article = clean(content=german, language="en")
    assert (article.language, article.language_declared, article.language_from) == ("de", "en", "detected")
    assert article.language_confidence == 0.8
    short = clean(content="OK", language="en")
    assert (short.language, short.language_from, short.language_confidence) == ("en", "feed", None)


def test_bylines_become_names_and_what_names_nobody_is_kept() -> None:
    assert clean(title="T", authors=("By Jane Doe and John Smith | Reuters",)).authors == ("Jane Doe", "John Smith")
    nobody = clean(title="T", authors=("admin",))
    assert (nobody.authors, nobody.authors_from) == ((), None)
    assert nobody.problems == (Problem("authors", "names nobody", "admin"),)
    assert clean(title="T", authors=("Table & Ledger",), site_name="Table & Ledger").authors == ("Table & Ledger",)


def test_enclosures_have_the_media_type_that_is_declared_else_that_of_their_ending() -> None:
    enclosures = (Enclosure("https://e.org/a.MP3?x=1"), Enclosure("https://e.org/b", "Audio/MPEG; codecs=mp3"))
    assert [it.type for it in clean(title="T", enclosures=enclosures).enclosures] == ["audio/mpeg", "audio/mpeg"]


def test_the_body_is_kept_with_harmless_markup_where_that_is_asked_for() -> None:
    entry = RawEntry(0, "f", 0, 0, content='<p onclick="x()">Hi <script>1</script></p>', content_is_html=True)
    assert clean_article(entry, CLEANING).html is None
    assert clean_article(entry, replace(CLEANING, keep_html=True)).html == "<p>Hi </p>"


def test_the_scraped_seed_article_comes_out_as_its_title_and_twelve_paragraphs() -> None:
    body = (ROOT / "seeds" / "good" / "text" / "us-pakistan-ties.txt").read_bytes()
    article = clean_article(read_text(Document(0, "us-pakistan-ties.txt", 0, "text", body), None), CLEANING)
    assert article.title == "US sees opportunity to cement bilateral strategic ties with Pakistan: Rubio"
    assert len(article.text.split("\n\n")) == 12
    assert article.removed_lines == (
        "2 minutes, 14 seconds Read",
        "Read More: Rubio seeks quick Gaza force deployment",
        "Similar Posts",
    )


@given(ENTRIES)
def test_any_entry_becomes_an_article_that_a_row_can_hold(entry: RawEntry) -> None:
    try:
        article = clean_article(entry, CLEANING)
    except MalformedEntry as error:
        str(error).encode()
        return
    repr(article).encode()
    for field in fields(article):
        _check_storable(getattr(article, field.name))
    assert article.excerpt == bool(article.text and article.text == article.summary)
    scope = article.feed_url or article.source
    assert article.feed_key == feed_key(scope)
    assert article.guid_key == (guid_key(article.guid, scope) if article.guid else None)


def _check_storable(value: Any) -> None:
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, int):
        assert -(2**63) <= value < 2**63
    elif isinstance(value, Enclosure | Problem):
        for field in fields(value):
            _check_storable(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            _check_storable(item)


@given(ENTRIES)
def test_cleaning_what_is_clean_changes_nothing(entry: RawEntry) -> None:
    try:
        article = clean_article(entry, CLEANING)
    except MalformedEntry:
        return
    again = clean_article(
        replace(
            entry,
            url=article.url,
            guid=article.guid,
            feed=article.feed_url,
            content=None if article.excerpt else article.text,
            content_is_html=False,
            summary=article.summary,
            summary_is_html=False,
            language=article.language,
            problems=(),
        ),
        CLEANING,
    )
    kept = "url canonical_url site guid feed_url text summary excerpt language content_hash url_key guid_key".split()
    assert [getattr(again, name) for name in kept] == [getattr(article, name) for name in kept]
