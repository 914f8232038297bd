import contextlib
import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.schemas import Document, Enclosure, Problem, RawEntry
from transforms.text.errors import BadInput, EmptyDocument, MalformedFeed, TooLarge
from transforms.text.feeds import read_feed

NAMESPACES = (
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
)


def read(feed: str | bytes, url: str | None = None, charset: str | None = None) -> list[RawEntry]:
    body = feed.encode() if isinstance(feed, str) else feed
    return list(read_feed(Document(1, "feed.xml", 2, "feed", body, url=url, charset=charset, fetched=3)))


def read_what_can_be(feed: str) -> tuple[list[str | None], str]:
    """The titles of the entries that could be read, and the message about the others."""
    titles: list[str | None] = []
    with pytest.raises(MalformedFeed) as told:
        for entry in read_feed(Document(1, "feed.xml", 2, "feed", feed.encode())):
            titles.append(entry.title)
    return titles, str(told.value)


def rss(items: str, channel: str = "") -> str:
    return f'<?xml version="1.0"?><rss version="2.0" {NAMESPACES}><channel>{channel}{items}</channel></rss>'


def item(inner: str, channel: str = "") -> RawEntry:
    (entry,) = read(rss(f"<item>{inner}</item>", channel))
    return entry


def test_an_item_of_rss_2_is_read_whole() -> None:
    entry = item(
        """
        <title>Tom &amp;amp; Jerry &lt;b&gt;win&lt;/b&gt;</title>
        <link> https://example.org/1 </link>
        <guid isPermaLink="false">g-1</guid>
        <pubDate>Mon, 02 Jan 2006 15:04:05 GMT</pubDate>
        <atom:updated>2006-01-03T00:00:00Z</atom:updated>
        <dc:creator>Ann</dc:creator><dc:creator>Bob</dc:creator><author>ann@example.org</author>
        <category>World</category><category domain="x">Art</category><dc:subject>Cats</dc:subject>
        <description>&lt;p&gt;Short&lt;/p&gt;</description>
        <content:encoded><![CDATA[<p>Long &amp; full</p>]]></content:encoded>
        <enclosure url="https://example.org/a.mp3" type="audio/mpeg" length="123"/>
        <media:content url="https://example.org/big.jpg" medium="image">
          <media:thumbnail url="/small.jpg"/>
        </media:content>
        <media:content url="https://example.org/film.mp4" type="video/mp4" fileSize="9"/>
        """,
        '<link>https://example.org/</link><atom:link rel="self" href="/feed.xml"/><language>en-gb</language>',
    )
    assert entry == RawEntry(
        unit=1,
        source="feed.xml",
        position=2,
        entry=0,
        url="https://example.org/1",
        guid="g-1",
        feed="https://example.org/",
        base_url="https://example.org/",
        title="Tom &amp; Jerry <b>win</b>",
        content="<p>Long &amp; full</p>",
        content_is_html=True,
        summary="<p>Short</p>",
        summary_is_html=True,
        authors=("Ann", "Bob"),
        published="Mon, 02 Jan 2006 15:04:05 GMT",
        updated="2006-01-03T00:00:00Z",
        fetched=3,
        language="en-gb",
        categories=("World", "Art", "Cats"),
        images=("https://example.org/big.jpg", "/small.jpg"),
        enclosures=(
            Enclosure("https://example.org/a.mp3", "audio/mpeg", 123),
            Enclosure("https://example.org/film.mp4", "video/mp4", 9),
        ),
    )


def test_atom_1_is_read_whole() -> None:
    first, second = read(
        """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de" xml:base="https://example.org/news/">
        <link rel="self" href="feed.atom"/><link href="https://example.org/"/>
        <author><name>The Desk</name></author>
        <entry xml:base="2006/">
          <id>tag:1</id><title type="html">A &amp;lt; B</title>
          <link rel="enclosure" href="a.mp3" type="audio/mpeg" length="7"/>
          <link rel="alternate" type="application/json" href="1.json"/><link rel="alternate" href="1.html"/>
          <published>2006-01-02T15:04:05Z</published><updated>2006-01-03T15:04:05Z</updated>
          <author><name>Ann</name></author><author><email>bob@example.org</email></author>
          <category term="w" label="World"/><category term="art"/>
          <summary>plain &lt; text</summary>
          <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Long</p></div></content>
        </entry>
        <entry><id>tag:2</id><title type="text">The &lt;div&gt; tag</title><updated>2006-01-04</updated></entry>
        </feed>"""
    )
    assert first == RawEntry(
        unit=1,
        source="feed.xml",
        position=2,
        entry=0,
        url="1.html",
        guid="tag:1",
        feed="https://example.org/news/feed.atom",
        base_url="https://example.org/news/2006/",
        title="A &lt; B",
        content='<div xmlns="http://www.w3.org/1999/xhtml"><p>Long</p></div>',
        content_is_html=True,
        summary="plain < text",
        authors=("Ann", "bob@example.org"),
        published="2006-01-02T15:04:05Z",
        updated="2006-01-03T15:04:05Z",
        fetched=3,
        language="de",
        categories=("World", "art"),
        enclosures=(Enclosure("a.mp3", "audio/mpeg", 7),),
    )
    assert (second.title, second.published, second.updated) == ("The &lt;div&gt; tag", "2006-01-04", "2006-01-04")
    assert second.authors == ("The Desk",)


