"""The entries of a feed's tree: RSS 0.90 to 2.0, RDF, Atom 0.3 and 1.0, and the extensions that they share.

One pass over the children of an entry: a table says what each is read for, what goes before it, and how it is read.
A further field is a line in that table.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from transforms.schemas import Document, Enclosure, RawEntry
from transforms.text.errors import TooLarge
from transforms.text.feed_draft import Feed, draft_of, enclosure_of, finished, refuse_many
from transforms.text.feed_names import ABOUT, BASE, ENTRY_NAMES, ENTRY_TAGS, LANG, tags_of
from transforms.text.feed_values import (
    construct,
    inner,
    label,
    local_name,
    markup,
    names,
    people,
    plain,
    subject,
    title,
)
from transforms.text.urls import absolute_url

MAX_NAMESPACES: Final = 100
MAX_NAMESPACE_CHARS: Final = 1 << 15
"""What an entry may stand in; all of it is written, and cut off again, with each text that is markup. Feeds have 20."""

_FIELDS: Final[tuple[tuple[str, str, Callable[[Any], Any]], ...]] = (
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
"""Fields with one value: that of the first of these elements, in this order, that holds something."""

_AUTHORS: Final = (
    ("atom:author", people),
    ("dc:creator", names),
    ("dc:author", names),
    ("rss:author", names),
    ("itunes:author", names),
)
"""The first of these that names anybody counts, with all that it names."""

_CATEGORIES: Final = (("atom:category", label), ("rss:category", subject), ("dc:subject", subject))
"""All of these count, in this order."""

_CARRIERS: Final = frozenset("rss:enclosure rss:image itunes:image media:content media:group media:thumbnail".split())
"""What may hold enclosures and images."""

_ENTRY_PARENTS: Final = ("channel", "feed", "rdf", "rss", "items", "entries")
_IMAGE_PATH: Final = re.compile(r"\.(?:avif|bmp|gif|jpe?g|png|svg|webp)(?:[?#]|$)", re.IGNORECASE)


def _uses() -> dict[str, tuple[str, int, Callable[[Any], Any] | None]]:
    """What to do with an element, by its tag: its field, its rank among those of the field, and its reader.

    Without a reader it is kept under its name.
    """
    uses: dict[str, tuple[str, int, Callable[[Any], Any] | None]] = {}
    for rank, (field, elements, read) in enumerate(_FIELDS):
        for place, name in enumerate(elements.split()):
            uses |= dict.fromkeys(tags_of(name), (field, 100 * rank + place, read))
    for name in (
        *(name for name, _ in (*_AUTHORS, *_CATEGORIES)),
        *_CARRIERS,
        "atom:link",
        "dc:identifier",
        "rss:content",
    ):
        uses |= dict.fromkeys(tags_of(name), (name, 0, None))
    return uses


_USES: Final = _uses()
_LAST: Final = 100 * len(_FIELDS)
_GUID_TAGS: Final = frozenset(tags_of("rss:guid"))
_MEDIA_TAGS: Final = tuple(tag for tag in (*tags_of("media:content"), *tags_of("media:thumbnail")) if tag[0] == "{")
_SEEN_IN_FEEDS: Final = {
    tag: name for name in ("atom:link", "rss:link", "atom:author", "dc:language") for tag in tags_of(name)
}


def items_of(root: Any) -> list[Any]:
    """The entries of the feed in their order: not what has that name inside of an entry or is of another vocabulary."""
    items: list[Any] = []
    checked = None
    levels = [(root, iter(root), True)]
    while levels:
        parent, children, usual = levels[-1]
        for child in children:
            if child.tag not in ENTRY_TAGS:
                name = local_name(child)
                if name not in ENTRY_NAMES:
                    if len(child) > 0:
                        levels.append((child, iter(child), name.lower() in _ENTRY_PARENTS))
                        break
                    continue
                if not usual:
                    continue
            if parent is not checked:
                _refuse_namespaces(parent.nsmap)
                checked = parent
            items.append(child)
            refuse_many(len(items))
        else:
            levels.pop()
    return items


def _refuse_namespaces(declared: dict[str | None, str]) -> None:
    if len(declared) > MAX_NAMESPACES or sum(map(len, declared.values())) > MAX_NAMESPACE_CHARS:
        raise TooLarge(
            f"entries within more than {MAX_NAMESPACES} namespaces, or {MAX_NAMESPACE_CHARS:,} characters of them"
        )


def feed_of(document: Document, root: Any) -> Feed:
    """What a feed says of itself."""
    channel = next(root.iterchildren("{*}channel"), root)
    atom_links: list[Any] = []
    site_link: str | None = None
    language = channel.get(LANG) or root.get(LANG)
    authors: list[str] = []
    for child in channel:
        tag = child.tag
        name = _SEEN_IN_FEEDS.get(tag)
        if name == "atom:link":
            atom_links.append(child)
        elif name == "rss:link":
            site_link = site_link or plain(child) or child.get("href")
        elif name == "atom:author":
            authors += people(child)
        elif name == "dc:language" or (isinstance(tag, str) and tag.endswith("language")):
            language = plain(child) or language
    base = channel.get(BASE) or root.get(BASE)
    around = document.url
    if base is not None:
        around = absolute_url(base, around) or around
    links = _related(atom_links)
    self_link = absolute_url(_link_of(links, "self") or "", around)
    site_link = absolute_url(site_link or _link_of(links, "alternate") or "", around or self_link)
    base_url = around if base is not None and around is not None else site_link or self_link or document.url
    return Feed(self_link or site_link, base_url, language, tuple(authors))


def entry_of(document: Document, number: int, item: Any, feed: Feed) -> RawEntry:
    """What an element says of an entry."""
    entry = draft_of(document, number, feed)
    ranks: dict[str, int] = {}
    kept: dict[str, list[Any]] = {}
    for child in item:
        use = _USES.get(child.tag)
        if use is not None:
            field, rank, read = use
            if read is None:
                kept.setdefault(field, []).append(child)
            elif rank < ranks.get(field, _LAST) and (value := read(child)) is not None:
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
    links = _related(kept.get("atom:link", ()))
    entry.guid = entry.guid or about or next(filter(None, map(plain, kept.get("dc:identifier", ()))), None)
    entry.url = entry.url or _link_of(links, "alternate") or _permalink_of(item, about)
    if entry.content is not None:
        entry.content, entry.content_is_html = entry.content
    if entry.summary is not None:
        entry.summary, entry.summary_is_html = entry.summary
    elif entry.content is None and "rss:content" in kept:
        entry.content, entry.content_is_html = inner(kept["rss:content"][0]), True
    entry.published = entry.published or entry.updated
    entry.authors = _authors_of(kept) or feed.authors
    entry.categories = _categories_of(kept)
    carried = [link for relation, link in links if relation == "enclosure"]
    if carried or not _CARRIERS.isdisjoint(kept):
        entry.enclosures, entry.images = _media_of(item, kept, carried)
    return finished(entry)


def _authors_of(kept: dict[str, list[Any]]) -> tuple[str, ...]:
    for name, read in _AUTHORS:
        if name in kept:
            authors = [author for element in kept[name] for author in read(element)]
            if authors:
                return tuple(authors)
    return ()


def _categories_of(kept: dict[str, list[Any]]) -> tuple[str, ...]:
    found = [read(element) for name, read in _CATEGORIES if name in kept for element in kept[name]]
    return tuple(filter(None, found))


def _related(links: Iterable[Any]) -> list[tuple[str, Any]]:
    """Links of Atom with the relation of each."""
    return [(link.get("rel", "alternate"), link) for link in links]


def _link_of(links: list[tuple[str, Any]], relation: str) -> str | None:
    """The href of the first link of a relation; a page of HTML goes before other forms of it."""
    found = [
        (href, link)
        for related, link in links
        if related.lower() == relation and (href := (link.get("href") or "").strip())
    ]
    if len(found) > 1:
        return next((href for href, link in found if "html" in link.get("type", "html")), found[0][0])
    return found[0][0] if found else None


def _permalink_of(item: Any, about: str) -> str | None:
    """The guid of RSS where it is a link, else what RDF says the item is about, where that is one."""
    guid = next((child for child in item if child.tag in _GUID_TAGS), None)
    if guid is not None and guid.get("isPermaLink", "true").lower() != "false":
        permalink = plain(guid) or ""
        if permalink.startswith(("http://", "https://")):
            return permalink
    return about if about.startswith(("http://", "https://")) else None


def _media_of(item: Any, kept: dict[str, list[Any]], links: list[Any]) -> tuple[tuple[Enclosure, ...], tuple[str, ...]]:
    """Enclosures, and images: those of Media RSS, `image`, and image files among the enclosures."""
    enclosures = [enclosure_of(e.get("url"), e.get("type"), e.get("length")) for e in kept.get("rss:enclosure", ())]
    enclosures += [enclosure_of(link.get("href"), link.get("type"), link.get("length")) for link in links]
    images: list[str | None] = []
    if "media:content" in kept or "media:group" in kept or "media:thumbnail" in kept:
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
                    enclosures.append(enclosure_of(url, kind or None, element.get("fileSize")))
    images += [element.get("href") for element in kept.get("itunes:image", ())]
    for element in kept.get("rss:image", ()):
        nested = next(element.iterchildren("{*}url"), None)
        images.append(element.get("href") or plain(element if nested is None else nested))
    carried = tuple(enclosure for enclosure in enclosures if enclosure is not None)
    images += [enclosure.url for enclosure in carried if (enclosure.type or "").startswith("image/")]
    return carried, tuple(dict.fromkeys(image for image in images if image))
