import pytest

from tests.transforms.text.feed_samples import NAMESPACES, item, read, rss
from transforms.schemas import Enclosure, RawEntry


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


def test_namespaces_are_not_repeated_for_each_child() -> None:
    spaces = " ".join(f'xmlns:a{n}="urn:{"x" * 200}{n}"' for n in range(50))
    (entry,) = read(
        rss(f"<item><description>1 &lt; 2 {'<b>x</b>' * 500}</description></item>").replace("<rss", f"<rss {spaces}")
    )
    assert entry.summary == "1 &lt; 2 " + "<b>x</b>" * 500
