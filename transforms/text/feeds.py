"""Feeds to entries: RSS 0.90 to 2.0, RDF, Atom 0.3 and 1.0, JSON Feed 1.0 and 1.1.

Well-formed XML is read by lxml in one pass over the children of each entry; XML with the usual faults (a bare `&`,
entities of HTML, control characters, namespaces that are not declared) is mended first and read by lxml in its
recovering mode; where that stops early or runs entries into each other, each is read by itself; what then still shows
no entry goes to feedparser, which takes almost anything and is 50 to 200 times slower. All of them give the same
record. What cannot be read is told: `read_feed` yields the entries that it could read, then raises `MalformedFeed` with
both numbers.

Everything before the root element is cut off before a parser sees it: junk, a wrong declaration, and any DTD with it,
so that no entity that a document declares is ever expanded. Nothing is fetched, and no clock is read: dates stay as
they are written.
"""

import base64
import html
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html.entities import html5
from typing import Any, Final

import feedparser
from lxml import etree

from transforms.schemas import Document, Enclosure, Problem, RawEntry
from transforms.text.decoding import decode
from transforms.text.errors import EmptyDocument, MalformedFeed, TooLarge
from transforms.text.markup import looks_like_html
from transforms.text.urls import absolute_url

MAX_TAGS: Final = 1_000_000
"""`<` a feed may have, those of escaped and CDATA markup included. It bounds the tree: 0.7 s at this number."""

MAX_ENTRIES: Final = 50_000
"""Entries a feed may have: 50 times the longest of 200 real ones, and 2 s."""

MAX_NAMESPACES: Final = 100
MAX_NAMESPACE_CHARS: Final = 1 << 15
"""What an entry may stand in; all of it is written, and cut off again, with each text that is markup. Feeds have 20."""

MAX_TOLERANT_CHARS: Final = 4 << 20
MAX_TOLERANT_TAGS: Final = 50_000
"""What feedparser is given at most; it takes some 25 µs for a tag (16 s for 2 MB of `<a `), so 2 s."""

_ROOT_WITHIN: Final = 1 << 16
_BEFORE_ROOT: Final = re.compile(
    r"<!--|<!DOCTYPE|(?P<root><(?:[A-Za-z_][\w.-]*+:)?(?:rss|feed|rdf|channel)(?=[\s>]))", re.IGNORECASE
)
_WITHIN_DOCTYPE: Final = re.compile(r"[\[\]>\"']|<!--|<\?")
_CLOSING: Final = {'"': '"', "'": "'", "<!--": "-->", "<?": "?>", "<![CDATA[": "]]>"}

_OUTLINE: Final = re.compile(
    r"<!--|<!\[CDATA\[|<\?xml\s|<(?P<slash>/?)(?P<name>(?:[A-Za-z_][\w.-]*+:)?(?:"
    r"(?P<entry>item|entry)|(?P<root>rss|feed|rdf)|channel))(?=[\s/>])",
    re.IGNORECASE,
)
_HEAD_CHARS: Final = 1 << 12
"""A longer root tag is not repeated before each entry that is read by itself; its namespaces are unknown then."""
_END: Final = "end-of-the-entry"
_ENTRY_NAMES: Final = ("item", "entry")
_ENTRY_PARENTS: Final = ("channel", "feed", "rdf", "rss", "items", "entries")
_XML_ENCODING: Final = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", re.IGNORECASE)
_AMPERSAND: Final = re.compile(r"&(?:#(?:x([0-9A-Fa-f]{1,8})|([0-9]{1,8}));|([A-Za-z][A-Za-z0-9]{1,31});)?")
_XML_ENTITIES: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_IMAGE_PATH: Final = re.compile(r"\.(?:avif|bmp|gif|jpe?g|png|svg|webp)(?:[?#]|$)", re.IGNORECASE)
_PREFIXED_TAG: Final = re.compile(r"<(/?)[A-Za-z_][\w.-]*+:")

