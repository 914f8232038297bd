import json

import pytest
from lxml import html

from transforms.schemas import Problem
from transforms.text.page_metadata import PageMetadata, read_metadata

HERE = "https://daily.example/news/ferry"


def said(head: str = "", body: str = "", url: str | None = HERE, root: str = "<html>") -> PageMetadata:
    return read_metadata(html.document_fromstring(f"{root}<head>{head}</head><body>{body}<p>x</p></body></html>"), url)


def json_ld(*data: object) -> str:
    return "".join(f"<script type='application/ld+json'>{json.dumps(one)}</script>" for one in data)


def story(**fields: object) -> dict[str, object]:
    return {"@type": "NewsArticle", **fields}


SOURCES = (
    json_ld(
        story(
            headline="t1", author="a1", datePublished="p1", dateModified="u1", articleSection="s1", inLanguage="l1",
            publisher={"name": "n1"},
        )
    ),
    """<meta property="og:title" content="t2"><meta property="article:author" content="a2">
    <meta property="article:published_time" content="p2"><meta property="article:modified_time" content="u2">
    <meta property="article:section" content="s2"><meta property="og:site_name" content="n2">
    <meta property="og:description" content="d2"><meta property="og:image" content="i2">""",
    """<div itemscope itemtype="https://schema.org/NewsArticle"><b itemprop="headline">t3</b><i itemprop="author">a3</i>
    <time itemprop="datePublished" datetime="p3">x</time><meta itemprop="dateModified" content="u3">
    <i itemprop="articleSection">s3</i><meta itemprop="inLanguage" content="l3"><p itemprop="description">d3</p>
    <div itemprop="publisher" itemscope><meta itemprop="name" content="n3"></div>
    <img itemprop="image" src="i3"></div>""",
    """<meta name="twitter:title" content="t4"><meta name="author" content="a4"><meta name="date" content="p4">
    <meta name="lastmod" content="u4"><meta name="parsely-section" content="s4"><meta name="publisher" content="n4">
    <meta name="description" content="d4"><meta name="twitter:image" content="i4">
    <meta http-equiv="Content-Language" content="l4">""",
    """<title>t5</title><a rel="author" href="/x">a5</a><time pubdate datetime="p5">x</time>""",
)  # fmt: skip


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (SOURCES, "t1 a1 p1 u1 s1 l1 n1 d2 i2"),
        (SOURCES[1:], "t2 a2 p2 u2 s2 l3 n2 d2 i2"),
        (SOURCES[2:], "t3 a3 p3 u3 s3 l3 n3 d3 i3"),
        (SOURCES[3:], "t4 a4 p4 u4 s4 l4 n4 d4 i4"),
        (SOURCES[4:], "t5 a5 p5 - - l5 - - -"),
        ((), "- - - - - l5 - - -"),
    ],
)
def test_of_each_field_the_most_trusted_source_is_believed(sources: tuple[str, ...], expected: str) -> None:
    # The order on the page says nothing.
    page = said(body="".join(reversed(sources)), root="<html lang='l5'>")
    found = (
        page.title, *(page.authors or (None,)), page.published, page.updated, *(page.sections or (None,)),
        page.language, page.site_name, page.description, page.image,
    )  # fmt: skip
    assert " ".join(value or "-" for value in found) == expected


def test_the_language_of_open_graph_comes_last() -> None:
    locale = "<meta property='og:locale' content='en_US'>"
    assert said(locale).language == "en_US"
    assert said(locale, root="<html lang='de'>").language == "de"
    assert said(locale, root="<html xml:lang='fr'>").language == "fr"
    linked = json_ld(story(inLanguage={"@type": "Language", "name": "pl"}))
    assert said(linked, root="<html lang='de'>").language == "pl"


def test_empty_values_are_no_values() -> None:
    head = json_ld(story(headline=" ", author=[], datePublished="")) + "<meta name=date content=' '><title> </title>"
    page = said(head, root="<html lang=''>")
    assert (page.title, page.authors, page.published, page.language) == (None, (), None, None)


def test_an_address_is_no_author() -> None:
    profile = "<meta property='article:author' content='https://social.example/ann'>"
    assert said(profile).authors == ()
    assert said(profile + "<meta name='author' content='Ann'>").authors == ("Ann",)


