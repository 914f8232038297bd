import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.text.feed_samples import read, rss
from transforms.schemas import Document, RawEntry
from transforms.text.errors import BadInput, EmptyDocument, MalformedFeed, TooLarge, WrongEncoding
from transforms.text.feed_xml import read_well_formed


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


def test_the_encoding_is_the_containers_else_the_declared_one() -> None:
    feed = '<?xml version="1.0" encoding="{}"?><rss><channel><item><title>š</title></item></channel></rss>'
    assert read(feed.format("iso-8859-2").encode("iso-8859-2"))[0].title == "š"
    assert read(feed.format("ascii").encode("iso-8859-2"), charset="iso-8859-2")[0].title == "š"
    assert read(feed.format("utf-8").encode("utf-16"))[0].title == "š"


STORY_OF_TWO = "<item><title>é {}</title></item><item><link>https://example.org/2</link></item>"


@pytest.mark.parametrize(
    "before",
    [
        "",
        "\ufeff \n",
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        '<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="/a.xsl"?>\n<?xml-stylesheet href="/b.css"?>',
        "<!-- <rss> -->",
        "<!DOCTYPE rss>",
        "junk ",
    ],
)
@pytest.mark.parametrize("after", ["", "\n", "\x00", " \ufeff"])
def test_what_stands_around_a_feed_changes_nothing(before: str, after: str) -> None:
    feed = rss(STORY_OF_TWO.format("“x”")).removeprefix('<?xml version="1.0"?>')
    assert read(before + feed + after) == read(feed)
    assert [entry.title for entry in read(feed)] == ["é “x”", None]


@pytest.mark.parametrize(
    "feed",
    [
        b"<rss><channel><item><title>%b</title></item></channel></rss>",
        b"<rss><channel><item><title><![CDATA[%b]]></title></item></channel></rss>",
        b"<rss><channel><item><title>T</title><enclosure url='%b'/></item></channel></rss>",
        b"<rss><channel><item><title>T</title><!-- %b --></item></channel></rss>",
        b"<rss><channel><item><title>T</title><?a %b?></item></channel></rss>",
        b"<rss><channel><item><title>T</title><a%b/></item></channel></rss>",
    ],
)
@pytest.mark.parametrize("body", [b"\x80", b"\xc0\x80", b"\xe2\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff"])
def test_the_parser_takes_nothing_for_utf_8_that_is_none(feed: bytes, body: bytes) -> None:
    document = Document(1, "feed.xml", 2, "feed", feed)
    assert read_well_formed(document, feed % "é".encode()) is not None
    assert read_well_formed(document, feed % body) is None


def test_bytes_that_look_binary_are_refused_wherever_they_stand() -> None:
    with pytest.raises(WrongEncoding):
        read(b"\x0b" * 100 + b"<rss><channel><item/></channel></rss>")


def test_an_encoding_of_seven_bits_is_not_taken_for_utf_8() -> None:
    feed = '<?xml version="1.0" encoding="utf-7"?><rss><channel><item><title>+AOk-</title></item></channel></rss>'
    assert read(feed)[0].title == "é"


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