_ATOM_NAMESPACES: Final = (
    "http://www.w3.org/2005/Atom",
    "https://www.w3.org/2005/Atom",
    "http://purl.org/atom/ns#",
    "http://example.com/newformat#",
    "http://necho.sourceforge.net/echo.html",
    "http://purl.org/echo/",
    "uri/of/echo/namespace#",
    "http://www.w3.org/2005/atom",
)
_RSS_NAMESPACES: Final = (
    "",
    "http://purl.org/rss/1.0/",
    "http://my.netscape.com/rdf/simple/0.9/",
    "http://channel.netscape.com/rdf/simple/0.9/",
    "http://my.netscape.com/publish/formats/rss-0.91.dtd",
    "http://backend.userland.com/rss",
    "http://backend.userland.com/rss2",
    "http://backend.userland.com/RSS2",
    "http://blogs.law.harvard.edu/tech/rss",
    "http://www.rssboard.org/rss-specification",
)
"""Both lists with the namespaces that feedparser knows."""
_EXTENSIONS: Final = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/elements/1.0/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://search.yahoo.com/mrss/": "media",
    "http://search.yahoo.com/mrss": "media",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://www.itunes.com/DTDs/Podcast-1.0.dtd": "itunes",
    "http://www.itunes.com/DTDs/PodCast-1.0.dtd": "itunes",
    "http://www.w3.org/1999/xhtml": "xhtml",
}
_WANTED: Final = {
    "atom": "id title link summary content author published issued created updated modified category rights",
    "rss": "guid title link description author pubDate category enclosure content image pubdate",
    "dc": "creator author subject date language identifier title description",
    "dcterms": "issued created modified",
    "content": "encoded",
    "media": "content thumbnail group",
    "itunes": "author image summary",
    "xhtml": "body div",
}
_ABOUT: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_BASE: Final = "{http://www.w3.org/XML/1998/namespace}base"


_MEDIA_TAGS: Final = [
    f"{{{uri}}}{name}" for uri, prefix in _EXTENSIONS.items() if prefix == "media" for name in ("content", "thumbnail")
]


def _slots() -> dict[str, str]:
    """Tags as lxml spells them, to names: `{http://purl.org/dc/elements/1.1/}date` to `dc:date`."""
    spaces = [(uri, "atom") for uri in _ATOM_NAMESPACES]
    spaces += [(uri, "rss") for uri in _RSS_NAMESPACES]
    spaces += list(_EXTENSIONS.items())
    slots = {
        (f"{{{uri}}}{name}" if uri else name): f"{prefix}:{name}"
        for uri, prefix in spaces
        for name in _WANTED[prefix].split()
    }
    # A prefix that is declared nowhere stays in the name.
    for prefix, names in _WANTED.items():
        slots |= {f"{prefix}:{name}": f"{prefix}:{name}" for name in names.split()}
    # Elements of Atom in an RSS feed without a namespace of their own, and the other way round.
    for name in ("id", "summary", "published", "issued", "updated", "modified"):
        slots[name] = f"atom:{name}"
    for uri in _ATOM_NAMESPACES:
        slots[f"{{{uri}}}enclosure"] = "rss:enclosure"
    return slots


_SLOTS: Final = _slots()
_ENTRY_TAGS: Final = frozenset(
    f"{{{uri}}}{name}" if uri else name for uri in (*_ATOM_NAMESPACES, *_RSS_NAMESPACES) for name in _ENTRY_NAMES
)


@dataclass(frozen=True, slots=True)
class _Feed:
    """What a feed says of itself and its entries share."""

    scope: str | None
    base_url: str | None
    language: str | None
    authors: tuple[str, ...] = ()


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
    if not document.body.strip():
        raise EmptyDocument("an empty feed")
    found = _XML_ENCODING.search(document.body[:1024])
    declared = found[1].decode("ascii") if found is not None else None
    text = decode(document.body, document.charset, declared).strip("\ufeff\x00 \t\r\n")
    if not text:
        raise EmptyDocument("a feed of white space only")
    if text.startswith("{"):
        yield from _read_json(document, text)
        return
    if text.count("<") > MAX_TAGS:
        raise TooLarge(f"a feed of more than {MAX_TAGS:,} tags")
    start = _root_of(text)
    if start is None:
        raise MalformedFeed("neither RSS, RDF, Atom nor JSON Feed")
    yield from _read_xml(document, text[start:])


def _root_of(text: str) -> int | None:
    """Where the root element starts, behind comments and a DTD, which may name others; None where there is none."""
    at = 0
    endless: set[str] = set()
    while (found := _BEFORE_ROOT.search(text, at, at + _ROOT_WITHIN)) is not None:
        if found["root"] is not None:
            return found.start()
        at, kind = found.end(), found[0].upper()
        if kind in endless:
            continue
        end = _closed(text, at, "-->") if kind == "<!--" else _end_of_doctype(text, at)
        if end is None:
            endless.add(kind)
        else:
            at = end
    return None