def test_authors_are_named_once_and_no_more_than_fifty() -> None:
    assert said(json_ld(story(author=["Ann", {"name": "Bob"}, "Ann"]))).authors == ("Ann", "Bob")
    assert len(said(json_ld(story(author=[str(number) for number in range(60)]))).authors) == 50


def test_an_author_is_looked_up_by_its_id() -> None:
    graph = {"@graph": [story(author={"@id": "#ann"}), {"@type": "Person", "@id": "#ann", "name": "Ann"}]}
    assert said(json_ld(graph)).authors == ("Ann",)


def test_of_several_stories_the_one_that_names_the_page_is_believed() -> None:
    own = story(headline="own", mainEntityOfPage={"@id": f"{HERE}?utm_source=x"})
    others = [story(headline="first", url="/1"), own]
    assert (said(json_ld(others)).title, said(json_ld(others)).is_article) == ("own", True)
    elsewhere = said(json_ld(others), url="https://daily.example/")
    assert (elsewhere.title, elsewhere.is_article) == (None, None)


def test_microdata_of_several_stories_is_that_of_teasers() -> None:
    teaser = "<div itemscope itemtype='http://schema.org/Article'><b itemprop='headline'>{}</b></div>"
    one = said(body=teaser.format("one"))
    two = said(body=teaser.format("one") + teaser.format("two"))
    assert (one.title, one.is_article, two.title, two.is_article) == ("one", True, None, None)


def test_microdata_of_an_item_within_the_story_is_not_the_storys() -> None:
    comment = "<div itemprop='comment' itemscope><b itemprop='author'>Reader</b><b itemprop='headline'>No</b></div>"
    page = said(body=f"<div itemscope itemtype='https://schema.org/Article'>{comment}<b itemprop=author>Ann</b></div>")
    assert (page.authors, page.title) == (("Ann",), None)


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("<title>Ferry to sail | The Daily</title><h1>Ferry to sail</h1>", "Ferry to sail"),
        ("<title>Ferry to sail | The Daily</title><h1>The Daily</h1>", "Ferry to sail | The Daily"),
        ("<title>Ferry</title><h1>Ferry</h1><h1>Fer</h1>", "Ferry"),
        ("<h1>Ferry \n <b>to</b> sail</h1>", "Ferry to sail"),
        ("<title>Ferry</title><h1></h1>", "Ferry"),
    ],
)
def test_the_title_without_the_name_of_the_site_is_that_of_the_only_heading(markup: str, title: str) -> None:
    assert said(body=markup).title == title


@pytest.mark.parametrize(
    ("head", "canonical"),
    [
        ("<link rel='canonical' href='/1'><meta property='og:url' content='/2'>", "https://daily.example/1"),
        ("<link rel='Alternate CANONICAL' href='/1'>", "https://daily.example/1"),
        ("<base href='https://base.example/x/'><link rel='canonical' href='1'>", "https://base.example/x/1"),
        ("<link rel='canonical' href='javascript:alert(1)'><meta property='og:url' content='/2'>",
         "https://daily.example/2"),
        ("<link rel='canonical' href='ftp://daily.example/1'>", None),
        ("<link rel='canonical'>", None),
        ("<link rel='amphtml' href='/1'>", None),
    ],
)  # fmt: skip
def test_the_canonical_link_is_an_http_address(head: str, canonical: str | None) -> None:
    assert said(head).canonical == canonical


@pytest.mark.parametrize(
    ("head", "declared"),
    [
        ("", None),
        ("<meta property='og:type' content='article'>", True),
        ("<meta property='og:type' content='Article'>", True),
        ("<meta property='og:type' content='website'>", None),
        (json_ld(story()) + "<meta property='og:type' content='website'>", True),
        (json_ld({"@type": "CollectionPage"}) + "<meta property='og:type' content='article'>", False),
        (json_ld({"@graph": [{"@type": "CollectionPage"}, story()]}), True),
        (json_ld({"@type": "WebPage"}), None),
    ],
)
def test_what_the_page_declares_to_be(head: str, declared: bool | None) -> None:
    assert said(head).is_article is declared


def test_problems_of_linked_data_are_handed_on() -> None:
    assert said("<script type='application/ld+json; charset=utf-8'>{</script>").problems == (
        Problem("json_ld", "broken_json_ld", "{"),
    )
