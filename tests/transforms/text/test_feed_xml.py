import contextlib
import re
import time

import pytest

from tests.transforms.text.feed_samples import HEAD, STORY, read, read_what_can_be, rss
from transforms.text.errors import BadInput

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


def test_an_entry_that_another_feed_cuts_off_is_told() -> None:
    feed = HEAD + STORY.format(1, "") + "</channel></rss><item><title>2</title>" + HEAD + STORY.format(3, "")
    assert read_what_can_be(feed) == (["1", "3"], "2 of about 3 entries were read; an entry is cut off")


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