def _closed(text: str, at: int, closing: str) -> int | None:
    end = text.find(closing, at)
    return None if end < 0 else end + len(closing)


def _end_of_doctype(text: str, at: int) -> int | None:
    """Where a DOCTYPE ends, with the declarations in its brackets; None where it does not."""
    inside = False
    while (found := _WITHIN_DOCTYPE.search(text, at)) is not None:
        at, token = found.end(), found[0]
        if token in _CLOSING:
            end = _closed(text, at, _CLOSING[token])
            if end is None:
                return None
            at = end
        elif token == ">":
            if not inside:
                return at
        else:
            inside = token == "["
    return None


# XML by lxml


def _read_xml(document: Document, text: str) -> Iterator[RawEntry]:
    root, _ = _tree(text)
    if root is not None:
        items = _items_of(root)
        if items:
            feed = _feed_of(document, root)
            yield from (_entry_of(document, number, item, feed) for number, item in enumerate(items))
        elif any(part.entries for part in _outline(text)):
            yield from _read_tolerantly(document, text)
        return
    text = _mended(text)
    parts = _outline(text)
    named = sum(len(part.entries) for part in parts)
    cut = sum(not entry.whole for part in parts for entry in part.entries)
    read = 0
    for part in parts:
        for entry in _read_part(document, text, part, read):
            yield entry
            read += 1
    if read == 0 and named > cut:
        for entry in _read_tolerantly(document, text)[: named - cut]:
            yield entry
            read += 1
    if read < named:
        detail = "an entry is cut off" if cut else "the others cannot be parsed"
        raise MalformedFeed(f"{read:,} of about {named:,} entries were read; {detail}")
    if named == 0 and not parts[-1].ended:
        raise MalformedFeed("it is cut off before its first entry")


@dataclass(slots=True)
class _Span:
    """Where an entry stands in the text, and whether it has an end."""

    start: int
    end: int = 0
    whole: bool = True


@dataclass(slots=True)
class _Part:
    """One feed in the text: mostly the only one."""

    start: int
    end: int = 0
    entries: list[_Span] = field(default_factory=list)
    ended: bool = False


def _outline(text: str) -> list[_Part]:
    """The feeds in a text and their entries, found by their tags alone, outside of comments and CDATA.

    An entry goes to its end tag, else to the start tag of the next one or the end tag of the feed; without any of these
    it is cut off. What never ends is no comment and no CDATA.
    """
    parts = [_Part(0)]
    name: str | None = None  # Of the entry that is open.
    entries = 0
    at = 0
    endless: set[str] = set()
    while (found := _OUTLINE.search(text, at)) is not None:
        at, part = found.end(), parts[-1]
        if found["name"] is None:
            opening = found[0]
            if opening not in _CLOSING:  # An XML declaration: another document.
                _close(part, name, found.start(), whole=False)
                name = None
                part.ended = True
            elif opening not in endless:
                end = _closed(text, at, _CLOSING[opening])
                if end is None:
                    endless.add(opening)
                else:
                    at = end
        elif found["entry"] is None:
            if found["slash"]:
                _close(part, name, found.start())
                name = None
                part.ended = part.ended or found["root"] is not None
            elif part.ended and found["root"] is not None:
                part.end = found.start()
                parts.append(_Part(found.start()))
        elif found["slash"]:
            if name == found["name"].lower():
                end = _closed(text, at, ">")
                _close(part, name, len(text) if end is None else end, whole=end is not None)
                name = None
        elif name is None or name == found["name"].lower():
            _close(part, name, found.start())
            name = found["name"].lower()
            part.entries.append(_Span(found.start()))
            entries += 1
            _refuse_many(entries)
            tag_end = text.find(">", at, at + _HEAD_CHARS)
            if text.startswith("/", tag_end - 1) and tag_end > 0:
                _close(part, name, tag_end + 1)
                name = None
    _close(parts[-1], name, len(text), whole=False)
    parts[-1].end = len(text)
    return parts


def _close(part: _Part, name: str | None, end: int, *, whole: bool = True) -> None:
    """Ends the entry of the part that is open, if one is."""
    if name is not None:
        part.entries[-1].end = end
        part.entries[-1].whole = whole


