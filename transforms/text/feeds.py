"""Feeds to entries: RSS 0.90 to 2.0, RDF, Atom 0.3 and 1.0, JSON Feed 1.0 and 1.1.

The front door: what a document is, and which module reads it. What cannot be read is told: `read_feed` yields the
entries that it could read, then raises `MalformedFeed` with both numbers.

Everything before the root element is cut off before a parser sees it: junk, a wrong declaration, and any DTD with it,
so that no entity that a document declares is ever expanded. Nothing is fetched, and no clock is read: dates stay as
they are written.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from transforms.schemas import Document, RawEntry
from transforms.text.decoding import decode
from transforms.text.errors import EmptyDocument, MalformedFeed, TooLarge
from transforms.text.feed_json import read_json
from transforms.text.feed_outline import root_of
from transforms.text.feed_xml import read_well_formed, read_xml

MAX_TAGS: Final = 1_000_000
"""`<` a feed may have, those of escaped and CDATA markup included. It bounds the tree: 0.7 s at this number."""

_AT_ONCE: Final = 64
"""Entries that are read before the first of them is passed on."""

_XML_ENCODING: Final = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", re.IGNORECASE)

_USUAL_START: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?[ \t\r\n]*(?:<\?xml\s[\w \t\r\n.=\"'-]*\?>[ \t\r\n]*)?"
    rb"(?:<\?xml-stylesheet\s[\t\r\n -;=?-~]*\?>[ \t\r\n]*)*(?=<(?:rss|feed|rdf:RDF)[\s>])"
)
_USUAL_ENCODINGS: Final = {None, "utf-8", "UTF-8"}
"""What nearly all feeds are: UTF-8 with nothing before the root element but declarations. Where they are well-formed
too, the text need not be decoded to find the root in it."""


def read_feed(document: Document) -> Iterator[RawEntry]:
    """The entries of a feed, in its order; none of an empty but valid feed.

    `feed` is the self link (Atom `link rel="self"`, JSON `feed_url`), else the site's link, made absolute, else None.
    `base_url` is `xml:base` where there is one, else the site's link, else the self link, else the document's URL.
    Dates are as they are written; where there is only one of modification, it stands for that of publication too (Atom
    asks for no other). Entries of Atom and JSON Feed without an author have those of the feed.

    Raises `EmptyDocument`, `WrongEncoding`, `TooLarge` (more than 1,000,000 tags, 50,000 entries or 100
    namespaces) and `MalformedFeed`; the last also at the end, where some entries could be read and others not. An entry
    that the end of the document cuts off is among the others: half a text is not the article's.
    """
    body = document.body
    if not body or body.isspace():
        raise EmptyDocument("an empty feed")
    found = _XML_ENCODING.search(body[:1024])
    declared = found[1].decode("ascii") if found is not None else None
    usual = _USUAL_START.match(body)
    if (
        usual is not None
        and {document.charset, declared} <= _USUAL_ENCODINGS
        and (len(body) <= MAX_TAGS or body.count(b"<") <= MAX_TAGS)
    ):
        entries = read_well_formed(document, memoryview(body)[usual.end() :])
        if entries is not None:
            # By and by, as memory is bounded, but not one by one: a processor that does two things in turn does both
            # more slowly.
            while some := list(islice(entries, _AT_ONCE)):
                yield from some
            return
    text = decode(body, document.charset, declared).strip("\ufeff\x00 \t\r\n")
    if not text:
        raise EmptyDocument("a feed of white space only")
    if text.startswith("{"):
        yield from read_json(document, text)
        return
    if len(text) > MAX_TAGS and text.count("<") > MAX_TAGS:
        raise TooLarge(f"a feed of more than {MAX_TAGS:,} tags")
    start = root_of(text)
    if start is None:
        raise MalformedFeed("neither RSS, RDF, Atom nor JSON Feed")
    yield from read_xml(document, text[start:])
