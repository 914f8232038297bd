"""Reading feeds, for the tests beside."""

import pytest

from transforms.schemas import Document, RawEntry
from transforms.text.errors import MalformedFeed
from transforms.text.feeds import read_feed

NAMESPACES = (
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
)
HEAD = "<rss><channel><title>The Daily</title><link>https://example.org/</link>"
STORY = "<item><title>{0}</title><link>https://example.org/{0}</link>{1}</item>"


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