def _read_part(document: Document, text: str, part: _Part, number: int) -> Iterator[RawEntry]:
    """The entries of a faulty feed: from its tree, where that has them all, else each by itself."""
    root, whole = _tree(text[part.start : part.end], recover=True)
    if root is None:
        return
    feed = _feed_of(document, root)
    items = _items_of(root)
    if whole and len(items) >= len(part.entries):
        cut = sum(not entry.whole for entry in part.entries)
        for item in items[: len(items) - cut]:
            yield _entry_of(document, number, item, feed)
            number += 1
        return
    head_end = _closed(text[part.start : part.start + _HEAD_CHARS], 0, ">")
    head = "<rss>" if head_end is None else text[part.start : part.start + head_end]
    for entry in part.entries:
        item = _read_alone(f"{head}{text[entry.start : entry.end]}<{_END}/>") if entry.whole else None
        if item is not None:
            yield _entry_of(document, number, item, feed)
            number += 1


def _read_alone(text: str) -> Any:
    """The one entry of a text, None where the parser did not come to its end."""
    root, _ = _tree(text, recover=True)
    if root is None or len(root) == 0 or _local_name(root[0]) not in _ENTRY_NAMES:
        return None
    item = root[0]
    ends = list(root.iter(f"{{*}}{_END}"))
    if not ends:
        return None
    ends[-1].getparent().remove(ends[-1])
    return item