def test_atom_0_3_has_its_own_names_and_modes() -> None:
    (entry,) = read(
        """<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry>
        <title>T</title><link rel="alternate" type="text/html" href="https://example.org/1"/><id>i</id>
        <issued>2003-12-13T08:29:29-04:00</issued><modified>2003-12-14</modified>
        <content type="text/html" mode="base64">PHA+SGk8L3A+</content>
        <summary type="text/plain">s</summary></entry></feed>"""
    )
    assert (entry.published, entry.updated) == ("2003-12-13T08:29:29-04:00", "2003-12-14")
    assert (entry.content, entry.content_is_html, entry.summary_is_html) == ("<p>Hi</p>", True, False)


def test_rdf_has_items_beside_its_channel() -> None:
    (entry,) = read(
        f"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns="http://purl.org/rss/1.0/" {NAMESPACES}>
        <channel rdf:about="https://example.org/"><link>https://example.org/</link><dc:language>fr</dc:language></channel>
        <item rdf:about="https://example.org/1"><title>T</title><link>https://example.org/1</link>
        <dc:date>2006-01-02</dc:date><description>D</description></item></rdf:RDF>"""
    )
    assert (entry.guid, entry.url, entry.published) == ("https://example.org/1", "https://example.org/1", "2006-01-02")
    assert (entry.feed, entry.language, entry.summary) == ("https://example.org/", "fr", "D")


def test_json_feeds_of_both_versions_are_read() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "home_page_url": "https://example.org/",
        "feed_url": "https://example.org/feed.json",
        "language": "en",
        "authors": [{"name": "The Desk"}],
        "items": [
            {
                "id": 7,
                "url": "/7",
                "title": "T",
                "content_html": "<p>H</p>",
                "content_text": "H",
                "summary": "S",
                "date_published": "2006-01-02T15:04:05Z",
                "date_modified": "2006-01-03T15:04:05Z",
                "author": {"name": "Ann"},
                "tags": ["a", 1, None],
                "image": "i.jpg",
                "banner_image": "b.jpg",
                "attachments": [{"url": "a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 5}, {"url": 1}, 2],
            },
            {"id": "8", "content_text": "1 < 2", "date_modified": "2006-01-04"},
        ],
    }
    first, second = read(json.dumps(feed))
    assert first == RawEntry(
        unit=1,
        source="feed.xml",
        position=2,
        entry=0,
        url="/7",
        guid="7",
        feed="https://example.org/feed.json",
        base_url="https://example.org/",
        title="T",
        content="<p>H</p>",
        content_is_html=True,
        summary="S",
        authors=("Ann",),
        published="2006-01-02T15:04:05Z",
        updated="2006-01-03T15:04:05Z",
        fetched=3,
        language="en",
        categories=("a", "1"),
        images=("i.jpg", "b.jpg"),
        enclosures=(Enclosure("a.mp3", "audio/mpeg", 5),),
    )
    assert (second.entry, second.content, second.content_is_html) == (1, "1 < 2", False)
    assert (second.published, second.authors) == ("2006-01-04", ("The Desk",))


def test_elements_of_extensions_never_stand_for_those_of_the_item() -> None:
    entry = item(
        '<media:title>Photo</media:title><atom:link rel="edit" href="https://example.org/edit"/>'
        "<itunes:author>I</itunes:author>"
        "<title>Story</title><link>https://example.org/1</link><author>Ann</author>"
    )
    assert (entry.title, entry.url, entry.authors) == ("Story", "https://example.org/1", ("Ann",))


@pytest.mark.parametrize(
    ("inner", "url"),
    [
        ("<guid>https://example.org/1</guid>", "https://example.org/1"),
        ('<guid isPermaLink="false">https://example.org/1</guid>', None),
        ("<guid>tag:1</guid>", None),
        ('<atom:link href="https://example.org/2"/>', "https://example.org/2"),
        ('<link>https://example.org/1</link><atom:link href="https://example.org/2"/>', "https://example.org/1"),
    ],
)
def test_the_link_is_the_items_own_else_its_permalink(inner: str, url: str | None) -> None:
    assert item(inner).url == url


@pytest.mark.parametrize(
    ("channel", "url", "scope"),
    [
        (
            '<atom:link rel="self" href="https://example.org/f"/><link>https://example.org/</link>',
            None,
            "https://example.org/f",
        ),
        ("<link>https://example.org/</link>", None, "https://example.org/"),
        ('<atom:link rel="self" href="f"/>', "https://example.org/a/b", "https://example.org/a/f"),
        ('<atom:link rel="self" href="f"/>', None, None),
        ("<link>javascript:alert(1)</link>", None, None),
    ],
)
def test_the_scope_of_a_feed_is_its_self_link_else_its_sites(channel: str, url: str | None, scope: str | None) -> None:
    (entry,) = read(rss("<item><title>T</title></item>", channel), url)
    assert entry.feed == scope


def test_dates_stay_as_they_are_written() -> None:
    assert item("<pubDate>2 days ago</pubDate>").published == "2 days ago"
    assert item("<guid>20060102</guid>").published is None


@pytest.mark.parametrize(
    "feed",
    [
        rss(""),
        '<rss version="0.91"><channel><title>Nothing yet</title></channel></rss>',
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>Nothing yet</title></feed>',
        '{"version": "https://jsonfeed.org/version/1", "title": "Nothing yet", "items": []}',
    ],
)
def test_an_empty_feed_has_no_entries_and_is_no_error(feed: str) -> None:
    assert read(feed) == []


TITLED = "<rss><channel><item><title>T</title></item></channel></rss>"
FAULTY = {
    "a bare ampersand": (TITLED.replace("T<", "AT&T & Co<"), "AT&T & Co"),
    "entities of HTML": (TITLED.replace("T<", "caf&eacute;&nbsp;bar &lt;<"), "café\xa0bar <"),
    "forbidden characters": (TITLED.replace("T<", "a\x08b&#x1f;&#0;c<"), "ab\ufffdc"),
    "namespaces not declared": (TITLED.replace("title>", "dc:title>"), "T"),
    "prefixes not declared": (TITLED.replace("<", "<rss:").replace("<rss:/", "</rss:"), "T"),
    "no end": ("<rss><channel><item><title>T</title></item>", "T"),
    "an entry without its end": (TITLED.replace("</item>", ""), "T"),
    "a comment that never ends": (TITLED.replace("<item>", "<!-- <item>"), "T"),
    "a foreign element around": (TITLED.replace("<item>", "<x><item>").replace("</item>", "</item></x>"), "T"),
    "another root in the DTD": ("<!DOCTYPE rss [<!ENTITY x '<rss ><item><title>no</title></item>'>]>" + TITLED, "T"),
    "another root in a comment": ("<!-- <rss > ]]> <feed> -->" + TITLED, "T"),
    "a DTD that never ends": ("<!DOCTYPE rss [ <!-- " + TITLED, "T"),
    "junk before the prolog": ("\ufeff\n junk <?xml version='1.0'?>" + TITLED, "T"),
    "two declarations": ("<?xml?xml version='1.0'??>" + TITLED, "T"),
    "a wrong declaration": ("<?xml version='1.0' encoding='utf-16'?>" + TITLED.replace("T<", "é<"), "é"),
    "no channel": (TITLED.replace("<channel>", "").replace("</channel>", ""), "T"),
    "Atom without a namespace": ("<feed><entry><title>T</title></entry></feed>", "T"),
    "capitals": (TITLED.upper(), "T"),
    "markup that is not escaped": (TITLED.replace("T<", "A <i>ship</i><"), "A <i>ship</i>"),
}


@pytest.mark.parametrize(("feed", "title"), FAULTY.values(), ids=FAULTY.keys())
def test_a_feed_with_a_usual_fault_is_read(feed: str, title: str) -> None:
    assert [entry.title for entry in read(feed)] == [title]


def test_the_encoding_is_the_containers_else_the_declared_one() -> None:
    feed = '<?xml version="1.0" encoding="{}"?><rss><channel><item><title>š</title></item></channel></rss>'
    assert read(feed.format("iso-8859-2").encode("iso-8859-2"))[0].title == "š"
    assert read(feed.format("ascii").encode("iso-8859-2"), charset="iso-8859-2")[0].title == "š"
    assert read(feed.format("utf-8").encode("utf-16"))[0].title == "š"


def test_entities_that_a_document_declares_are_never_expanded() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    (entry,) = read(
        f'<!DOCTYPE rss [<!ENTITY l0 "ha"><!ENTITY file SYSTEM "file:///etc/hostname">{laughs}]>'
        '<rss><channel><item><title>&l11;&file;</title><link href="&l11;"/></item></channel></rss>'
    )
    assert entry.title == "&l11;&file;"


@pytest.mark.parametrize(
    ("feed", "error"),
    [
        ("", EmptyDocument),
        (" \n", EmptyDocument),
        ("<html><body>Not found</body></html>", MalformedFeed),
        ("{", MalformedFeed),
        ('{"version": "https://jsonfeed.org/version/1"}', MalformedFeed),
        ('{"items": ' * 100_000, MalformedFeed),
        ("<rss><channel><x:item><y:z>", MalformedFeed),
        ("<rss>" + "<a>" * 1_000_001, TooLarge),
        ("<RSS>" + "<ITEM>" * 50_001, TooLarge),
        ("<rss><channel>" + "<item/>" * 50_001, TooLarge),
        ("<rss " + " ".join(f"xmlns:n{n}='u'" for n in range(101)) + "><channel><item/></channel></rss>", TooLarge),
    ],
)
def test_what_is_no_feed_is_refused_by_name(feed: str, error: type[BadInput]) -> None:
    with pytest.raises(error):
        read(feed)


STORY = "<item><title>{0}</title><link>https://example.org/{0}</link>{1}</item>"
HEAD = "<rss><channel><title>The Daily</title><link>https://example.org/</link>"


@pytest.mark.parametrize(
    "feed",
    [
        HEAD + STORY.format(1, "<x>" * 300 + "deep" + "</x>" * 300) + STORY.format(2, "") + "</channel></rss>",
        HEAD + STORY.format(1, "<x>" + "long " * (3 << 20) + "</x>") + STORY.format(2, "") + "</channel></rss>",
        HEAD + STORY.format(1, "") + "</channel></rss>" + STORY.format(2, "") + "</channel></rss>",
        HEAD + STORY.format(1, "<description><b>not closed</description>") + STORY.format(2, "") + "</channel></rss>",
        HEAD + STORY.format(1, "<x>&nbsp;</x>") + "<list>" + STORY.format(2, "") + "</list></channel></rss>",
        HEAD + STORY.format(1, "").replace("</item>", "") + STORY.format(2, "") + "</channel></rss>",
        HEAD + "<!-- " + STORY.format(1, "") + STORY.format(2, "") + "</channel></rss>",
    ],
    ids=["deep", "long", "ended early", "unclosed tag", "foreign element", "unclosed entry", "unclosed comment"],
)
def test_no_entry_takes_its_neighbours_along(feed: str) -> None:
    first, second = read(feed)
    assert (first.title, first.entry, second.title, second.entry) == ("1", 0, "2", 1)
    assert (first.feed, second.feed, second.url) == ("https://example.org/",) * 2 + ("https://example.org/2",)


def test_two_feeds_in_one_document_are_both_read() -> None:
    other = HEAD.replace("example.org", "other.example") + STORY.format(2, "") + "</channel></rss>"
    first, second = read(HEAD + STORY.format(1, "") + '</channel></rss><?xml version="1.0"?>' + other)
    assert (first.feed, second.feed) == ("https://example.org/", "https://other.example/")
    assert (second.title, second.entry) == ("2", 1)


def test_an_entry_that_is_read_by_itself_knows_the_namespaces() -> None:
    broken = "<title>1</title><dc:date>2006</dc:date><media:thumbnail url='a.jpg'/><description><b>x</description>"
    first, second = read(rss(f"<item>{broken}</item><item><title>2</title></item>"))
    assert (first.published, first.images, second.title) == ("2006", ("a.jpg",), "2")


@pytest.mark.parametrize(
    ("feed", "titles", "message"),
    [
        (
            STORY.format(1, "") + "<item><title>2</title><description>half a te",
            ["1"],
            "1 of about 2 entries .* cut off",
        ),
        (STORY.format(1, "") + "<item><title>2</title></item", ["1"], "1 of about 2 entries were read"),
        (STORY.format(1, "<x>" * 3000) + STORY.format(2, ""), ["2"], "1 of about 2 entries .* cannot be parsed"),
        (STORY.format(1, "<![CDATA[") + STORY.format(2, ""), ["2"], "1 of about 2 entries were read"),
        ("<item\n<title>1</title", [], "0 of about 1 entries were read"),
        ("<image><url>htt", [], "cut off before its first entry"),
    ],
)
def test_entries_that_cannot_be_read_are_told_after_the_others(feed: str, titles: list[str], message: str) -> None:
    found, told = read_what_can_be(HEAD + feed)
    assert found == titles
    assert re.match(message, told) or message in told


def test_entries_in_comments_and_cdata_are_not_missed() -> None:
    (entry,) = read(rss("<!-- <item> --><item><description><![CDATA[AT&T <item>]]></description></item>&nbsp;"))
    assert entry.summary == "AT&T <item>"
    assert read(rss("<!-- <item> -->")) == []


def test_items_of_a_json_feed_that_are_no_objects_are_told_after_the_others() -> None:
    titles, told = read_what_can_be('{"items": [{"title": "a"}, {"title": "b"}, "x", {"title": "c"}]}')
    assert (titles, told) == (["a", "b", "c"], "3 of 4 entries were read; item 3 is no object")


def test_values_of_a_json_feed_that_are_no_texts_are_problems() -> None:
    (entry,) = read('{"items": [{"id": NaN, "title": 1e999, "content_html": ["x"], "summary": "s", "language": ""}]}')
    assert (entry.guid, entry.title, entry.content, entry.summary) == (None, None, None, "s")
    assert entry.problems == (
        Problem("guid", "not a text", "NaN"),
        Problem("title", "not a text", "Infinity"),
        Problem("text", "not a text", '["x"]'),
    )


def test_namespaces_are_not_repeated_for_each_child() -> None:
    spaces = " ".join(f'xmlns:a{n}="urn:{"x" * 200}{n}"' for n in range(50))
    (entry,) = read(
        rss(f"<item><description>1 &lt; 2 {'<b>x</b>' * 500}</description></item>").replace("<rss", f"<rss {spaces}")
    )
    assert entry.summary == "1 &lt; 2 " + "<b>x</b>" * 500


@pytest.mark.parametrize(
    "feed",
    [
        "<rss><channel>" + "<item " * 9_000,
        "<rss><channel>" + "<item><![CDATA[" * 9_000,
        "<rss><channel>" + "<item><!--" * 9_000,
        "<!DOCTYPE [<!-- " * 40_000 + "<rss>",
        "<rss" + " xmlns:a='b'" * 100_000 + "><channel>" + "<item><b></item>" * 9_000,
        "<rss><channel>" + "<x>" * 2_000 + "<item></item>" * 9_000 + "<x>&",
    ],
    ids=["tags", "cdata", "comments", "doctypes", "namespaces", "depth"],
)
def test_what_is_read_entry_by_entry_ends_quickly(feed: str) -> None:
    started = time.process_time()
    with contextlib.suppress(BadInput):
        read(feed)
    assert time.process_time() - started < 2


def test_hostile_feeds_end_quickly() -> None:
    started = time.process_time()
    read("<rss><channel><item><title>T</title></item>" + "<a>" * 300_000)
    read("<rss><channel><item><description><![CDATA[" + "<div>" * 190_000 + "]]></description></item></channel></rss>")
    assert time.process_time() - started < 5


@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                "<rss>",
                "<channel>",
                "<item>",
                "</item>",
                "<feed xmlns='http://www.w3.org/2005/Atom'>",
                "<entry>",
                "<title>",
                "T",
                "</title>",
                "<content type='xhtml'>",
                "<link href='x'/>",
                "<![CDATA[",
                "]]>",
                "&",
                "&#xD800;",
                "\x00",
                "<x:item>",
                "<RSS>",
                "<ITEM>",
                "<pubDate>",
                "<media:content url='a'/>",
                "<!DOCTYPE x [",
                "<content mode='base64'>=",
                '{"items": [{"id":',
                "1",
                '"\\ud800"',
                "}",
                "]",
            ]
        )
    ).map(lambda pieces: "".join(pieces).encode())
)
def test_any_bytes_are_read_or_refused_by_name(body: bytes) -> None:
    try:
        assert all(isinstance(entry, RawEntry) for entry in read(body))
    except BadInput:
        pass
