"""The element of an entry to the entry: RSS 0.90 to 2.0, RDF, Atom 0.3 and 1.0, and the extensions that they share.

One pass over its children: a table says what each is read for, what goes before it, and how it is read. A further field
is a line in that table.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from transforms.schemas import Document, Enclosure, RawEntry
from transforms.text.feed_draft import Feed, draft, enclosure_of
from transforms.text.feed_names import ABOUT, BASE, LANG, tags_of
from transforms.text.feed_values import (
    construct,
    inner,
    itself,
    label,
    link_of,
    markup,
    person,
    plain,
    related,
    subject,
    title,
)
from transforms.text.urls import absolute_url

_Read = Callable[[Any], Any]

_FIELDS: Final[tuple[tuple[str, str, _Read], ...]] = (
    ("guid", "atom:id rss:guid", plain),
    ("url", "rss:link", plain),
    ("title", "atom:title rss:title dc:title", title),
    ("content", "content:encoded xhtml:body xhtml:div", markup),
    ("content", "atom:content", construct),
    ("summary", "atom:summary", construct),
    ("summary", "rss:description dc:description itunes:summary", markup),
    ("published", "rss:pubDate rss:pubdate atom:published atom:issued dcterms:issued dc:date", plain),
    ("published", "atom:created dcterms:created", plain),
    ("updated", "atom:updated atom:modified dcterms:modified", plain),
    ("language", "dc:language", plain),
)
"""Fields with one value: that of the first of these elements, in this order, that has one."""

_CARRIERS: Final = "rss:enclosure rss:image itunes:image media:content media:group media:thumbnail"
"""What may hold enclosures and images, beside links."""

_LISTS: Final[tuple[tuple[str, _Read], ...]] = (
    ("atom:author", person),
    ("dc:creator dc:author rss:author itunes:author", plain),
    ("atom:category", label),
    ("rss:category dc:subject", subject),
    ("atom:link", related),
    ("dc:identifier rss:content", itself),
    (_CARRIERS, itself),
)
"""Elements that may come more than once, or of which it depends on others whether they count."""

_AUTHORS: Final = ("atom:author", "dc:creator", "dc:author", "rss:author", "itunes:author")
"""The first of these that names anybody."""

_CATEGORIES: Final = ("atom:category", "rss:category", "dc:subject")
"""All of these, one after the other."""

_MEDIA: Final = frozenset(_CARRIERS.split())
_MEDIA_TAGS: Final = tuple(tag for tag in (*tags_of("media:content"), *tags_of("media:thumbnail")) if tag[0] == "{")
_GUID_TAGS: Final = frozenset(tags_of("rss:guid"))
_IMAGE_PATH: Final = re.compile(r"\.(?:avif|bmp|gif|jpe?g|png|svg|webp)(?:[?#]|$)", re.IGNORECASE)

_LISTED: Final = -1
_LAST: Final = 1 << 16


def _uses() -> dict[str, tuple[str, int, _Read]]:
    """What an element is read for, by its tag: the field, its rank among those of the field, and how it is read."""
    uses: dict[str, tuple[str, int, _Read]] = {}
    for field, elements, read in _FIELDS:
        for name in elements.split():
            uses |= dict.fromkeys(tags_of(name), (field, len(uses), read))
    for elements, read in _LISTS:
        for name in elements.split():
            uses |= dict.fromkeys(tags_of(name), (name, _LISTED, read))
    return uses


_USES: Final = _uses()


def entry_of(document: Document, number: int, item: Any, feed: Feed) -> RawEntry:
    """What an element says of an entry."""
    entry: Any = draft(document, number, feed)  # `content` and `summary` are pairs for a while
    ranks: dict[str, int] = {}
    lists: dict[str, list[Any]] = {}
    for child in item:
        use = _USES.get(child.tag)
        if use is None:
            continue
        field, rank, read = use
        if rank < ranks.get(field, _LAST):
            value = read(child)
            if value is None:
                continue
            if rank == _LISTED:
                lists.setdefault(field, []).append(value)
            else:
                setattr(entry, field, value)
                ranks[field] = rank
    about = ""
    if item.keys():
        about = item.get(ABOUT, "")
        if "language" not in ranks:
            entry.language = item.get(LANG) or feed.language
        base = item.get(BASE)
        if base is not None:
            entry.base_url = absolute_url(base, feed.base_url) or feed.base_url
    get = lists.get
    links = get("atom:link", ())
    if entry.guid is None:
        entry.guid = about or next(filter(None, map(plain, get("dc:identifier", ()))), None)
    if entry.url is None:
        entry.url = link_of(links, "alternate") or _permalink_of(item, about)
    if entry.content is not None:
        entry.content, entry.content_is_html = entry.content
    if entry.summary is not None:
        entry.summary, entry.summary_is_html = entry.summary
    elif entry.content is None and "rss:content" in lists:
        entry.content, entry.content_is_html = inner(lists["rss:content"][0]), True
    if entry.published is None:
        entry.published = entry.updated
    for name in _AUTHORS:
        if name in lists:
            entry.authors = tuple(lists[name])
            break
    entry.categories = tuple([category for name in _CATEGORIES if name in lists for category in lists[name]])
    enclosing = [link for relation, link in links if relation == "enclosure"]
    if enclosing or not _MEDIA.isdisjoint(lists):
        entry.enclosures, entry.images = _media_of(item, lists, enclosing)
    finished: RawEntry = entry
    return finished


def _permalink_of(item: Any, about: str) -> str | None:
    """The guid of RSS where it is a link, else what RDF says the item is about, where that is one."""
    guid = next((child for child in item if child.tag in _GUID_TAGS), None)
    if guid is not None and guid.get("isPermaLink", "true").lower() != "false":
        permalink = plain(guid) or ""
        if permalink.startswith(("http://", "https://")):
            return permalink
    return about if about.startswith(("http://", "https://")) else None


def _media_of(
    item: Any, lists: dict[str, list[Any]], links: list[Any]
) -> tuple[tuple[Enclosure, ...], tuple[str, ...]]:
    """Enclosures, and images: those of Media RSS, `image`, and image files among the enclosures."""
    get = lists.get
    found = [enclosure_of(one.get("url"), one.get("type"), one.get("length")) for one in get("rss:enclosure", ())]
    found += [enclosure_of(link.get("href"), link.get("type"), link.get("length")) for link in links]
    images: list[str | None] = []
    if "media:content" in lists or "media:group" in lists or "media:thumbnail" in lists:
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
                    found.append(enclosure_of(url, kind or None, element.get("fileSize")))
    images += [element.get("href") for element in get("itunes:image", ())]
    for element in get("rss:image", ()):
        nested = next(element.iterchildren("{*}url"), None)
        images.append(element.get("href") or plain(element if nested is None else nested))
    enclosures = tuple([enclosure for enclosure in found if enclosure is not None])
    images += [one.url for one in enclosures if one.type is not None and one.type.startswith("image/")]
    return enclosures, tuple(dict.fromkeys([image for image in images if image]))