def _tree(text: str, *, recover: bool = False) -> tuple[Any, bool]:
    """The root element, None where the parser finds none, and whether no cap of libxml2 stopped it.

    Parsers are made anew: they hold state. The recovering one may go 2,048 levels deep and takes texts of any length,
    the other 256 and 10 MB.
    """
    parser = etree.XMLParser(
        recover=recover,
        huge_tree=recover,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None, False
    last = parser.error_log.last_error
    return root, last is None or last.type_name != "ERR_RESOURCE_LIMIT"


def _mended(text: str) -> str:
    """The text without what XML forbids and without prefixes of its own names that it does not declare.

    Outside of CDATA a bare `&` is escaped, entities of HTML are resolved.
    """
    text = _FORBIDDEN.sub("", text)
    for prefix in ("rss", "atom"):
        if f"<{prefix}:" in text and f"xmlns:{prefix}=" not in text:
            text = text.replace(f"<{prefix}:", "<").replace(f"</{prefix}:", "</")
    pieces: list[str] = []
    at = 0
    while (start := text.find("<![CDATA[", at)) >= 0:
        end = text.find("]]>", start)
        end = len(text) if end < 0 else end + 3
        pieces += (_AMPERSAND.sub(_mended_ampersand, text[at:start]), text[start:end])
        at = end
    pieces.append(_AMPERSAND.sub(_mended_ampersand, text[at:]))
    return "".join(pieces)


def _mended_ampersand(found: re.Match[str]) -> str:
    hexadecimal, decimal, name = found.groups()
    if name is not None:
        if name in _XML_ENTITIES:
            return found[0]
        return html.escape(html5.get(f"{name};", found[0]), quote=True)
    if hexadecimal is not None or decimal is not None:
        # As a browser reads it: what is no character becomes U+FFFD or nothing.
        return html.escape(_FORBIDDEN.sub("", html.unescape(found[0])), quote=True)
    return "&amp;"


def _refuse_many(entries: int) -> None:
    if entries > MAX_ENTRIES:
        raise TooLarge(f"a feed of more than {MAX_ENTRIES:,} entries")


def _refuse_namespaces(declared: dict[str | None, str]) -> None:
    if len(declared) > MAX_NAMESPACES or sum(map(len, declared.values())) > MAX_NAMESPACE_CHARS:
        raise TooLarge(
            f"entries within more than {MAX_NAMESPACES} namespaces, or {MAX_NAMESPACE_CHARS:,} characters of them"
        )


def _items_of(root: Any) -> list[Any]:
    """The entries of the feed in their order: not what has that name inside of an entry or is of another vocabulary."""
    items: list[Any] = []
    levels = [(iter(root), True)]
    while levels:
        children, usual = levels[-1]
        for child in children:
            name = _local_name(child)
            if name in _ENTRY_NAMES:
                if usual or child.tag in _ENTRY_TAGS:
                    if not items or items[-1].getparent() is not child.getparent():
                        _refuse_namespaces(child.getparent().nsmap)
                    items.append(child)
                    _refuse_many(len(items))
            elif len(child) > 0:
                levels.append((iter(child), name.lower() in _ENTRY_PARENTS))
                break
        else:
            levels.pop()
    return items


def _local_name(element: Any) -> str:
    """The name of an element without namespace, or without a prefix that is declared nowhere; of an entity none."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def _children(element: Any) -> dict[str, list[Any]]:
    """The children that are read, by slot, each in document order."""
    children: dict[str, list[Any]] = {}
    for child in element:
        slot = _SLOTS.get(child.tag)
        if slot is not None:
            children.setdefault(slot, []).append(child)
    return children


def _feed_of(document: Document, root: Any) -> _Feed:
    channel = next(root.iterchildren("{*}channel"), root)
    atom_links: list[Any] = []
    site_link: str | None = None
    language = channel.get(_LANG) or root.get(_LANG)
    authors: list[str] = []
    for child in channel:
        slot = _SLOTS.get(child.tag)
        if slot == "atom:link":
            atom_links.append(child)
        elif slot == "rss:link":
            site_link = site_link or _plain(child) or child.get("href")
        elif slot == "atom:author":
            authors += _person(child)
        elif slot == "dc:language" or (isinstance(child.tag, str) and child.tag.endswith("language")):
            language = _plain(child) or language
    base = channel.get(_BASE) or root.get(_BASE)
    around = document.url
    if base is not None:
        around = absolute_url(base, around) or around
    self_link = absolute_url(_link_of(atom_links, "self") or "", around)
    site_link = absolute_url(site_link or _link_of(atom_links, "alternate") or "", around or self_link)
    base_url = around if base is not None and around is not None else site_link or self_link or document.url
    return _Feed(self_link or site_link, base_url, language, tuple(authors))


def _entry_of(document: Document, number: int, item: Any, feed: _Feed) -> RawEntry:
    children = _children(item)
    get = children.get
    links = get("atom:link", [])
    guid_element = next(iter(get("rss:guid", ())), None)
    guid = _first_text(children, "atom:id", "rss:guid") or item.get(_ABOUT) or _first_text(children, "dc:identifier")
    url = _first_text(children, "rss:link") or _link_of(links, "alternate")
    if url is None and guid_element is not None and guid_element.get("isPermaLink", "true").lower() != "false":
        permalink = _plain(guid_element)
        url = permalink if permalink is not None and permalink.startswith(("http://", "https://")) else None
    if url is None and item.get(_ABOUT, "").startswith(("http://", "https://")):
        url = item.get(_ABOUT)
    content = _content_of(children)
    summary = _summary_of(children)
    if content is None and summary is None and "rss:content" in children:
        content = _marked_up(children["rss:content"][0]), True
    published = _first_text(
        children, "rss:pubDate", "rss:pubdate", "atom:published", "atom:issued", "dcterms:issued", "dc:date",
        "atom:created", "dcterms:created",
    )  # fmt: skip
    updated = _first_text(children, "atom:updated", "atom:modified", "dcterms:modified")
    enclosures, images = _media_of(item, children, links)
    base = item.get(_BASE)
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=number,
        url=url,
        guid=guid,
        feed=feed.scope,
        base_url=feed.base_url if base is None else _joined(feed.base_url, base),
        title=_title_of(children),
        content=None if content is None else content[0],
        content_is_html=content is not None and content[1],
        summary=None if summary is None else summary[0],
        summary_is_html=summary is not None and summary[1],
        authors=_authors_of(children) or feed.authors,
        published=published or updated,
        updated=updated,
        fetched=document.fetched,
        language=_first_text(children, "dc:language") or item.get(_LANG) or feed.language,
        categories=_categories_of(children),
        images=images,
        enclosures=enclosures,
    )


def _joined(base: str | None, url: str) -> str | None:
    return absolute_url(url, base) or base


def _plain(element: Any) -> str | None:
    """The text of an element without markup around it; None where there is none."""
    text = element.text if len(element) == 0 else "".join(element.itertext())
    text = text.strip() if text else None
    return text or None


def _marked_up(element: Any) -> str:
    """What stands in an element as HTML: its text, or where it has children, their markup."""
    if len(element) == 0:
        text: str = element.text or ""
        return text
    # The element at once: lxml writes all namespaces of the feed with what it is given, so not with each child.
    markup: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return _PREFIXED_TAG.sub(r"<\1", markup[markup.index(">") + 1 : markup.rindex("<")])


def _first_text(children: dict[str, list[Any]], *slots: str) -> str | None:
    for slot in slots:
        for element in children.get(slot, ()):
            text = _plain(element)
            if text is not None:
                return text
    return None


def _typed(element: Any) -> tuple[str, bool] | None:
    """The value of a text construct of Atom, and whether it is HTML (RFC 4287, 3.1 and 4.1.3; Atom 0.3, `mode`)."""
    kind = (element.get("type") or "").lower()
    if element.get("mode") == "base64":
        try:
            value = base64.b64decode(element.text or "", validate=False).decode("utf-8", "replace")
        except ValueError:
            return None
    else:
        value = _marked_up(element)
    if not value.strip():
        return None
    if len(element) > 0 or "html" in kind:
        return value, True
    if kind in ("text", "text/plain"):
        return value, False
    return value, looks_like_html(value)


def _title_of(children: dict[str, list[Any]]) -> str | None:
    for slot in ("atom:title", "rss:title", "dc:title"):
        for element in children.get(slot, ()):
            value = _marked_up(element)
            if value.strip():
                # A title that says it is plain may speak of tags.
                return html.escape(value, quote=False) if element.get("type") == "text" and len(element) == 0 else value
    return None


def _content_of(children: dict[str, list[Any]]) -> tuple[str, bool] | None:
    for slot in ("content:encoded", "xhtml:body", "xhtml:div"):
        for element in children.get(slot, ()):
            value = _marked_up(element)
            if value.strip():
                return value, True
    for element in children.get("atom:content", ()):
        content = _typed(element)
        if content is not None:
            return content
    return None


def _summary_of(children: dict[str, list[Any]]) -> tuple[str, bool] | None:
    for element in children.get("atom:summary", ()):
        summary = _typed(element)
        if summary is not None:
            return summary
    for slot in ("rss:description", "dc:description", "itunes:summary"):
        for element in children.get(slot, ()):
            value = _marked_up(element)
            if value.strip():
                return value, True
    return None


def _authors_of(children: dict[str, list[Any]]) -> tuple[str, ...]:
    names = [name for element in children.get("atom:author", ()) for name in _person(element)]
    for slot in ("dc:creator", "dc:author", "rss:author", "itunes:author"):
        if not names:
            names = [name for element in children.get(slot, ()) if (name := _plain(element)) is not None]
    return tuple(names)


def _person(element: Any) -> list[str]:
    """The name in a person construct of Atom, else its address; the text of an element that holds only that."""
    parts = {_local_name(child): _plain(child) for child in element}
    name = parts.get("name") or parts.get("email") or (None if parts else _plain(element))
    return [] if name is None else [name]


def _categories_of(children: dict[str, list[Any]]) -> tuple[str, ...]:
    found = [
        element.get("label") or element.get("term") or _plain(element) for element in children.get("atom:category", ())
    ]
    for slot in ("rss:category", "dc:subject"):
        found += [_plain(element) or element.get("term") for element in children.get(slot, ())]
    return tuple(name for name in found if name)


def _link_of(links: Iterable[Any], relation: str) -> str | None:
    """The href of the first link of a relation; a page of HTML goes before other forms of it."""
    hrefs = [
        ("html" not in link.get("type", "html"), href)
        for link in links
        if link.get("rel", "alternate").lower() == relation and (href := (link.get("href") or "").strip())
    ]
    return min(hrefs, key=lambda found: found[0])[1] if hrefs else None


def _media_of(
    item: Any, children: dict[str, list[Any]], links: Iterable[Any]
) -> tuple[tuple[Enclosure, ...], tuple[str, ...]]:
    """Enclosures, and images: those of Media RSS, `image`, and image files among the enclosures."""
    enclosures = [_enclosure(e.get("url"), e.get("type"), e.get("length")) for e in children.get("rss:enclosure", ())]
    enclosures += [
        _enclosure(link.get("href"), link.get("type"), link.get("length"))
        for link in links
        if link.get("rel") == "enclosure"
    ]
    images: list[str | None] = []
    if "media:content" in children or "media:group" in children or "media:thumbnail" in children:
        for element in item.iter(*_MEDIA_TAGS):
            url = element.get("url")
            if element.tag.endswith("thumbnail"):
                images.append(url)
            elif url:
                kind, medium = element.get("type") or "", element.get("medium") or ""
                if (
                    medium == "image"
                    or kind.startswith("image/")
                    or (not medium and not kind and _IMAGE_PATH.search(url))
                ):
                    images.append(url)
                else:
                    enclosures.append(_enclosure(url, kind or None, element.get("fileSize")))
    images += [element.get("href") for element in children.get("itunes:image", ())]
    for element in children.get("rss:image", ()):
        nested = next(element.iterchildren("{*}url"), None)
        images.append(element.get("href") or _plain(element if nested is None else nested))
    kept = tuple(enclosure for enclosure in enclosures if enclosure is not None)
    images += [enclosure.url for enclosure in kept if (enclosure.type or "").startswith("image/")]
    return kept, tuple(dict.fromkeys(image for image in images if image))


def _enclosure(url: Any, kind: Any, length: Any) -> Enclosure | None:
    if not isinstance(url, str) or not url.strip():
        return None
    digits = str(length).strip() if isinstance(length, str | int) and not isinstance(length, bool) else ""
    size = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
    return Enclosure(url.strip(), kind.strip() or None if isinstance(kind, str) else None, size)


# JSON Feed


def _read_json(document: Document, text: str) -> Iterator[RawEntry]:
    try:
        feed = json.loads(text)
    except RecursionError:
        raise MalformedFeed("JSON nested too deeply") from None
    except ValueError as error:
        raise MalformedFeed(f"not JSON: {error}") from None
    items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list):
        raise MalformedFeed("a JSON object without a list of items")
    _refuse_many(len(items))
    self_link = absolute_url(_string(feed.get("feed_url")) or "", document.url)
    site_link = absolute_url(_string(feed.get("home_page_url")) or "", document.url or self_link)
    shared = _Feed(
        self_link or site_link,
        site_link or self_link or document.url,
        _string(feed.get("language")),
        _json_authors(feed),
    )
    read = 0
    others: list[int] = []
    for place, item in enumerate(items, 1):
        if isinstance(item, dict):
            yield _json_entry(document, read, shared, item)
            read += 1
        else:
            others.append(place)
    if others:
        places = ", ".join(map(str, others[:10])) + (", …" if len(others) > 10 else "")
        which = f"item {places} is no object" if len(others) == 1 else f"items {places} are no objects"
        raise MalformedFeed(f"{read:,} of {len(items):,} entries were read; {which}")


def _json_entry(document: Document, number: int, feed: _Feed, item: dict[str, Any]) -> RawEntry:
    problems = [
        Problem(of, "not a text", json.dumps(value)[:200])
        for name, of in _JSON_TEXTS.items()
        if (value := item.get(name)) is not None and not isinstance(value, str) and _string(value) is None
    ]
    markup, plain = _string(item.get("content_html")), _string(item.get("content_text"))
    updated = _string(item.get("date_modified"))
    attachments = item.get("attachments")
    enclosures = [
        _enclosure(attachment.get("url"), attachment.get("mime_type"), attachment.get("size_in_bytes"))
        for attachment in (attachments if isinstance(attachments, list) else ())
        if isinstance(attachment, dict)
    ]
    tags = item.get("tags")
    images = (_string(item.get("image")), _string(item.get("banner_image")))
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=number,
        url=_string(item.get("url")) or _string(item.get("external_url")),
        guid=_string(item.get("id")),
        feed=feed.scope,
        base_url=feed.base_url,
        title=_string(item.get("title")),
        content=markup or plain,
        content_is_html=markup is not None,
        summary=_string(item.get("summary")),
        authors=_json_authors(item) or feed.authors,
        published=_string(item.get("date_published")) or updated,
        updated=updated,
        fetched=document.fetched,
        language=_string(item.get("language")) or feed.language,
        categories=tuple(
            name for tag in (tags if isinstance(tags, list) else ()) if (name := _string(tag)) is not None
        ),
        images=tuple(dict.fromkeys(image for image in images if image is not None)),
        enclosures=tuple(enclosure for enclosure in enclosures if enclosure is not None),
        problems=tuple(problems),
    )


_JSON_TEXTS: Final = {
    "url": "url",
    "external_url": "url",
    "id": "guid",
    "title": "title",
    "content_html": "text",
    "content_text": "text",
    "summary": "summary",
    "date_published": "published",
    "date_modified": "updated",
    "language": "language",
    "image": "images",
    "banner_image": "images",
}
"""What JSON Feed says in a text, and the field of the article that it is for."""


def _json_authors(holder: dict[str, Any]) -> tuple[str, ...]:
    """`authors` of version 1.1, else `author` of 1.0."""
    authors = holder.get("authors")
    people = authors if isinstance(authors, list) else [holder.get("author")]
    names = [_string(person.get("name")) if isinstance(person, dict) else _string(person) for person in people]
    return tuple(name for name in names if name is not None)


def _string(value: Any) -> str | None:
    """The text of a JSON string or number; None of anything else, of NaN, infinity and blanks."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if math.isfinite(value) else None
    return value if isinstance(value, str) and value.strip() else None


# XML by feedparser


def _read_tolerantly(document: Document, text: str) -> list[RawEntry]:
    tags = text.count("<")
    if len(text) > MAX_TOLERANT_CHARS or tags > MAX_TOLERANT_TAGS:
        raise TooLarge(
            f"a broken feed of {len(text):,} characters and {tags:,} tags; at most {MAX_TOLERANT_CHARS:,} and "
            f"{MAX_TOLERANT_TAGS:,} are mended"
        )
    data = b'<?xml version="1.0" encoding="utf-8"?>\n' + _mended(text).encode("utf-8", "replace")
    try:
        # A stream, never the bytes: feedparser would try to open a file of that name.
        result = feedparser.parse(
            io.BytesIO(data),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except MemoryError:
        raise
    except Exception as error:  # It says of no exception that it is the only one, and meets hostile input here.
        raise MalformedFeed(f"feedparser gave up: {type(error).__name__}: {error}"[:300]) from None
    if not result.entries:
        raise MalformedFeed("it names entries, and none can be read")
    head = result.feed
    links = head.get("links", [])
    self_link = absolute_url(_loose_link(links, "self") or "", document.url)
    site_link = absolute_url(head.get("link") or "", document.url or self_link)
    feed = _Feed(self_link or site_link, site_link or self_link or document.url, head.get("language"))
    return [_loose_entry(document, number, entry, feed) for number, entry in enumerate(result.entries)]


def _loose_entry(document: Document, number: int, entry: Any, feed: _Feed) -> RawEntry:
    content = next((part for part in entry.get("content", ()) if (part.get("value") or "").strip()), None)
    summary = entry.get("summary") if (entry.get("summary") or "").strip() else None
    if content is not None and content.get("value") == summary:
        content = None
    # By `dict.get`: feedparser's own gives the one date for the other, with a warning.
    published, updated = dict.get(entry, "published"), dict.get(entry, "updated")
    people = [person.get("name") or person.get("email") for person in entry.get("authors", ())]
    images = [media.get("url") for media in entry.get("media_thumbnail", ())]
    images += [media.get("url") for media in entry.get("media_content", ()) if _is_image(media)]
    enclosures = [
        _enclosure(link.get("href"), link.get("type"), link.get("length"))
        for link in entry.get("links", ())
        if link.get("rel") == "enclosure"
    ]
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=number,
        url=entry.get("link"),
        guid=entry.get("id"),
        feed=feed.scope,
        base_url=feed.base_url,
        title=entry.get("title"),
        content=None if content is None else content.get("value"),
        content_is_html=content is not None and "html" in (content.get("type") or ""),
        summary=summary,
        summary_is_html=summary is not None and "html" in (entry.get("summary_detail", {}).get("type") or ""),
        authors=tuple(name for name in people if name),
        published=published or updated,
        updated=updated,
        fetched=document.fetched,
        language=dict.get(entry, "language") or feed.language,
        categories=tuple(tag.get("label") or tag.get("term") or "" for tag in entry.get("tags", ())),
        images=tuple(dict.fromkeys(image for image in images if image)),
        enclosures=tuple(enclosure for enclosure in enclosures if enclosure is not None),
    )


def _loose_link(links: Sequence[Any], relation: str) -> str | None:
    return next((link.get("href") for link in links if link.get("rel") == relation), None)


def _is_image(media: Any) -> bool:
    return media.get("medium") == "image" or (media.get("type") or "").startswith("image/")
